"""These kernels are the stages of a P picture; each works on a list of MBs, so that its cost follows the list."""

from typing import Final

from transcoder_native.h264 import frame, intra, memory
from transcoder_native.h264.intrinsics import nonzero_lanes, octets, prefetch
from transcoder_native.h264.layout import (
    BLOCK_LEVELS,
    CB,
    CB_DC,
    INTER,
    INTRA16,
    LEVELS_BYTES,
    MB_SIZE,
    MODE,
    PADDING,
    SKIP,
)
from transcoder_native.h264.prediction import (
    CHROMA,
    CHROMA_BYTES,
    CHROMA_STRIDE,
    INTRA,
    LUMA,
    LUMA_STRIDE,
    MASKS,
    predict,
    predict_both_chroma,
)
from transcoder_native.h264.quantiser import Q_BYTES
from transcoder_native.h264.reconstruct import reconstruct_chroma, reconstruct_luma
from transcoder_native.h264.residual import chroma_levels, luma_levels
from transcoder_native.h264.zero_bound import chroma_is_zero, luma_is_zero
from transcoder_native.runtime import INT, kernel

_AHEAD: Final = 8
"""MBs between the one that is tested and the one whose samples are asked for: planes have left the inner caches since
the picture before, and a test is a quarter shorter for it."""
_BLOCK_BYTES: Final = 2 * BLOCK_LEVELS
_INTRA_LEAST: Final = 1024
"""The cost of a vector up to which nothing better is looked for: four a sample."""
_INTRA_BITS: Final = 16
"""What an I_16x16 takes more than a P_L0_16x16 does, in bits: its type, and one mode for samples that need several."""
_CHROMA_BITS: Final = 0xFF << 16
_CHROMA_DC_BITS: Final = 3 << 24


@kernel(INT, INT, INT, INT)
def _at(d: int, planes: int, plane: int, mb: int) -> int:
    """Return the address of an MB's first sample: ``planes`` is SOURCE, REFERENCE or CURRENT, plane 0 to 2."""
    stride = memory.i64(d + 8 * frame.MB_STRIDE)
    mb_x, mb_y = mb % stride - 1, mb // stride - 1
    start = memory.i64(d + 8 * (planes + plane))
    if plane == 0:
        return start + mb_y * MB_SIZE * memory.i64(d + 8 * frame.LUMA_STRIDE) + mb_x * MB_SIZE
    return start + mb_y * 8 * memory.i64(d + 8 * frame.CHROMA_STRIDE) + mb_x * 8


@kernel(INT, INT, INT, INT, INT, INT, INT)
def take(plane: int, stride: int, width: int, height: int, size: int, out: int, out_stride: int) -> None:
    """Copy the samples of an MB from a plane that may end within it; its last column and row are repeated then.

    Args:
        plane: the address of the MB's first sample.
        stride: the bytes from a row of the plane to the next.
        width: the samples from there to the right end of the plane, 1 or more.
        height: the rows from there to the lower end of the plane, 1 or more.
        size: 16 for luma, 8 for chroma.
        out: the address to write to.
        out_stride: the bytes from a row there to the next.
    """
    for y in range(size):
        row, to = plane + min(y, height - 1) * stride, out + y * out_stride
        if width >= size:
            for x in range(0, size, 8):
                memory.put_i64(to + x, memory.i64(row + x))
        else:
            for x in range(size):
                memory.put_u8(to + x, memory.u8(row + min(x, width - 1)))


@kernel(INT, INT, INT)
def _prefetch(at: int, stride: int, rows: int) -> None:
    for _ in range(rows):
        prefetch(at)
        at += stride


@kernel(INT, INT, INT)
def _prefetch_mb(d: int, planes: int, mb: int) -> None:
    """Ask for the samples of an MB: ``planes`` is SOURCE or REFERENCE."""
    chroma_stride = memory.i64(d + 8 * frame.CHROMA_STRIDE)
    _prefetch(_at(d, planes, 0, mb), memory.i64(d + 8 * frame.LUMA_STRIDE), 16)
    _prefetch(_at(d, planes, 1, mb), chroma_stride, 8)
    _prefetch(_at(d, planes, 2, mb), chroma_stride, 8)


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
            own = _at(d, frame.SOURCE, plane, mb)
            if _differs(start, row, own, own_row, min(right, size), min(below, size)):
                take(start, row, right, below, size, own, own_row)
                is_changed = 1
        if is_changed:
            memory.put_32(changed + 4 * found, mb)
            found += 1
    return found


