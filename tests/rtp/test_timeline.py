"""The timeline: smooth where the camera is, close to arrival where it is not, never backwards."""

import itertools
import random
import statistics
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.examples import examples
from transcoder.rtp.timeline import BACKWARD, MAX_EARLY_S, MAX_STEP_BACK_S, Timeline

RATE = 90_000
FPS = 25
TICKS = RATE // FPS
START_S = 5000.0
JITTER_S = 0.030

Picture = tuple[int, float]


def steady(count: int, *, seed: int = 1, jitter_s: float = JITTER_S) -> list[Picture]:
    """Timestamp (not wrapped) and arrival of a 25 fps source behind a network that delays each picture at random."""
    chance = random.Random(seed)
    return [(1000 + index * TICKS, START_S + index / FPS + chance.random() * jitter_s) for index in range(count)]


def in_order(pictures: list[Picture]) -> list[Picture]:
    """A stream connection hands nothing over before what came earlier."""
    latest = 0.0
    out = []
    for timestamp, arrival in pictures:
        latest = max(latest, arrival)
        out.append((timestamp, latest))
    return out


def run(pictures: list[Picture], timeline: Timeline | None = None) -> tuple[list[float], Counter[str]]:
    timeline = timeline or Timeline(RATE)
    times = [timeline.presentation_time(timestamp & 0xFFFF_FFFF, arrival) / RATE for timestamp, arrival in pictures]
    return times, timeline.repairs


def spacing_errors(times: list[float]) -> list[float]:
    return sorted(abs(later - earlier - 1 / FPS) for earlier, later in itertools.pairwise(times))


def p95(values: list[float]) -> float:
    return values[int(0.95 * len(values))]


def assert_monotonic(times: list[float]) -> None:
    assert min(later - earlier for earlier, later in itertools.pairwise(times)) > 0


def assert_near_arrival(times: list[float], pictures: list[Picture], within_s: float = 0.040) -> None:
    off = [time - arrival for time, (_, arrival) in zip(times, pictures, strict=True)]
    assert abs(statistics.mean(off)) < within_s


def test_a_steady_source_behind_network_jitter() -> None:
    pictures = in_order(steady(1500))
    times, repairs = run(pictures)
    assert p95(spacing_errors(times)) < 0.005
    assert_monotonic(times)
    assert_near_arrival(times, pictures, 0.005)
    assert not repairs
    # the source's own spacing is kept, the network's is not
    arrivals = [arrival for _, arrival in pictures]
    assert p95(spacing_errors(arrivals)) > 0.015


def test_first_picture_is_presented_when_it_arrives() -> None:
    assert Timeline(RATE).presentation_time(123, 7.25) == round(7.25 * RATE)


def test_wrap() -> None:
    pictures = in_order([(timestamp + (1 << 32) - 100 * TICKS, arrival) for timestamp, arrival in steady(400)])
    times, repairs = run(pictures)
    assert p95(spacing_errors(times)) < 0.005
    assert_monotonic(times)
    assert not repairs


@pytest.mark.parametrize("jump_s", [-9800, 37_600, -3, 5, 23_000])
def test_a_single_picture_off_by_hours(jump_s: int) -> None:  # Intelbras and Dahua recorders
    pictures = steady(1000)
    pictures[500] = (pictures[500][0] + jump_s * RATE, pictures[500][1])
    pictures = in_order(pictures)
    times, repairs = run(pictures)
    assert repairs == {"jump": 1}
    assert_monotonic(times)
    assert max(abs(time - arrival) for time, (_, arrival) in zip(times, pictures, strict=True)) < 0.040
    assert p95(spacing_errors(times)) < 0.005
    # those after it are where they would have been without it
    undisturbed, _ = run(in_order(steady(1000)))
    assert times[501:] == pytest.approx(undisturbed[501:], abs=0.002)


@pytest.mark.parametrize("step_s", [3600, -3600, 2, -2, -0.8, 50_000])
def test_a_clock_step(step_s: float) -> None:  # Dahua sets its clock
    pictures = in_order(
        [(timestamp + (int(step_s * RATE) if index >= 700 else 0), arrival)
         for index, (timestamp, arrival) in enumerate(steady(1400))]
    )  # fmt: skip
    times, repairs = run(pictures)
    assert repairs == {"jump": 1, "step": 1}
    assert_monotonic(times)
    assert_near_arrival(times, pictures)
    assert max(abs(time - arrival) for time, (_, arrival) in zip(times, pictures, strict=True)) < 0.050


def test_restart_near_zero() -> None:  # Tapo
    pictures = in_order([(index % 300 * TICKS, arrival) for index, (_, arrival) in enumerate(steady(900))])
    times, repairs = run(pictures)
    assert repairs == {"jump": 2, "step": 2}
    assert_monotonic(times)
    assert_near_arrival(times, pictures)


