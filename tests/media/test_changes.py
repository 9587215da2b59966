"""Which macroblocks of a picture changed, and by how much its blocks did."""

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.coded_video import encode
from tests.support.examples import examples
from transcoder.codecs.nal import Codec
from transcoder.media.changes import (
    MIN_CHANGE,
    CollectedChanges,
    DecodedComparison,
    Differences,
    OwnComparison,
    PictureComparison,
    map_shape,
    mark_changes,
)
from transcoder.media.decoded_picture import DecodedPicture
from transcoder.media.decoder import Decoder
from transcoder.media.picture import U8, OwnPicture

SIZE = (100, 60)
"""13 by 8 blocks, 7 by 4 macroblocks, the last of them cut."""


def grey() -> OwnPicture:
    picture = OwnPicture(*SIZE)
    picture.fill((100, 128, 128))
    return picture


def test_the_first_picture_differs_from_nothing() -> None:
    assert PictureComparison(*SIZE).compare(grey()) is None


def looked(comparison: PictureComparison, picture: OwnPicture) -> Differences | None:
    """Compare a picture of which nobody knows what changed."""
    comparison.changes.add(None)
    return comparison.compare(picture)


def changes(differences: Differences) -> list[list[int]]:
    out = np.zeros(differences.shape, np.bool_)
    mark_changes(differences, out)
    return np.argwhere(out).tolist()


def test_differences_are_sums_of_each_block() -> None:
    comparison = PictureComparison(*SIZE)
    picture = grey()
    comparison.compare(picture)
    picture.planes[0][8:16, 16:24] += 5
    picture.planes[0][59, 99] -= 7
    differences = looked(comparison, picture)
    assert differences is not None
    assert differences.shape == (8, 13)
    expected = np.zeros((8, 13))
    expected[1, 2], expected[7, 12] = 5 * 64, 7
    np.testing.assert_array_equal(differences, expected)
    assert changes(differences) == [[1, 2]]


def test_a_picture_is_compared_with_the_one_before_not_with_the_first() -> None:
    comparison = PictureComparison(*SIZE)
    picture = grey()
    comparison.compare(picture)
    picture.planes[0][:8, :8] = 200
    differences = looked(comparison, picture)
    assert differences is not None
    assert changes(differences)
    differences = looked(comparison, picture)
    assert differences is not None
    assert not differences.any()
    assert not changes(differences)


def test_only_what_changed_since_the_last_comparison_is_looked_at() -> None:
    comparison = PictureComparison(*SIZE)
    picture = grey()
    comparison.compare(picture)
    seen = np.zeros(map_shape(*SIZE), np.uint8)
    for row, column in ((0, 0), (3, 6)):
        picture.planes[0][row * 16, column * 16] += 9
        one = seen.copy()
        one[row, column] = 1
        comparison.changes.add(one)
    picture.planes[0][20, 40] += 9  # nobody has said so
    differences = comparison.compare(picture)
    assert differences is not None
    assert np.argwhere(differences).tolist() == [[0, 0], [6, 12]]
    differences = looked(comparison, picture)
    assert differences is not None
    assert np.argwhere(differences).tolist() == [[2, 5]]


def test_what_lies_beside_the_picture_is_no_change() -> None:
    comparison = PictureComparison(*SIZE)
    picture = grey()
    comparison.compare(picture)
    assert picture.planes[0].shape[1] > 100
    picture.planes[0][:, 100:] = 0
    differences = looked(comparison, picture)
    assert differences is not None
    assert not differences.any()


