"""These kernels are the stages of a P picture; each works on a list of MBs, so that its cost follows the list.

The stage that codes is ``coding``, the one that filters ``deblock``.
"""

from typing import Final

from transcoder_native.h264 import frame, memory
from transcoder_native.h264.intrinsics import nonzero_lanes, octets, prefetch
from transcoder_native.h264.layout import PADDING
from transcoder_native.h264.macroblock import address_of, quantise, take
from transcoder_native.h264.quantiser import Q_BYTES
from transcoder_native.h264.zero_bound import chroma_is_zero, luma_is_zero
from transcoder_native.runtime import INT, kernel

_AHEAD: Final = 8
"""MBs between the one that is tested and the one whose samples are asked for: planes have left the inner caches since
the picture before, and a test is a quarter shorter for it."""


@kernel(INT, INT, INT)
def _prefetch(at: int, stride: int, rows: int) -> None:
    for _ in range(rows):
        prefetch(at)
        at += stride


@kernel(INT, INT, INT)
def _prefetch_mb(d: int, planes: int, mb: int) -> None:
    """Ask for the samples of an MB: ``planes`` is SOURCE or REFERENCE."""
    chroma_stride = memory.i64(d + 8 * frame.CHROMA_STRIDE)
    _prefetch(address_of(d, planes, 0, mb), memory.i64(d + 8 * frame.LUMA_STRIDE), 16)
    _prefetch(address_of(d, planes, 1, mb), chroma_stride, 8)
    _prefetch(address_of(d, planes, 2, mb), chroma_stride, 8)


@kernel(INT, INT, INT, INT, INT, INT)
def _differs(one: int, stride: int, other: int, other_stride: int, width: int, height: int) -> int:
    """Return whether two blocks differ, whose width is 16 or less."""
    if width == 16:
        wide = octets(one, 16) ^ octets(other, 16)
        for y in range(1, height):
            wide |= octets(one + y * stride, 16) ^ octets(other + y * other_stride, 16)
        return 1 if nonzero_lanes(wide) else 0
    for y in range(height):
        row, other_row = one + y * stride, other + y * other_stride
        for x in range(0, width - 7, 8):
            if memory.i64(row + x) != memory.i64(other_row + x):
                return 1
        for x in range(width & ~7, width):
            if memory.u8(row + x) != memory.u8(other_row + x):
                return 1
    return 0


