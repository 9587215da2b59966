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


def ssd_16x16(one: Block, other: Block) -> int:
    """Return the SSD of two blocks of 16x16."""
    return int(((one.view(16, 16).astype(np.int64) - other.view(16, 16)) ** 2).sum())


def sad_of_average(source: Block, one: Block, other: Block) -> int:
    """Return the SAD of a block of 16x16 and the averages of two others, rounded up."""
    averages = (one.view(16, 16).astype(np.int64) + other.view(16, 16) + 1) >> 1
    return int(np.abs(source.view(16, 16) - averages).sum())


def _sad(one: Block, other: Block, size: int) -> int:
    return int(np.abs(one.view(size, size).astype(np.int64) - other.view(size, size)).sum())
