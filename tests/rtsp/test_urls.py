"""URLs that cameras write: only path and query are taken from them, and nothing that could break a request line."""

import contextlib
import re
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transcoder.errors import RemoteProtocolError
from transcoder.rtsp.urls import (
    MAX_URL_LENGTH,
    RtspUrl,
    base_target,
    join_control,
    parse_url,
    redirect_target,
    redirect_url,
    target_of,
)

TABLE = tomllib.loads((Path(__file__).parents[1] / "data" / "control_urls.toml").read_text(encoding="utf-8"))


@pytest.mark.parametrize(("content_base", "target"), TABLE["base"])
def test_base(content_base: str, target: str) -> None:
    assert base_target(content_base, None, parse_url(TABLE["configured"]).target) == target


@pytest.mark.parametrize(("base", "control", "target"), TABLE["control"])
def test_control(base: str, control: str, target: str) -> None:
    assert join_control(base, control) == target


def test_no_control_at_all() -> None:
    assert join_control("/live", None) == "/live"


def test_content_location_stands_in_for_content_base() -> None:  # RFC 2326 section C.1.1
    assert base_target(None, "rtsp://h/b/", "/c") == "/b/"
    assert base_target("rtsp://h/a/", "rtsp://h/b/", "/c") == "/a/"
    assert base_target(None, None, "/c") == "/c"


def test_recorded_bases(vectors: Path) -> None:
    lines = (vectors / "headers/content_base_urls.txt").read_text().splitlines()
    values = [line.split("\t")[0] for line in lines if line and not line.startswith("#")]
    assert len(values) >= 11
    for value in values:  # whatever stands before the path, however often the scheme: the path stays
        path = "/" + value.split("://")[-1].split("/", 1)[1]
        assert base_target(value, None, "/configured") == path


@pytest.mark.parametrize(
    ("url", "host", "port", "target"),
    [
        ("rtsp://192.0.2.7", "192.0.2.7", 554, ""),
        ("rtsp://192.0.2.7:8554/a/b?c=d/e", "192.0.2.7", 8554, "/a/b?c=d/e"),
        ("rtsp://user:p%40ss@camera.example/x", "camera.example", 554, "/x"),
        ("rtsp://[2001:db8::7]:554/x", "2001:db8::7", 554, "/x"),
        ("rtsp://192.0.2.7:554?user=a&password=b", "192.0.2.7", 554, "?user=a&password=b"),
        ("RTSP://H/x", "h", 554, "/x"),
    ],
)
def test_parse_url(url: str, host: str, port: int, target: str) -> None:
    assert parse_url(url) == RtspUrl(host=host, port=port, target=target)


@pytest.mark.parametrize(
    "url", ["http://h/x", "rtsp:///x", "h/x", "rtsp://h:99999/", "rtsp://h:x/", "rtsp://[::1/x", ""]
)
def test_no_url(url: str) -> None:
    with pytest.raises(ValueError):
        parse_url(url)


def test_text_form() -> None:
    assert str(RtspUrl(host="2001:db8::7", port=554, target="/x")) == "rtsp://[2001:db8::7]:554/x"
    assert str(RtspUrl(host="h", port=8554).with_target("/y?z")) == "rtsp://h:8554/y?z"


@pytest.mark.parametrize(
    ("location", "expected"),
    [
        ("rtsp://192.0.2.7:8554/other?x=1", "rtsp://192.0.2.7:8554/other?x=1"),
        (" rtsp://192.0.2.7/other ", "rtsp://192.0.2.7:554/other"),
        ("rtsp://viewer:pass@192.0.2.7/other", "rtsp://192.0.2.7:554/other"),
        ("rtsp://192.0.2.7/a b", "rtsp://192.0.2.7:554/ab"),
        ("rtsp://192.0\t.2.7/a/b", "rtsp://192.0.2.7:554/a/b"),
    ],
)
def test_redirect_to_the_same_host(location: str, expected: str) -> None:
    assert str(redirect_target(location, "192.0.2.7")) == expected


@pytest.mark.parametrize(
    "location",
    [None, "", "rtsp://198.51.100.9/x", "http://192.0.2.7/x", "/x", "rtsp://192.0.2.7:0x/", "rtsp://192.0.2.7.example/x",
     "rtsp://192.0.2.7@198.51.100.9/x"],
)  # fmt: skip
def test_redirect_elsewhere(location: str | None) -> None:
    with pytest.raises(RemoteProtocolError):
        redirect_target(location, "192.0.2.7")


