"""A clock that is kept right, one that is not, and the kernel's own answer."""

import time

import pytest

from transcoder.doctor.clock_sync import ask_kernel, clock, clock_finding
from transcoder.doctor.finding import Subject

NOW = 1_796_000_000.0


@pytest.mark.parametrize(
    ("now_s", "state", "error_us", "level"),
    [
        (NOW, 0, 1_500, "ok"),
        (NOW, 0, 1_000_001, "warning"),
        (NOW, 1, 1_500, "ok"),  # a leap second comes (TIME_INS)
        (NOW, 5, 16_000_000, "warning"),
        (0.0, 0, 0, "error"),
    ],
)
def test_a_clock_is_judged(now_s: float, state: int, error_us: int, level: str) -> None:
    finding = clock_finding(now_s, state, error_us)
    assert finding.level == level
    assert time.strftime("%Y-%m-%d", time.gmtime(now_s)) in finding.text


def test_the_kernel_answers_and_is_told_nothing() -> None:
    before = time.time()
    state, error_us = ask_kernel()
    assert 0 <= state <= 5
    assert 0 <= error_us <= 16_000_000  # the kernel stops counting there (NTP_PHASE_LIMIT)
    assert abs(time.time() - before) < 10


async def test_a_kernel_that_does_not_answer_is_a_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse() -> tuple[int, int]:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr("transcoder.doctor.clock_sync.ask_kernel", refuse)
    [finding] = await clock(Subject())
    assert (finding.level, "Operation not permitted" in finding.text) == ("warning", True)
