"""This kernel codes recorded bins arithmetically (ITU-T H.264, section 9.3.4).

Syntax is recorded first, a bin a uint16, and coded then in one loop whose state is in registers: that takes a fifth of
the time of a call a bin.
"""

from typing import Final

from transcoder_native.h264 import memory
from transcoder_native.h264.tables import NEXT_STATE, RANGE_LPS, RENORM, TERMINATE
from transcoder_native.runtime import INT, kernel

# Places in the state, an int64 array.
LOW: Final = 0
RANGE: Final = 1
COUNT: Final = 2
CURSOR: Final = 3
STATE_SIZE: Final = 4

FIRST_RANGE: Final = 510
_STREAM_BITS: Final = 9
"""The bits of codILow that are stream; the tenth is where a carry shows."""
_FLUSH: Final = 40
"""Shifts after which 32 bits leave: 9 + 40 + 7 bits and a carry stay below 63."""


@kernel(INT, INT)
def _carry(cursor: int, carry: int) -> None:
    """Add a carry to the number that ends before the cursor; the first byte never overflows."""
    while carry:
        cursor -= 1
        value = memory.u8(cursor) + 1
        memory.put_u8(cursor, value)
        carry = value >> 8


@kernel(INT, INT, INT, INT, INT)
def encode_bins(bins: int, count: int, contexts: int, tables: int, state: int) -> None:
    """Code bins.

    A bin is a uint16, 2 * ctxIdx + value, with ctxIdx BYPASS for a bypass bin and TERMINATE for a terminating one of
    value 0.

    Args:
        bins: the address of the bins.
        count: the number of bins.
        contexts: the address of the states of the contexts (``tables.context_states``), written.
        tables: the address of ``tables.coder_tables``.
        state: the address of the coder's state, written; bytes leave at its CURSOR.
    """
    low = memory.i64(state + 8 * LOW)
    width = memory.i64(state + 8 * RANGE)
    shifts = memory.i64(state + 8 * COUNT)
    cursor = memory.i64(state + 8 * CURSOR)
    end = bins + 2 * count
    while bins < end:
        entry = memory.u16(bins)
        bins += 2
        context = entry >> 1
        value = entry & 1
        if context < TERMINATE:
            packed = memory.u8(contexts + context)
            lps = memory.u8(tables + RANGE_LPS + ((packed >> 1) << 2) + ((width >> 6) & 3))
            memory.put_u8(contexts + context, memory.u8(tables + NEXT_STATE + (packed << 1) + value))
            width -= lps
            is_lps = -(value ^ (packed & 1))
            low += width & is_lps
            width += (lps - width) & is_lps
            shift = memory.u8(tables + RENORM + (width >> 3))
            width <<= shift
        elif context == TERMINATE:
            width -= 2
            shift = (width >> 8) ^ 1
            width <<= shift
        else:
            low = (low << 1) + (width & -value)
            shift = 0
            shifts += 1
        low <<= shift
        shifts += shift
        if shifts >= _FLUSH:
            kept = shifts + _STREAM_BITS - 32
            leaving = low >> kept
            _carry(cursor, leaving >> 32)
            memory.put_u8(cursor, leaving >> 24)
            memory.put_u8(cursor + 1, leaving >> 16)
            memory.put_u8(cursor + 2, leaving >> 8)
            memory.put_u8(cursor + 3, leaving)
            cursor += 4
            low &= (1 << kept) - 1
            shifts -= 32
    memory.put_i64(state + 8 * LOW, low)
    memory.put_i64(state + 8 * RANGE, width)
    memory.put_i64(state + 8 * COUNT, shifts)
    memory.put_i64(state + 8 * CURSOR, cursor)


@kernel(INT)
def finish(state: int) -> None:
    """Code end_of_slice_flag 1 and let out all bits, rbsp_stop_one_bit and the alignment behind it (9.3.4.5)."""
    low = (memory.i64(state + 8 * LOW) + memory.i64(state + 8 * RANGE) - 2) | 1
    cursor = memory.i64(state + 8 * CURSOR)
    left = memory.i64(state + 8 * COUNT) + _STREAM_BITS
    _carry(cursor, low >> left)
    while left > 0:
        value = low >> (left - 8) if left >= 8 else low << (8 - left)
        memory.put_u8(cursor, value)
        cursor += 1
        left -= 8
    memory.put_i64(state + 8 * CURSOR, cursor)
