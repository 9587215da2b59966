"""Cameras that send on motion alone: which pauses are usual, and that they cost one session at most."""

import pytest

from tests.support.session_transcript import IDR, Transcript
from transcoder.errors import Silent
from transcoder.source.events import Lost
from transcoder.source.options import Timeouts
from transcoder.source.pauses import MAX_LEARNED_S, REMEMBERED_S, Pauses
from transcoder.source.watchdogs import Watchdogs

RATES = [10, 25, 60]
"""Pictures a second: what is remembered does not depend on how many come between two pauses."""


class Motion:
    """A camera that is there all the time, and sends for some seconds and pauses; each connection has its watchdogs."""

    def __init__(self, rate: int, timeouts: Timeouts) -> None:
        self.step_s = 1 / rate
        self.timeouts = timeouts
        self.pauses = Pauses()
        self.now = 0.0
        self.sessions = 0
        self.connect()

    def connect(self) -> None:
        self.sessions += 1
        self.watchdogs = Watchdogs(self.timeouts, pauses=self.pauses)
        self.watchdogs.note_playing(self.now)

    def send(self, seconds: float) -> None:
        until = self.now + seconds
        while self.now < until:
            self.now += self.step_s
            self.watchdogs.last_packet = self.now
            self.watchdogs.note_picture(self.now, random_access=True)

    def pause(self, seconds: float, *, reports: bool) -> bool:
        """Send nothing, or reports alone; return whether the session outlasts it. A new one begins at once."""
        until = self.now + seconds
        while self.now < until:
            self.now += 1.0
            if reports:
                self.watchdogs.last_packet = self.now
            try:
                self.watchdogs.check(self.now)
            except Silent:
                self.now += 1.0
                self.connect()
                return False
        return True


@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize("pause_s", [11.0, 16.0, 39.0])
@pytest.mark.parametrize("reports", [True, False])
def test_pauses_cost_one_session(rate: int, pause_s: float, *, reports: bool) -> None:
    camera = Motion(rate, Timeouts())
    camera.send(4.0)
    kept = []
    for _ in range(12):
        kept.append(camera.pause(pause_s, reports=reports))
        camera.send(4.0)
    assert kept == [False] + [True] * 11
    assert camera.sessions == 2


def test_pauses_that_are_outlasted_grow() -> None:
    """None of these costs a session: each is under four times the two before it."""
    camera = Motion(25, Timeouts())
    for pause_s in (3.0, 4.0, 11.0, 12.0, 40.0):
        camera.send(20.0)
        assert camera.pause(pause_s, reports=False)
    assert camera.sessions == 1


@pytest.mark.parametrize("rate", RATES)
def test_a_camera_that_hangs_is_not_waited_for_longer_and_longer(rate: int) -> None:
    """A new session mends it: the third silence takes the longest patience, and then the usual one counts again."""
    camera = Motion(rate, Timeouts())
    waited = []
    for _ in range(5):
        camera.send(30.0)
        began = camera.now
        assert not camera.pause(1000.0, reports=False)
        waited.append(camera.now - began - 1.0)
    assert waited == pytest.approx([11.0, 45.0, MAX_LEARNED_S + 1, 11.0, 45.0], abs=1.0)


def test_one_stall_is_no_usual_pause() -> None:
    pauses = Pauses()
    pauses.note(9.0, 100.0)
    assert pauses.patience_s(100.0) == 0.0
    pauses.note(6.0, 200.0)
    assert pauses.patience_s(200.0) == 24.0
    assert pauses.patience_s(100.0 + REMEMBERED_S) == 0.0


def test_an_outage_is_no_pause() -> None:
    """The camera was away for a minute: it booted."""
    pauses = Pauses()
    pauses.note_given_up(10.5, 100.0)
    pauses.note_return(160.0)
    assert pauses.patience_s(160.0) == 0.0
    pauses.note_return(161.0)
    assert pauses.patience_s(161.0) == 0.0


def test_what_is_remembered_is_bounded() -> None:
    pauses = Pauses()
    for index in range(10_000):
        pauses.note(1.0 + index % 500, float(index))
    assert len(pauses._pauses) <= 8
    assert pauses.patience_s(10_000.0) == MAX_LEARNED_S


def test_a_session_knows_the_pauses_of_the_one_before() -> None:
    """4 s of pictures, 16 s of nothing, as a transcript: two sessions, and the second one stays."""
    transcript = Transcript(timeouts=Timeouts())
    transcript.connect()
    lost = []
    for _ in range(5):
        transcript.wait(4, each=IDR)
        transcript.wait(16)
        lost.append(len(transcript.of(Lost)))
        if lost == [1]:
            transcript.connect()
    assert lost == [1, 1, 1, 1, 1]
