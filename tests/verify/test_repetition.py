"""A slate is known by its time and its bytes. The units were recorded from what was served while a camera was away."""

import random

import pytest

from transcoder.verify.repetition import Repetition, Shown

SECOND = 90_000
MACROBLOCKS = 80 * 45


def idr(seed: int, *, number: int = 0, size: int = 206) -> bytes:
    """An IDR slice whose header differs from picture to picture, as idr_pic_id makes it (H.264 7.4.3)."""
    head = bytes.fromhex("65888408fff7f5fa" if number % 2 else "658882023ff7f5fa")
    body = random.Random(seed).randbytes(size - 10)
    return head + body + bytes((0x10 + number % 2, 0x80))


EMPTY = bytes.fromhex("419a2213fffa5800") + bytes(20) + bytes.fromhex("000003005541")
"""A P slice of 3,600 skipped macroblocks, 34 bytes as recorded."""


def judge(
    units: list[tuple[bytes, bool]],
    *,
    step: float = 1.0,
    read_s: float | None = 10.0,
    announced: float | None = None,
) -> bool:
    repetition = Repetition()
    for number, (unit, is_idr) in enumerate(units):
        at = int(number * step * SECOND)
        repetition.note(unit, at, is_random_access=is_idr, macroblocks=MACROBLOCKS)
    return repetition.is_slate(SECOND, read_s, announced)


def test_one_idr_over_and_over() -> None:
    assert judge([(idr(1, number=number), True) for number in range(10)])


def test_one_idr_and_empty_pictures() -> None:
    assert judge([(idr(1), True), *[(EMPTY, False)] * 4, (idr(2), True), *[(EMPTY, False)] * 3])


def test_pictures_that_refine_the_first_one() -> None:
    assert judge([(idr(1), True), (bytes(500), False), (bytes(300), False), *[(EMPTY, False)] * 7])


# sizes of what was served at 300 kbit/s after a camera of 8 noisy pictures a second had gone: no byte is the same
REFINED = [(5552, 1), (449, 0), (513, 0), (1213, 0), (11522, 1), (2628, 0), (5329, 0)]


@pytest.mark.parametrize(("announced", "expected"), [(8.0, True), (2.0, True), (1.0, False), (None, False)])
def test_an_encoder_with_few_bits_refines_a_slate_all_the_time(announced: float | None, expected: bool) -> None:
    """At a picture a second, although eight are announced; a stream that announces one may be a camera's."""
    units = [(idr(number, size=size), bool(is_idr)) for number, (size, is_idr) in enumerate(REFINED)]
    assert judge(units, announced=announced) is expected
    assert not judge(units, step=0.125, announced=announced)


def test_other_pictures_a_second_are_no_slate() -> None:
    assert not judge([(idr(number), True) for number in range(10)])
    assert not judge([(idr(1), True), *[(bytes(2000), False)] * 9])


def test_a_still_scene_at_a_camera_s_rate_is_no_slate() -> None:
    assert not judge([(idr(1), True), *[(EMPTY, False)] * 9], step=0.2)


@pytest.mark.parametrize(("read_s", "expected"), [(0.5, False), (4.0, True), (None, False)])
def test_a_single_picture(read_s: float | None, expected: bool) -> None:
    assert judge([(idr(1), True)], read_s=read_s) is expected


def test_no_picture() -> None:
    assert not judge([])


def test_pictures_as_small_as_their_header() -> None:
    assert judge([(b"\x65\x88\x80", True)] * 5)


# -- what can be told, and what can't ----------------------------------------------------------------------------------

SLATE_H265 = bytes.fromhex("2801ac2380e9b0ff68ef9831cf3f4d81b582") + b"\x00\x00\x03" * 67
SLATE_H265 += bytes.fromhex("00280640") + b"\x00\x00\x03" * 5 + bytes.fromhex("00001dd0")
"""An IDR_N_LP slice of the grey slate, H.265, 1280x720, as served."""


def noted(steps: list[float], *, is_still: bool = True) -> Repetition:
    """Pictures with these seconds between them, all of them alike or all different."""
    repetition, at = Repetition(), 0.0
    for number, step in enumerate([0.0, *steps]):
        at += step
        unit = idr(1 if is_still else number, number=number)
        repetition.note(unit, round(at * SECOND), is_random_access=True, macroblocks=MACROBLOCKS)
    return repetition


def test_a_slate_in_h265() -> None:
    repetition = Repetition()
    for number in range(5):
        repetition.note(SLATE_H265, number * SECOND, is_random_access=True, macroblocks=MACROBLOCKS)
    assert repetition.shown(SECOND, 5.0, 25.0) is Shown.SLATE
    assert repetition.shown_without_times() is Shown.STILL


@pytest.mark.parametrize(
    ("announced", "expected"), [(25.0, Shown.SLATE), (None, Shown.SLATE), (1.0, Shown.EITHER), (1.5, Shown.EITHER)]
)
def test_a_camera_may_send_one_still_picture_a_second(announced: float | None, expected: Shown) -> None:
    assert noted([1.0] * 9).shown(SECOND, 10.0, announced) is expected


