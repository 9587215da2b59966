"""Logs hold no credentials, whatever they come in, and every line is whole."""

import json
import logging
import pty
import subprocess
import sys
import termios
import time
import warnings
from datetime import datetime, timedelta

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from transcoder.logs import configure_logs, redact, show_progress


@pytest.fixture(autouse=True)
def _restore():
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    logging.captureWarnings(False)
    structlog.reset_defaults()


def lines(capsys: pytest.CaptureFixture[str]) -> list[str]:
    out, err = capsys.readouterr()
    assert out == ""
    return err.splitlines()


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("open rtsp://admin:hunter2@10.0.0.2:554/x now", "open rtsp://***@10.0.0.2:554/x now"),
        ("rtsp://admin@10.0.0.2/", "rtsp://***@10.0.0.2/"),
        ("rtsp://ad%6din:h%40nter@10.0.0.2/", "rtsp://***@10.0.0.2/"),
        ("rtsp://admin:hun@ter/2?#@10.0.0.2/", "rtsp://***@10.0.0.2/"),
        ("rtsp://admin:hun'ter@10.0.0.2/", "rtsp://***@10.0.0.2/"),
        ("mqtts://gw:pw@broker and http://a:b@c/", "mqtts://***@broker and http://***@c/"),
        ("?src=rtsp%3A%2F%2Fadmin%3Ahunter2%4010.0.0.2%2Fx", "?src=rtsp%3A%2F%2F***%4010.0.0.2%2Fx"),
        ("?src=rtsp%3a%2f%2fadmin%3ahunter2%4010.0.0.2&x=1", "?src=rtsp%3a%2f%2f***%4010.0.0.2&x=1"),
        (
            '\r\nAuthorization: Digest username="admin", response="00ff"\r\nCSeq: 3\r\n',
            "\r\nAuthorization: ***\r\nCSeq: 3\r\n",
        ),
        (r"b'CSeq: 3\r\nauthorization: Basic YTpi\r\nAccept: x'", r"b'CSeq: 3\r\nauthorization: ***\r\nAccept: x'"),
        ("Proxy-Authorization: Basic YTpi", "Proxy-Authorization: ***"),
        ("sent Basic YWRtaW46aHVudGVyMg== to it", "sent Basic *** to it"),
        ("Bearer abcdef0123456789", "Bearer ***"),
        (
            'Digest realm="IP Camera", nonce="c0ffee", algorithm=MD5',
            'Digest realm="IP Camera", nonce=***, algorithm=MD5',
        ),
        ("cnonce='c0ffee', response='0a4f113b0a4f113b0a4f113b0a4f113b'", "cnonce=***, response=***"),
        ("nonce=c0ffee response=0a4f113b0a4f113b0a4f113b0a4f113b", "nonce=*** response=***"),
        # Xiongmai and H264DVR: the path
        (
            "rtsp://10.0.0.2:554/user=admin&password=hunter2&channel=1&stream=0.sdp?",
            "rtsp://10.0.0.2:554/user=***&password=***&channel=1&stream=0.sdp?",
        ),
        (
            "/user=ad_min_password=hunt_er_channel=1_stream=0.sdp?real_stream",
            "/user=***_password=***_channel=1_stream=0.sdp?real_stream",
        ),
        ("/x?username=a&pwd=b&channel=1", "/x?username=***&pwd=***&channel=1"),
        ("/x?loginuse=a&loginpas=b c", "/x?loginuse=***&loginpas=*** c"),
        ("user%3Dadmin%26password%3Dhunter2%26channel%3D1", "user%3D***%26password%3D***%26channel%3D1"),
        ("PASSWORD=a/b,c;d'e#f", "PASSWORD=***"),
        ('password="two words" x', "password=***"),
        ("{'password': 'two words', 'port': 1}", "{'password': ***, 'port': 1}"),
        (r'"{\"token\": \"abc\"}"', "***"),
    ],
)
def test_credentials_are_removed(text, clean):
    result = redact(text)
    if clean == "***":
        assert "abc" not in result
    elif clean.endswith("=***"):
        assert result.startswith(clean)
        assert "two words" not in result
    else:
        assert result == clean


