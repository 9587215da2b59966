"""These helpers filter the samples on both sides of an edge in registers: 16 places along the edge at once (8.7.2).

p0 and q0 lie next to the edge, p1, p2, q1 and q2 behind them. Samples are words here. A place whose tC0 is below 0 has
a bS of 0 and stays as it is.
"""

from typing import Final

from transcoder_native.h264.intrinsics import Vector, VectorType, above, absolute, filled, larger, smaller
from transcoder_native.runtime import INT, kernel

LINE: Final = VectorType(16, 16)


@kernel(LINE, LINE)
def _clipped(value: Vector, limit: Vector) -> Vector:
    """Return values between -limit and limit."""
    return larger(smaller(value, limit), filled(0, 16) - limit)


@kernel(LINE)
def _sample(value: Vector) -> Vector:
    return larger(smaller(value, filled(255, 16)), filled(0, 16))


@kernel(LINE, LINE, LINE)
def _chosen(mask: Vector, one: Vector, other: Vector) -> Vector:
    """Return one where all bits of the mask are set, other where none is."""
    return other ^ ((one ^ other) & mask)


@kernel(LINE, LINE, LINE, LINE, INT, INT)
def _is_step(p1: Vector, p0: Vector, q0: Vector, q1: Vector, alpha: int, beta: int) -> Vector:
    """Return a mask of the places whose step is small enough to be one of coding (equation 8-460)."""
    bound = filled(beta, 16)
    flat = above(bound, absolute(p1 - p0)) & above(bound, absolute(q1 - q0))
    return flat & above(filled(alpha, 16), absolute(p0 - q0))


@kernel(LINE, LINE, LINE, LINE, LINE, LINE)
def _met(p1: Vector, p0: Vector, q0: Vector, q1: Vector, tc: Vector, mask: Vector) -> tuple[Vector, Vector]:
    """Return p0 and q0 moved towards each other by at most tC (equations 8-467 to 8-470)."""
    delta = _clipped((((q0 - p0) << 2) + (p1 - q1) + 4) >> 3, tc) & mask
    return _sample(p0 + delta), _sample(q0 - delta)


@kernel(LINE, LINE, LINE, LINE, LINE, LINE, LINE, INT, INT)
def luma_normal(
    p2: Vector, p1: Vector, p0: Vector, q0: Vector, q1: Vector, q2: Vector, tc0: Vector, alpha: int, beta: int
) -> tuple[Vector, Vector, Vector, Vector]:
    """Return p1, p0, q0 and q1 of luma where bS is below 4 (clause 8.7.2.3)."""
    zero = filled(0, 16)
    mask = _is_step(p1, p0, q0, q1, alpha, beta) & above(tc0, filled(-1, 16))
    bound = filled(beta, 16)
    p_flat, q_flat = above(bound, absolute(p2 - p0)), above(bound, absolute(q2 - q0))
    middle = (p0 + q0 + 1) >> 1
    limit = larger(tc0, zero)
    new_p1 = p1 + (_clipped((p2 + middle - p1 - p1) >> 1, limit) & p_flat & mask)
    new_q1 = q1 + (_clipped((q2 + middle - q1 - q1) >> 1, limit) & q_flat & mask)
    new_p0, new_q0 = _met(p1, p0, q0, q1, limit - p_flat - q_flat, mask)  # a mask that is set is -1
    return new_p1, new_p0, new_q0, new_q1


@kernel(LINE, LINE, LINE, LINE, LINE, LINE, LINE, LINE, INT, INT)
def luma_strong(
    p3: Vector,
    p2: Vector,
    p1: Vector,
    p0: Vector,
    q0: Vector,
    q1: Vector,
    q2: Vector,
    q3: Vector,
    alpha: int,
    beta: int,
) -> tuple[Vector, Vector, Vector, Vector, Vector, Vector]:
    """Return p2, p1, p0, q0, q1 and q2 of luma where bS is 4 (clause 8.7.2.4)."""
    mask = _is_step(p1, p0, q0, q1, alpha, beta)
    bound = filled(beta, 16)
    small = above(filled((alpha >> 2) + 2, 16), absolute(p0 - q0)) & mask
    p_flat, q_flat = above(bound, absolute(p2 - p0)) & small, above(bound, absolute(q2 - q0)) & small
    both = p0 + q0
    p_sum, q_sum = p2 + p1 + both, q2 + q1 + both
    plain_p0 = _chosen(mask, (p1 + p1 + p0 + q1 + 2) >> 2, p0)
    plain_q0 = _chosen(mask, (q1 + q1 + q0 + p1 + 2) >> 2, q0)
    return (
        _chosen(p_flat, (p3 + p3 + p2 + p2 + p_sum + 4) >> 3, p2),
        _chosen(p_flat, (p_sum + 2) >> 2, p1),
        _chosen(p_flat, (p_sum + p1 + both + q1 + 4) >> 3, plain_p0),
        _chosen(q_flat, (q_sum + q1 + both + p1 + 4) >> 3, plain_q0),
        _chosen(q_flat, (q_sum + 2) >> 2, q1),
        _chosen(q_flat, (q3 + q3 + q2 + q2 + q_sum + 4) >> 3, q2),
    )


@kernel(LINE, LINE, LINE, LINE, LINE, INT, INT)
def chroma_normal(
    p1: Vector, p0: Vector, q0: Vector, q1: Vector, tc0: Vector, alpha: int, beta: int
) -> tuple[Vector, Vector]:
    """Return p0 and q0 of chroma where bS is below 4 (clause 8.7.2.3)."""
    mask = _is_step(p1, p0, q0, q1, alpha, beta) & above(tc0, filled(-1, 16))
    return _met(p1, p0, q0, q1, tc0 + 1, mask)


@kernel(LINE, LINE, LINE, LINE, INT, INT)
def chroma_strong(p1: Vector, p0: Vector, q0: Vector, q1: Vector, alpha: int, beta: int) -> tuple[Vector, Vector]:
    """Return p0 and q0 of chroma where bS is 4 (clause 8.7.2.4)."""
    mask = _is_step(p1, p0, q0, q1, alpha, beta)
    return _chosen(mask, (p1 + p1 + p0 + q1 + 2) >> 2, p0), _chosen(mask, (q1 + q1 + q0 + p1 + 2) >> 2, q0)
