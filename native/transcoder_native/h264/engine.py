"""The engine holds the memory of one encoder of P pictures and runs the stages of each picture."""

from typing import Final

import numpy as np
import numpy.typing as npt

from transcoder_native import runtime
from transcoder_native.arrays import U8
from transcoder_native.h264 import cabac, coding, deblock, driver, frame, syntax, tables
from transcoder_native.h264.layout import I32, LEVELS_BYTES, Geometry, Macroblocks, Planes
from transcoder_native.h264.quantiser import (
    INTER_ROUNDING,
    INTRA_ROUNDING,
    LEAST_QP_8X8,
    Q_BYTES,
    Q_BYTES_8X8,
    ROUNDING_8X8,
    table,
    table_8x8,
)

# Python calls these; what they call is in them
runtime.load(
    driver.take_source, driver.test_still, driver.copy_back, coding.code, deblock.edged, deblock.deblock,
    syntax.write_slice_data,
)  # fmt: skip

_OUT_MB_BYTES: Final = 1024
"""Room for slice data, bytes an MB: 2.6 times the 3200 bits that an MB may have (section A.3.1)."""
_OUT_LEAST: Final = 1 << 16
_QUANTISERS: Final = table(INTER_ROUNDING)
_INTRA_QUANTISERS: Final = table(INTRA_ROUNDING)
_QUANTISERS_8X8: Final = table_8x8(ROUNDING_8X8)
_RATE: Final = 1.0
"""What a bit costs at QP 12, in squared errors; six steps make it four times as much."""


