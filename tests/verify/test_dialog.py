"""Transcripts of the checker's client: what it writes, and what it keeps of the answers (RFC 2326, RFC 7616)."""

import pytest

from transcoder.verify import login
from transcoder.verify.dialog import Dialog, interleaved_channel, server_ports
from transcoder.verify.login import Login
from transcoder.verify.messages import Frame, Message, Stray
from transcoder.verify.target import parse_target


def dialog(url: str = "rtsp://user:pw@192.0.2.7/front") -> Dialog:
    return Dialog(parse_target(url), agent="test")


def answer(talk: Dialog, *lines: str, status: str = "200 OK") -> Message:
    text = "\r\n".join([f"RTSP/1.0 {status}", f"CSeq: {talk.cseq}", *lines]) + "\r\n\r\n"
    (message,) = talk.receive(text.encode())
    assert isinstance(message, Message)
    assert talk.number_of(message) == talk.cseq
    return message


def test_requests_are_numbered_and_name_session_and_user_once_they_are_known() -> None:
    talk = dialog()
    assert talk.request("OPTIONS", talk.base, {}) == (
        b"OPTIONS rtsp://192.0.2.7:554/front RTSP/1.0\r\nCSeq: 1\r\nUser-Agent: test\r\n\r\n"
    )
    refused = answer(talk, 'WWW-Authenticate: Basic realm="x"', status="401 Unauthorized")
    assert talk.may_try_again(refused)
    talk.request("SETUP", talk.base, {})
    talk.note("SETUP", answer(talk, "Session: abc;timeout=60"))
    assert talk.request("PLAY", talk.base, {"Range": "npt=0-"}) == (
        b"PLAY rtsp://192.0.2.7:554/front RTSP/1.0\r\nCSeq: 3\r\nUser-Agent: test\r\nSession: abc\r\n"
        b"Authorization: Basic dXNlcjpwdw==\r\nRange: npt=0-\r\n\r\n"
    )
    talk.note("TEARDOWN", answer(talk))
    assert b"Session" not in talk.request("OPTIONS", talk.base, {})
    assert b"Session: other\r\n" in talk.request("TEARDOWN", talk.base, {"Session": "other"})


def test_answers_are_told_apart_by_their_number() -> None:
    talk = dialog()
    talk.request("OPTIONS", talk.base, {})
    talk.request("DESCRIBE", talk.base, {})
    numbers = [talk.number_of(item) for item in talk.receive(b"".join(
        b"RTSP/1.0 200 OK\r\nCSeq: %s\r\n\r\n" % number for number in (b"2", b"1", b"1", b"9", b"", b"x")
    )) if isinstance(item, Message)]  # fmt: skip
    assert numbers == [2, 1, 0, 0, 0, 0]
    assert talk.surprises == 4


def test_everything_on_a_connection_is_cut() -> None:
    talk = dialog()
    data = b"$\x00\x00\x02ab" + b"RTSP/1.0 200 OK\r\nContent-Length: 3\r\n\r\nv=0" + b"??" + b"$\x03\x00\x00"
    for size in (1, 7, 1000):
        items = [item for at in range(0, len(data), size) for item in talk.receive(data[at : at + size])]
        assert Frame(0, b"ab") in items
        assert items[-1] == Frame(3, b"")
        assert [item.body for item in items if isinstance(item, Message)] == [b"v=0"]
        assert b"".join(item.data for item in items if isinstance(item, Stray)) == b"??"


@pytest.mark.parametrize(
    ("base", "control", "expected"),
    [
        ("", "trackID=0", "rtsp://192.0.2.7:554/front/trackID=0"),
        ("rtsp://192.0.2.7/front/", "trackID=0", "rtsp://192.0.2.7:554/front/trackID=0"),
        ("rtsp://10.9.9.9:8554/inside/", "/trackID=0", "rtsp://192.0.2.7:554/inside/trackID=0"),
        ("", "*", "rtsp://192.0.2.7:554/front"),
        ("", "rtsp://10.9.9.9/elsewhere?x=1", "rtsp://192.0.2.7:554/elsewhere?x=1"),
    ],
)
def test_uris_stay_on_the_host_that_was_asked_for(base: str, control: str, expected: str) -> None:
    talk = dialog()
    talk.request("DESCRIBE", talk.base, {})
    talk.note("DESCRIBE", answer(talk, *([f"Content-Base: {base}"] if base else [])))
    assert talk.control_uri(control) == expected


def test_transports() -> None:
    talk = dialog()
    talk.request("SETUP", talk.base, {})
    tcp = answer(talk, "Transport: RTP/AVP/TCP;unicast;interleaved=6-7;ssrc=1")
    assert (interleaved_channel(tcp), server_ports(tcp)) == (6, None)
    talk.request("SETUP", talk.base, {})
    udp = answer(talk, "Transport: RTP/AVP;unicast;client_port=5000-5001;server_port=8000-8001")
    assert (interleaved_channel(udp), server_ports(udp)) == (None, (8000, 8001))


# -- logging in --------------------------------------------------------------------------------------------------------


def test_digest_without_qop() -> None:
    """RFC 2069 section 2.4, as corrected by erratum 749."""
    user = Login("Mufasa", "CircleOfLife")
    assert user.accept(['Digest realm="testrealm@host.com", nonce="dcd98b7102dd2f0e8b11d0f600bfb0c093"'])
    assert 'response="1949323746fe6a43ef61f9606e7febea"' in user.authorization("GET", "/dir/index.html")


def test_digest_with_qop() -> None:
    """RFC 2617 section 3.5."""
    user = Login("Mufasa", "Circle Of Life")
    nonce = "dcd98b7102dd2f0e8b11d0f600bfb0c093"
    assert user.accept([f'Digest realm="testrealm@host.com", qop="auth,auth-int", opaque="5c", nonce="{nonce}"'])
    value = user.authorization("GET", "/dir/index.html")
    assert 'response="6629fae49393a05397450978507c4ef1"' in value
    assert "qop=auth, nc=00000001" in value
    assert 'opaque="5c"' in value
    assert "nc=00000002" in user.authorization("GET", "/dir/index.html")


def test_digest_with_sha_256(monkeypatch: pytest.MonkeyPatch) -> None:
    """RFC 7616 section 3.9.1."""
    monkeypatch.setattr(login, "_CNONCE", "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ")
    user = Login("Mufasa", "Circle of Life")
    nonce = "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v"
    assert user.accept([f'Digest realm="http-auth@example.org", qop="auth", algorithm=SHA-256, nonce="{nonce}"'])
    value = user.authorization("GET", "/dir/index.html")
    assert 'response="753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"' in value
    assert value.endswith("algorithm=SHA-256")


def test_which_challenges_are_accepted() -> None:
    digest, basic = 'Digest realm="r", nonce="n1"', 'Basic realm="r"'
    user = Login("u", "p")
    assert not user.accept([])
    assert not user.accept(['Digest realm="r", nonce="n", algorithm=SHA-512-256', 'Bearer realm="r"'])
    assert user.accept([basic, digest])
    assert user.scheme == "digest"
    assert not user.accept([digest])  # it was answered, and the answer was wrong
    assert user.accept([digest.replace("n1", "n2")])
    assert user.accept([basic])
    assert not Login(None, "").accept([digest])
