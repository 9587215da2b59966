"""The RTSP dialect as transcripts: requests in, responses out, no sockets."""

import base64

import pytest

from transcoder.lab.cameras.behaviour import override
from transcoder.lab.cameras.camera import Camera
from transcoder.lab.cameras.dialog import CameraDialog, Delivery
from transcoder.lab.cameras.families import FAMILIES
from transcoder.rtsp.auth import Credentials
from transcoder.rtsp.messages import Headers, Request, Response

HOST = "rtsp://192.0.2.7:554"
TCP = "RTP/AVP/TCP;unicast;interleaved=0-1"


class Talk:
    def __init__(self, contents, family: str, *settings: str, password: str | None = None) -> None:
        behaviour = override(FAMILIES[family].behaviour, settings)
        self.camera = Camera(behaviour, contents[behaviour.codec], "1")
        credentials = None if password is None else Credentials(username="admin", password=password)
        self.dialog = CameraDialog(self.camera, credentials, 1, lambda: (5000, 5001))
        self.uri = HOST + behaviour.path

    def ask(self, method: str, uri: str | None = None, *, now: float = 0.0, **fields: str) -> Response:
        headers = Headers([("CSeq", "7"), *((name.replace("_", "-"), value) for name, value in fields.items())])
        answer = self.dialog.receive_request(Request(method=method, uri=uri or self.uri, headers=headers), now)
        assert answer is not None
        return answer


def test_options_is_open_but_dahuas_is_not(contents) -> None:
    assert Talk(contents, "hikvision", password="x").ask("OPTIONS").status == 200
    answer = Talk(contents, "dahua", password="x").ask("OPTIONS")
    assert answer.status == 401
    assert (answer.headers.get("WWW-Authenticate") or "").startswith('Digest realm="Login to ')


def test_basic_where_it_is_offered(contents) -> None:
    talk = Talk(contents, "hikvision", "authentication=both", password="p:w")
    values = talk.ask("DESCRIBE").headers.get_all("WWW-Authenticate")
    assert [value.split()[0] for value in values] == ["Digest", "Basic"]
    good, bad = (base64.b64encode(text).decode() for text in (b"admin:p:w", b"admin:other"))
    assert talk.ask("DESCRIBE", Authorization=f"Basic {good}").status == 200
    assert talk.ask("DESCRIBE", Authorization=f"Basic {bad}").status == 401
    assert talk.ask("DESCRIBE", Authorization="Basic %%%").status == 401
    digest_only = Talk(contents, "hikvision", password="p:w")
    assert digest_only.ask("DESCRIBE", Authorization=f"Basic {good}").status == 401


def test_digest_known_answer(contents) -> None:
    """RFC 2617 section 3.2.2.1 without qop; the hashes were computed with `md5sum`-style tools, not with this code."""
    import hashlib

    talk = Talk(contents, "uniview", password="pw")
    challenge = talk.ask("DESCRIBE").headers.get("WWW-Authenticate")
    assert challenge is not None
    realm, nonce = (challenge.split(f'{name}="')[1].split('"')[0] for name in ("realm", "nonce"))
    md5 = lambda text: hashlib.md5(text.encode()).hexdigest()  # noqa: E731, S324  # RFC 2617's own notation
    good = md5(f"{md5(f'admin:{realm}:pw')}:{nonce}:{md5(f'DESCRIBE:{talk.uri}')}")
    form = f'Digest username="admin", realm="{realm}", nonce="{nonce}", uri="{talk.uri}", response="{{}}"'
    assert talk.ask("DESCRIBE", Authorization=form.format(good)).status == 200
    assert talk.ask("DESCRIBE", Authorization=form.format(good[::-1])).status == 401
    assert talk.ask("DESCRIBE", Authorization=form.replace(nonce, "0" * 32).format(good)).status == 401


def test_password_in_the_path(contents) -> None:
    talk = Talk(contents, "h264dvr", password="pw")
    assert talk.ask("DESCRIBE").status == 401
    assert talk.ask("DESCRIBE", f"{HOST}/user=admin&password=pw&channel=1&stream=0.sdp?").status == 200
    assert talk.ask("DESCRIBE", f"{HOST}/user=admin&password=no&channel=1&stream=0.sdp?").status == 401


