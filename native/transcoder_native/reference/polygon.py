"""This function is the twin of ``kernels.polygon``."""

import numpy as np

from transcoder_native.arrays import F64, U8

TOLERANCE = 2.0**-16
VERTEX_LIMIT = 16.0


def polygon_mask(vertices: F64, width: int, out: U8) -> None:
    """Set the pixels that an edge touches, and the pixels around whose centre the outline winds.

    The arithmetic on coordinates follows the kernel operation by operation, because float64 rounds each one.
    """
    height = out.shape[0]
    if width < 0 or width > out.shape[1] or vertices.shape[1] != 2:
        raise ValueError("vertices, plane and width don't fit")
    if not np.all(np.abs(vertices) <= VERTEX_LIMIT):
        raise ValueError("a vertex is not a number or too far away")
    points = vertices * np.array([width, height], np.float64)
    rows = np.arange(height)
    columns = np.arange(width)
    touched = np.zeros((height, width), np.bool_)
    winding = np.zeros((height, width), np.int64)
    for (ax, ay), (bx, by) in zip(points, np.roll(points, -1, axis=0), strict=True):
        top, bottom = min(ay, by), max(ay, by)
        x0, x1 = np.full(height, ax), np.full(height, bx)
        if bottom - top > TOLERANCE:
            x0 = ax + (bx - ax) * np.clip((rows - TOLERANCE - ay) / (by - ay), 0.0, 1.0)
            x1 = ax + (bx - ax) * np.clip((rows + 1 + TOLERANCE - ay) / (by - ay), 0.0, 1.0)
        left = np.floor(np.minimum(x0, x1) - TOLERANCE)
        right = np.floor(np.maximum(x0, x1) + TOLERANCE)
        in_rows = (rows >= np.floor(top - TOLERANCE)) & (rows <= np.floor(bottom + TOLERANCE))
        touched |= in_rows[:, None] & (columns >= left[:, None]) & (columns <= right[:, None])

        centre = rows + 0.5
        crosses = (ay <= centre) != (by <= centre)
        if crosses.any():
            crossing = ax + (bx - ax) * ((centre - ay) / (by - ay))
            right_of_edge = crosses[:, None] & (columns >= np.ceil(crossing - 0.5)[:, None])
            winding += right_of_edge * (1 if ay < by else -1)
    out[:, :width][touched | (winding != 0)] = 1
