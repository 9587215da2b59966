"""These helpers find, copy and quantise the samples of a macroblock (MB) of a frame."""

from typing import Final

from transcoder_native.h264 import frame, memory
from transcoder_native.h264.layout import BLOCK_LEVELS, CB, CB_DC, MB_SIZE
from transcoder_native.h264.prediction import MASKS
from transcoder_native.h264.quantiser import Q_BYTES
from transcoder_native.h264.residual import chroma_levels, luma_levels
from transcoder_native.runtime import INT, kernel

BLOCK_BYTES: Final = 2 * BLOCK_LEVELS


@kernel(INT, INT, INT, INT)
def address_of(d: int, planes: int, plane: int, mb: int) -> int:
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


@kernel(INT, INT, INT, INT, INT, INT)
def quantise_chroma(d: int, mb: int, cb: int, cr: int, stride: int, levels: int) -> int:
    """Quantise an MB's chroma against a prediction of Cb and Cr, and return its coded blocks."""
    own_stride = memory.i64(d + 8 * frame.CHROMA_STRIDE)
    numbers = memory.i64(d + 8 * frame.QUANTISER) + Q_BYTES
    masks = memory.i64(d + 8 * frame.SCRATCH) + MASKS
    coded = 0
    for plane in range(2):
        source, prediction = address_of(d, frame.SOURCE, 1 + plane, mb), cr if plane else cb
        blocks, dc = levels + BLOCK_BYTES * (CB + 4 * plane), levels + BLOCK_BYTES * (CB_DC + plane)
        found = chroma_levels(source, own_stride, prediction, stride, numbers, blocks, dc, masks)
        coded |= (found & 15) << (CB + 4 * plane) | (found >> 4) << (CB_DC + plane)
    return coded


@kernel(INT, INT, INT, INT, INT)
def quantise_luma(d: int, mb: int, luma: int, stride: int, levels: int) -> int:
    """Quantise an MB's luma against a prediction by the 4x4 transform, and return its coded blocks."""
    own_stride = memory.i64(d + 8 * frame.LUMA_STRIDE)
    masks = memory.i64(d + 8 * frame.SCRATCH) + MASKS
    numbers = memory.i64(d + 8 * frame.QUANTISER)
    return luma_levels(address_of(d, frame.SOURCE, 0, mb), own_stride, luma, stride, numbers, levels, masks)


@kernel(INT, INT, INT, INT, INT, INT, INT, INT)
def quantise(d: int, mb: int, luma: int, stride: int, cb: int, cr: int, chroma_stride: int, levels: int) -> int:
    """Quantise an MB against a prediction of its luma, Cb and Cr, and return its coded blocks."""
    return quantise_luma(d, mb, luma, stride, levels) | quantise_chroma(d, mb, cb, cr, chroma_stride, levels)
