"""These kernels code MBs: each as P_Skip, P_L0_16x16, I_16x16 or I_NxN, by bits and difference."""

from typing import Final

from transcoder_native.h264 import frame, intra, intra4, memory, vectors
from transcoder_native.h264.layout import CB, CB_DC, INTER, INTRA4, INTRA16, LEVELS_BYTES, MODE, SKIP
from transcoder_native.h264.macroblock import (
    BLOCK_BYTES,
    address_of,
    quantise,
    quantise_chroma,
    quantise_luma,
    take,
)
from transcoder_native.h264.prediction import (
    CHROMA,
    CHROMA_BYTES,
    CHROMA_STRIDE,
    INTRA,
    LUMA,
    LUMA_STRIDE,
    is_within,
    predict,
    predict_both_chroma,
    predict_luma_at,
)
from transcoder_native.h264.quantiser import Q_BYTES
from transcoder_native.h264.reconstruct import reconstruct_chroma
from transcoder_native.h264.sad import sad_16x16
from transcoder_native.h264.transform_choice import code_luma
from transcoder_native.runtime import INT, kernel

_INTRA_BITS: Final = 8
"""What an I_16x16 takes more than a P_L0_16x16 does, in bits: its type, and one mode for samples that need several."""
_WORTH_A_LOOK: Final = 5
"""Fourths of the cost of a vector: I_NxN is tried where I_16x16 costs less than these, as it is seldom far better."""
_SKIP_BITS: Final = 4
"""What a P_Skip takes less than a P_L0_16x16 without levels whose vector is zero where others move, in bits."""
_CHROMA_BITS: Final = 0xFF << 16
_CHROMA_DC_BITS: Final = 3 << 24


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
        blocks, dc = levels + BLOCK_BYTES * (CB + 4 * plane), levels + BLOCK_BYTES * (CB_DC + plane)
        here = coded & (15 << (CB + 4 * plane) | 1 << (CB_DC + plane))
        current = address_of(d, frame.CURRENT, 1 + plane, mb)
        reconstruct_chroma(prediction, CHROMA_STRIDE, current, stride, numbers, blocks, dc, here)


@kernel(INT, INT, INT, INT, INT)
def _code_intra_chroma(d: int, mb: int, levels: int, left: int, top: int) -> int:
    """Code the chroma of an intra MB, whose mode is DC, and return its coded blocks."""
    chroma = memory.i64(d + 8 * frame.SCRATCH) + CHROMA
    stride = memory.i64(d + 8 * frame.CHROMA_STRIDE)
    for plane in range(2):
        current = address_of(d, frame.CURRENT, 1 + plane, mb)
        intra.predict_chroma_dc(current, stride, left, top, chroma + CHROMA_BYTES * plane)
    coded = quantise_chroma(d, mb, chroma, chroma + CHROMA_BYTES, CHROMA_STRIDE, levels)
    _reconstruct_chroma(d, mb, levels, coded)
    return coded


@kernel(INT, INT, INT, INT)
def _code_intra(d: int, mb: int, levels: int, cost: int) -> int:
    """Code an MB as I_NxN or I_16x16 if that is better than a vector of this cost; return whether it is coded."""
    stride, rate = memory.i64(d + 8 * frame.LUMA_STRIDE), memory.i64(d + 8 * frame.RATE)
    numbers = memory.i64(d + 8 * frame.QUANTISER) + 2 * Q_BYTES
    kinds = memory.i64(d + 8 * frame.KIND)
    prediction = memory.i64(d + 8 * frame.SCRATCH) + INTRA
    work = prediction + 256
    left = 1 if memory.u8(kinds + mb - 1) else 0
    top = 1 if memory.u8(kinds + mb - memory.i64(d + 8 * frame.MB_STRIDE)) else 0
    source, current = address_of(d, frame.SOURCE, 0, mb), address_of(d, frame.CURRENT, 0, mb)
    found = intra.choose_luma(source, current, stride, left, top)
    cost_16 = (found >> 2) + _INTRA_BITS * rate
    coded = -1
    if 4 * cost_16 < _WORTH_A_LOOK * cost:
        coded = intra4.code_luma(d, mb, source, current, levels, work, min(cost, cost_16))
    kind = INTRA4
    if coded < 0:
        if cost_16 >= cost:
            return 0
        kind = INTRA16
        intra.predict_luma(current, stride, found & 3, left, top, prediction)
        coded = intra.luma_levels(source, stride, prediction, numbers, levels, work)
        memory.put_u8(levels + MODE, found & 3)
        intra.reconstruct_luma(prediction, current, stride, numbers, levels, work)
    coded |= _code_intra_chroma(d, mb, levels, left, top)
    pattern = pattern_of(coded)
    if kind == INTRA16 and pattern & 15:
        pattern |= 15
    memory.put_u8(kinds + mb, kind)
    memory.put_u8(memory.i64(d + 8 * frame.CODED_BLOCK_PATTERN) + mb, pattern)
    memory.put_32(memory.i64(d + 8 * frame.CODED_BLOCKS) + 4 * mb, coded)
    return 1