def test_unknown_path_method_session_and_transport(contents) -> None:
    talk = Talk(contents, "dahua")
    assert talk.ask("DESCRIBE", f"{HOST}/elsewhere").status == 404
    assert talk.ask("RECORD").status == 501
    assert talk.ask("PLAY").status == 455
    assert talk.ask("SETUP", f"{talk.uri}/trackID=9", Transport=TCP).status == 404
    assert talk.ask("SETUP", Transport="RTP/AVP;multicast").status == 461
    group = Talk(contents, "dahua", "multicast=239.255.77.9")
    assert group.ask("SETUP", Transport=TCP).status == 461
    answer = group.ask("SETUP", Transport="RTP/AVP;multicast")
    assert (answer.headers.get("Transport") or "").startswith("RTP/AVP;multicast;ssrc=")
    assert group.dialog.deliveries == {0: Delivery(False, 5004, 5005, "239.255.77.9")}
    assert talk.ask("SETUP", Transport=TCP).status == 200
    assert talk.ask("PLAY", Session="1").status == 454


def test_credentials_in_the_url_are_not_echoed(contents) -> None:
    talk = Talk(contents, "hikvision")
    answer = talk.ask("DESCRIBE", talk.uri.replace("rtsp://", "rtsp://admin:secret@"))
    assert b"secret" not in answer.body
    assert answer.headers.get("Content-Base") == f"{HOST}/Streaming/Channels/101/"


@pytest.mark.parametrize(
    ("family", "content_base"),
    [
        ("hikvision", f"{HOST}/Streaming/Channels/101/"),
        ("dahua", f"{HOST}/cam/realmonitor?channel=1&subtype=0&unicast=true&proto=Onvif/"),
        ("uniview", f"{HOST}/media/video1"),
        ("h264dvr", f"{HOST}/user=admin&password=&channel=1&stream=0.sdp"),
    ],
)
def test_content_base(contents, family: str, content_base: str) -> None:
    assert Talk(contents, family).ask("DESCRIBE").headers.get("Content-Base") == content_base


def test_setup_over_udp_and_tcp(contents) -> None:
    talk = Talk(contents, "uniview")
    answer = talk.ask("SETUP", f"{talk.uri}/audio1", Transport="RTP/AVP;unicast;client_port=6000-6001")
    assert "client_port=6000-6001;server_port=5000-5001" in (answer.headers.get("Transport") or "")
    talk.ask("SETUP", f"{talk.uri}/video", Transport="RTP/AVP/TCP;unicast;interleaved=4-5")
    assert talk.dialog.deliveries == {1: Delivery(False, 6000, 6001), 0: Delivery(True, 4, 5)}


def test_session_id_changes_at_the_second_setup_and_both_are_taken(contents) -> None:
    talk = Talk(contents, "h264dvr")
    ids = [
        (talk.ask("SETUP", f"{talk.uri}/{track}", Transport=TCP).headers.get("Session") or "").partition(";")[0]
        for track in ("trackID=3", "trackID=4")
    ]
    assert ids[0] != ids[1]
    assert talk.ask("PLAY", Session=ids[0]).status == 200
    assert talk.ask("GET_PARAMETER", Session=ids[1]).status == 200
    steady = Talk(contents, "dahua")
    first = steady.ask("SETUP", f"{steady.uri}/trackID=0", Transport=TCP).headers.get("Session")
    assert steady.ask("SETUP", f"{steady.uri}/trackID=1", Transport=TCP).headers.get("Session") == first


def test_session_ends_without_a_sign_of_life(contents) -> None:
    talk = Talk(contents, "dahua")
    talk.ask("SETUP", Transport=TCP, now=100.0)
    talk.ask("PLAY", now=100.0)
    assert not talk.dialog.expired(159.0)
    talk.ask("GET_PARAMETER", now=159.0)
    assert not talk.dialog.expired(200.0)
    assert talk.dialog.expired(219.5)


def test_rtp_info_tells_the_truth(contents) -> None:
    talk = Talk(contents, "dahua")
    talk.ask("SETUP", f"{talk.uri}/trackID=0", Transport=TCP)
    info = talk.ask("PLAY", now=5.0).headers.get("RTP-Info")
    first = talk.camera.advance(5.0, 0.0, [0])[0].data
    sequence_number, timestamp = int.from_bytes(first[6:8]), int.from_bytes(first[8:12])
    assert info == f"url=trackID=0;seq={sequence_number};rtptime={timestamp}"


def test_teardown_and_pause_stop_the_flow(contents) -> None:
    talk = Talk(contents, "hikvision")
    talk.ask("SETUP", Transport=TCP)
    talk.ask("PLAY")
    assert talk.dialog.playing
    talk.ask("PAUSE")
    assert not talk.dialog.playing
    talk.ask("PLAY")
    assert talk.dialog.playing
    talk.ask("TEARDOWN")
    assert not talk.dialog.playing
    assert talk.dialog.deliveries == {}
