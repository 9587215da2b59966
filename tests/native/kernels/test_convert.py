import numpy as np
import pytest

from transcoder_native.kernels.convert import deinterlace_linear, halve_both, halve_rows, narrow_to_8


def test_halve_rows():
    src = np.array([[0, 10], [1, 13], [255, 254], [255, 255], [9, 8]], np.uint8)
    out = np.zeros((3, 2), np.uint8)
    halve_rows(src, 2, out)
    assert out.tolist() == [[1, 12], [255, 255], [9, 8]]


def test_halve_both():
    src = np.array([[0, 1, 5], [0, 0, 6], [255, 254, 1]], np.uint8)
    out = np.zeros((2, 2), np.uint8)
    halve_both(src, 3, out)
    assert out.tolist() == [[0, 6], [255, 1]]  # 0.25; 5.5 up; 254.5 up; the corner itself


@pytest.mark.parametrize(
    ("shift", "values"),
    [
        (2, {0: 0, 1: 0, 2: 1, 5: 1, 6: 2, 1017: 254, 1018: 255, 1023: 255, 65535: 255}),
        (4, {0: 0, 7: 0, 8: 1, 4071: 254, 4072: 255, 4095: 255}),
        (0, {0: 0, 255: 255, 256: 255}),
        (8, {127: 0, 128: 1, 65535: 255}),
    ],
)
def test_narrow(shift, values):
    out = np.zeros((1, len(values)), np.uint8)
    narrow_to_8(np.array([list(values)], np.uint16), len(values), shift, out)
    assert out.tolist() == [list(values.values())]


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ([10, 99, 13], [10, 12, 13]),
        ([10, 99, 13, 77], [10, 12, 13, 13]),
        ([255, 0, 255, 0, 254], [255, 255, 255, 255, 254]),
        ([5], [5]),
        ([5, 200], [5, 5]),
    ],
)
@pytest.mark.parametrize("in_place", [True, False])
def test_deinterlace(rows, expected, in_place):
    src = np.repeat(np.array(rows, np.uint8)[:, None], 3, axis=1)
    out = src if in_place else np.zeros_like(src)
    deinterlace_linear(src, 3, out)
    assert out[:, 0].tolist() == expected
    assert np.all(out == out[:, :1])
