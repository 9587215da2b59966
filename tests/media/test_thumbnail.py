"""Pictures that are scaled down for a wall."""

import numpy as np
import pytest

from transcoder.media.picture import OwnPicture
from transcoder.media.thumbnail import scaled_down, thumbnail_size, version_of


def noisy(width: int, height: int) -> OwnPicture:
    picture, random = OwnPicture(width, height), np.random.default_rng(1)
    for plane in picture.planes:
        plane[:] = random.integers(16, 236, plane.shape)
    return picture


@pytest.mark.parametrize(
    ("size", "width", "found"),
    [
        ((1920, 1080), 320, (320, 180)),
        ((704, 576), 320, (320, 262)),
        ((1080, 1920), 320, (320, 568)),  # 568.9
        ((640, 360), 333, (332, 188)),
        ((640, 360), 640, (640, 360)),
        ((640, 360), 1920, (640, 360)),
        ((3840, 16), 16, (16, 2)),
        ((64, 3840), 17, (16, 1020)),
    ],
)
def test_the_size_keeps_the_shape_and_is_even(size: tuple[int, int], width: int, found: tuple[int, int]) -> None:
    assert thumbnail_size(size, width) == found


def test_a_sample_is_the_mean_of_those_that_it_covers() -> None:
    picture = noisy(640, 360)
    small = scaled_down(picture, 160)
    assert (small.width, small.height) == (160, 90)
    for index, (plane, out) in enumerate(zip(picture.planes, small.planes, strict=True)):
        width, height = small.width >> int(index > 0), small.height >> int(index > 0)
        blocks = plane[:, : width * 4].reshape(height, 4, width, 4).astype(float)
        means = np.floor(blocks.mean(axis=(1, 3)) + 0.5)
        assert np.array_equal(out[:, :width], means)


def test_a_picture_that_is_small_already_stays_the_same() -> None:
    picture = noisy(64, 48)
    assert scaled_down(picture, 64) is picture


def test_a_version_is_of_the_samples_and_not_of_what_lies_behind_them() -> None:
    picture, other = noisy(36, 20), noisy(36, 20)
    assert picture.planes[0].shape[1] > 36
    other.planes[0][:, 36:] = 0
    assert version_of(picture) == version_of(other) > 0
    for plane in other.planes:
        before = plane[0, 0]
        plane[0, 0] = before + 1
        assert version_of(picture) != version_of(other)
        plane[0, 0] = before
