from itertools import pairwise

import pytest

STEADY = 4500  # 20 pictures a second at 90 kHz
PLAIN = "longse"


def steps(recorded) -> list[int]:
    """From picture to picture, signed."""
    times = [picture[-1].timestamp for picture in recorded.pictures]
    return [((later - earlier + 2**31) % 2**32) - 2**31 for earlier, later in pairwise(times)]


def near(step: int) -> bool:
    return abs(step - STEADY) <= 1


def test_without_a_defect_time_is_steady(record) -> None:
    assert all(map(near, steps(record(PLAIN, seconds=6.0))))


@pytest.mark.parametrize("seconds", [-9800, 37600])
def test_single_pictures_off_by_hours(record, seconds: int) -> None:
    """Intelbras, Dahua DVRs."""
    found = steps(record(PLAIN, f"timestamp_jump_s={seconds}", seconds=12.0))
    odd = [index for index, step in enumerate(found) if not near(step)]
    assert len(odd) == 4  # there and back, twice
    for there, back in (odd[:2], odd[2:]):
        assert back == there + 1
        off = ((seconds * 90_000 + STEADY + 2**31) % 2**32) - 2**31
        assert abs(found[there] - off) <= 1
        assert abs(found[there] + found[back] - 2 * STEADY) <= 2


def test_clock_steps_and_reports_with_it(record) -> None:
    """Dahua."""
    recorded = record(PLAIN, "clock_step_s=-3", "timestamp_defect_every_s=3", seconds=5.5)
    odd = [step for step in steps(recorded) if not near(step)]
    assert len(odd) == 1
    assert abs(odd[0] - STEADY + 270_000) <= 1
    before, after = recorded.reports
    assert abs(after.timestamp - before.timestamp - (5 - 3) * 90_000) < 9000


def test_timestamps_begin_anew(record) -> None:
    """Tapo."""
    recorded = record(PLAIN, "timestamp_restart=true", "timestamp_defect_every_s=2", seconds=5.0)
    times = [picture[-1].timestamp for picture in recorded.pictures]
    assert times.count(0) == 2
    assert times[times.index(0) + 1] == pytest.approx(STEADY, abs=1)
    assert len({packet.ssrc for packet in recorded.packets}) == 1


def test_wrap_soon_after_the_start(record) -> None:
    recorded = record(PLAIN, "timestamp_wrap_after_s=1.5", seconds=3.0)
    times = [picture[-1].timestamp for picture in recorded.pictures]
    assert times[0] == 2**32 - 135_000
    assert all(map(near, steps(recorded)))
    assert times[-1] < 200_000


def test_variable_frame_rate_with_true_timestamps(record) -> None:
    recorded = record(PLAIN, "interval_spread=0.8", seconds=10.0)
    found = steps(recorded)
    assert min(found) < 0.4 * STEADY
    assert max(found) > 1.6 * STEADY
    assert all(0.2 * STEADY - 1 <= step <= 1.8 * STEADY + 1 for step in found)
    first = recorded.pictures[0][0]
    late = [(p[0].timestamp - first.timestamp) % 2**32 / 90_000 - p[0].at for p in recorded.pictures]
    assert all(-0.011 <= each <= 0.0001 for each in late)  # the recorder looks every 10 ms


def test_frame_rate_falls(record) -> None:
    """Smart codecs."""
    recorded = record(PLAIN, "slow_fps=2", "slow_every_s=3", seconds=9.0)
    slow = [picture for picture in recorded.pictures if 3.1 < picture[0].at < 6]
    fast = [picture for picture in recorded.pictures if picture[0].at < 3 or picture[0].at > 6.6]
    assert len(slow) in {5, 6}
    assert len(fast) >= 100


def test_pauses_between_motions(record) -> None:
    recorded = record(PLAIN, "motion_s=1", "pause_s=3", seconds=8.5)
    times = [picture[0].at for picture in recorded.pictures]
    assert all(at % 4 < 1.02 for at in times)
    assert [round(b - a) for a, b in pairwise(times) if b - a > 1] == [3, 3]


def test_pictures_that_leave_in_bursts(record) -> None:
    recorded = record(PLAIN, "burst_s=2", seconds=6.5)
    leaving = sorted({round(packet.at, 1) for packet in recorded.packets})
    assert leaving == [0.0, 2.0, 4.0, 6.0]
    stamps = sorted({packet.timestamp for packet in recorded.packets})
    assert all(near(later - earlier) for earlier, later in pairwise(stamps))


def test_timestamps_that_count_down(record) -> None:
    assert all(near(-step) for step in steps(record(PLAIN, "clock_ratio=-1")))


def test_jittered_sending(record) -> None:
    recorded = record(PLAIN, "send_jitter_ms=30", seconds=5.0)
    assert all(map(near, steps(recorded)))
    first = recorded.packets[0]
    late = [p[0].at - (p[0].timestamp - first.timestamp) % 2**32 / 90_000 for p in recorded.pictures]
    assert max(late) <= 0.041
    assert max(late) - min(late) > 0.015
    assert [p.sequence_number for p in recorded.packets] == [
        (first.sequence_number + index) % 2**16 for index in range(len(recorded.packets))
    ]


def test_no_sender_reports(record) -> None:
    assert record(PLAIN, seconds=6.0).reports
    assert not record(PLAIN, "rtcp=false", seconds=6.0).reports


def test_reports_of_a_source_that_sends_nothing(record) -> None:
    """Tapo C320WS."""
    recorded = record(PLAIN, "report_ssrc_foreign=true", seconds=1.0)
    assert {report.ssrc for report in recorded.reports}.isdisjoint({packet.ssrc for packet in recorded.packets})


def test_a_clock_that_counts_other_seconds(record) -> None:
    pictures = record("longse", "clock_ratio=0.84", seconds=2.0).pictures
    ticks = (pictures[-1][0].timestamp - pictures[0][0].timestamp) & 0xFFFF_FFFF
    assert ticks / 90_000 == pytest.approx(0.84 * (pictures[-1][0].at - pictures[0][0].at), abs=0.02)


def test_mpeg4_with_a_clock_of_30000(record) -> None:
    recorded = record("mpeg4", "video_clock_rate=30000", "private_payload_type=", seconds=2.0)
    assert "MP4V-ES/30000\r\n" in recorded.camera.describe("rtsp://192.0.2.7/", "192.0.2.7").decode()
    ticks = (recorded.packets[-1].timestamp - recorded.packets[0].timestamp) & 0xFFFF_FFFF
    assert ticks / 30_000 == pytest.approx(recorded.packets[-1].at - recorded.packets[0].at, abs=0.02)