@pytest.mark.parametrize("count", [0, 1, 4])
def test_few_pictures_without_times_say_nothing(count: int) -> None:
    repetition = Repetition()
    for _ in range(count):
        repetition.note(idr(1), None, is_random_access=True, macroblocks=MACROBLOCKS)
    assert repetition.shown_without_times() is Shown.CAMERA


def test_changing_pictures_without_times() -> None:
    repetition = Repetition()
    for number in range(20):
        repetition.note(idr(number), None, is_random_access=True, macroblocks=MACROBLOCKS)
    assert repetition.shown_without_times() is Shown.CAMERA


FAST, SLOW = [0.1] * 20, [1.2, *[1.0] * 8]


@pytest.mark.parametrize("is_still", [True, False])
@pytest.mark.parametrize(
    ("steps", "slate_s"),
    [
        (FAST + SLOW, 9.2),
        (SLOW + FAST, 9.2),
        (FAST + SLOW + FAST + SLOW, 18.4),
        (FAST + SLOW * 10, 92.0),
        (FAST, 0.0),
        ([*FAST, 1.5, *FAST], 0.0),  # one picture late is a loss
        ([*FAST, 8.0, 8.0, *FAST], 0.0),  # nothing was served
    ],
    ids=["goes", "comes", "goes twice", "hardly there", "stays", "a loss", "pauses"],
)
def test_a_slate_among_pictures_of_a_camera(steps: list[float], slate_s: float, *, is_still: bool) -> None:
    repetition = noted(steps, is_still=is_still)
    assert repetition.shown(SECOND, None, 10.0) is Shown.CAMERA
    assert repetition.slate_s(SECOND, 10.0) == pytest.approx(slate_s)


def test_readers_that_come_have_idr_pictures_made_of_a_slate() -> None:
    """They are half a second apart at least, so that the pictures are no camera's."""
    steps = [1.0, 0.5, 0.5, 0.5, 0.5, 0.5, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 0.4, 1.0]
    assert noted(steps).shown(SECOND, 15.0, 25.0) is Shown.SLATE


@pytest.mark.parametrize(
    ("count", "expected"), [(32, Shown.SLATE), (20, Shown.CAMERA), (40, Shown.CAMERA), (100, Shown.CAMERA)]
)
def test_the_burst_with_which_a_slate_begins_is_no_camera_s(count: int, expected: Shown) -> None:
    assert noted([0.04] * count + [1.0] * 8).shown(SECOND, 10.0, 25.0) is expected


def test_a_burst_that_nothing_follows_may_be_a_camera_s() -> None:
    assert noted([0.04] * 32).shown(SECOND, 1.0, 25.0) is Shown.CAMERA


def joined(parts: list[tuple[float, int, bool]]) -> Repetition:
    """Return pictures in parts: the seconds before each picture, the number of pictures, and whether they differ."""
    repetition, at, number = Repetition(), 0.0, 0
    for step, count, is_changing in parts:
        for _ in range(count):
            at, number = at + step, number + 1
            unit = idr(number if is_changing else 0, number=number)
            repetition.note(unit, round(at * SECOND), is_random_access=True, macroblocks=MACROBLOCKS)
    return repetition


CUT = (0.125, 3, True)
"""A burst that the camera's next picture ended, as recorded: each of its pictures refined the last one."""


@pytest.mark.parametrize(
    "parts",
    [
        [(1.0, 1, False), CUT, (1.0, 5, False)],
        [(1.0, 3, False), CUT, (1.0, 3, False)],
        [(1.0, 2, False), CUT, (1.0, 2, False), CUT, (1.0, 2, False)],
        [(1.0, 1, False), (0.125, 8, True), (1.0, 5, False)],
        [(1.0, 1, False), (0.125, 8, True), (0.125, 24, False), (1.0, 3, False)],
    ],
    ids=["at first", "in between", "twice", "of a late camera", "of a camera that is away"],
)
def test_a_reader_that_joins_a_still_camera_of_a_picture_a_second_makes_it_no_other_one(
    parts: list[tuple[float, int, bool]],
) -> None:
    assert joined(parts).shown(SECOND, 6.0, 1.0) is Shown.EITHER


@pytest.mark.parametrize(
    ("parts", "slate_s"),
    [
        ([(1.0, 1, False), (0.125, 8, True), (1.0, 5, True)], 0.0),
        ([(1.0, 3, False), (0.04, 100, False), (1.0, 3, False)], 5.0),
        ([(1.0, 1, False), (0.125, 8, True)], 0.0),
    ],
    ids=["whose pictures differ", "that becomes faster", "that was never so slow"],
)
def test_a_camera_that_announces_a_picture_a_second_stays_one(
    parts: list[tuple[float, int, bool]], slate_s: float
) -> None:
    repetition = joined(parts)
    assert repetition.shown(SECOND, 6.0, 1.0) is Shown.CAMERA
    assert repetition.slate_s(SECOND, 1.0) == slate_s
