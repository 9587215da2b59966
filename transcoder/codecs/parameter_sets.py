"""Parameter sets of H.264 and H.265 are parsed here: they describe a picture before any of it is decoded.

A camera's sets are read for reports and checks only, never to size a buffer. Every loop over their values is bounded;
bytes behind the syntax are tolerated and counted (Reolink sends some).
"""

from collections.abc import Sequence

from transcoder.codecs import h264_parameter_sets, h265_parameter_sets
from transcoder.codecs.bit_reader import BitReader
from transcoder.codecs.nal import (
    H264_PPS,
    H264_SPS,
    H265_PPS,
    H265_SPS,
    H265_VPS,
    Codec,
    add_emulation_prevention,
    header_size,
    nal_unit_type,
    remove_emulation_prevention,
)
from transcoder.codecs.parameter_set_syntax import PictureParameterSet, SequenceParameterSet
from transcoder.errors import BitstreamError

__all__ = [
    "PictureParameterSet",
    "SequenceParameterSet",
    "parameter_set_id",
    "parse_pps",
    "parse_sps",
    "picture_size",
    "without_fixed_frame_rate",
]

MAX_SIZE = 2048
"""Bytes of a set that are read at most: an H.264 SPS with twelve scaling lists of the longest codes has about 1100."""


def parse_sps(codec: Codec, nal_unit: bytes | memoryview) -> SequenceParameterSet:
    """Parse an SPS.

    Args:
        codec: the codec of the NAL unit.
        nal_unit: the NAL unit with its header, without start code.

    Raises:
        BitstreamError: the NAL unit is no SPS, ends early, or holds values that no picture has.
    """
    bits = _open(codec, nal_unit, H264_SPS if codec is Codec.H264 else H265_SPS, "SPS")
    return h264_parameter_sets.read_sps(bits) if codec is Codec.H264 else h265_parameter_sets.read_sps(bits)


def parse_pps(codec: Codec, nal_unit: bytes | memoryview) -> PictureParameterSet:
    """Parse the start of a PPS.

    Raises:
        BitstreamError: the NAL unit is no PPS, or ends early.
    """
    bits = _open(codec, nal_unit, H264_PPS if codec is Codec.H264 else H265_PPS, "PPS")
    return h264_parameter_sets.read_pps(bits) if codec is Codec.H264 else h265_parameter_sets.read_pps(bits)


def parameter_set_id(codec: Codec, nal_unit: bytes) -> int | None:
    """Return the id of a VPS, SPS or PPS, by which others refer to it; None where the id can't be read.

    The rest of the set does not have to be readable.

    Source: H.264 section 7.3.2.1.1, 7.3.2.2; H.265 section 7.3.2.1 to 7.3.2.3.
    """
    kind = nal_unit_type(codec, nal_unit)
    bits = BitReader(remove_emulation_prevention(nal_unit[header_size(codec) :], MAX_SIZE))
    try:
        if codec is Codec.H264:
            if kind == H264_SPS:
                bits.u(24)  # profile_idc, constraint flags, level_idc
            return bits.ue(31 if kind == H264_SPS else 255)
        if kind == H265_VPS:
            return bits.u(4)
        return h265_parameter_sets.read_sps_id(bits) if kind == H265_SPS else bits.ue(63)
    except BitstreamError:
        return None


def picture_size(codec: Codec, units: Sequence[bytes]) -> tuple[int, int] | None:
    """Return width and height by the first SPS among NAL units, or None where no SPS can be read."""
    for unit in units:
        if unit and nal_unit_type(codec, unit) == (H264_SPS if codec is Codec.H264 else H265_SPS):
            try:
                sps = parse_sps(codec, unit)
            except BitstreamError:
                return None
            return sps.width, sps.height
    return None


def without_fixed_frame_rate(nal_unit: bytes) -> bytes:
    """Return an H.264 SPS with fixed_frame_rate_flag 0, so that pictures may come at any time (section E.2.1).

    x264 sets the flag whenever it has no picture of delay, and has no option against that.

    Raises:
        BitstreamError: the SPS can't be read.
    """
    bit = parse_sps(Codec.H264, nal_unit).fixed_frame_rate_bit
    if bit is None:
        return nal_unit
    size = header_size(Codec.H264)
    rbsp = remove_emulation_prevention(nal_unit[size:], MAX_SIZE)
    value = int.from_bytes(rbsp) & ~(1 << bit)
    return nal_unit[:size] + add_emulation_prevention(value.to_bytes(len(rbsp)))


def _open(codec: Codec, nal_unit: bytes | memoryview, expected: int, name: str) -> BitReader:
    size = header_size(codec)
    if len(nal_unit) <= size or nal_unit[0] >= 0x80 or nal_unit_type(codec, nal_unit) != expected:
        raise BitstreamError(f"not an {codec.value} {name}")
    return BitReader(remove_emulation_prevention(nal_unit[size:], MAX_SIZE))
