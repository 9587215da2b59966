"""Slice headers tell whether two slices are of one picture, for cameras whose timestamps and markers say otherwise."""

from dataclasses import dataclass

from transcoder.codecs.bit_reader import BitReader
from transcoder.codecs.nal import (
    H264_IDR,
    H264_SLICE,
    H264_SPS,
    Codec,
    header_size,
    is_first_slice,
    is_parameter_set,
    is_random_access,
    nal_unit_type,
    remove_emulation_prevention,
)
from transcoder.codecs.parameter_sets import PictureParameterSet, SequenceParameterSet, parse_pps, parse_sps
from transcoder.errors import BitstreamError

MAX_SETS = 32
"""The largest number of parameter sets whose bytes are remembered, so that a repeated set is not parsed again; cameras
have two or three."""
_HEADER_SIZE = 48
"""Bytes that hold every field that is looked at: six codes of 65 bits at the longest, and emulation prevention."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _H264Header:
    """Holds the fields by which H.264 section 7.4.1.2.4 tells pictures apart, and the place where the slice begins."""

    first_mb: int
    picture: tuple[int, ...]


class SliceComparison:
    """Knows the parameter sets of a stream, without which H.264's slice headers can't be read."""

    def __init__(self, codec: Codec) -> None:
        self._codec = codec
        self._known: dict[bytes, SequenceParameterSet | PictureParameterSet | None] = {}
        self._sps: dict[int, SequenceParameterSet] = {}
        self._pps: dict[int, PictureParameterSet] = {}

    def note(self, unit: bytes) -> None:
        """Take a parameter set; any other NAL unit is passed over."""
        if self._codec is not Codec.H264 or not is_parameter_set(self._codec, nal_unit_type(self._codec, unit)):
            return
        if unit not in self._known:
            if len(self._known) >= MAX_SETS:
                self._known.clear()
            self._known[unit] = _parse_set(unit)
        known = self._known[unit]
        if isinstance(known, SequenceParameterSet):
            self._sps[known.id] = known
        elif known is not None:
            self._pps[known.id] = known

    def is_one_picture(self, first: bytes, later: bytes) -> bool:
        """Return whether a slice is surely of the same picture as the slice before it in decoding order.

        Args:
            first: a slice that is not data partition B or C.
            later: a slice that follows `first` without a loss between them.

        Source: H.264 section 7.4.1.2.4; H.265 section 7.4.2.4.4, and 7.4.2.2 and 7.4.7.1 for the fields that are the
        same in all slices of a picture.
        """
        if is_first_slice(self._codec, later):
            return False
        try:
            if self._codec is Codec.H264:
                one, other = self._read(first), self._read(later)
                return other.first_mb > one.first_mb and other.picture == one.picture
            return nal_unit_type(self._codec, first) == nal_unit_type(self._codec, later) and _h265_pps(
                first
            ) == _h265_pps(later)
        except BitstreamError:
            return False

    def _read(self, unit: bytes) -> _H264Header:
        """Read the header of an H.264 slice.

        Source: H.264 section 7.3.3.
        """
        kind = unit[0] & 0x1F
        if kind not in {H264_SLICE, H264_IDR}:
            raise BitstreamError("not a slice")
        bits = _open(Codec.H264, unit)
        first_mb = bits.ue()
        bits.ue()  # slice_type
        pps = self._pps.get(bits.ue())
        sps = self._sps.get(pps.sps_id) if pps is not None else None
        if pps is None or sps is None:
            raise BitstreamError("a slice of unknown parameter sets")
        if sps.colour_planes:
            bits.u(2)
        frame_num = bits.u(sps.frame_num_bits)
        field = sps.interlaced and bits.flag()
        bottom = field and bits.flag()
        idr = kind == H264_IDR
        idr_pic_id = bits.ue() if idr else -1
        order = bits.u(sps.order_bits)
        delta = bits.se() if sps.order_type == 0 and pps.field_order and not field else 0
        reference = unit[0] & 0x60 != 0
        return _H264Header(
            first_mb=first_mb, picture=(frame_num, pps.id, field, bottom, reference, idr, idr_pic_id, order, delta)
        )


def is_intra(unit: bytes) -> bool:
    """Return whether an H.264 slice refers to no other picture: slice_type 2 or 7, I (section 7.4.3, table 7-6)."""
    bits = _open(Codec.H264, unit)
    try:
        bits.ue()
        return bits.ue() in {2, 7}
    except BitstreamError:
        return False


def _open(codec: Codec, unit: bytes) -> BitReader:
    size = header_size(codec)
    return BitReader(remove_emulation_prevention(unit[size:], _HEADER_SIZE))


def _parse_set(unit: bytes) -> SequenceParameterSet | PictureParameterSet | None:
    try:
        return parse_sps(Codec.H264, unit) if unit[0] & 0x1F == H264_SPS else parse_pps(Codec.H264, unit)
    except BitstreamError:
        return None


def _h265_pps(unit: bytes) -> int:
    """Return the slice_pic_parameter_set_id (H.265 section 7.3.6.1)."""
    bits = _open(Codec.H265, unit)
    bits.u(2 if is_random_access(Codec.H265, nal_unit_type(Codec.H265, unit)) else 1)
    return bits.ue(63)
