"""The lines about a camera, as an operator reads them and as a machine does."""

import time
from collections.abc import Iterator

import pytest
import structlog
from structlog.testing import capture_logs
from structlog.typing import EventDict

from transcoder import clock
from transcoder.errors import ConnectionRefused, NotConnected, ResponseError, Silent, TranscoderError
from transcoder.service.availability import Availability
from transcoder.service.camera_log import format_text, time_of_day
from transcoder.service.status import StreamStatus
from transcoder.source.problems import Unreadable
from transcoder.source.reconnection import Reconnection

WALL = 1_795_901_340.0  # 2026-11-28 21:29:00 UTC
REFUSED = ConnectionRefused("no connection to port 554: Connection refused")
DENIED = ResponseError(401, "OPTIONS", "Unauthorized")


class Watched:
    """A camera, its policy of reconnection, and a clock that only the test moves."""

    def __init__(self, lines: list[EventDict]) -> None:
        self.now = 1000.0
        self.lines = lines
        self.status = StreamStatus(name="front", url="rtsp://127.0.0.1:8554/front")
        self.status.source.camera = "10.0.0.2:554"
        log = structlog.get_logger().bind(stream="front")
        self.availability = Availability(self.status, lambda *_: None, log)
        self.policy = Reconnection("tcp")

    def fail(self, error: TranscoderError = REFUSED) -> None:
        """End a connection, as a source does, and wait for the next one."""
        self.policy.begin()
        retry, source = self.policy.lose(error, self.now), self.status.source
        source.advice, source.next_attempt = retry.advice, clock.wall_clock() + retry.delay_s
        self.availability.lose(str(retry.told), was_playing=False)
        self.now += retry.delay_s + 0.01

    def play(self) -> None:
        self.status.output.format = {"codec": "h264", "width": 1920, "height": 1080, "frame_rate": 25.0}
        self.availability.note_picture(is_readable=True)

    def words(self) -> list[str]:
        return [line["words"] for line in self.lines]


@pytest.fixture
def camera(monkeypatch: pytest.MonkeyPatch) -> Iterator[Watched]:
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    with capture_logs() as lines:
        made = Watched(lines)
        monkeypatch.setattr(clock, "monotonic", lambda: made.now)
        monkeypatch.setattr(clock, "wall_clock", lambda: WALL + made.now - 1000.0)
        yield made
    monkeypatch.undo()
    time.tzset()


def test_a_camera_that_plays_says_so(camera: Watched) -> None:
    camera.play()
    camera.play()
    assert camera.lines == [
        {
            "event": "plays",
            "log_level": "info",
            "stream": "front",
            "words": "front plays: H264 1920x1080 25/s -> rtsp://127.0.0.1:8554/front",
            "codec": "h264",
            "width": 1920,
            "height": 1080,
            "frame_rate": 25.0,
            "url": "rtsp://127.0.0.1:8554/front",
            "camera": "10.0.0.2:554",
        }
    ]


def test_a_dead_camera_is_told_once_and_then_with_a_count(camera: Watched) -> None:
    while camera.now < 1000.0 + 400.0:
        camera.fail()
    first, second, third = camera.words()
    why = "no connection to port 554: Connection refused (10.0.0.2:554); next try in "
    assert first.startswith(f"front is away: {why}0.")
    assert second.startswith("front is still away since 21:29, ")
    assert f" tries: {why}" in third
    assert [line["event"] for line in camera.lines] == ["source lost", "still away", "still away"]
    assert camera.lines[2]["tries"] > camera.lines[1]["tries"] > 20
    assert camera.lines[2]["since"].startswith("2026-11-28T21:29:00")


def test_a_hundred_dead_cameras_have_a_thousand_lines_a_day(monkeypatch: pytest.MonkeyPatch) -> None:
    """A line a try were six million."""
    errors = [REFUSED, NotConnected("no connection to port 554: No route to host"), Silent("no answer in 20 s"), DENIED]
    tries = 0
    with capture_logs() as lines:
        for number in range(100):
            made = Watched(lines)
            monkeypatch.setattr(clock, "monotonic", lambda made=made: made.now)
            monkeypatch.setattr(clock, "wall_clock", lambda made=made: WALL + made.now - 1000.0)
            while made.now < 1000.0 + 86400.0:
                made.fail(errors[number % 4])
                tries += 1
    assert tries > 100_000
    assert 700 <= len(lines) <= 1000


