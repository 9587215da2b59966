"""These functions are the twins of ``h264.deblock``, a sample after the other from clause 8.7."""

from typing import Final

import numpy as np
import numpy.typing as npt

from transcoder_native.arrays import U8
from transcoder_native.h264.layout import INTRA4, INTRA16, OUTSIDE, TRANSFORM_8X8
from transcoder_native.reference.operands import I32, Picture

_BLOCK_OF: Final = ((0, 1, 4, 5), (2, 3, 6, 7), (8, 9, 12, 13), (10, 11, 14, 15))
"""luma4x4BlkIdx by row and column (figure 6-10)."""


def edged(picture: Picture, mbs: I32, count: int, out: I32) -> int:
    """List the listed MBs, and their neighbours to the right and below."""
    listed = mbs[:count].tolist()
    near = {mb + step for mb in listed for step in (0, 1, picture.geometry.mb_stride)}
    inside = sorted(near & set(picture.geometry.inside().tolist()))
    out[: len(inside)] = inside
    return len(inside)


def deblock(picture: Picture, mbs: I32, count: int, thresholds: npt.NDArray[np.int64], touched: U8) -> None:
    """Filter the edges of listed MBs: the left and the upper one, and those inside."""
    stride = picture.geometry.mb_stride
    for mb in mbs[:count].tolist():
        for before in (1, stride):
            for edge in range(4):
                neighbour = mb if edge else mb - before
                if picture.kind[neighbour] == OUTSIDE:
                    continue
                if edge % 2 and picture.coded_blocks[mb] >> TRANSFORM_8X8 & 1:
                    continue  # transform_size_8x8_flag: there is no edge of a block
                strengths = [_strength(picture, mb, neighbour, before == 1, edge, place) for place in range(4)]
                if any(strengths):
                    touched[[mb, neighbour]] = 1
                    for plane in range(3):
                        _filter(picture, plane, mb, before == 1, edge, strengths, thresholds)


def _strength(picture: Picture, mb: int, neighbour: int, vertical: bool, edge: int, place: int) -> int:
    """Return bS of four samples of an edge (clause 8.7.2.1)."""
    if {INTRA16, INTRA4} & {picture.kind[mb], picture.kind[neighbour]}:
        return 3 if edge else 4
    q, p = (place, edge), (place, (edge - 1) % 4)
    if not vertical:
        q, p = q[::-1], p[::-1]
    if _has_levels(picture, mb, *q) or _has_levels(picture, neighbour, *p):
        return 2
    return int(np.abs(picture.mv[mb].astype(int) - picture.mv[neighbour]).max() >= 4)


def _has_levels(picture: Picture, mb: int, y: int, x: int) -> int:
    return int(picture.coded_blocks[mb]) >> _BLOCK_OF[y][x] & 1


def _filter(
    picture: Picture,
    plane: int,
    mb: int,
    vertical: bool,
    edge: int,
    strengths: list[int],
    thresholds: npt.NDArray[np.int64],
) -> None:
    """Filter an edge of one plane; of chroma, every other edge of luma is one."""
    if plane and edge % 2:
        return
    alpha, beta, *tc0 = thresholds[6:].tolist() if plane else thresholds[:6].tolist()
    size = 8 if plane else 16
    samples = picture.inside(plane)
    mb_y, mb_x = divmod(mb, picture.geometry.mb_stride)
    top, left = (mb_y - 1) * size, (mb_x - 1) * size
    if not vertical:
        samples, top, left = samples.T, left, top
    at = left + edge * size // 4
    for place in range(size):
        strength = strengths[place * 4 // size]
        if strength:
            line = samples[top + place]
            q = line[at : at + 4].tolist()
            p = line[at - 4 : at].tolist()[::-1]
            if abs(p[0] - q[0]) < alpha and abs(p[1] - p[0]) < beta and abs(q[1] - q[0]) < beta:
                new_p, new_q = (_strong if strength == 4 else _normal)(p, q, plane > 0, alpha, beta, tc0[strength % 4])
                line[at : at + 3] = new_q
                line[at - 3 : at] = new_p[::-1]


def _clip(low: int, high: int, value: int) -> int:
    return min(max(value, low), high)


def _normal(
    p: list[int], q: list[int], is_chroma: bool, _alpha: int, beta: int, tc0: int
) -> tuple[list[int], list[int]]:
    """Return three samples on either side where bS is below 4 (clause 8.7.2.3)."""
    ap, aq = abs(p[2] - p[0]), abs(q[2] - q[0])
    tc = tc0 + 1 if is_chroma else tc0 + (ap < beta) + (aq < beta)
    delta = _clip(-tc, tc, (((q[0] - p[0]) << 2) + (p[1] - q[1]) + 4) >> 3)
    new_p, new_q = p[:3], q[:3]
    new_p[0], new_q[0] = _clip(0, 255, p[0] + delta), _clip(0, 255, q[0] - delta)
    for new, side, flat in ((new_p, p, ap), (new_q, q, aq)):
        if not is_chroma and flat < beta:
            new[1] += _clip(-tc0, tc0, (side[2] + ((p[0] + q[0] + 1) >> 1) - (side[1] << 1)) >> 1)
    return new_p, new_q


def _strong(
    p: list[int], q: list[int], is_chroma: bool, alpha: int, beta: int, _tc0: int
) -> tuple[list[int], list[int]]:
    """Return three samples on either side where bS is 4 (clause 8.7.2.4)."""
    results = []
    for a, b in ((p, q), (q, p)):
        if not is_chroma and abs(a[2] - a[0]) < beta and abs(p[0] - q[0]) < (alpha >> 2) + 2:
            results.append(
                [
                    (a[2] + 2 * a[1] + 2 * a[0] + 2 * b[0] + b[1] + 4) >> 3,
                    (a[2] + a[1] + a[0] + b[0] + 2) >> 2,
                    (2 * a[3] + 3 * a[2] + a[1] + a[0] + b[0] + 4) >> 3,
                ]
            )
        else:
            results.append([(2 * a[1] + a[0] + b[1] + 2) >> 2, *a[1:3]])
    return results[0], results[1]