def test_a_burst_of_old_pictures_at_the_start() -> None:
    pictures = [(index * TICKS, max(START_S, START_S + (index - 60) / FPS)) for index in range(1500)]
    times, repairs = run(pictures)
    assert_monotonic(times)
    assert_near_arrival(times, pictures)
    assert set(repairs) == {"burst"}
    assert max(time - arrival for time, (_, arrival) in zip(times, pictures, strict=True)) < MAX_EARLY_S + 0.01
    assert abs(times[-1] - pictures[-1][1]) < 0.005  # and the early ones are made good in the end


def test_pictures_that_come_thirteen_at_a_time() -> None:  # Wi-Fi
    pictures = [(index * TICKS, START_S + (index // 13 + 1) * 13 / FPS) for index in range(1500)]
    times, _ = run(pictures)
    assert_monotonic(times)
    assert_near_arrival(times, pictures)
    assert p95(spacing_errors(times[300:])) < 0.005


@pytest.mark.parametrize("jitter_s", [0.0, JITTER_S])
@pytest.mark.parametrize(("count", "rate"), [(20, 10), (50, 25), (25, 25), (100, 25), (60, 60)])
def test_pictures_of_seconds_that_come_at_once(count: int, rate: int, jitter_s: float) -> None:
    """Their timestamps are right: even steps, near arrival as far as the last picture of a burst is not early."""
    chance = random.Random(count)
    late = [chance.random() * jitter_s for _ in range(120)]
    pictures = [
        (index * RATE // rate, START_S + index // count * count / rate + late[index // count])
        for index in range(60 * rate)
    ]
    timeline = Timeline(RATE)
    times, repairs = run(pictures, timeline)
    assert_monotonic(times)
    settled = 12 * rate
    steps = [later - earlier for earlier, later in itertools.pairwise(times[settled:])]
    assert max(steps) - min(steps) < 0.005
    assert set(repairs) == {"burst"}
    off = [time - arrival for time, (_, arrival) in zip(times[settled:], pictures[settled:], strict=True)]
    assert -count / rate - JITTER_S < min(off) <= max(off) < MAX_EARLY_S
    assert timeline.ratio == 1.0
    _, before = run(pictures[:settled])
    assert repairs == before  # nothing is put right any more


@pytest.mark.parametrize("ratio", [-1.0, -0.84])
def test_timestamps_that_count_down(ratio: float) -> None:
    pictures = counted(25, ratio, 60, jitter_s=JITTER_S)
    timeline = Timeline(RATE)
    times, repairs = run(pictures, timeline)
    assert repairs == {"backward": 1}
    settled = times[10 * FPS :]
    assert_monotonic(settled)
    assert p95(spacing_errors(settled)) < 0.005
    assert wander(times[BACKWARD:], pictures[BACKWARD:]) < 0.100
    again, repairs = run(counted(25, 1.0, 60, begin_s=START_S + 60), timeline)
    assert repairs["backward"] == 2  # it was set right
    assert p95(spacing_errors(again[10 * FPS :])) < 0.005


def test_a_stalled_network_that_catches_up() -> None:
    # 4 s of pictures arrive at once: their spacing is the source's, not the network's
    resume = START_S + 400 / FPS + 0.2
    pictures = [(index * TICKS, resume if 300 <= index < 405 else START_S + index / FPS) for index in range(800)]
    times, repairs = run(pictures)
    assert_monotonic(times)
    assert not repairs
    assert max(spacing_errors(times)) < 0.005


def test_a_camera_that_says_nothing_for_a_while() -> None:
    pictures = [
        (index * TICKS + (900_000 if index >= 300 else 0), START_S + index / FPS + (10 if index >= 300 else 0))
        for index in range(600)
    ]
    times, repairs = run(pictures)
    assert not repairs
    assert times == pytest.approx([arrival for _, arrival in pictures], abs=0.001)


def test_a_camera_that_drops_time() -> None:
    # its clock stood still for 3 s and goes on from where it was
    pictures = [(index * TICKS, START_S + index / FPS + (3 if index >= 300 else 0)) for index in range(900)]
    times, repairs = run(pictures)
    assert_monotonic(times)
    assert repairs == {"late": 1}
    assert times[-1] == pytest.approx(pictures[-1][1], abs=0.005)


@pytest.mark.parametrize("drift", [1e-4, -1e-4, 5e-3, -5e-3])
def test_drift(drift: float) -> None:
    pictures = in_order([(int(timestamp * (1 + drift)), arrival) for timestamp, arrival in steady(9000)])
    times, repairs = run(pictures)
    assert_monotonic(times)
    assert not repairs
    assert_near_arrival(times[-2000:], pictures[-2000:])


def test_variable_frame_rate() -> None:
    chance = random.Random(3)
    truth, pictures = START_S, []
    for _ in range(1500):
        truth += chance.choice([0.033, 0.040, 0.080, 0.2, 1.0])
        pictures.append((round((truth - START_S) * RATE), truth + chance.random() * JITTER_S))
    pictures = in_order(pictures)
    times, repairs = run(pictures)
    assert not repairs
    assert_monotonic(times)
    assert_near_arrival(times, pictures, 0.005)
    own = [later - earlier for (earlier, _), (later, _) in itertools.pairwise(pictures)]
    shown = [later - earlier for earlier, later in itertools.pairwise(times)]
    errors = sorted(abs(a - b / RATE) for a, b in zip(shown, own, strict=True))
    assert p95(errors) < 0.005


def test_reordered_pictures_keep_their_order_of_presentation() -> None:
    # decoding order of a stream with B pictures: I0 P3 B1 B2 P6 B4 B5 ...
    order = [0, *itertools.chain.from_iterable((3 * n + 3, 3 * n + 1, 3 * n + 2) for n in range(100))]
    pictures = [(number * TICKS, START_S + index / FPS) for index, number in enumerate(order)]
    times, repairs = run(pictures)
    assert not repairs
    shown = [number for _, number in sorted(zip(times, order, strict=True))]
    assert shown == sorted(order)


@pytest.mark.parametrize("group", [(2, 1), (4, 2, 1, 3), (8, 4, 2, 1, 3, 6, 5, 7)])
def test_the_first_pictures_of_a_pyramid_keep_their_order_and_spacing(group: tuple[int, ...]) -> None:
    order = [0, *(len(group) * n + number for n in range(40) for number in group)]
    pictures = [(number * TICKS, START_S + index / FPS) for index, number in enumerate(order)]
    times, repairs = run(pictures)
    assert not repairs
    shown = sorted(times)
    assert [number for _, number in sorted(zip(times, order, strict=True))] == sorted(order)
    assert max(later - earlier for earlier, later in itertools.pairwise(shown)) < 1.5 / FPS


def test_a_timestamp_that_stands_still() -> None:
    pictures = [(777, START_S + index / FPS) for index in range(200)]
    times, repairs = run(pictures)
    assert repairs == {"repeat": 199}
    assert times == pytest.approx([arrival for _, arrival in pictures], abs=0.001)


def test_reset_begins_anew_and_goes_on() -> None:
    timeline = Timeline(RATE)
    before, _ = run([(index * TICKS, START_S + index / FPS) for index in range(50)], timeline)
    timeline.reset()
    after, repairs = run([(5_000_000 + index * TICKS, START_S + 3 + index / FPS) for index in range(50)], timeline)
    assert_monotonic(before + after)
    assert after[0] == START_S + 3
    assert not repairs


@pytest.mark.parametrize("clock_rate", [8000, 90_000])
def test_clock_rate(clock_rate: int) -> None:
    timeline = Timeline(clock_rate)
    times = [timeline.presentation_time(index * clock_rate, 10.0 + index) for index in range(20)]
    assert times == [round((10 + index) * RATE) for index in range(20)]


@examples(150)
@given(
    st.lists(st.tuples(st.one_of(st.integers(0, (1 << 32) - 1), st.integers(0, 90_000)), st.floats(0, 2)), max_size=80)
)
def test_any_timestamps(pictures: list[tuple[int, float]]) -> None:
    timeline = Timeline(RATE)
    now, latest = 100.0, None
    for timestamp, wait in pictures:
        now += wait
        time = timeline.presentation_time(timestamp, now)
        if latest is not None:
            assert time >= latest - MAX_STEP_BACK_S * RATE - 1
        latest = time if latest is None else max(latest, time)
        assert time <= (now + MAX_EARLY_S) * RATE + len(pictures) + 1


def counted(
    rate: float, ratio: float, seconds: float, *, jitter_s: float = 0.0, seed: int = 1, begin_s: float = START_S
) -> list[Picture]:
    """Pictures at this rate whose timestamps count `ratio` seconds in a second."""
    chance = random.Random(seed)
    return in_order(
        [
            (1000 + round(index / rate * ratio * RATE), begin_s + index / rate + chance.random() * jitter_s)
            for index in range(round(seconds * rate))
        ]
    )


def wander(times: list[float], pictures: list[Picture]) -> float:
    off = [time - arrival for time, (_, arrival) in zip(times, pictures, strict=True)]
    return max(off) - min(off)


@pytest.mark.parametrize(("rate", "ratio"), [(10.5, 10.5 / 12.5), (21, 21 / 25), (15, 1.1), (8, 0.9), (5, 0.84)])
def test_a_clock_that_counts_other_seconds(rate: float, ratio: float) -> None:
    """open-nvr#229: stamps of 25 a second, 21 pictures; for five minutes, from the first picture on."""
    pictures = counted(rate, ratio, 300)
    timeline = Timeline(RATE)
    times, repairs = run(pictures, timeline)
    assert not repairs
    assert wander(times, pictures) < 0.100
    assert wander(times[round(10 * rate) :], pictures[round(10 * rate) :]) < 0.010
    steps = [later - earlier for earlier, later in itertools.pairwise(times)]
    assert max(steps) < 1.25 / rate
    assert min(steps) > 0
    assert timeline.ratio == pytest.approx(1 / ratio, rel=0.002)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize(
    ("rate", "ratio"), [(10.5, 0.84), (21, 0.84), (25, 0.84), (5, 0.84), (12.5, 0.8), (30, 0.9), (15, 1.1), (8, 1.19)]
)
def test_a_clock_that_counts_other_seconds_behind_network_jitter(rate: float, ratio: float, seed: int) -> None:
    """From the first picture on, while the ratio is not known, and the reverse: 30 pictures where 25 are stamped."""
    pictures = counted(rate, ratio, 40, jitter_s=JITTER_S, seed=seed)
    timeline = Timeline(RATE)
    times, repairs = run(pictures, timeline)
    assert not repairs
    assert_monotonic(times)
    assert wander(times, pictures) < 0.100
    later = round(10 * rate)
    errors = sorted(abs(after - before - 1 / rate) for before, after in itertools.pairwise(times[later:]))
    assert p95(errors) < 0.005
    assert max(after - before for before, after in itertools.pairwise(times)) < 1.5 / rate
    assert timeline.ratio == pytest.approx(1 / ratio, rel=0.005)


@pytest.mark.parametrize("ratio", [1 / 3, 3.0, 0.0889, 1 / 90])
def test_a_clock_of_other_units(ratio: float) -> None:
    """1/30000 that is called 1/90000, the reverse, 8 kHz and milliseconds: settled after a few seconds."""
    pictures = counted(10, ratio, 60)
    times, _ = run(pictures)
    assert_monotonic(times)
    assert wander(times[80:], pictures[80:]) < 0.050
    assert max(later - earlier for earlier, later in itertools.pairwise(times[80:])) < 0.110


@pytest.mark.parametrize("ratio", [1.0, 0.84])
def test_the_spacing_of_a_measured_clock_behind_network_jitter(ratio: float) -> None:
    pictures = counted(25, ratio, 120, jitter_s=JITTER_S)
    times, _ = run(pictures)
    assert p95(spacing_errors(times)) < 0.005
    assert wander(times[250:], pictures[250:]) < JITTER_S + 0.015


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("jitter_s", [0.03, 0.1])
def test_a_true_clock_is_believed_behind_any_network(seed: int, jitter_s: float) -> None:
    timeline = Timeline(RATE)
    run(counted(25, 1.0, 120, jitter_s=jitter_s, seed=seed), timeline)
    assert timeline.ratio == pytest.approx(1.0, abs=0.004)


def test_the_measured_ratio_stays_over_a_reconnection() -> None:
    timeline = Timeline(RATE)
    run(counted(10.5, 0.84, 30), timeline)
    timeline.reset()
    pictures = counted(10.5, 0.84, 30, begin_s=START_S + 100)
    times, _ = run(pictures, timeline)
    assert wander(times, pictures) < 0.005


def test_a_clock_that_is_put_right_is_learned_anew() -> None:
    timeline = Timeline(RATE)
    run(counted(10.5, 0.84, 30), timeline)
    timeline.reset()
    pictures = counted(12.5, 1.0, 60, begin_s=START_S + 100)
    times, _ = run(pictures, timeline)
    assert timeline.ratio == pytest.approx(1.0, abs=0.004)
    assert wander(times[125:], pictures[125:]) < 0.010


def test_jumps_steps_and_restarts_of_a_measured_clock() -> None:
    plain = counted(10.5, 0.84, 90)
    pictures = [
        (timestamp + 9_800 * RATE * (index == 400) + 3600 * RATE * (index >= 600), arrival)
        for index, (timestamp, arrival) in enumerate(plain)
    ]
    timeline = Timeline(RATE)
    times, repairs = run(pictures, timeline)
    assert repairs == {"jump": 2, "step": 1}
    assert_monotonic(times)
    assert wander(times, pictures) < 0.100
    assert timeline.ratio == pytest.approx(1 / 0.84, rel=0.002)


def test_a_restart_goes_on_where_timestamps_do() -> None:
    undisturbed, _ = run(in_order(steady(400)))
    timeline = Timeline(RATE)
    before, _ = run(in_order(steady(400))[:200], timeline)
    timeline.restart()
    after, _ = run(in_order(steady(400))[200:], timeline)
    assert before + after == undisturbed
    timeline.restart()
    time = timeline.presentation_time(5, START_S + 16)
    assert time == round((START_S + 16) * RATE)
    assert not timeline.repairs