def test_a_return_says_how_long_it_was_away(camera: Watched) -> None:
    camera.play()
    camera.now += 3600
    camera.fail()
    camera.now = 1000.0 + 3600 + 300
    camera.play()
    assert camera.words()[-1].endswith("/front (was away for 5 min)")
    assert (camera.lines[-1]["away_s"], camera.lines[-1]["tries"]) == (300.0, 1)


def test_a_wrong_password_says_what_to_do_and_why_the_next_try_is_late(camera: Watched) -> None:
    camera.fail(DENIED)
    camera.fail(DENIED)
    first, second = camera.words()
    assert first == "front is away: login refused: check user and password (10.0.0.2:554); next try in 5 s"
    assert second.startswith(
        "front is still away since 21:29, 2 tries: login refused: check user and password (10.0.0.2:554)"
    )
    assert second.endswith("; next try in 5 min so that the camera does not lock the account")
    assert camera.lines[1]["reason"] == "OPTIONS was answered 401 Unauthorized"
    assert 270 <= camera.lines[1]["retry_in_s"] <= 330


def test_a_login_that_was_not_given_is_no_wrong_one(camera: Watched) -> None:
    camera.policy = Reconnection("tcp", has_login=False)
    camera.fail(DENIED)
    camera.fail(DENIED)
    first, second = camera.words()
    asked = "the camera asks for a login: give source.username and source.password_file (10.0.0.2:554)"
    assert first == f"front is away: {asked}; next try in 5 s"
    assert second.endswith("; next try in 5 min so that the camera does not lock the account")


def test_a_full_table_is_no_wrong_password(camera: Watched) -> None:
    camera.policy.note_playing(camera.now - 100)
    camera.fail(DENIED)
    assert "too many users are logged in" in camera.words()[0]
    assert "lock" not in camera.words()[0]


def test_a_camera_that_comes_and_goes(camera: Watched) -> None:
    for _ in range(40):
        camera.fail()
        camera.play()
        camera.now += 2.0
    told = [line for line in camera.lines if line["event"] == "source lost"]
    assert len(told) == 2
    assert told[1]["words"].startswith("front comes and goes since 21:29, ")
    assert [line["event"] for line in camera.lines] == ["source lost", "plays"] * 2


def test_encrypted_pictures_are_told_once_and_their_end_too(camera: Watched) -> None:
    for _ in range(20):
        camera.availability.note_unreadable(Unreadable("encrypted", "the camera encrypts its pictures"))
        camera.now += 1.0
    assert camera.words() == ["front is away: the camera encrypts its pictures (10.0.0.2:554)"]
    camera.play()
    assert camera.lines[-1]["event"] == "plays"


def test_a_stream_that_is_enabled_again_begins_anew(camera: Watched) -> None:
    camera.play()
    camera.availability.disable()
    camera.availability.start()
    camera.play()
    assert len(camera.lines) == 2


def test_a_format_that_is_not_known_is_left_out() -> None:
    assert format_text({}) == ""
    assert format_text({"codec": "h265", "width": 640, "height": 360, "frame_rate": None}) == "H265 640x360"
    assert format_text({"codec": "h265", "width": 640, "height": 360, "frame_rate": 12.5}) == "H265 640x360 12.5/s"


def test_an_old_moment_has_its_date(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    assert time_of_day(WALL, WALL + 3600) == "21:29"
    assert time_of_day(WALL, WALL + 3 * 86400) == "2026-11-28 21:29"
    monkeypatch.undo()
    time.tzset()


def test_the_state_gives_the_advice_of_the_log(camera: Watched) -> None:
    camera.fail(DENIED)
    problem = camera.status.problem
    assert problem.startswith("login refused: check user and password (")
    assert "401" in problem
    assert camera.words()[0].startswith("front is away: login refused: check user and password (10.0.0.2:554)")
    camera.fail(REFUSED)
    assert camera.status.problem == str(REFUSED)