@kernel(INT, INT, INT, INT)
def _skip_by(d: int, mb: int, vector: int, levels: int) -> int:
    """Code an MB as P_Skip with a vector if nothing is left to code; return whether it is."""
    predict_luma_at(d, address_of(d, frame.REFERENCE, 0, mb), vector)
    predict_both_chroma(d, address_of(d, frame.REFERENCE, 1, mb), address_of(d, frame.REFERENCE, 2, mb), vector)
    luma = memory.i64(d + 8 * frame.SCRATCH) + LUMA
    cb = memory.i64(d + 8 * frame.SCRATCH) + CHROMA
    if quantise(d, mb, luma, LUMA_STRIDE, cb, cb + CHROMA_BYTES, CHROMA_STRIDE, levels):
        return 0
    memory.put_u8(memory.i64(d + 8 * frame.KIND) + mb, SKIP)
    memory.put_32(memory.i64(d + 8 * frame.MV) + 4 * mb, vector)
    stride = memory.i64(d + 8 * frame.LUMA_STRIDE)
    take(luma, LUMA_STRIDE, 16, 16, 16, address_of(d, frame.CURRENT, 0, mb), stride)
    _reconstruct_chroma(d, mb, levels, 0)
    return 1


@kernel(INT, INT, INT)
def _skip(d: int, mb: int, levels: int) -> int:
    """Code an MB as P_Skip if its difference from what the inferred vector predicts is nothing; return whether it is.

    A vector of zero is that of the test, which such an MB has failed.
    """
    vector = vectors.inferred(d, mb)
    if vector == 0 or not is_within(d, mb, vector):
        return 0
    return _skip_by(d, mb, vector, levels)


@kernel(INT, INT, INT)
def _follows(d: int, mb: int, levels: int) -> int:
    """Code an MB whose difference is nothing as P_Skip with the vector of what moves around it, if that is as good.

    With a vector of zero it takes bits, as another vector would be inferred.

    Returns:
        Whether it is coded so.
    """
    vector = vectors.inferred(d, mb)
    if vector == 0 or not is_within(d, mb, vector):
        return 0
    stride = memory.i64(d + 8 * frame.LUMA_STRIDE)
    source = address_of(d, frame.SOURCE, 0, mb)
    still = sad_16x16(source, stride, address_of(d, frame.REFERENCE, 0, mb), stride)
    predict_luma_at(d, address_of(d, frame.REFERENCE, 0, mb), vector)
    moved = sad_16x16(source, stride, memory.i64(d + 8 * frame.SCRATCH) + LUMA, LUMA_STRIDE)
    if moved > still + _SKIP_BITS * memory.i64(d + 8 * frame.RATE):
        return 0
    return _skip_by(d, mb, vector, levels)


@kernel(INT, INT, INT)
def _code_one(d: int, mb: int, index: int) -> None:
    """Code an MB; its levels are those of an index."""
    scratch = memory.i64(d + 8 * frame.SCRATCH)
    levels = memory.i64(d + 8 * frame.LEVELS) + LEVELS_BYTES * index
    if _skip(d, mb, levels):
        return
    memory.put_32(memory.i64(d + 8 * frame.LEVELS_OF) + 4 * mb, index)
    found = predict(d, mb, address_of(d, frame.SOURCE, 0, mb), address_of(d, frame.REFERENCE, 0, mb))
    if _code_intra(d, mb, levels, found >> 32):
        return
    vector = found & 0xFFFFFFFF
    predict_both_chroma(d, address_of(d, frame.REFERENCE, 1, mb), address_of(d, frame.REFERENCE, 2, mb), vector)
    luma, cb = scratch + LUMA, scratch + CHROMA
    coded = code_luma(d, mb, levels, quantise_luma(d, mb, luma, LUMA_STRIDE, levels))
    coded |= quantise_chroma(d, mb, cb, cb + CHROMA_BYTES, CHROMA_STRIDE, levels)
    memory.put_32(memory.i64(d + 8 * frame.MV) + 4 * mb, vector)
    is_inferred = coded == 0 and memory.i32(memory.i64(d + 8 * frame.MV) + 4 * mb) == vectors.inferred(d, mb)
    memory.put_u8(memory.i64(d + 8 * frame.KIND) + mb, SKIP if is_inferred else INTER)
    memory.put_u8(memory.i64(d + 8 * frame.CODED_BLOCK_PATTERN) + mb, pattern_of(coded))
    memory.put_32(memory.i64(d + 8 * frame.CODED_BLOCKS) + 4 * mb, coded)
    _reconstruct_chroma(d, mb, levels, coded)


@kernel(INT, INT, INT, INT)
def code(d: int, mbs: int, count: int, made: int) -> int:
    """Code the listed MBs, and those to their right that move with them: vectors, levels, per-MB arrays and samples.

    Args:
        d: the frame.
        mbs: the address of the numbers of MBs, int32, rising.
        count: their count.
        made: the address of a list like that, written: all MBs that were coded.

    Returns:
        The length of that list.
    """
    stride = memory.i64(d + 8 * frame.MB_STRIDE)
    kinds = memory.i64(d + 8 * frame.KIND)
    found = 0
    for index in range(count):
        mb = memory.i32(mbs + 4 * index)
        after = memory.i32(mbs + 4 * index + 4) if index + 1 < count else stride * stride * stride
        _code_one(d, mb, index)
        memory.put_32(made + 4 * found, mb)
        found += 1
        mb += 1
        levels = memory.i64(d + 8 * frame.LEVELS) + LEVELS_BYTES * (index + 1)
        while mb < after and memory.u8(kinds + mb) and _follows(d, mb, levels):
            memory.put_32(made + 4 * found, mb)
            found += 1
            mb += 1
    return found
