"""Sound in step with the picture, by sender reports whose clocks are chosen here."""

import pytest

from transcoder.rtp.lip_sync import MAX_CORRECTION_S, LipSync
from transcoder.rtp.rtcp import SenderReport

NTP_2026 = 3_976_214_400
"""2026-01-01 00:00 UTC in seconds since 1900 (RFC 5905 figure 4: 1999-12-31 is 3155587200; 9498 days later)."""
SECOND = 1 << 32


def report(second: float, rtp_timestamp: int) -> SenderReport:
    """At so many seconds after the begin of 2026 the source's clock read rtp_timestamp."""
    return SenderReport(ssrc=1, ntp=(NTP_2026 << 32) + round(second * SECOND), rtp_timestamp=rtp_timestamp)


def test_without_reports_of_both_arrival_decides() -> None:
    sync = LipSync(8000)
    video, audio = report(0, 0), report(0.2, 0)
    assert sync.correct(0, 900_000, video, audio) == 900_000  # no picture yet
    sync.note_video(0, 900_000)
    assert sync.correct(0, 900_000, None, audio) == 900_000
    assert sync.correct(0, 900_000, video, None) == 900_000
    assert sync.correction_s == 0.0


@pytest.mark.parametrize("rate", [8000, 16_000, 48_000])
@pytest.mark.parametrize("lead_s", [-0.4, -0.1, 0.0, 0.1, 0.4])
def test_the_first_pair_of_reports_counts_fully(rate: int, lead_s: float) -> None:
    """Picture taken at 10 s, sound at 12 s; they arrive 2 s + lead apart."""
    video, audio = report(9, 1_000_000), report(11, 70_000)
    sync = LipSync(rate)
    sync.note_video(1_000_000 + 90_000, 5_000_000)
    arrived = 5_000_000 + 180_000 + round(lead_s * 90_000)
    assert sync.correct(70_000 + rate, arrived, video, audio) == pytest.approx(5_000_000 + 180_000, abs=1)
    assert sync.correction_s == pytest.approx(-lead_s, abs=1e-5)


def test_timestamps_wrap() -> None:
    video, audio = report(0, 0xFFFF_FF00), report(0, 0xFFFF_FFF0)
    sync = LipSync(8000)
    sync.note_video((0xFFFF_FF00 + 90_000) & 0xFFFF_FFFF, 1_000_000)
    assert sync.correct((0xFFFF_FFF0 + 8000) & 0xFFFF_FFFF, 1_009_000, video, audio) == pytest.approx(1_000_000, abs=1)


def test_a_sample_from_before_the_report() -> None:
    sync = LipSync(8000)
    sync.note_video(0, 1_000_000)
    assert sync.correct(8000, 1_000_000, report(1, 90_000), report(1.1, 16_800)) == pytest.approx(1_000_000, abs=1)


@pytest.mark.parametrize("apart_s", [0.51, -0.51, 3600.0, -3600.0])
def test_reports_that_are_far_off_are_not_believed(apart_s: float) -> None:
    """Cameras that report the time zone's wall clock for one of the two."""
    assert abs(apart_s) > MAX_CORRECTION_S
    sync = LipSync(8000)
    sync.note_video(0, 1_000_000)
    assert sync.correct(0, 1_000_000, report(0, 0), report(apart_s, 0)) == 1_000_000


def test_a_correction_stays_when_reports_go() -> None:
    sync = LipSync(8000)
    sync.note_video(0, 1_000_000)
    sync.correct(0, 1_000_000, report(0, 0), report(0.1, 0))
    assert sync.correct(800, 1_009_000, None, None) == 1_009_000 + 9000


def test_later_reports_move_it_slowly_and_all_the_way() -> None:
    """No step that can be heard: a tenth of the difference each time."""
    sync = LipSync(8000)
    sync.note_video(0, 1_000_000)
    assert sync.correct(0, 1_000_000, report(0, 0), report(0, 0)) == 1_000_000
    corrections = [sync.correct(0, 1_000_000, report(0, 0), report(0.2, 0)) - 1_000_000 for _ in range(60)]
    assert corrections[0] == pytest.approx(1800, abs=2)
    assert corrections == sorted(corrections)
    assert corrections[-1] == pytest.approx(18_000, abs=50)
