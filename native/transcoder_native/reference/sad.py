"""These functions are the twins of ``h264.sad``."""

import numpy as np

from transcoder_native.reference.operands import Block


def sad_16x16(one: Block, other: Block) -> int:
    """Return the SAD of two blocks of 16x16."""
    return _sad(one, other, 16)


def sad_8x8(one: Block, other: Block) -> int:
    """Return the SAD of two blocks of 8x8."""
    return _sad(one, other, 8)


def sad_4x4(one: Block, other: Block) -> int:
    """Return the SAD of two blocks of 4x4."""
    return _sad(one, other, 4)


def _sad(one: Block, other: Block, size: int) -> int:
    return int(np.abs(one.view(size, size).astype(np.int64) - other.view(size, size)).sum())
