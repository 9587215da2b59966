"""Which losses of a camera the log tells, by the times at which an operator would want them."""

import math
import random

import pytest

from transcoder.errors import ConnectionRefused, NotConnected, ResponseError, Silent, TranscoderError
from transcoder.service.outage import CALM_S, LEFT_S, STILL_AWAY_S, Loss, Outage, Return
from transcoder.source.reconnection import Reconnection

DAY_S = 86400.0


def lines_of(errors: list[TranscoderError], *, days: float = 1.0) -> list[tuple[float, Loss]]:
    """Let a camera fail with these errors in turn, as often as it is tried; return the lines and their times."""
    outage, policy, now, lines, tries = Outage(), Reconnection("tcp", random.Random(1)), 0.0, [], 0
    while now < days * DAY_S:
        error = errors[tries % len(errors)]
        tries += 1
        told = outage.lose(str(error), now)
        if told is not None:
            assert told.tries == tries
            lines.append((now, told))
        now += max(policy.lose(error, now).delay_s, 0.1)
    assert tries > 20
    return lines


def test_a_dead_camera_is_told_at_growing_distances() -> None:
    lines = lines_of([ConnectionRefused("refused")])
    times = [at for at, _ in lines]
    expected = [0.0, 60.0, 300.0, 1800.0, 21600.0, 43200.0, 64800.0]
    assert len(times) in {len(expected), len(expected) + 1}  # the one at the end of the day may just fit
    for at, wanted in zip(times, expected, strict=False):
        assert wanted <= at <= wanted + 60.0  # the longest pause between two tries
    assert [line.is_first for _, line in lines] == [True] + [False] * (len(lines) - 1)
    assert lines[1][1].since_s == lines[1][0]


def test_a_hundred_dead_cameras_fill_no_log() -> None:
    """The count was 62,000 lines a camera and day."""
    away: list[list[TranscoderError]] = [
        [ConnectionRefused("refused")],
        [NotConnected("no answer")],
        [Silent("silent")],
        [ResponseError(401, "OPTIONS", "Unauthorized")],
        [ConnectionRefused(f"reason {number}") for number in range(50)],
    ]
    lines = sum(len(lines_of(errors)) for errors in away)
    assert lines * 20 <= 1200


def test_another_reason_is_told_at_once() -> None:
    outage = Outage()
    assert outage.lose("no connection", 0.0) is not None
    assert outage.lose("no connection", 1.0) is None
    told = outage.lose("the login is refused", 2.0)
    assert told == Loss(since_s=2.0, tries=3, returns=0, is_first=False)
    assert outage.lose("no connection", 3.0) is None


def test_the_first_play_and_each_return_are_told() -> None:
    outage = Outage()
    assert outage.play(0.0) == Return(away_s=None, tries=0)
    assert outage.play(1.0) is None
    assert outage.lose("gone", 100.0) is not None
    assert outage.lose("gone", 130.0) is None
    assert outage.play(145.0) == Return(away_s=45.0, tries=2)


def test_a_camera_that_never_came_is_away_since_the_first_try() -> None:
    outage = Outage()
    outage.lose("gone", 10.0)
    assert outage.play(70.0) == Return(away_s=60.0, tries=1)


def test_a_long_play_ends_an_outage() -> None:
    outage = Outage()
    outage.lose("gone", 0.0)
    outage.play(10.0)
    told = outage.lose("gone", 10.0 + CALM_S)
    assert told == Loss(since_s=0.0, tries=1, returns=0, is_first=True)


@pytest.mark.parametrize("period_s", [3.0, 65.0, 500.0])
def test_a_camera_that_comes_and_goes_fills_no_log(period_s: float) -> None:
    outage, now, lines, plays = Outage(), 0.0, [], 0
    while now < DAY_S:
        told = outage.lose("gone", now)
        lines += [told] if told is not None else []
        plays += outage.play(now + 1.0) is not None
        now += period_s
    assert 5 <= len(lines) <= 9
    assert plays == len(lines)  # the last line never says that it is away while it plays
    assert lines[1].returns == math.ceil(60.0 / period_s)


def test_a_camera_that_came_and_went_and_stays_away_is_told() -> None:
    outage, now = Outage(), 0.0
    while now < STILL_AWAY_S[2] + 10:
        outage.lose("gone", now)
        outage.play(now + 1.0)
        now += 3.0
    away_since = now
    while (told := outage.lose("gone", now)) is None:
        now += 5.0
    assert told.returns > 100
    assert now - away_since <= LEFT_S + 5.0
    assert outage.lose("gone", now + 5.0) is None
