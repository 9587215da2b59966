"""What a gateway says of the pictures that it served, as its API tells it, and as something else may."""

from typing import Any, Final

import pytest

from transcoder.verify.codec import Codec
from transcoder.verify.inspector import Inspector, Verdict
from transcoder.verify.origin import Origin, read_origin
from transcoder.verify.repetition import Shown

TOLD: Final[dict[str, Any]] = {
    "now": "2026-11-29T07:00:30.000Z",
    "since": "2026-11-29T07:00:00.000Z",
    "camera_s": 14.0,
    "slate_s": 16.0,
    "spans": [
        {"begin": "2026-11-29T07:00:00.000Z", "end": "2026-11-29T07:00:14.000Z", "shows": "camera", "pictures": 140},
        {"begin": "2026-11-29T07:00:14.000Z", "end": "2026-11-29T07:00:30.000Z", "shows": "slate", "pictures": 16},
    ],
}


@pytest.mark.parametrize(
    ("ago_s", "read_s", "camera_s", "slate_s", "pictures"),
    [(30, 30, 14, 16, 156), (20, 10, 4, 6, 46), (12, 10, 0, 10, 10), (30, 10, 10, 0, 100)],
)
def test_the_time_of_the_reading_alone_counts(
    ago_s: float, read_s: float, camera_s: float, slate_s: float, pictures: float
) -> None:
    """Whatever the clock of the reader says: the times are told from the moment of the answer."""
    origin = read_origin(TOLD, ago_s=ago_s, read_s=read_s)
    assert origin is not None
    found = (origin.camera_s, origin.slate_s, origin.pictures)
    assert found == pytest.approx((camera_s, slate_s, pictures))
    assert origin.is_slate is (camera_s == 0)


def test_the_last_picture_before_an_outage_is_no_camera() -> None:
    """It counts for 1.2 s, of which the reading saw some."""
    origin = read_origin(TOLD, ago_s=17, read_s=17)
    assert origin is not None
    assert (origin.camera_s, origin.is_slate) == (1.0, True)
    short = read_origin(TOLD, ago_s=30, read_s=1)
    assert short is not None
    assert not short.is_slate


@pytest.mark.parametrize(
    "told",
    [
        None,
        [],
        {},
        {"spans": 5},
        TOLD | {"now": None},
        TOLD | {"now": "yesterday"},
        TOLD | {"now": float("nan")},
        TOLD | {"since": "2026-11-29T07:00:20.000Z"},
        TOLD | {"spans": [5]},
        TOLD | {"spans": [{"begin": 1, "end": 2}]},
        TOLD | {"spans": [TOLD["spans"][0] | {"shows": "a cat"}]},
        TOLD | {"spans": [TOLD["spans"][0] | {"pictures": "many"}]},
    ],
)
def test_something_else_is_no_word(told: Any) -> None:
    assert read_origin(told, ago_s=30, read_s=30) is None


def inspected(steps: int, count: int, origin: Origin | None, *, read_s: float = 10.0) -> Inspector:
    """What an inspector says of one IDR picture over and over, with so many ticks between them."""
    inspector = Inspector([])
    media = inspector.add_media("video", codec=Codec.H264, declared=(96,))
    media.frame_rate = 1.0
    for number in range(count):
        unit = b"\x65\x88\x84" + bytes(range(1, 200))
        head = bytes((0x80, 0xE0)) + number.to_bytes(2) + (number * steps).to_bytes(4) + b"\x01\x02\x03\x04"
        media.rtp(head + unit, number * steps / 90_000)
    inspector.finish(read_s, origin)
    return inspector


def origin(camera_s: float, slate_s: float, pictures: float, read_s: float = 10.0) -> Origin:
    return Origin(read_s=read_s, camera_s=camera_s, slate_s=slate_s, pictures=pictures)


def test_a_camera_of_one_still_picture_a_second_is_judged_where_the_gateway_says_so() -> None:
    alone = inspected(90_000, 10, None)
    assert (alone.shown, alone.verdict) == (Shown.EITHER, Verdict.NOTHING_TO_JUDGE)
    told = inspected(90_000, 10, origin(10, 0, 10))
    assert (told.shown, told.verdict, told.slate_s) == (Shown.CAMERA, Verdict.CLEAN, 0)


def test_a_slate_is_none_of_the_camera_whatever_it_looks_like() -> None:
    told = inspected(9_000, 100, origin(0, 10, 10))
    assert (told.shown, told.verdict) == (Shown.SLATE, Verdict.NOTHING_TO_JUDGE)


def test_a_share_is_the_gateway_s() -> None:
    told = inspected(9_000, 100, origin(6, 4, 100))
    assert (told.verdict, told.slate_s) == (Verdict.CLEAN, 4)


def test_the_api_of_another_gateway_is_not_believed() -> None:
    """It tells of 250 pictures of a camera, and ten were read."""
    told = inspected(90_000, 10, origin(10, 0, 250))
    assert (told.verdict, told.origin) == (Verdict.NOTHING_TO_JUDGE, None)
    assert "the API tells of 250 pictures: of another stream or gateway?" in told.notes
