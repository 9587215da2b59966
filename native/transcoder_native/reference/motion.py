"""These functions are the twins of ``kernels.motion``."""

import numpy as np
import numpy.typing as npt

from transcoder_native.arrays import I16, U8, U16


def block_differences(luma: U8, reference: U8, width: int, out_abs: U16, out_signed: I16) -> None:
    """Sum the absolute differences and the differences of every 8x8 block."""
    difference = _difference(luma, reference, width)
    out_abs[:] = _block_sums(np.abs(difference), out_abs.shape)
    out_signed[:] = _block_sums(difference, out_signed.shape)


def _difference(luma: U8, reference: U8, width: int) -> npt.NDArray[np.int32]:
    if width < 0 or width > luma.shape[1] or width > reference.shape[1] or reference.shape[0] != luma.shape[0]:
        raise ValueError("planes and width don't fit")
    return luma[:, :width].astype(np.int32) - reference[:, :width]


def _block_sums(values: npt.NDArray[np.int32], shape: tuple[int, ...]) -> npt.NDArray[np.int32]:
    height, width = values.shape
    rows, columns = -(-height // 8), -(-width // 8)
    if shape != (rows, columns):
        raise ValueError("out must have one element a block")
    whole = np.pad(values, ((0, rows * 8 - height), (0, columns * 8 - width)))
    sums: npt.NDArray[np.int32] = whole.reshape(rows, 8, columns, 8).sum(axis=(1, 3), dtype=np.int32)
    return sums
