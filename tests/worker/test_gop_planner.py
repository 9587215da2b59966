"""Where IDRs are planned: cameras as transcripts of times and flags; expected places are counted by hand."""

import random
from collections.abc import Collection, Sequence
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.examples import examples
from transcoder.worker.gop_planner import KEY_CHANGED, LONGEST_S, SHORTEST_S, GopPlanner

HZ = 90_000
FPS = 25


def idrs(
    keys: Collection[int],
    count: int,
    *,
    gop_s: float = 1.0,
    fps: float = FPS,
    times: Sequence[int] | None = None,
    encoded: Collection[int] | None = None,
    changed: Sequence[float] | None = None,
    served_fps: float | None = None,
) -> list[int]:
    """The pictures that become planned IDRs, by their numbers.

    Args:
        keys: numbers of the pictures that are the camera's random access points.
        count: number of pictures.
        gop_s: as configured.
        fps: the camera's pictures a second.
        times: the pictures' times where they are not even.
        encoded: numbers of the pictures that are encoded; None: all.
        changed: the changed share of each picture.
        served_fps: the output's pictures a second, if they are not the camera's.
    """
    planner = GopPlanner(gop_s)
    found = []
    for index in range(count):
        pts = times[index] if times is not None else round(index * HZ / fps)
        planner.observe(pts, random_access=index in keys, changed=changed[index] if changed else None)
        if encoded is not None and index not in encoded:
            continue
        if planner.is_due(pts, HZ / (served_fps or fps)):
            found.append(index)
            planner.note_idr(pts)
    return found


def every(gop: int, count: int) -> set[int]:
    return set(range(0, count, gop))


# -- cameras as they are set up ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("gop", "expected"),
    [
        (12, [0, 24, 48, 72, 96, 120, 144, 168, 192]),  # 0.48 s: every second
        (15, [0, 15, 30, 45, 60, 75, 90, 105, 120, 135, 150, 165, 180, 195]),
        (25, [0, 25, 50, 75, 100, 125, 150, 175]),
        # 1.2 s: unknown up to the third key at 60, which is too near to the IDR at 50; then half way, then on keys
        (30, [0, 25, 50, 70, 90, 120, 150, 180]),
        (50, [0, 25, 50, 75, 100, 125, 150, 175]),
        (100, [0, 25, 50, 75, 100, 125, 150, 175]),
        (150, [0, 25, 50, 75, 100, 125, 150, 175]),
        (1, [0, 25, 50, 75, 100, 125, 150, 175]),  # only I pictures: the own grid
        (5, [0, 25, 50, 75, 100, 125, 150, 175]),  # 0.2 s: the key that is nearest to 1 s
        (7, [0, 28, 56, 84, 112, 140, 168, 196]),
    ],
)
def test_cameras_at_25_pictures_a_second(gop: int, expected: list[int]) -> None:
    assert idrs(every(gop, 200), 200) == expected


