"""The URL of a session and those of its media, and where they are tried when a camera does not know them."""

import pytest

from transcoder.rtsp.client_requests import PendingRequest
from transcoder.rtsp.session_targets import SessionTargets
from transcoder.rtsp.urls import session_target

BASE = "/live/main/"


@pytest.mark.parametrize(
    ("control", "target"),  # RFC 2326 section C.1.1
    [
        (None, BASE),
        ("*", BASE),
        ("", BASE),
        ("rtsp://192.0.2.7/onvif-media/media.amp?session=1", "/onvif-media/media.amp?session=1"),
        ("rtsps://192.0.2.7:322/live/aggregate", "/live/aggregate"),
        ("RTSP://198.51.100.9/live/aggregate/", "/live/aggregate/"),
        ("/live/aggregate", "/live/aggregate"),
        ("aggregate", "/live/main/aggregate"),
        ("?session=1", "/live/main/?session=1"),
        ("rtsp://192.0.2.7:554/", BASE),  # names no stream
        ("rtsp://192.0.2.7", BASE),
        ("/", BASE),
    ],
)
def test_the_url_of_the_session(control: str | None, target: str) -> None:
    assert session_target(BASE, control) == target


def item(method: str, way: tuple[str, str], elsewhere: list[tuple[str, str]]) -> PendingRequest:
    made = PendingRequest(method, f"rtsp://192.0.2.7:554{way[0]}", way[0], (), 0.0, 10.0, base=way[1])
    made.elsewhere = tuple(elsewhere)
    return made


def test_relative_media_are_below_the_session_and_else_below_the_base() -> None:
    targets = SessionTargets("/live/main")
    targets.describe(BASE)
    ways = targets.of_media("trackID=1", "rtsp://192.0.2.7/aggregate")
    assert ways == [("/aggregate/trackID=1", "/aggregate"), ("/live/main/trackID=1", BASE)]
    refused = item("SETUP", ways[0], ways[1:])
    assert targets.elsewhere(refused, 404) == ways[1:]
    assert targets.elsewhere(refused, 461) == []
    assert targets.elsewhere(item("SETUP", ways[1], []), 404) == []
    targets.note_success(item("SETUP", ways[1], []))  # the base is right, so it is for PLAY
    assert targets.of_session() == [(BASE, BASE), ("/aggregate", "/aggregate")]
    assert targets.of_media("trackID=2", "rtsp://192.0.2.7/aggregate")[0] == ("/live/main/trackID=2", BASE)


def test_a_path_is_below_the_base_and_else_from_the_root() -> None:
    targets = SessionTargets("/live/main")
    targets.describe(BASE)
    assert targets.of_media("/x/track1", "*") == [("/live/main/x/track1", BASE), ("/x/track1", BASE)]


def test_absolute_media_have_one_target() -> None:
    targets = SessionTargets("/live/main")
    targets.describe(BASE)
    assert targets.of_media("rtsp://192.0.2.7/x/track1", "rtsp://192.0.2.7/aggregate") == [("/x/track1", "/aggregate")]


def test_the_only_media_is_played_at_its_own_url_where_the_server_says_so() -> None:
    targets = SessionTargets("/live/main")
    targets.describe(BASE)
    (way,) = targets.of_media("trackID=1", "*")
    targets.note_success(item("SETUP", way, []))
    refused = item("PLAY", targets.of_session()[0], [])
    assert targets.elsewhere(refused, 404) == []
    (play,) = targets.elsewhere(refused, 459)
    assert play[0] == "/live/main/trackID=1"
    again = item("PLAY", play, [])
    assert targets.elsewhere(again, 459) == []  # once
    targets.note_success(again)
    assert targets.session == "/live/main/trackID=1"


def test_two_media_are_not_played_at_one_of_them() -> None:
    targets = SessionTargets("/live/main")
    for control in ("trackID=1", "trackID=2"):
        (way, *_) = targets.of_media(control, "*")
        targets.note_success(item("SETUP", way, []))
    assert targets.elsewhere(item("PLAY", targets.of_session()[0], []), 459) == []


def test_what_is_tried_is_bounded() -> None:
    targets = SessionTargets("/live/main")
    for index in range(100):
        targets._prefer(f"/base{index % 2}")
    assert len(targets.of_session()) <= 3
