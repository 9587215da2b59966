import numpy as np

from transcoder_native.kernels.motion import block_differences, block_sad, block_signed


def test_partial_blocks_and_extremes():
    luma = np.zeros((9, 10), np.uint8)
    reference = np.zeros((9, 12), np.uint8)
    luma[:8, :8] = 255  # the largest sum of a block
    reference[:8, 8:10] = 255  # the lowest, of 2 x 8 samples
    luma[8, 0], reference[8, 1] = 3, 5
    reference[:, 10:] = 77  # padding
    absolute, signed = np.zeros((2, 2), np.uint16), np.zeros((2, 2), np.int16)
    block_sad(luma, reference, 10, absolute)
    block_signed(luma, reference, 10, signed)
    assert absolute.tolist() == [[64 * 255, 16 * 255], [8, 0]]
    assert signed.tolist() == [[64 * 255, -16 * 255], [-2, 0]]
    both = np.zeros((2, 2), np.uint16), np.zeros((2, 2), np.int16)
    block_differences(luma, reference, 10, *both)
    np.testing.assert_array_equal(both, (absolute, signed))


def test_all_white_against_all_black():
    white, black = np.full((16, 16), 255, np.uint8), np.zeros((16, 16), np.uint8)
    signed = np.zeros((2, 2), np.int16)
    block_signed(black, white, 16, signed)
    assert np.all(signed == -16320)
