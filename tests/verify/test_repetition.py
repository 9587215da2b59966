"""A slate is known by its time and its bytes. The units were recorded from what was served while a camera was away."""

import random

import pytest

from transcoder.verify.repetition import Repetition

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
