import numpy as np

from transcoder_native.kernels.mask import mask_blur, mask_pixelate, mask_solid


def test_solid_only_where_masked_and_inside_the_marked_macroblocks():
    plane = np.full((3, 12), 50, np.uint8)
    mask = np.zeros((3, 12), np.uint8)
    mask[:, :4] = [[1, 0, 2, 0], [0, 255, 0, 1], [0, 0, 0, 0]]
    mask[:, 8:] = 1
    mask_solid(plane, 12, mask, 16, 8, np.array([[1, 0]], np.uint8))
    assert plane[:, :4].tolist() == [[16, 50, 16, 50], [50, 16, 50, 16], [50, 50, 50, 50]]
    assert plane[:, 4:].min() == 50
    mask_solid(plane, 12, mask, 16, 8, np.array([[0, 3]], np.uint8))
    assert plane[:, 4:].tolist() == [[50] * 4 + [16] * 4] * 3


def test_pixelate_takes_whole_cells_and_partial_ones():
    plane = np.array([[0, 10, 100, 7], [20, 31, 101, 7], [4, 5, 9, 7]], np.uint8)
    mask = np.ones((3, 3), np.uint8)
    mask[0, 0] = 0
    mask_pixelate(plane, 3, mask, 2, 0, 3, 0, 3)
    # Cells: (0 + 10 + 20 + 31) / 4 = 15.25, (100 + 101) / 2 = 100.5 up, (4 + 5) / 2 = 4.5 up, 9. The 7s are padding.
    assert plane.tolist() == [[0, 15, 101, 7], [15, 15, 101, 7], [5, 5, 9, 7]]


def test_pixelate_counts_cells_from_the_corner_of_the_plane():
    plane = np.arange(0, 80, 10, dtype=np.uint8).reshape(1, 8)
    mask_pixelate(plane, 8, np.ones((1, 8), np.uint8), 4, 0, 1, 3, 5)
    assert plane.tolist() == [[0, 10, 20, 15, 55, 50, 60, 70]]


def test_blur_of_a_point():
    plane = np.zeros((9, 9), np.uint8)
    plane[4, 4] = 90
    mask_blur(plane, 9, np.ones((9, 9), np.uint8), 1, 0, 9, 0, 9)
    # Once: 10 in a square of 3. Twice: 10 / 9 of the number of those within reach, 1 to 9, rounded.
    reach = np.outer([0, 0, 1, 2, 3, 2, 1, 0, 0], [0, 0, 1, 2, 3, 2, 1, 0, 0])
    np.testing.assert_array_equal(plane, np.floor(reach * 10 / 9 + 0.5))


def test_blur_continues_the_edge():
    plane = np.array([[0, 0, 0, 255]], np.uint8)
    mask_blur(plane, 4, np.array([[0, 0, 0, 1]], np.uint8), 1, 0, 1, 3, 4)
    # Once: 0, 0, 85, 170. Twice, at the edge: (85 + 170 + 170) / 3 = 141.67.
    assert plane.tolist() == [[0, 0, 0, 142]]


def test_blur_depends_on_no_more_than_its_surroundings_and_changes_only_the_mask():
    plane = np.random.default_rng(3).integers(0, 256, (40, 50), dtype=np.uint8)
    before = plane.copy()
    mask = np.zeros((40, 50), np.uint8)
    mask[18:22, 20:30] = 1
    mask_blur(plane, 50, mask, 3, 18, 22, 20, 30)
    np.testing.assert_array_equal(plane[mask == 0], before[mask == 0])
    far = before.copy()
    far[:12], far[28:], far[:, :14], far[:, 36:] = 0, 0, 0, 0  # 2 * 3 samples from the mask, and further
    mask_blur(far, 50, mask, 3, 18, 22, 20, 30)
    np.testing.assert_array_equal(far[mask == 1], plane[mask == 1])


def test_a_radius_larger_than_the_plane():
    plane = np.array([[10, 20]], np.uint8)
    mask_blur(plane, 2, np.ones((1, 2), np.uint8), 1024, 0, 1, 0, 2)
    assert plane.tolist() == [[15, 15]]