@pytest.mark.parametrize(
    "text",
    [
        "connected to rtsp://10.0.0.2:554/Streaming/Channels/101?a=1&b=2",
        "rtsp://[fd00::2]/x",
        "the camera wants Basic authentication",
        "status=200 response=401 codec=h264",
        "wrong password: the camera says no",
        "because=1 mask=2 compass=3",
        "mail to a@b",
        "",
    ],
)
def test_the_rest_stays(text):
    assert redact(text) == text


SECRETS = st.text(
    alphabet=st.characters(min_codepoint=33, max_codepoint=126, exclude_characters='"<>&@%'), min_size=6, max_size=24
)


@given(SECRETS)
def test_no_password_survives_in_a_url(secret):
    secret = f"Zq{secret}"
    assert secret not in redact(f"GET rtsp://admin:{secret}@10.0.0.2/x RTSP/1.0")
    # where _ separates, a _name= in a password can't be told from the next parameter
    if "=" not in secret and "_" not in secret:
        for text in (f"/user=a&password={secret}&channel=1", f"/user={secret}_password={secret}_channel=1"):
            if not secret.startswith(("'", "\\")):
                assert secret not in redact(text)


@given(st.text())
def test_any_text_can_be_redacted_and_twice_is_once(text):
    once = redact(text)
    assert redact(once) == once


