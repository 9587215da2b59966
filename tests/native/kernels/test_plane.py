import numpy as np

from transcoder_native.kernels.plane import copy_plane, fill_plane


def test_copy_between_strides():
    src = np.arange(12, dtype=np.uint8).reshape(2, 6)
    out = np.full((2, 5), 99, np.uint8)
    copy_plane(src, 4, out)
    assert out.tolist() == [[0, 1, 2, 3, 99], [6, 7, 8, 9, 99]]


def test_fill():
    out = np.zeros((3, 4), np.uint8)
    fill_plane(out, 1, 1, 2, 2, 255)
    assert out.tolist() == [[0, 0, 0, 0], [0, 255, 255, 0], [0, 255, 255, 0]]