@kernel(INT, INT, INT, INT, INT, INT, INT, INT, INT, INT, INT)
def take_source(
    d: int,
    mbs: int,
    count: int,
    changed: int,
    luma: int,
    cb: int,
    cr: int,
    stride: int,
    chroma_stride: int,
    width: int,
    height: int,
) -> int:
    """Copy listed MBs of a picture, whose planes end where the picture does, into the source planes.

    Args:
        d: the frame.
        mbs: the address of the numbers of MBs, int32.
        count: their count.
        changed: the address of a list like that, written: the MBs of which a sample changed.
        luma: the address of the luma.
        cb: the address of Cb.
        cr: the address of Cr.
        stride: the bytes from a row of luma to the next.
        chroma_stride: the same of Cb and of Cr.
        width: the width of the picture, even.
        height: the height of the picture, even.

    Returns:
        The length of the list of those that changed.
    """
    mb_stride = memory.i64(d + 8 * frame.MB_STRIDE)
    found = 0
    for index in range(count):
        mb = memory.i32(mbs + 4 * index)
        mb_x, mb_y = mb % mb_stride - 1, mb // mb_stride - 1
        if index + _AHEAD < count:
            ahead = memory.i32(mbs + 4 * (index + _AHEAD))
            x, y = 8 * (ahead % mb_stride - 1), 8 * (ahead // mb_stride - 1)
            _prefetch(luma + 2 * (y * stride + x), stride, 16)
            _prefetch(cb + y * chroma_stride + x, chroma_stride, 8)
            _prefetch(cr + y * chroma_stride + x, chroma_stride, 8)
            _prefetch_mb(d, frame.SOURCE, ahead)
        is_changed = 0
        for plane in range(3):
            size = 8 if plane else 16
            row = chroma_stride if plane else stride
            own_row = memory.i64(d + 8 * (frame.CHROMA_STRIDE if plane else frame.LUMA_STRIDE))
            start = luma
            if plane:
                start = cb if plane == 1 else cr
            start += mb_y * size * row + mb_x * size
            right = (width // 2 if plane else width) - mb_x * size
            below = (height // 2 if plane else height) - mb_y * size
            own = address_of(d, frame.SOURCE, plane, mb)
            if _differs(start, row, own, own_row, min(right, size), min(below, size)):
                take(start, row, right, below, size, own, own_row)
                is_changed = 1
        if is_changed:
            memory.put_32(changed + 4 * found, mb)
            found += 1
    return found


@kernel(INT, INT, INT)
def _quantise_still(d: int, mb: int, levels: int) -> int:
    """Quantise an MB against the reference at the same place and return its coded blocks."""
    stride, chroma_stride = memory.i64(d + 8 * frame.LUMA_STRIDE), memory.i64(d + 8 * frame.CHROMA_STRIDE)
    luma, cb, cr = (
        address_of(d, frame.REFERENCE, 0, mb),
        address_of(d, frame.REFERENCE, 1, mb),
        address_of(d, frame.REFERENCE, 2, mb),
    )
    return quantise(d, mb, luma, stride, cb, cr, chroma_stride, levels)


@kernel(INT, INT)
def _is_zero(d: int, mb: int) -> int:
    """Return 1 where an MB certainly quantises to nothing against the reference at the same place."""
    stride = memory.i64(d + 8 * frame.LUMA_STRIDE)
    chroma_stride = memory.i64(d + 8 * frame.CHROMA_STRIDE)
    numbers = memory.i64(d + 8 * frame.QUANTISER)
    if not luma_is_zero(
        address_of(d, frame.SOURCE, 0, mb), stride, address_of(d, frame.REFERENCE, 0, mb), stride, numbers
    ):
        return 0
    for plane in range(1, 3):
        source, reference = address_of(d, frame.SOURCE, plane, mb), address_of(d, frame.REFERENCE, plane, mb)
        if not chroma_is_zero(source, chroma_stride, reference, chroma_stride, numbers + Q_BYTES):
            return 0
    return 1


@kernel(INT, INT, INT, INT)
def test_still(d: int, mbs: int, count: int, coded: int) -> int:
    """Settle the listed MBs whose difference from the reference quantises to nothing; list the others.

    Returns:
        The length of the list at ``coded``, int32.
    """
    settled = memory.i64(d + 8 * frame.SETTLED)
    levels = memory.i64(d + 8 * frame.LEVELS)
    found = 0
    for index in range(count):
        mb = memory.i32(mbs + 4 * index)
        if index + _AHEAD < count:
            ahead = memory.i32(mbs + 4 * (index + _AHEAD))
            _prefetch_mb(d, frame.SOURCE, ahead)
            _prefetch_mb(d, frame.REFERENCE, ahead)
        if not _is_zero(d, mb) and _quantise_still(d, mb, levels):
            memory.put_u8(settled + mb, 0)
            memory.put_32(coded + 4 * found, mb)
            found += 1
        else:
            memory.put_u8(settled + mb, 1)
    return found


@kernel(INT, INT, INT, INT, INT, INT, INT)
def _extend(at: int, stride: int, size: int, left: int, right: int, top: int, bottom: int) -> None:
    """Repeat the samples of an MB at an edge of the picture into the padding (section 8.4.2.2.1)."""
    if left or right:
        for y in range(size):
            row = at + y * stride
            for x in range(1, PADDING + 1):
                if left:
                    memory.put_u8(row - x, memory.u8(row))
                if right:
                    memory.put_u8(row + size - 1 + x, memory.u8(row + size - 1))
    start = at - (PADDING if left else 0)
    count = size + (PADDING if left else 0) + (PADDING if right else 0)
    for y in range(1, PADDING + 1):
        for x in range(count):
            if top:
                memory.put_u8(start - y * stride + x, memory.u8(start + x))
            if bottom:
                last = start + (size - 1) * stride + x
                memory.put_u8(last + y * stride, memory.u8(last))


@kernel(INT, INT, INT)
def copy_back(d: int, mbs: int, count: int) -> None:
    """Copy the listed MBs of the current picture into the reference and renew its padding."""
    mb_stride = memory.i64(d + 8 * frame.MB_STRIDE)
    mb_width, mb_height = memory.i64(d + 8 * frame.MB_WIDTH), memory.i64(d + 8 * frame.MB_HEIGHT)
    for index in range(count):
        mb = memory.i32(mbs + 4 * index)
        mb_x, mb_y = mb % mb_stride - 1, mb // mb_stride - 1
        left, right, top, bottom = mb_x == 0, mb_x == mb_width - 1, mb_y == 0, mb_y == mb_height - 1
        for plane in range(3):
            size = 8 if plane else 16
            stride = memory.i64(d + 8 * (frame.CHROMA_STRIDE if plane else frame.LUMA_STRIDE))
            current, reference = address_of(d, frame.CURRENT, plane, mb), address_of(d, frame.REFERENCE, plane, mb)
            take(current, stride, size, size, size, reference, stride)
            if left or right or top or bottom:
                _extend(reference, stride, size, left, right, top, bottom)