@pytest.mark.parametrize(
    "part",
    ["://", "://@", "%3a%2f%2f", "user=", "_a", "user=_a", "authorization:", "authorization ", "nonce=", "nonce ",
     "password'", "password': 'a", "basic ", "basic A", "bearer ", "user='", " ", "\n", "response="],
)  # fmt: skip
def test_time_is_linear_in_the_text(part):
    """64 KiB take 1 s at most on any machine; quadratic work on them would be 4e9 steps."""
    text = part * (65536 // len(part))
    start = time.process_time()
    redact(text + "=@")
    assert time.process_time() - start < 1


def fail() -> None:
    try:
        int("rtsp://admin:hunter2@10.0.0.2/")
    except ValueError as error:
        raise RuntimeError("Authorization: Basic aHVudGVyMjpodW50ZXIy") from error


def everything(stream: str = "front") -> None:
    log = structlog.get_logger().bind(stream=stream)
    log.info("open rtsp://admin:hunter2@10.0.0.2/", url="rtsp://admin:hunter2@10.0.0.2/")
    log.warning(
        "nested",
        value={"a": [("Authorization", "Basic YTpodW50ZXIy"), {"b": "x?password=hunter2"}], "password": "hunter2"},
    )
    log.warning("bytes", value=b"rtsp://admin:hunter2@10.0.0.2/", headers={"Authorization": "hunter2"}, token="hunter2")
    log.warning("objects", value=OSError(5, "rtsp://admin:hunter2@10.0.0.2/"), kind=ValueError("password=hunter2"))
    std = logging.getLogger("some.library")
    std.warning("open %s", "rtsp://admin:hunter2@10.0.0.2/")
    std.warning("open %(url)s", {"url": "rtsp://admin:hunter2@10.0.0.2/"})
    warnings.warn("rtsp://admin:hunter2@10.0.0.2/", stacklevel=1)
    try:
        fail()
    except RuntimeError:
        log.exception("failed")
        std.exception("failed too")


@pytest.mark.parametrize("as_json", [False, True])
@pytest.mark.filterwarnings("always")
def test_no_credential_in_any_line(capsys, as_json):
    configure_logs(as_json, "debug")
    everything()
    text = "\n".join(lines(capsys))
    for word in (
        "failed",
        "failed too",
        "nested",
        "objects",
        "10.0.0.2",
        "RuntimeError",
        "UserWarning",
        "some.library",
    ):
        assert word in text
    for secret in ("hunter2", "admin:", "aHVudGVyMjpodW50ZXIy", "YTpodW50ZXIy"):
        assert secret not in text


def test_json_lines(capsys):
    configure_logs(True, "info")
    structlog.get_logger().bind(stream="front").info("source connected", codec="h264", width=1920)
    logging.getLogger("lib").warning("hello")
    first, second = map(json.loads, lines(capsys))
    stamp = datetime.fromisoformat(first.pop("timestamp"))
    assert stamp.utcoffset() == timedelta(0)
    assert abs(stamp.timestamp() - time.time()) < 10
    assert first == {"event": "source connected", "level": "info", "stream": "front", "codec": "h264", "width": 1920}
    assert (second["event"], second["level"], second["logger"]) == ("hello", "warning", "lib")


def test_console_lines_name_the_stream(capsys):
    configure_logs(False, "info")
    structlog.get_logger().bind(stream="front").info("source connected", codec="h264")
    (line,) = lines(capsys)
    assert "source connected" in line
    assert "stream=front" in line
    assert "\x1b" not in line


def test_the_level_holds_for_both_kinds(capsys):
    configure_logs(True, "warning")
    structlog.get_logger().info("no")
    logging.getLogger("lib").info("no")
    structlog.get_logger().warning("yes")
    assert [json.loads(line)["event"] for line in lines(capsys)] == ["yes"]
    with pytest.raises(ValueError, match="no log level 'loud'"):
        configure_logs(True, "loud")
    with pytest.raises(ValueError, match="no log level"):
        configure_logs(True, "notset")


def test_configuring_again_replaces(capsys):
    configure_logs(False, "info")
    configure_logs(True, "info")
    structlog.get_logger().info("once")
    logging.getLogger("lib").info("once")
    assert [json.loads(line)["event"] for line in lines(capsys)] == ["once", "once"]


@pytest.mark.parametrize("as_json", [False, True])
def test_control_characters_neither_steer_a_terminal_nor_fake_a_line(capsys, as_json):
    configure_logs(as_json, "info")
    structlog.get_logger().info("a\x1b[2Jb\nfake", server="x\r\ny\x9b0m\u2028z", deep=["\x07"])
    out = lines(capsys)
    assert len(out) == 1
    assert not {"\x1b", "\x9b", "\x07", "\u2028"}.intersection(out[0])


def test_a_value_that_holds_itself_ends(capsys):
    configure_logs(True, "info")
    loop: list[object] = []
    loop.append(loop)
    structlog.get_logger().info("loop", value=loop, none=None, number=1.5, items={1})
    event = json.loads(lines(capsys)[0])
    assert (event["none"], event["number"], event["items"]) == (None, 1.5, [1])


def test_a_line_that_can_not_be_formatted_shows_nothing(capsys):
    configure_logs(True, "info")
    root = logging.getLogger()
    root.handlers[:] = root.handlers[-1:]  # pytest's own raise what they can't format
    logging.getLogger("lib").warning("%d", "hunter2")
    assert lines(capsys) == ["a log line of lib could not be written: TypeError"]


@pytest.mark.process
def test_nothing_heavy_is_imported():
    code = "import sys, transcoder.logs; print(*{'pydantic', 'av', 'numba', 'numpy', 'uvloop'} & set(sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "\n"


def test_a_file_gets_json_where_nobody_chose(capsys):
    configure_logs(None, "info")
    structlog.get_logger().info("once")
    assert json.loads(lines(capsys)[0])["event"] == "once"


def test_text_in_a_file_is_the_words_alone_where_there_are_some(capsys):
    configure_logs(False, "info")
    structlog.get_logger().warning("source lost", words="front is away: gone", stream="front", reason="gone")
    (line,) = lines(capsys)
    assert line.rstrip().endswith("] front is away: gone")
    assert "reason" not in line


def test_a_line_of_progress_stays_below_the_log(monkeypatch):
    """A terminal of 30 columns: the line is cut, because one that wraps could not be taken away."""
    ours, theirs = pty.openpty()
    termios.tcsetwinsize(theirs, (24, 30))
    with open(theirs, "w") as terminal, open(ours, "rb", buffering=0) as screen:
        monkeypatch.setattr(sys, "stderr", terminal)
        configure_logs(json=False, level="info")
        assert show_progress("compiling: 1 of 7, and more than fits")
        structlog.get_logger().info("listening")
        assert show_progress("")
        seen = b""
        while seen.count(b"\x1b[K") < 4:  # the line, the log's, the line again, none
            seen += screen.read(4096)
        configure_logs(json=True, level="info")
        assert not show_progress("for programs there is none")
        configure_logs(json=False, level="error")
        assert not show_progress("nor for who wants errors only")
    first, line, *rest = seen.decode().split("\r\x1b[K")[1:]
    assert first == "compiling: 1 of 7, and more t"
    assert "listening" in line
    assert line.endswith("\r\n")
    assert rest == [first, ""]
