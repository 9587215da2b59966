"""When a session is given up: each watchdog by itself, to the second."""

import pytest

from tests.support.session_transcript import IMPATIENT
from transcoder.errors import Silent
from transcoder.source.watchdogs import Watchdogs

BEGIN = 100.0


def playing() -> Watchdogs:
    watchdogs = Watchdogs(IMPATIENT)
    watchdogs.note_playing(BEGIN)
    return watchdogs


def test_nothing_is_expected_before_it_plays() -> None:
    watchdogs = Watchdogs(IMPATIENT)
    watchdogs.check(1e9)
    assert not watchdogs.suspect_codec(1e9, 1000)


def test_no_packet() -> None:
    watchdogs = playing()
    watchdogs.check(BEGIN + 5.0)
    with pytest.raises(Silent, match="no packet in 5 s"):
        watchdogs.check(BEGIN + 5.1)
    watchdogs.last_packet = BEGIN + 3.0
    watchdogs.check(BEGIN + 8.0)
    with pytest.raises(Silent, match="no packet"):
        watchdogs.check(BEGIN + 8.1)


def test_no_picture() -> None:
    watchdogs = playing()
    watchdogs.last_packet = BEGIN + 10.1
    watchdogs.check(BEGIN + 10.0)
    with pytest.raises(Silent, match="packets, but no picture in 10 s"):
        watchdogs.check(BEGIN + 10.1)


@pytest.mark.parametrize("before", [True, False])
def test_no_random_access(*, before: bool) -> None:
    """One is enough, and it may come before the answer to PLAY."""
    watchdogs = Watchdogs(IMPATIENT)
    if before:
        watchdogs.note_picture(BEGIN - 1, random_access=True)
    watchdogs.note_playing(BEGIN)
    watchdogs.last_packet = BEGIN + 30.1
    watchdogs.note_picture(BEGIN + 30.1, random_access=False)
    watchdogs.check(BEGIN + 30.0)
    if before:
        watchdogs.check(BEGIN + 30.1)
    else:
        with pytest.raises(Silent, match="no IDR picture in 30 s"):
            watchdogs.check(BEGIN + 30.1)
        watchdogs.note_picture(BEGIN + 30.1, random_access=True)
        watchdogs.check(BEGIN + 30.1)


@pytest.mark.parametrize(
    ("after_s", "packets", "suspicious"), [(3.1, 50, True), (3.0, 50, False), (3.1, 49, False), (60.0, 5000, True)]
)
def test_packets_without_a_picture_speak_against_the_codec(after_s: float, packets: int, *, suspicious: bool) -> None:
    watchdogs = playing()
    assert watchdogs.suspect_codec(BEGIN + after_s, packets) is suspicious
    watchdogs.note_picture(BEGIN + after_s, random_access=False)
    assert not watchdogs.suspect_codec(BEGIN + after_s, packets)
