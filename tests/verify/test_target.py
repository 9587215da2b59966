"""URLs as the checker takes them apart, with the standard library's parser instead of the product's."""

import pytest

from transcoder.verify.target import parse_target


@pytest.mark.parametrize(
    ("url", "host", "port", "path", "uri"),
    [
        ("rtsp://h/front", "h", 554, "/front", "rtsp://h:554/front"),
        ("RTSP://10.0.0.2:8554/a?b=c", "10.0.0.2", 8554, "/a?b=c", "rtsp://10.0.0.2:8554/a?b=c"),
        ("rtsp://[2001:db8::7]/x", "2001:db8::7", 554, "/x", "rtsp://[2001:db8::7]:554/x"),
        ("rtsp://u:p@h/stream=0.sdp?", "h", 554, "/stream=0.sdp?", "rtsp://h:554/stream=0.sdp?"),
        ("rtsp://h", "h", 554, "", "rtsp://h:554"),
        ("rtsps://h/x", "h", 322, "/x", "rtsps://h:322/x"),
        ("RTSPS://h:8322/x", "h", 8322, "/x", "rtsps://h:8322/x"),
    ],
)
def test_parts(url: str, host: str, port: int, path: str, uri: str) -> None:
    target = parse_target(url)
    assert (target.host, target.port, target.path, target.uri) == (host, port, path, uri)


def test_which_url_is_over_tls() -> None:
    assert [parse_target(url).is_secure for url in ("rtsp://h/x", "RTSPS://h/x")] == [False, True]


def test_users() -> None:
    target = parse_target("rtsp://us%40er:p%3Aw@h/x")
    assert (target.username, target.password) == ("us@er", "p:w")
    target = parse_target("rtsp://user:pw@h/x", "other", "word")
    assert (target.username, target.password) == ("other", "word")
    assert parse_target("rtsp://h/x").username is None
    assert "pw" not in repr(parse_target("rtsp://user:pw@h/x"))


@pytest.mark.parametrize(
    "url",
    ["http://h/x", "rtsp:///x", "rtsp://h:99999/", "rtsp://[::1/x", "x", "", "rtsp://a..b/", f"rtsp://{'a' * 64}.x/"],
)
def test_no_target(url: str) -> None:
    with pytest.raises(ValueError, match="URL"):
        parse_target(url)
