"""A look at one port, in transcripts."""

from pathlib import Path

from transcoder.discover.rtsp_look import MAX_BYTES, MAX_DESCRIBES, RtspLook
from transcoder.rtsp.fingerprint import guess_family

OPTIONS = b"RTSP/1.0 200 OK\r\nCSeq: 1\r\nPublic: OPTIONS, DESCRIBE\r\n\r\n"


def answer(number: int, status: int, fields: str = "", body: bytes = b"") -> bytes:
    length = f"Content-Length: {len(body)}\r\n" if body else ""
    return f"RTSP/1.0 {status} x\r\nCSeq: {number}\r\n{fields}{length}\r\n".encode() + body


def paths(look: RtspLook, *answers: bytes) -> list[str]:
    """Return the URLs that were asked for."""
    asked = []
    for data in answers:
        asked.append(look.request().decode().split()[1])
        assert look.receive_data(data)
    return asked


def test_a_camera_that_wants_a_login_is_asked_no_further() -> None:
    look = RtspLook("192.0.2.7", 554)
    first = look.request()
    assert first.startswith(b"OPTIONS rtsp://192.0.2.7:554/ RTSP/1.0\r\nCSeq: 1\r\n")
    assert not look.receive_data(OPTIONS[:10])
    assert look.receive_data(OPTIONS[10:])
    second = look.request()
    assert second.startswith(b"DESCRIBE rtsp://192.0.2.7:554/ ")
    assert b"Authorization" not in second
    look.receive_data(answer(2, 401, 'WWW-Authenticate: Digest realm="4419b63f5e51", nonce="x"\r\n'))
    assert look.is_done
    seen = look.seen()
    assert seen is not None
    assert (seen.wants_login, seen.path, seen.marks.realms) == (True, "", ("4419b63f5e51",))


def test_the_path_of_the_maker_whom_the_marks_speak_for_comes_first() -> None:
    look = RtspLook("192.0.2.7", 8554)
    server = "Server: Rtsp Server/3.0\r\n"
    asked = paths(look, answer(1, 200, server), answer(2, 404, server))
    assert asked == ["rtsp://192.0.2.7:8554/", "rtsp://192.0.2.7:8554/cam/realmonitor?channel=1&subtype=0"]


def test_a_description(vectors: Path) -> None:
    body = (vectors / "hikvision/describe_h264_onvif.txt").read_bytes().partition(b"\r\n\r\n")[2]
    look = RtspLook("192.0.2.7", 554)
    paths(look, OPTIONS, answer(2, 404), answer(3, 200, "", body))
    assert look.is_done
    seen = look.seen()
    assert seen is not None
    assert seen.path
    guess = guess_family(seen.marks)
    assert guess.maker == "Hikvision"


def test_a_server_that_repeats_the_path_that_was_guessed_is_no_hikvision() -> None:
    look = RtspLook("192.0.2.7", 554)
    asked: list[str] = []
    number = 0
    while "/Streaming/" not in (asked[-1] if asked else ""):
        number += 1
        asked += paths(look, answer(number, 200 if number == 1 else 404)) if number < 2 else [_next(look)]
        if "/Streaming/" not in asked[-1] and number > 1:
            look.receive_data(answer(number, 404))
    body = (
        f"v=0\r\no=- 1 1 IN IP4 192.0.2.7\r\ns=Media Presentation\r\nt=0 0\r\nm=video 0 RTP/AVP 96\r\n"
        f"a=rtpmap:96 H264/90000\r\na=control:{asked[-1]}/trackID=1\r\n"
    ).encode()
    look.receive_data(answer(number, 200, f"Content-Base: {asked[-1]}/\r\n", body))
    seen = look.seen()
    assert seen is not None
    assert guess_family(seen.marks).maker == ""


def _next(look: RtspLook) -> str:
    return look.request().decode().split()[1]


def test_paths_come_to_an_end() -> None:
    look = RtspLook("192.0.2.7", 554)
    asked: list[str] = []
    number = 0
    while not look.is_done:
        number += 1
        asked += paths(look, answer(number, 404))
    assert 2 < len(asked) <= 1 + MAX_DESCRIBES
    assert len(set(asked[1:])) == len(asked) - 1
    seen = look.seen()
    assert seen is not None
    assert seen.path == ""


def test_what_speaks_no_rtsp() -> None:
    for data in (
        b"SSH-2.0-OpenSSH_9.2\r\n" * 20_000,
        b"HTTP/1.1 400 Bad Request\r\n\r\n" * 20_000,
        b"\x00" * (1 << 19),
    ):
        look = RtspLook("192.0.2.7", 554)
        look.request()
        for start in range(0, len(data), 8192):
            if look.receive_data(data[start : start + 8192]):
                break
        assert look.is_done
        assert look.seen() is None


def test_a_device_that_sends_without_end() -> None:
    look = RtspLook("192.0.2.7", 554)
    look.request()
    sent = 0
    while not look.receive_data(b"$\x00\x04\x00" + b"x" * 1024):
        sent += 1
        assert sent * 1024 < 2 * MAX_BYTES
    assert look.is_done


def test_an_address_of_ipv6() -> None:
    assert b"rtsp://[fc00::7]:554/" in RtspLook("fc00::7", 554).request()
