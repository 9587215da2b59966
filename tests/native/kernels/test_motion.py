import numpy as np

from transcoder_native.kernels.motion import block_differences


def test_partial_blocks_and_extremes():
    luma = np.zeros((9, 10), np.uint8)
    reference = np.zeros((9, 12), np.uint8)
    luma[:8, :8] = 255  # the largest sum of a block
    reference[:8, 8:10] = 255  # the lowest, of 2 x 8 samples
    luma[8, 0], reference[8, 1] = 3, 5
    reference[:, 10:] = 77  # padding
    absolute, signed = np.zeros((2, 2), np.uint16), np.zeros((2, 2), np.int16)
    block_differences(luma, reference, 10, absolute, signed)
    assert absolute.tolist() == [[64 * 255, 16 * 255], [8, 0]]
    assert signed.tolist() == [[64 * 255, -16 * 255], [-2, 0]]


def test_all_white_against_all_black():
    white, black = np.full((16, 16), 255, np.uint8), np.zeros((16, 16), np.uint8)
    absolute, signed = np.zeros((2, 2), np.uint16), np.zeros((2, 2), np.int16)
    block_differences(black, white, 16, absolute, signed)
    assert np.all(absolute == 16320)
    assert np.all(signed == -16320)
