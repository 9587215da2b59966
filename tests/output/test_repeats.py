"""The repeats of an output: one a second, and a burst for a reader that joins while the camera is away."""

import pytest

from tests.support.outputs import FakeTiming
from transcoder.output.repeats import BURST_PICTURES, MIN_BURST_RATE, REPEAT_S, Repeats

FFMPEG_STEPS = 20 + 8
"""libavformat/demux.c: `int fps_analyze_framecount = 20;`, and the pictures before it knows the decoding delay."""


class Asked(Repeats):
    """Repeats, and the times for which pictures were asked; they stay `late_s` behind the present."""

    def __init__(self, late_s: float = 0.0) -> None:
        self.timing = FakeTiming()
        self.shown: list[float] = []
        super().__init__(self.timing, self.shown.append, lambda _: late_s)


def test_a_repeated_picture_is_due_once_a_second() -> None:
    asked = Asked()
    assert asked.is_due(asked.timing.at)
    asked.repeat()
    assert not asked.is_due(asked.timing.at + REPEAT_S - 0.01)
    assert asked.is_due(asked.timing.at + REPEAT_S)


@pytest.mark.parametrize(("told", "rate"), [(25.0, 25.0), (12.5, 12.5), (1.0, MIN_BURST_RATE), (120.0, 30.0)])
def test_a_burst_has_the_told_rate_within_bounds(told: float, rate: float) -> None:
    asked = Asked(late_s=0.5)
    begin = asked.timing.at
    asked.repeat()
    asked.burst(told)
    asked.timing.advance(6.0)
    assert len(asked.shown) == 1 + BURST_PICTURES > FFMPEG_STEPS
    assert [time - (begin - 0.5) for time in asked.shown] == pytest.approx([n / rate for n in range(33)])


def test_a_burst_is_over_before_a_player_gives_up_measuring() -> None:
    """FFmpeg analyses 5 s of a stream (max_analyze_duration)."""
    assert FFMPEG_STEPS / MIN_BURST_RATE < 5


def test_readers_that_join_together_share_a_burst() -> None:
    asked = Asked()
    asked.burst(20.0)
    asked.timing.advance(0.5)
    asked.burst(20.0)
    asked.timing.advance(5.0)
    assert len(asked.shown) == 10 + BURST_PICTURES
    assert asked.shown == sorted(asked.shown)


def test_a_camera_that_is_back_ends_the_burst() -> None:
    asked = Asked()
    asked.burst(20.0)
    asked.timing.advance(0.5)
    asked.end_burst()
    asked.timing.advance(5.0)
    assert len(asked.shown) == 10
