"""These functions are the twins of ``h264.zero_bound``."""

import numpy as np

from transcoder_native.arrays import I16
from transcoder_native.h264.quantiser import ZERO_SAD
from transcoder_native.reference.operands import Block, Quantiser


def luma_is_zero(one: Block, other: Block, quantiser: Quantiser) -> int:
    """Return 1 where no block of 4x4 has a SAD above its bound."""
    return int(_sads(one, other, 16).max() <= quantiser.row[ZERO_SAD // 2])


def chroma_is_zero(one: Block, other: Block, quantiser: Quantiser) -> int:
    """Return 1 where neither a block of 4x4 nor the whole has a SAD above its bound."""
    sads = _sads(one, other, 8)
    return int(sads.max() <= quantiser.row[ZERO_SAD // 2] and sads.sum() <= quantiser.row[ZERO_SAD // 2 + 1])


def _sads(one: Block, other: Block, size: int) -> I16:
    difference = np.abs(one.view(size, size).astype(np.int16) - other.view(size, size))
    sads: I16 = difference.reshape(size // 4, 4, size // 4, 4).sum(axis=(1, 3), dtype=np.int16)
    return sads
