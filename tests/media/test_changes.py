"""Which blocks of a picture changed."""

import numpy as np
import pytest

from transcoder.media.changes import MIN_CHANGE, PictureComparison, mark_changes
from transcoder.media.picture import OwnPicture

SIZE = (100, 60)
"""13 by 8 blocks, the last of them cut."""


def grey() -> OwnPicture:
    picture = OwnPicture(*SIZE)
    picture.fill((100, 128, 128))
    return picture


def test_the_first_picture_differs_from_nothing() -> None:
    assert PictureComparison(*SIZE).compare(grey()) is None


def test_differences_are_sums_of_each_block() -> None:
    comparison = PictureComparison(*SIZE)
    picture = grey()
    comparison.compare(picture)
    picture.planes[0][8:16, 16:24] += 5
    picture.planes[0][59, 99] -= 7
    differences = comparison.compare(picture)
    assert differences is not None
    assert differences.shape == (8, 13)
    expected = np.zeros((8, 13))
    expected[1, 2], expected[7, 12] = 5 * 64, 7
    np.testing.assert_array_equal(differences, expected)
    assert np.argwhere(comparison.changed()).tolist() == [[1, 2]]


def test_a_picture_is_compared_with_the_one_before_not_with_the_first() -> None:
    comparison = PictureComparison(*SIZE)
    picture = grey()
    comparison.compare(picture)
    picture.planes[0][:8, :8] = 200
    comparison.compare(picture)
    assert comparison.changed().any()
    differences = comparison.compare(picture)
    assert differences is not None
    assert not differences.any()
    assert not comparison.changed().any()


def test_what_lies_beside_the_picture_is_no_change() -> None:
    comparison = PictureComparison(*SIZE)
    picture = grey()
    comparison.compare(picture)
    assert picture.planes[0].shape[1] > 100
    picture.planes[0][:, 100:] = 0
    differences = comparison.compare(picture)
    assert differences is not None
    assert not differences.any()


@pytest.mark.parametrize(("noise", "least"), [(0, MIN_CHANGE + 1), (MIN_CHANGE // 4, MIN_CHANGE + 1), (300, 1201)])
def test_a_block_changed_when_it_differs_by_more_than_noise_does(noise: int, least: int) -> None:
    differences = np.full((5, 5), noise, np.uint16)
    differences[2, 3], differences[1, 1] = least, least - 1
    out = np.ones((5, 5), np.bool_)
    mark_changes(differences, out)
    assert np.argwhere(out).tolist() == [[2, 3]]
