import numpy as np

from transcoder_native.kernels.motion import block_differences

ALL = np.ones((1, 1), np.uint8)


def test_partial_blocks_and_extremes():
    luma = np.zeros((9, 10), np.uint8)
    reference = np.zeros((9, 12), np.uint8)
    luma[:8, :8] = 255  # the largest sum of a block
    reference[:8, 8:10] = 255  # 2 x 8 samples
    luma[8, 0], reference[8, 1] = 3, 5
    reference[:, 10:] = 77  # padding
    absolute = np.zeros((2, 2), np.uint16)
    block_differences(luma, 10, ALL, reference, absolute)
    assert absolute.tolist() == [[64 * 255, 16 * 255], [8, 0]]
    np.testing.assert_array_equal(reference[:, :10], luma)
    assert np.all(reference[:, 10:] == 77)


def test_all_white_against_all_black():
    white, black = np.full((16, 16), 255, np.uint8), np.zeros((16, 16), np.uint8)
    absolute = np.zeros((2, 2), np.uint16)
    block_differences(black, 16, ALL, white, absolute)
    assert np.all(absolute == 16320)


def test_a_macroblock_that_is_not_marked_is_not_looked_at():
    luma, reference = np.full((32, 32), 9, np.uint8), np.zeros((32, 32), np.uint8)
    absolute = np.full((4, 4), 7, np.uint16)
    block_differences(luma, 32, np.array([[0, 1], [0, 0]], np.uint8), reference, absolute)
    assert np.argwhere(absolute).tolist() == [[0, 2], [0, 3], [1, 2], [1, 3]]
    assert absolute.max() == absolute[0, 2] == 9 * 64
    assert reference[:16, 16:].min() == 9
    assert not reference[16:].any()
    assert not reference[:, :16].any()
