"""The mask against exact geometry: rational numbers, and another method than the kernel's."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.examples import examples
from transcoder_native.kernels.polygon import TOLERANCE, polygon_mask


def mask_of(vertices, width, height):
    out = np.zeros((height, width), np.uint8)
    polygon_mask(np.array(vertices, np.float64).reshape(-1, 2), width, out)
    return out


def segment_meets_square(a, b, square):
    """Liang and Barsky: the part of a to b inside the closed rectangle is not empty."""
    low, high = Fraction(0), Fraction(1)
    x0, y0, x1, y1 = square
    for start, step, least, most in ((a[0], b[0] - a[0], x0, x1), (a[1], b[1] - a[1], y0, y1)):
        if step == 0:
            if not least <= start <= most:
                return False
            continue
        enter, leave = sorted(((least - start) / step, (most - start) / step))
        low, high = max(low, enter), min(high, leave)
    return low <= high


def winding_number(points, x, y):
    """Signed crossings of the ray to the right of the point."""
    winding = 0
    for (ax, ay), (bx, by) in zip(points, points[1:] + points[:1], strict=True):
        side = (bx - ax) * (y - ay) - (x - ax) * (by - ay)
        if ay <= y < by and side < 0:
            winding -= 1
        elif by <= y < ay and side > 0:
            winding += 1
    return winding


def exact_mask(vertices, width, height, grow=Fraction(0)):
    points = [(Fraction(x) * width, Fraction(y) * height) for x, y in vertices]
    edges = list(zip(points, points[1:] + points[:1], strict=True))
    out = np.zeros((height, width), np.uint8)
    for y in range(height):
        for x in range(width):
            square = (x - grow, y - grow, x + 1 + grow, y + 1 + grow)
            out[y, x] = any(segment_meets_square(a, b, square) for a, b in edges) or (
                winding_number(points, x + Fraction(1, 2), y + Fraction(1, 2)) != 0
            )
    return out


COORDINATE = st.one_of(st.floats(-0.3, 1.3), st.integers(-1, 9).map(lambda n: n / 8), st.sampled_from([0.1, 0.3, 0.7]))
POLYGON = st.lists(st.tuples(COORDINATE, COORDINATE), max_size=7)


@given(vertices=POLYGON, width=st.integers(1, 10), height=st.integers(1, 10))
@examples(200)
def test_every_touched_pixel_and_no_other(vertices, width, height):
    got = mask_of(vertices, width, height)
    assert np.all(got >= exact_mask(vertices, width, height)), "a touched pixel stays visible"
    near = exact_mask(vertices, width, height, grow=2 * Fraction(TOLERANCE))
    assert np.all(got <= near), "a pixel is hidden that the polygon does not touch"


@given(vertices=POLYGON, width=st.integers(1, 8), height=st.integers(1, 8))
@examples(100)
def test_no_sample_inside_the_polygon_is_visible(vertices, width, height):
    """Seven by seven points in each pixel, by the winding number and so by the even-odd rule too."""
    got = mask_of(vertices, width, height)
    points = [(Fraction(x) * width, Fraction(y) * height) for x, y in vertices]
    for y, x in zip(*np.nonzero(got == 0), strict=True):
        for dy in range(7):
            for dx in range(7):
                assert winding_number(points, int(x) + Fraction(2 * dx + 1, 14), int(y) + Fraction(2 * dy + 1, 14)) == 0


@pytest.mark.parametrize(
    ("vertices", "expected"),
    [
        ([(0.3, 0.3), (0.6, 0.3), (0.6, 0.6), (0.3, 0.6)], ["....", ".##.", ".##.", "...."]),
        ([(0.1, 0.1), (0.2, 0.1), (0.15, 0.2)], ["#...", "....", "....", "...."]),  # smaller than a pixel
        ([(0, 0), (1, 0), (1, 1), (0, 1)], ["####", "####", "####", "####"]),
        ([(-3, -3), (4, -3), (4, 4), (-3, 4)], ["####", "####", "####", "####"]),  # no edge in sight
        ([(2, 2), (3, 2), (3, 3)], ["....", "....", "....", "...."]),  # out of sight
        ([(0.1, 0.4), (0.9, 0.4)], ["....", "####", "....", "...."]),  # a line
        ([(0.6, 0.4)], ["....", "..#.", "....", "...."]),  # a point
        ([(0.5, 0.5)], ["....", ".##.", ".##.", "...."]),  # a corner belongs to four
        ([], ["....", "....", "....", "...."]),
    ],
)
def test_by_hand(vertices, expected):
    assert ["".join(".#"[value] for value in row) for row in mask_of(vertices, 4, 4)] == expected


def test_both_lobes_and_the_middle_of_a_star_are_hidden():
    angles = np.pi * 4 / 5 * np.arange(5)
    star = np.column_stack([0.5 + 0.45 * np.sin(angles), 0.5 - 0.45 * np.cos(angles)])
    assert mask_of(star, 101, 101)[50, 50] == 1  # wound round twice: the even-odd rule would show it
    bow_tie = mask_of([(0.1, 0.1), (0.9, 0.9), (0.9, 0.1), (0.1, 0.9)], 100, 100)
    assert bow_tie[50, 20] == bow_tie[50, 80] == 1
    assert bow_tie[20, 50] == 0


def test_masks_add_up():
    out = np.zeros((4, 6), np.uint8)
    out[:, 4:] = 9  # padding
    polygon_mask(np.array([[0.1, 0.1]]), 4, out)
    polygon_mask(np.array([[0.9, 0.9]]), 4, out)
    assert out[0, 0] == out[3, 3] == 1
    assert out[:, :4].sum() == 2
    assert np.all(out[:, 4:] == 9)
