"""URLs taken apart: nothing of the rest changes (RFC 3986 section 3.2)."""

import pytest

from transcoder.url import split_host_port, split_url

PORTS = {"rtsp": 554, "mqtt": 1883}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("camera.example", ("camera.example", None)),
        ("10.0.0.2:8554", ("10.0.0.2", 8554)),
        ("[2001:db8::7]", ("2001:db8::7", None)),
        ("[2001:db8::7]:8554", ("2001:db8::7", 8554)),
    ],
)
def test_host_and_port(text: str, expected: tuple[str, int | None]) -> None:
    assert split_host_port(text) == expected


@pytest.mark.parametrize("rest", ["", "/", "?x", "/stream=0.sdp?", "/a//b/?c=d&e#f", "/user=a&password=b&channel=1"])
def test_the_rest_stays_as_written(rest: str) -> None:
    url = split_url(f"RTSP://u:p%40w@Camera.Example{rest}", PORTS)
    assert (url.scheme, url.host, url.port, url.rest) == ("rtsp", "Camera.Example", 554, rest)
    assert (url.username, url.password) == ("u", "p@w")
    assert url.text == f"rtsp://Camera.Example{rest}"
    assert "p@w" not in repr(url)


def test_a_scheme_that_is_not_allowed() -> None:
    with pytest.raises(ValueError, match="must start with rtsp:// or mqtt://"):
        split_url("http://h/", PORTS)
