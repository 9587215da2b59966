import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.examples import examples
from transcoder_native import cases
from transcoder_native.kernels.scale import scale_area

SIZE = st.integers(1, 24)


def scaled(src, out_width, out_height):
    out = np.zeros((out_height, out_width), np.uint8)
    scale_area(src, src.shape[1], out, 0, 0, out_width, out_height)
    return out


@pytest.mark.parametrize(
    ("src", "size", "expected"),
    [
        ([[10, 20], [30, 41]], (1, 1), [[25]]),  # 101 / 4 = 25.25
        ([[0, 1]], (1, 1), [[1]]),  # 0.5 goes up
        ([[0, 90, 30]], (2, 1), [[30, 50]]),  # (0 + 45) / 1.5, (45 + 30) / 1.5
        ([[0, 100]], (3, 1), [[0, 50, 100]]),  # the middle one covers a third of each
        ([[7]], (3, 2), [[7, 7, 7], [7, 7, 7]]),
        ([[0], [255]], (1, 4), [[0], [0], [255], [255]]),
    ],
)
def test_by_hand(src, size, expected):
    assert scaled(np.array(src, np.uint8), *size).tolist() == expected


@given(seed=st.integers(0, 2**32), height=SIZE, width=SIZE, out_height=SIZE, out_width=SIZE)
@examples(150)
def test_against_repeated_samples(seed, height, width, out_height, out_width):
    """Each source sample repeated out_height x out_width times; then the mean of tiles of height x width is exact."""
    src = cases.Source(seed, padding=(0, 0)).plane(height, width)
    tiles = np.repeat(np.repeat(src.astype(np.int64), out_height, axis=0), out_width, axis=1)
    total = tiles.reshape(out_height, height, out_width, width).sum(axis=(1, 3))
    expected = np.floor_divide(2 * total + height * width, 2 * height * width)
    np.testing.assert_array_equal(scaled(src, out_width, out_height), expected)


@given(value=st.integers(0, 255), height=SIZE, width=SIZE, out_height=SIZE, out_width=SIZE)
@examples(60)
def test_a_constant_plane_stays(value, height, width, out_height, out_width):
    assert np.all(scaled(np.full((height, width), value, np.uint8), out_width, out_height) == value)


@pytest.mark.parametrize("size", [(1280, 720), (1366, 768), (640, 480), (7, 1), (1921, 1081), (1, 1)])
def test_full_hd_keeps_its_mean_and_extremes(size):
    src = np.random.default_rng(1).integers(0, 256, (1080, 1920), dtype=np.uint8)
    assert abs(float(scaled(src, *size).mean()) - float(src.mean())) < 0.51
    assert np.all(scaled(np.full((1080, 1920), 255, np.uint8), *size) == 255)


def test_a_picture_of_8192_columns():
    """Coprime sizes make the largest numbers; the mean of a ramp is known."""
    src = np.full((4321, 8192), 255, np.uint8)
    assert np.all(scaled(src, 8191, 3) == 255)
    src[:] = np.arange(8192) // 32
    assert scaled(src, 1, 1).tolist() == [[128]]  # 127.5 goes up


def test_letterbox_leaves_the_bars():
    src = np.full((4, 8), 200, np.uint8)
    out = np.full((10, 16), 16, np.uint8)
    scale_area(src, 8, out, 2, 1, 12, 6)
    expected = np.full((10, 16), 16, np.uint8)
    expected[1:7, 2:14] = 200
    np.testing.assert_array_equal(out, expected)