@kernel(INT, INT, INT, INT, INT, INT, INT, INT)
def _quantise(d: int, mb: int, luma: int, stride: int, cb: int, cr: int, chroma_stride: int, levels: int) -> int:
    """Quantise an MB against a prediction of its luma, Cb and Cr, and return its coded blocks."""
    own_stride = memory.i64(d + 8 * frame.LUMA_STRIDE)
    own_chroma_stride = memory.i64(d + 8 * frame.CHROMA_STRIDE)
    numbers = memory.i64(d + 8 * frame.QUANTISER)
    masks = memory.i64(d + 8 * frame.SCRATCH) + MASKS
    coded = luma_levels(_at(d, frame.SOURCE, 0, mb), own_stride, luma, stride, numbers, levels, masks)
    for plane in range(2):
        source, prediction = _at(d, frame.SOURCE, 1 + plane, mb), cr if plane else cb
        blocks, dc = levels + _BLOCK_BYTES * (CB + 4 * plane), levels + _BLOCK_BYTES * (CB_DC + plane)
        found = chroma_levels(
            source, own_chroma_stride, prediction, chroma_stride, numbers + Q_BYTES, blocks, dc, masks
        )
        coded |= (found & 15) << (CB + 4 * plane) | (found >> 4) << (CB_DC + plane)
    return coded


@kernel(INT, INT, INT)
def _quantise_still(d: int, mb: int, levels: int) -> int:
    """Quantise an MB against the reference at the same place and return its coded blocks."""
    stride, chroma_stride = memory.i64(d + 8 * frame.LUMA_STRIDE), memory.i64(d + 8 * frame.CHROMA_STRIDE)
    luma, cb, cr = (
        _at(d, frame.REFERENCE, 0, mb),
        _at(d, frame.REFERENCE, 1, mb),
        _at(d, frame.REFERENCE, 2, mb),
    )
    return _quantise(d, mb, luma, stride, cb, cr, chroma_stride, levels)


@kernel(INT, INT)
def _is_zero(d: int, mb: int) -> int:
    """Return 1 where an MB certainly quantises to nothing against the reference at the same place."""
    stride = memory.i64(d + 8 * frame.LUMA_STRIDE)
    chroma_stride = memory.i64(d + 8 * frame.CHROMA_STRIDE)
    numbers = memory.i64(d + 8 * frame.QUANTISER)
    if not luma_is_zero(_at(d, frame.SOURCE, 0, mb), stride, _at(d, frame.REFERENCE, 0, mb), stride, numbers):
        return 0
    for plane in range(1, 3):
        source, reference = _at(d, frame.SOURCE, plane, mb), _at(d, frame.REFERENCE, plane, mb)
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


@kernel(INT)
def pattern_of(coded: int) -> int:
    """Return coded_block_pattern of an inter MB by its coded blocks."""
    pattern = 0
    for quarter in range(4):
        if (coded >> (4 * quarter)) & 15:
            pattern |= 1 << quarter
    if coded & _CHROMA_BITS:
        return pattern | 32
    return pattern | 16 if coded & _CHROMA_DC_BITS else pattern


@kernel(INT, INT, INT, INT)
def _reconstruct_chroma(d: int, mb: int, levels: int, coded: int) -> None:
    """Write the chroma samples of an MB whose prediction lies in CHROMA."""
    stride = memory.i64(d + 8 * frame.CHROMA_STRIDE)
    numbers = memory.i64(d + 8 * frame.QUANTISER) + Q_BYTES
    for plane in range(2):
        prediction = memory.i64(d + 8 * frame.SCRATCH) + CHROMA + CHROMA_BYTES * plane
        blocks, dc = levels + _BLOCK_BYTES * (CB + 4 * plane), levels + _BLOCK_BYTES * (CB_DC + plane)
        here = coded & (15 << (CB + 4 * plane) | 1 << (CB_DC + plane))
        current = _at(d, frame.CURRENT, 1 + plane, mb)
        reconstruct_chroma(prediction, CHROMA_STRIDE, current, stride, numbers, blocks, dc, here)


