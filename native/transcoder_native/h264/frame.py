"""A frame is described to kernels by one int64 array of addresses and numbers; this module names its places.

One argument instead of thirty: a kernel loads what it needs once, and a call from Python costs a microsecond.
"""

from typing import Final

# Sizes (``layout.Geometry``).
MB_WIDTH: Final = 0
MB_HEIGHT: Final = 1
MB_STRIDE: Final = 2
LUMA_STRIDE: Final = 3
CHROMA_STRIDE: Final = 4

# Addresses of sample (0, 0): luma, and behind it Cb and Cr.
SOURCE: Final = 5
REFERENCE: Final = 8
"""The decoded picture before, which only ``copy_back`` changes."""
CURRENT: Final = 11
"""The decoded picture that is made; outside of touched MBs it equals the reference."""

# Addresses of per-MB arrays (``layout.Macroblocks``).
KIND: Final = 14
SETTLED: Final = 15
MV: Final = 16
MVD: Final = 17
CODED_BLOCK_PATTERN: Final = 18
CODED_BLOCKS: Final = 19
LEVELS_OF: Final = 20

LEVELS: Final = 21
"""The address of the levels of all coded MBs, LEVELS_BYTES each."""
SCRATCH: Final = 22
"""The address of SCRATCH_BYTES that a kernel may use as it likes."""
QUANTISER: Final = 23
"""The address of the rows of ``quantiser.table`` of QP'Y, behind it of QP'C, and of QP'Y of intra MBs; behind those of
the row of ``quantiser.table_8x8`` of QP'Y."""
CODER_TABLES: Final = 24
CONTEXTS: Final = 25
CODER: Final = 26
"""The address of the arithmetic coder's state."""
BINS: Final = 27
"""The address of room for the bins of a row of MBs, MAX_MB_BINS each."""
OUT_END: Final = 28
"""The address at which the room for slice data ends."""
RATE: Final = 29
"""What a bit costs in the search of a vector, in sums of absolute differences."""
MV_BEFORE: Final = 30
"""The address of the vectors of the picture before, with a row of MBs more below."""
RATE_SQUARED: Final = 31
"""What a bit costs where predictions are compared by squared errors; 0 where the transform is always 4x4."""
SIZE: Final = 32

SCRATCH_BYTES: Final = 8192
MAX_MB_BINS: Final = 16384
"""Bins of an MB at most: 400 levels of two bins of significance, 14 of prefix, 23 of suffix and sign."""