@pytest.mark.parametrize(("noise", "least"), [(0, MIN_CHANGE + 1), (MIN_CHANGE // 4, MIN_CHANGE + 1), (300, 1201)])
def test_a_block_changed_when_it_differs_by_more_than_noise_does(noise: int, least: int) -> None:
    differences = np.full((5, 5), noise, np.uint16)
    differences[2, 3], differences[1, 1] = least, least - 1
    out = np.ones((5, 5), np.bool_)
    mark_changes(differences, out)
    assert np.argwhere(out).tolist() == [[2, 3]]


# -- maps --------------------------------------------------------------------------------------------------------------


def expected_map(one: Sequence[U8], other: Sequence[U8], width: int, height: int) -> np.ndarray:
    """What NumPy says, macroblock by macroblock."""
    out = np.zeros((-(-height // 16), -(-width // 16)), np.uint8)
    for row, column in np.ndindex(*out.shape):
        for index in range(3):
            size, shift = (8, 1) if index else (16, 0)
            rows = slice(row * size, min(row * size + size, height >> shift))
            columns = slice(column * size, min(column * size + size, width >> shift))
            out[row, column] |= (one[index][rows, columns] != other[index][rows, columns]).any()
    return out


def samples(rng: np.random.Generator, width: int, height: int) -> tuple[U8, ...]:
    """Planes with padding, of a decoder's picture of any size."""
    luma = rng.integers(0, 256, (height, width + 13), np.uint8)
    return luma, *(rng.integers(0, 256, (-(-height // 2), -(-width // 2) + 5), np.uint8) for _ in range(2))


def touched(rng: np.random.Generator, planes: Sequence[U8], count: int) -> tuple[U8, ...]:
    """A copy in which so many samples differ, some of them in the padding."""
    other = tuple(plane.copy() for plane in planes)
    for _ in range(count):
        plane = other[rng.integers(3)]
        plane[rng.integers(plane.shape[0]), rng.integers(plane.shape[1])] ^= 1 << rng.integers(8)
    return other


def decoded(planes: tuple[U8, ...], width: int, height: int, **more: object) -> DecodedPicture:
    return DecodedPicture(planes=planes, width=width, height=height, pts=0, **more)  # type: ignore[arg-type]


@given(seed=st.integers(0, 2**32), width=st.integers(2, 80), height=st.integers(2, 50), count=st.integers(0, 5))
@examples(60)
def test_the_map_of_two_decoded_pictures_is_numpys(seed: int, width: int, height: int, count: int) -> None:
    rng = np.random.default_rng(seed)
    before = samples(rng, width, height)
    after = touched(rng, before, count)
    comparison = DecodedComparison()
    assert comparison.compare(decoded(before, width, height)) is None
    found = comparison.compare(decoded(after, width, height))
    np.testing.assert_array_equal(found, expected_map(before, after, width & ~1, height & ~1))


@pytest.mark.parametrize(
    "other",
    [{"bits": 10}, {"chroma": "422"}, {"chroma": "444"}, {"interlaced": True}, {"concealed": True}],
    ids=lambda changed: next(iter(changed)),
)
def test_a_decoded_picture_that_is_not_compared_is_not_compared_with_either(other: dict[str, object]) -> None:
    planes = samples(np.random.default_rng(1), 64, 48)
    comparison = DecodedComparison()
    comparison.compare(decoded(planes, 64, 48))
    assert comparison.compare(decoded(planes, 64, 48, **other)) is None
    assert comparison.compare(decoded(planes, 64, 48)) is None
    found = comparison.compare(decoded(planes, 64, 48))
    assert found is not None
    assert not found.any()


@pytest.mark.parametrize("change", ["size", "range"])
def test_decoded_pictures_of_two_kinds_are_not_compared(change: str) -> None:
    planes = samples(np.random.default_rng(1), 64, 48)
    comparison = DecodedComparison()
    comparison.compare(decoded(planes, 64, 48))
    if change == "size":
        assert comparison.compare(decoded(planes, 48, 48)) is None
    else:
        assert comparison.compare(decoded(planes, 64, 48, full_range=True)) is None


def test_a_decoder_leaves_a_picture_alone_that_is_kept() -> None:
    """Both codecs, with their own buffers: what is kept by reference stays as it was."""
    for codec, name in ((Codec.H264, "H264"), (Codec.H265, "H265")):
        decoder = Decoder(codec)
        comparison = DecodedComparison()
        before: tuple[U8, ...] | None = None
        for index, unit in enumerate(encode(name, (320, 240), 12)):
            for picture in decoder.decode(unit, index * 3600):
                found = comparison.compare(picture)
                planes = tuple(np.array(plane, np.uint8) for plane in picture.planes)
                if before is not None:
                    np.testing.assert_array_equal(found, expected_map(before, planes, 320, 240))
                    assert found is not None
                    assert not found.all()
                before = planes
        assert before is not None


def test_our_own_pictures_are_compared_with_the_one_before() -> None:
    rng = np.random.default_rng(3)
    comparison, picture = OwnComparison(*SIZE), grey()
    assert comparison.compare(picture).all()
    assert not comparison.compare(picture).any()
    for _ in range(20):
        before = [plane.copy() for plane in picture.planes]
        for plane, changed in zip(picture.planes, touched(rng, picture.planes, 3), strict=True):
            plane[:] = changed
        np.testing.assert_array_equal(comparison.compare(picture), expected_map(before, picture.planes, *SIZE))


def test_changes_are_collected_until_somebody_looks() -> None:
    collected = CollectedChanges(*SIZE)
    assert collected.map.all()
    collected.clear()
    for row, column in ((0, 1), (3, 6)):
        one = np.zeros(map_shape(*SIZE), np.uint8)
        one[row, column] = 1
        collected.add(one)
    assert np.argwhere(collected.map).tolist() == [[0, 1], [3, 6]]
    collected.clear()
    assert not collected.map.any()
    collected.add(None)
    assert collected.map.all()
    collected.clear()
    collected.add(np.zeros((1, 1), np.uint8))  # of another size: it says nothing
    assert collected.map.all()