@kernel(INT, INT, INT, INT)
def _code_intra(d: int, mb: int, levels: int, cost: int) -> int:
    """Code an MB as I_16x16 if that is better than a vector of this cost; return whether it is coded."""
    stride = memory.i64(d + 8 * frame.LUMA_STRIDE)
    numbers = memory.i64(d + 8 * frame.QUANTISER)
    kinds = memory.i64(d + 8 * frame.KIND)
    prediction = memory.i64(d + 8 * frame.SCRATCH) + INTRA
    work = prediction + 512
    left = 1 if memory.u8(kinds + mb - 1) else 0
    top = 1 if memory.u8(kinds + mb - memory.i64(d + 8 * frame.MB_STRIDE)) else 0
    source, current = _at(d, frame.SOURCE, 0, mb), _at(d, frame.CURRENT, 0, mb)
    found = intra.predict_luma(source, current, stride, left, top, prediction, prediction + 256)
    if (found >> 2) + _INTRA_BITS * memory.i64(d + 8 * frame.RATE) >= cost:
        return 0
    chroma = memory.i64(d + 8 * frame.SCRATCH) + CHROMA
    own_stride = memory.i64(d + 8 * frame.CHROMA_STRIDE)
    for plane in range(2):
        at = _at(d, frame.CURRENT, 1 + plane, mb)
        intra.predict_chroma_dc(at, own_stride, left, top, chroma + CHROMA_BYTES * plane)
    # luma comes out of this as an inter MB's and is overwritten
    coded = _quantise(d, mb, prediction, LUMA_STRIDE, chroma, chroma + CHROMA_BYTES, CHROMA_STRIDE, levels)
    coded &= _CHROMA_BITS | _CHROMA_DC_BITS
    coded |= intra.luma_levels(source, stride, prediction, numbers, levels, work)
    memory.put_u8(levels + MODE, found & 3)
    pattern = pattern_of(coded) & 48
    memory.put_u8(kinds + mb, INTRA16)
    memory.put_u8(memory.i64(d + 8 * frame.CODED_BLOCK_PATTERN) + mb, pattern | 15 if coded & 0xFFFF else pattern)
    memory.put_32(memory.i64(d + 8 * frame.CODED_BLOCKS) + 4 * mb, coded)
    intra.reconstruct_luma(prediction, current, stride, numbers, levels, work)
    _reconstruct_chroma(d, mb, levels, coded)
    return 1


@kernel(INT, INT, INT)
def code(d: int, mbs: int, count: int) -> None:
    """Code the listed MBs: vectors, levels, per-MB arrays and samples of the current picture."""
    stride = memory.i64(d + 8 * frame.LUMA_STRIDE)
    numbers = memory.i64(d + 8 * frame.QUANTISER)
    scratch = memory.i64(d + 8 * frame.SCRATCH)
    for index in range(count):
        mb = memory.i32(mbs + 4 * index)
        levels = memory.i64(d + 8 * frame.LEVELS) + LEVELS_BYTES * index
        found = predict(d, mb, _at(d, frame.SOURCE, 0, mb), _at(d, frame.REFERENCE, 0, mb))
        if found >> 32 > _INTRA_LEAST and _code_intra(d, mb, levels, found >> 32):
            memory.put_32(memory.i64(d + 8 * frame.LEVELS_OF) + 4 * mb, index)
            continue
        vector = found & 0xFFFFFFFF
        predict_both_chroma(d, _at(d, frame.REFERENCE, 1, mb), _at(d, frame.REFERENCE, 2, mb), vector)
        luma, cb = scratch + LUMA, scratch + CHROMA
        coded = _quantise(d, mb, luma, LUMA_STRIDE, cb, cb + CHROMA_BYTES, CHROMA_STRIDE, levels)
        memory.put_u8(memory.i64(d + 8 * frame.KIND) + mb, INTER if coded or vector else SKIP)
        memory.put_32(memory.i64(d + 8 * frame.MV) + 4 * mb, vector)
        memory.put_u8(memory.i64(d + 8 * frame.CODED_BLOCK_PATTERN) + mb, pattern_of(coded))
        memory.put_32(memory.i64(d + 8 * frame.CODED_BLOCKS) + 4 * mb, coded)
        memory.put_32(memory.i64(d + 8 * frame.LEVELS_OF) + 4 * mb, index)
        reconstruct_luma(luma, LUMA_STRIDE, _at(d, frame.CURRENT, 0, mb), stride, numbers, levels, coded & 0xFFFF)
        _reconstruct_chroma(d, mb, levels, coded)


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
            current, reference = _at(d, frame.CURRENT, plane, mb), _at(d, frame.REFERENCE, plane, mb)
            take(current, stride, size, size, size, reference, stride)
            if left or right or top or bottom:
                _extend(reference, stride, size, left, right, top, bottom)