@pytest.mark.parametrize(
    ("gop_s", "gop", "steps"),
    [
        (1.0, 30, [30]),
        (1.0, 37, [37]),  # 1.48 s is waited for
        (1.0, 38, [38]),  # 1.52 s is 1.5 s, as near as pictures go
        (1.0, 39, [19, 20]),  # 1.56 s is divided
        (1.2, 47, [23, 24]),  # and so is 1.88 s, over one and a half times 1.2 s and a picture
        (1.0, 60, [30, 30]),  # 2.4 s: the third would be due 0.4 s before the key
        (1.0, 70, [23, 24, 23]),
        (1.0, 110, [27, 28, 28, 27]),
        (1.0, 125, [25, 25, 25, 25, 25]),
        (2.0, 50, [50]),
        (2.0, 60, [30, 30]),  # never over 2 s
        (2.0, 100, [50, 50]),
        (2.0, 150, [50, 50, 50]),
        (0.5, 20, [20]),  # 0.8 s: two parts would be too short
        (4.0, 50, [50]),  # longer than 2 s because it is wanted; a key of half that age is taken
        (4.0, 100, [100]),
        (10.0, 100, [200]),
    ],
)
def test_the_time_between_two_keys_is_divided_evenly(gop_s: float, gop: int, steps: list[int]) -> None:
    count = 8 * gop * max(1, sum(steps) // gop)
    found = idrs(every(gop, count), count, gop_s=gop_s)
    period = sum(steps)
    late = [index - 5 * period for index in found if 5 * period <= index <= 6 * period]
    assert late[0] == 0
    made = [later - earlier for earlier, later in pairwise(late)]
    assert sorted(made) == sorted(steps)


def test_a_camera_without_any_key_has_the_own_grid() -> None:
    assert idrs({0}, 130) == [0, 25, 50, 75, 100, 125]


def test_a_camera_at_15_pictures_a_second_that_dates_by_milliseconds() -> None:
    times = [round(index * 1000 / 15) * 90 for index in range(200)]
    assert idrs(every(30, 200), 200, fps=15, times=times) == [
        0,
        15,
        30,
        45,
        60,
        75,
        90,
        105,
        120,
        135,
        150,
        165,
        180,
        195,
    ]
    assert idrs(every(20, 200), 200, fps=15, times=times)[-4:] == [120, 140, 160, 180]


@pytest.mark.parametrize(("gop", "most"), [(30, 1), (36, 1), (37, 2), (50, 2), (100, 4)])
@pytest.mark.parametrize("seed", range(3))
def test_jitter_of_times_and_of_the_interval(gop: int, most: int, seed: int) -> None:
    """Times are 15 ms off, and a key may be a picture late: every key becomes an IDR all the same."""
    rng = random.Random(seed)
    count = 10 * gop
    times = [index * 3600 + rng.randint(-1350, 1350) for index in range(count)]
    keys = {0} | {number * gop + rng.randint(0, 1) for number in range(1, 10)}
    found = idrs(keys, count, times=times)
    assert {key for key in keys if key >= 4 * gop} <= set(found)
    assert len([index for index in found if index >= 4 * gop]) <= 6 * most


@pytest.mark.parametrize("gop", [30, 37, 50, 100])
def test_a_lost_key_costs_its_own_place_alone(gop: int) -> None:
    count = 10 * gop
    keys = every(gop, count) - {5 * gop}
    found = idrs(keys, count)
    whole = idrs(every(gop, count), count)
    assert [index for index in found if index < 5 * gop] == [index for index in whole if index < 5 * gop]
    assert [index for index in found if index >= 7 * gop] == [index for index in whole if index >= 7 * gop]
    assert max(later - earlier for earlier, later in pairwise(found)) <= LONGEST_S * FPS


def test_a_camera_that_goes_away_is_not_waited_for() -> None:
    keys = {index for index in every(30, 400) if index <= 180}
    found = idrs(keys, 400)
    assert [later - earlier for earlier, later in pairwise(found)][-4:] == [25] * 4


def test_another_interval_is_learned() -> None:
    keys = {0, 30, 60, 90, 120, 150, 200, 250, 300, 350, 400}
    assert idrs(keys, 410)[-5:] == [300, 325, 350, 375, 400]


def test_a_camera_of_one_and_a_half_seconds_whose_times_jitter_is_waited_for() -> None:
    """RTP times of a camera at 25 pictures a second, as read by a clock that is some parts in a million off."""
    times = [round(index * 3600.3) + index % 3 for index in range(400)]
    assert idrs(every(38, 400), 400, times=times)[-6:] == [190, 228, 266, 304, 342, 380]


@pytest.mark.parametrize("phase", range(0, 50, 3))
@pytest.mark.parametrize("gop", [12, 30, 100])
def test_pictures_of_before_the_first_that_is_shown_tell_the_interval(gop: int, phase: int) -> None:
    """A new worker is shown the group of pictures, which it only decodes."""
    count, shown = 6 * gop + 60, 3 * gop + phase
    found = idrs(every(gop, count), count, encoded=range(shown, count))
    assert found[0] == shown
    assert {key for key in every(gop, count) if key >= shown + 25 and gop > 25} <= set(found)


# -- pictures that are not encoded -------------------------------------------------------------------------------------


def test_the_picture_that_stands_for_a_capped_key_inherits_it() -> None:
    """10 of 25 pictures a second: 0, 3, 5, 8, 10, ...; keys at 31, 62, ... are seldom among them."""
    encoded = sorted({-(-number * 5 // 2) for number in range(200)})
    keys = every(31, 400)
    found = idrs(keys, 400, encoded=encoded, served_fps=10)
    standing = {min(index for index in encoded if index >= key) for key in keys if 124 <= key < 390}
    assert standing == {index for index in found if index >= 124}


def test_the_picture_that_stands_for_a_shed_key_inherits_it() -> None:
    encoded = range(0, 400, 8)
    found = idrs(every(30, 400), 400, encoded=encoded)
    # 150 -> 152, 180 -> 184, 210 -> 216, 240 is a multiple of 8
    assert found[-9:] == [152, 184, 216, 240, 272, 304, 336, 360, 392]


def test_a_key_that_came_too_early_is_not_inherited() -> None:
    # 0.4 s after an IDR of the own grid; the next picture is older than half a second
    assert idrs({0, 35}, 70, encoded={*range(36), *range(40, 70)}) == [0, 25, 50]


# -- smart codecs ------------------------------------------------------------------------------------------------------


def quiet(count: int, keys: Collection[int], level: float = 0.05) -> list[float]:
    return [0.9 if index in keys else level for index in range(count)]


@pytest.mark.parametrize("gop", [30, 100])
def test_a_refresh_that_is_not_marked_counts_as_a_key(gop: int) -> None:
    count = 8 * gop
    assert idrs({0}, count, changed=quiet(count, every(gop, count))) == idrs(every(gop, count), count)


def test_a_share_that_is_no_keys() -> None:
    assert KEY_CHANGED > 0.61  # the most that was seen elsewhere
    assert idrs({0}, 130, changed=quiet(130, {31, 62, 93}, level=0.61)) != idrs({0}, 130)
    assert idrs({0}, 130, changed=[0.69] * 130) == idrs({0}, 130)


def test_pictures_that_always_change_are_no_keys() -> None:
    """A camera that codes its noise: 88 % in all pictures. The first second may be misjudged."""
    found = idrs({0}, 300, changed=[0.88] * 300)
    assert {later - earlier for earlier, later in pairwise(found[1:])} == {25}
    marked = idrs(every(30, 300), 300, changed=[0.88] * 300)
    assert marked[-4:] == [180, 210, 240, 270]


def test_a_light_switch_is_a_good_place_and_does_not_unlearn_the_keys() -> None:
    changed = quiet(600, {*every(50, 600), 290, 291, 292})
    found = idrs(every(50, 600), 600, changed=changed)
    assert 290 in found
    assert found[found.index(290) :] == [290, 320, 350, 375, 400, 425, 450, 475, 500, 525, 550, 575]


# -- what always holds -------------------------------------------------------------------------------------------------


@examples(100)
@given(
    fps=st.sampled_from([5.0, 10.0, 12.5, 15.0, 20.0, 24.0, 25.0, 30.0]),
    gop_s=st.sampled_from([0.2, 0.5, 0.8, 1.0, 1.5, 2.0, 4.0, 10.0]),
    gaps=st.lists(st.integers(1, 160), min_size=1, max_size=12),
    repeats=st.integers(1, 6),
    shed=st.sets(st.integers(1, 400), max_size=60),
    changed=st.sampled_from([0.0, 0.5, 0.75, 1.0]),
)
def test_never_too_close_and_never_too_far(
    fps: float, gop_s: float, gaps: list[int], repeats: int, shed: set[int], changed: float
) -> None:
    keys = {0}
    for gap in gaps * repeats:
        keys.add(max(keys) + gap)
    encoded = [index for index in range(600) if index not in shed]
    found = idrs(keys, 600, gop_s=gop_s, fps=fps, encoded=encoded, changed=[changed] * 600)
    picture_s = 1 / fps
    unseen = max(later - earlier for earlier, later in pairwise(encoded)) * picture_s
    steps_s = [(later - earlier) * picture_s for earlier, later in pairwise([*found, 600])]
    assert found[0] == 0
    assert max(steps_s) <= max(LONGEST_S, gop_s) + max(picture_s / 2, unseen)
    assert min(steps_s[:-1], default=9.0) >= min(SHORTEST_S, gop_s - picture_s / 2) - 1e-4
    if gop_s >= SHORTEST_S + picture_s / 2:
        assert min(steps_s[:-1], default=9.0) >= SHORTEST_S - 1e-4


@examples(100)
@given(
    fps=st.sampled_from([10.0, 15.0, 20.0, 25.0, 30.0]),
    gop_s=st.sampled_from([0.6, 0.8, 1.0, 1.5, 2.0, 4.0]),
    gop=st.integers(1, 200),
)
def test_a_steady_camera_is_followed_and_its_gaps_are_divided_evenly(fps: float, gop_s: float, gop: int) -> None:
    count = gop * (6 + -(-round(6 * gop_s * fps) // gop))
    found = idrs(every(gop, count), count, gop_s=gop_s, fps=fps)
    late = [index for index in found if index >= count // 2]
    if gop / fps < max(gop_s / 2, SHORTEST_S):
        assert {index % gop for index in late} == {0}
        step = late[1] - late[0]
        nearest = abs(step - gop_s * fps) <= gop / 2 + 1
        longest = max(LONGEST_S, gop_s) * fps
        # the nearest would be under half a second, or over 2 s
        assert nearest or step - gop < SHORTEST_S * fps or step <= longest < step + gop
        return
    keys = {key for key in every(gop, count) if key >= count // 2}
    assert keys <= set(late)
    between = [later - earlier for earlier, later in pairwise(index for index in late if index >= min(keys))]
    assert max(between) - min(between) <= 1