@pytest.mark.parametrize(
    ("location", "url"),  # RFC 3986 sections 5.2 and 5.4, with the URL of the request as the base
    [
        ("/real?x=1", "rtsp://192.0.2.7:8554/real?x=1"),
        ("real", "rtsp://192.0.2.7:8554/b/c/real"),
        ("./g/", "rtsp://192.0.2.7:8554/b/c/g/"),
        ("../g", "rtsp://192.0.2.7:8554/b/g"),
        ("../../../g", "rtsp://192.0.2.7:8554/g"),
        ("..", "rtsp://192.0.2.7:8554/b/"),
        ("?y", "rtsp://192.0.2.7:8554/b/c/d?y"),
        ("//192.0.2.7/g", "rtsp://192.0.2.7:554/g"),
        ("/real?next=rtsp://198.51.100.9/x", "rtsp://192.0.2.7:8554/real?next=rtsp://198.51.100.9/x"),
        (" /a b ", "rtsp://192.0.2.7:8554/ab"),
        ("rtsp://192.0.2.7/other", "rtsp://192.0.2.7:554/other"),
    ],
)
def test_a_redirect_relative_to_the_request(location: str, url: str) -> None:
    assert str(redirect_url(location, parse_url("rtsp://192.0.2.7:8554/b/c/d?q"))) == url


def test_a_redirect_relative_to_no_path() -> None:
    assert str(redirect_url("x", parse_url("rtsps://192.0.2.7"))) == "rtsps://192.0.2.7:322/x"
    assert str(redirect_url("?x", parse_url("rtsp://192.0.2.7"))) == "rtsp://192.0.2.7:554/?x"


@pytest.mark.parametrize(
    "location", [None, "", "//198.51.100.9/x", "///x", "192.0.2.7:554/x", "http:/x", "\\\\198.51.100.9:1/x"]
)
def test_a_relative_redirect_never_leaves_the_host(location: str | None) -> None:
    with pytest.raises(RemoteProtocolError):
        redirect_url(location, parse_url("rtsp://192.0.2.7/b"))


SAFE = re.compile(r"[\x21-\x7e]*")


@given(st.text(max_size=60), st.text(max_size=60))
def test_nothing_of_a_camera_breaks_a_request_line(base: str, control: str) -> None:
    target = join_control(base_target(base, None, "/configured"), control)
    assert SAFE.fullmatch(target)
    assert SAFE.fullmatch(target_of(control))


@given(st.one_of(st.text(max_size=40), st.from_regex(r"rtsp://192\.0\.2\.7[^\n]{0,20}", fullmatch=True)))
def test_redirects_stay_on_the_host_and_on_one_line(location: str) -> None:
    for redirect in (redirect_target, lambda text, host: redirect_url(text, parse_url(f"rtsp://{host}/a/b"))):
        with contextlib.suppress(RemoteProtocolError):
            url = redirect(location, "192.0.2.7")
            assert url.host == "192.0.2.7"
            assert SAFE.fullmatch(str(url))
            assert parse_url(str(url)) == url


def test_work_is_bounded(assert_linear: Callable[..., None]) -> None:
    assert len(target_of("rtsp://h/" + "x" * 50_000)) <= MAX_URL_LENGTH
    assert_linear(lambda size: "rtsp://" * (size // 7), target_of, 30_000, at_most_s=0.05)
    assert_linear(lambda size: " " * size + "rtsp://h/x", lambda text: join_control("/", text), 30_000, at_most_s=0.05)


@pytest.mark.parametrize(
    ("text", "url"),  # RFC 7826 section 19
    [
        ("rtsps://192.0.2.7/live", "rtsps://192.0.2.7:322/live"),
        ("RTSPS://viewer:x@Camera.example:8322/a?b", "rtsps://camera.example:8322/a?b"),
        ("rtsp://192.0.2.7/live", "rtsp://192.0.2.7:554/live"),
        ("rtsps://[fd00::2]/", "rtsps://[fd00::2]:322/"),
    ],
)
def test_urls_over_tls(text: str, url: str) -> None:
    parsed = parse_url(text)
    assert str(parsed) == url
    assert parsed.is_secure == url.startswith("rtsps:")
    assert parsed.with_target("/x").is_secure == parsed.is_secure


def test_a_redirect_keeps_its_scheme() -> None:
    assert redirect_target("rtsps://192.0.2.7/x", "192.0.2.7").is_secure
    assert not redirect_target("rtsp://192.0.2.7/x", "192.0.2.7").is_secure
