"""This kernel finds the pixels that a polygon must hide."""

import math

import numpy as np

from transcoder_native.arrays import F64, U8
from transcoder_native.runtime import INT, OUT_PLANE, POINTS, kernel

TOLERANCE = 2.0**-16
"""Pixels: a pixel that is this close to the polygon counts as touched, so that rounding never uncovers one. The
tolerance is far above the rounding of float64 at the largest coordinates allowed, and far below anything that a person
sees."""

VERTEX_LIMIT = 16.0
"""A vertex may be at most this many pictures away from the origin."""


@kernel(POINTS, INT, OUT_PLANE)
def polygon_mask(vertices: F64, width: int, out: U8) -> None:
    """Set every pixel whose square the polygon or its outline touches, and never leave one out.

    The inside is every place where the winding number is not 0. That covers every place that the even-odd rule covers,
    and more where an outline crosses itself. One or two vertices are a point or a line; no vertices hide nothing.

    Args:
        vertices: (n, 2) float64, x before y, 0..1 of the picture (what lies outside is cut off), in order; the outline
            closes itself.
        width: pixels in a row.
        out: (height, stride) uint8: touched pixels become 1, all others stay.

    Raises:
        ValueError: a vertex is not a number or too far away, or the shapes don't fit.
    """
    height = out.shape[0]
    if width < 0 or width > out.shape[1] or vertices.shape[1] != 2:
        raise ValueError("vertices, plane and width don't fit")
    count = vertices.shape[0]
    for i in range(count):
        if not (abs(vertices[i, 0]) <= VERTEX_LIMIT and abs(vertices[i, 1]) <= VERTEX_LIMIT):
            raise ValueError("a vertex is not a number or too far away")

    turns = np.zeros((height, width + 1), np.int32)  # the change of the winding number at the centre of each pixel
    for i in range(count):
        ax = vertices[i, 0] * width
        ay = vertices[i, 1] * height
        bx = vertices[(i + 1) % count, 0] * width
        by = vertices[(i + 1) % count, 1] * height
        top = min(ay, by)
        bottom = max(ay, by)
        first_row = max(0, math.floor(top - TOLERANCE))
        last_row = min(height - 1, math.floor(bottom + TOLERANCE))
        for y in range(first_row, last_row + 1):
            # From x0 to x1 runs the part of the edge that lies inside this row of pixels.
            x0 = ax
            x1 = bx
            if bottom - top > TOLERANCE:
                x0 = ax + (bx - ax) * min(1.0, max(0.0, (y - TOLERANCE - ay) / (by - ay)))
                x1 = ax + (bx - ax) * min(1.0, max(0.0, (y + 1 + TOLERANCE - ay) / (by - ay)))
            left = max(0, math.floor(min(x0, x1) - TOLERANCE))
            right = min(width - 1, math.floor(max(x0, x1) + TOLERANCE))
            for x in range(left, right + 1):
                out[y, x] = 1
            centre = y + 0.5
            if (ay <= centre) != (by <= centre):
                crossing = ax + (bx - ax) * ((centre - ay) / (by - ay))
                x = min(width, max(0, math.ceil(crossing - 0.5)))
                turns[y, x] += 1 if ay < by else -1

    for y in range(height):
        winding = 0
        for x in range(width):
            winding += turns[y, x]
            if winding != 0:
                out[y, x] = 1