class Engine:
    """Makes the slice data of P pictures that refer to the picture before.

    Args:
        geometry: the sizes.
        settle: whether MBs that are settled are left out of the test; without, the result is the same and costs more.

    Attributes:
        reference: the decoded picture before; a caller writes an IDR into it and calls ``restart``.
        changed: how many MBs of the last picture differ from the picture before it.
        tested: how many of its MBs were compared with the reference.
        coded: how many of its MBs that found different enough to be coded.

    A picture is taken, then tested; then either `write` codes it, or the next `restart` brings another reference.
    """

    def __init__(self, geometry: Geometry, *, settle: bool = True) -> None:
        self.geometry = geometry
        self.reference = Planes(geometry)
        self.changed = self.tested = self.coded = 0
        self._settle = settle
        self._source, self._current = Planes(geometry), Planes(geometry)
        self._mbs = Macroblocks(geometry)
        self._inside = geometry.inside()
        count = len(self._inside)
        self._levels = np.zeros((count + 1) * LEVELS_BYTES, np.uint8)
        self._scratch = np.zeros(frame.SCRATCH_BYTES, np.uint8)
        self._bins = np.zeros(geometry.mb_width * frame.MAX_MB_BINS, np.uint16)
        self._out = np.zeros(max(count * _OUT_MB_BYTES, _OUT_LEAST), np.uint8)
        self._coder_tables = tables.coder_tables()
        self._coder = np.zeros(cabac.STATE_SIZE, np.int64)
        self._contexts = np.zeros(tables.CONTEXTS, np.uint8)
        self._quantiser = np.zeros((3 * Q_BYTES + Q_BYTES_8X8) // 2, np.int16)
        self._thresholds = np.zeros(2 * deblock.THRESHOLDS, np.int64)
        self._touched = np.zeros(geometry.mb_slots, np.uint8)
        self._edged: I32 = np.zeros(count, np.int32)
        self._qp = -1
        self._coded: I32 = np.zeros(count, np.int32)
        self._made: I32 = np.zeros(count, np.int32)
        self._d = self._describe()
        self._kinds = self._mbs.kind.copy()

    def restart(self) -> None:
        """Begin anew from the picture in ``reference``: an IDR."""
        _extend_all(self.reference)
        for out, plane in zip(self._current.padded, self.reference.padded, strict=True):
            out[:] = plane
        self._mbs.settled[:] = 0

    def take(self, planes: list[U8], width: int, height: int, changed: npt.NDArray[np.uint8] | None) -> None:
        """Take the next picture to code.

        Args:
            planes: luma, Cb and Cr, (height, stride); the rows of Cb and Cr are equally far apart.
            width: the width of the picture, even.
            height: the height of the picture, even.
            changed: (mb_height, mb_width): 0 where surely no sample differs from the picture taken before; None
                promises nothing.
        """
        listed = self._inside if changed is None else self._inside[np.flatnonzero(changed)]
        luma, cb, cr = planes
        self.changed = driver.take_source(
            self._d.ctypes.data, listed.ctypes.data, len(listed), self._coded.ctypes.data,
            luma.ctypes.data, cb.ctypes.data, cr.ctypes.data, luma.strides[0], cb.strides[0], width, height,
        )  # fmt: skip
        self._mbs.settled[self._coded[: self.changed]] = 0

    def test(self, qp: int) -> None:
        """Find the MBs of the picture that have to be coded.

        Args:
            qp: QP_Y, 1 to 51.
        """
        self._set_qp(qp)
        listed = self._inside[self._mbs.settled[self._inside] == 0] if self._settle else self._inside
        self.tested = len(listed)
        self.coded = driver.test_still(self._d.ctypes.data, listed.ctypes.data, len(listed), self._coded.ctypes.data)

    def write(self, cabac_init_idc: int) -> bytes | None:
        """Code the picture, at the QP of its test.

        Args:
            cabac_init_idc: the choice of initial states of the contexts, 0 to 2.

        Returns:
            The slice data without emulation prevention, aligned; None if it does not fit: then an IDR has to follow.
        """
        mbs, d, coded = self._mbs, self._d.ctypes.data, self._coded.ctypes.data
        mbs.kind[:] = self._kinds
        mbs.mv_before[: len(mbs.mv)] = mbs.mv
        mbs.mv[:] = 0
        mbs.mvd[:] = 0
        mbs.coded_block_pattern[:] = 0
        mbs.coded_blocks[:] = 0
        made = self._made[: coding.code(d, coded, self.coded, self._made.ctypes.data)]
        touched = self._deblock(made)
        self._contexts[:] = tables.context_states(self._qp, cabac_init_idc)
        start = self._out.ctypes.data
        self._coder[:] = [0, cabac.FIRST_RANGE, 0, start]
        if syntax.write_slice_data(d):
            return None
        driver.copy_back(d, touched.ctypes.data, len(touched))
        return self._out[: int(self._coder[cabac.CURSOR]) - start].tobytes()

    def _deblock(self, coded: I32) -> I32:
        """Filter the current picture near the coded MBs, and return the MBs whose samples differ from the reference."""
        d = self._d.ctypes.data
        self._touched[:] = 0
        count = deblock.edged(d, coded.ctypes.data, len(coded), self._edged.ctypes.data)
        deblock.deblock(d, self._edged.ctypes.data, count, self._thresholds.ctypes.data, self._touched.ctypes.data)
        self._touched[coded] = 1
        touched = self._touched.nonzero()[0].astype(np.int32)
        self._mbs.settled[touched] = 0
        return touched

    def _set_qp(self, qp: int) -> None:
        if qp == self._qp:
            return
        if qp < self._qp:
            self._mbs.settled[:] = 0
        self._qp = qp
        own = qp, tables.chroma_qp(qp)
        rows = [_QUANTISERS[each] for each in own]
        self._quantiser[:] = np.concatenate([*rows, _INTRA_QUANTISERS[qp], _QUANTISERS_8X8[qp]])
        self._d[frame.RATE] = max(1, round(2 ** ((qp - 12) / 6)))
        self._d[frame.RATE_SQUARED] = round(_RATE * 2 ** ((qp - 12) / 3)) if qp >= LEAST_QP_8X8 else 0
        self._thresholds[:] = np.concatenate([tables.deblocking_thresholds(each) for each in own])

    def _describe(self) -> npt.NDArray[np.int64]:
        d = np.zeros(frame.SIZE, np.int64)
        geometry, mbs = self.geometry, self._mbs
        d[frame.MB_WIDTH], d[frame.MB_HEIGHT], d[frame.MB_STRIDE] = (
            geometry.mb_width, geometry.mb_height, geometry.mb_stride,
        )  # fmt: skip
        d[frame.LUMA_STRIDE], d[frame.CHROMA_STRIDE] = geometry.luma_stride, geometry.chroma_stride
        for place, planes in (
            (frame.SOURCE, self._source), (frame.REFERENCE, self.reference), (frame.CURRENT, self._current),
        ):  # fmt: skip
            d[place : place + 3] = planes.addresses
        for place, array in (
            (frame.KIND, mbs.kind), (frame.SETTLED, mbs.settled), (frame.MV, mbs.mv), (frame.MVD, mbs.mvd),
            (frame.MV_BEFORE, mbs.mv_before),
            (frame.CODED_BLOCK_PATTERN, mbs.coded_block_pattern), (frame.CODED_BLOCKS, mbs.coded_blocks),
            (frame.LEVELS_OF, mbs.levels), (frame.LEVELS, self._levels), (frame.SCRATCH, self._scratch),
            (frame.QUANTISER, self._quantiser), (frame.CODER_TABLES, self._coder_tables),
            (frame.CONTEXTS, self._contexts), (frame.CODER, self._coder), (frame.BINS, self._bins),
        ):  # fmt: skip
            d[place] = array.ctypes.data
        d[frame.OUT_END] = self._out.ctypes.data + len(self._out)
        return d


def _extend_all(planes: Planes) -> None:
    """Repeat the outer samples of a picture into its padding."""
    for padded, view in zip(planes.padded, (planes.luma, planes.cb, planes.cr), strict=True):
        top = (padded.shape[0] - view.shape[0]) // 2
        left, right = top, top + view.shape[1]
        padded[top:-top, :left] = view[:, :1]
        padded[top:-top, right:] = view[:, -1:]
        padded[:top] = padded[top]
        padded[-top:] = padded[-top - 1]


def open_engine(width: int, height: int) -> Engine:
    """Return an engine for pictures of a size."""
    return Engine(Geometry(width, height))
