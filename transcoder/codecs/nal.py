"""This module knows the types, the allow-lists and the byte stream syntax of the NAL units of H.264 and H.265.

A NAL unit is handled as bytes without start code: the header comes first, and emulation prevention bytes stay in place.
"""

import re
from collections.abc import Iterable, Iterator
from enum import Enum

MAX_NAL_UNIT_SIZE = 8 << 20
"""Bytes: the largest NAL unit. The largest I pictures seen are about 2 MB (8192x1800); four times that is not video any
more."""
MAX_ACCESS_UNIT_SIZE = 16 << 20
"""Bytes: the largest access unit, which is two NAL units of the largest size."""
MAX_NAL_UNITS = 1024
"""The largest number of NAL units in one access unit; level 6.2 allows 600 slices (H.264 table A-1)."""

START_CODE = b"\x00\x00\x00\x01"

_START_CODE = re.compile(rb"\x00\x00\x01")
_EMULATED = re.compile(rb"\x00\x00(?=[\x00-\x03])")


class Codec(Enum):
    """Names a video codec as SDP does."""

    H264 = "H264"
    H265 = "H265"

    __hash__ = object.__hash__  # Enum's own is a function in Python, and every picture is looked up by its codec


# H.264 table 7-1
H264_SLICE = 1
H264_SLICE_A = 2
H264_SLICE_C = 4
H264_IDR = 5
H264_SEI = 6
H264_SPS = 7
H264_PPS = 8
H264_AUD = 9

# H.265 table 7-1
H265_BLA_W_LP = 16
H265_CRA = 21
H265_RSV_IRAP_23 = 23
H265_VPS = 32
H265_SPS = 33
H265_PPS = 34
H265_AUD = 35
H265_SEI_PREFIX = 39
H265_SEI_SUFFIX = 40

H264_ALLOWED = frozenset({H264_SLICE, H264_SLICE_A, 3, H264_SLICE_C, H264_IDR, H264_SPS, H264_PPS})
"""The types of coded slices, data partitions and parameter sets: all that a decoder needs to make pictures."""
H265_ALLOWED = frozenset({*range(10), *range(H265_BLA_W_LP, H265_CRA + 1), H265_VPS, H265_SPS, H265_PPS})
"""The types of coded slice segments (not the reserved types) and parameter sets."""

_H264_NAMES = {
    1: "slice", 2: "partition A", 3: "partition B", 4: "partition C", 5: "IDR slice", 6: "SEI", 7: "SPS", 8: "PPS",
    9: "AUD", 10: "end of sequence", 11: "end of stream", 12: "filler", 13: "SPS extension", 14: "prefix",
    15: "subset SPS", 16: "depth parameter set", 19: "auxiliary slice", 20: "slice extension", 21: "3D slice extension",
}  # fmt: skip
_H265_NAMES = {
    0: "TRAIL_N", 1: "TRAIL_R", 2: "TSA_N", 3: "TSA_R", 4: "STSA_N", 5: "STSA_R", 6: "RADL_N", 7: "RADL_R", 8: "RASL_N",
    9: "RASL_R", 16: "BLA_W_LP", 17: "BLA_W_RADL", 18: "BLA_N_LP", 19: "IDR_W_RADL", 20: "IDR_N_LP", 21: "CRA",
    32: "VPS", 33: "SPS", 34: "PPS", 35: "AUD", 36: "end of sequence", 37: "end of bitstream", 38: "filler",
    39: "prefix SEI", 40: "suffix SEI",
}  # fmt: skip


def nal_unit_type(codec: Codec, nal_unit: bytes | memoryview) -> int:
    """Return the nal_unit_type of a NAL unit that is not empty."""
    return nal_unit[0] & 0x1F if codec is Codec.H264 else (nal_unit[0] >> 1) & 0x3F


def nal_unit_name(codec: Codec, unit_type: int) -> str:
    """Return the name that the standard gives a nal_unit_type, with its number."""
    names = _H264_NAMES if codec is Codec.H264 else _H265_NAMES
    return f"{unit_type} {names.get(unit_type, 'reserved or unspecified')}"


def layer_id(nal_unit: bytes | memoryview) -> int:
    """Return the nuh_layer_id of an H.265 NAL unit (section 7.3.1.2), which is 0 in every stream without layers."""
    return ((nal_unit[0] & 1) << 5) | (nal_unit[1] >> 3)


def header_size(codec: Codec) -> int:
    """Return the bytes of the NAL unit header: 1 in H.264 (without SVC/MVC extension), 2 in H.265."""
    return 1 if codec is Codec.H264 else 2


def is_allowed(codec: Codec, unit_type: int) -> bool:
    """Return whether a NAL unit of this type may enter the decoder, or leave our encoder."""
    return unit_type in (H264_ALLOWED if codec is Codec.H264 else H265_ALLOWED)


def is_vcl(codec: Codec, unit_type: int) -> bool:
    """Return whether a NAL unit of this type carries a part of a coded picture."""
    return 1 <= unit_type <= 5 if codec is Codec.H264 else unit_type < 32


def is_parameter_set(codec: Codec, unit_type: int) -> bool:
    """Return whether a NAL unit of this type is an SPS, a PPS or (H.265) a VPS."""
    if codec is Codec.H264:
        return unit_type in {H264_SPS, H264_PPS}
    return H265_VPS <= unit_type <= H265_PPS


def is_random_access(codec: Codec, unit_type: int) -> bool:
    """Return whether decoding may start at a NAL unit of this type: IDR in H.264, IRAP in H.265."""
    if codec is Codec.H264:
        return unit_type == H264_IDR
    return H265_BLA_W_LP <= unit_type <= H265_RSV_IRAP_23


def is_first_slice(codec: Codec, nal_unit: bytes | memoryview) -> bool:
    """Return whether a VCL NAL unit is the first of its picture.

    The first one has first_mb_in_slice 0 (H.264) or first_slice_segment_in_pic_flag 1 (H.265).

    Source: H.264 section 7.3.3 (ue(v) 0 is one set bit), H.265 section 7.3.6.1.
    """
    if codec is Codec.H264 and nal_unit[0] & 0x1F in {3, 4}:
        return False  # a data partition B or C follows its A
    size = header_size(codec)
    return len(nal_unit) > size and nal_unit[size] >= 0x80


def has_start_code(data: bytes) -> bool:
    """Return whether there is a start code in these bytes.

    Every byte that comes or goes is searched for one, and an expression is twice as fast at that as `in`.
    """
    return _START_CODE.search(data) is not None


def split_byte_stream(data: bytes | memoryview) -> Iterator[bytes]:
    """Yield the NAL units of an Annex B byte stream, in order.

    Bytes before the first start code are taken as a NAL unit of their own: cameras send such blobs in RTP.
    Zeros that end a NAL unit (trailing_zero_8bits) belong to no NAL unit.

    Source: H.264 and H.265 Annex B.
    """
    stream = bytes(data)
    start = 0
    for match in _START_CODE.finditer(stream):
        unit = stream[start : match.start()].rstrip(b"\x00")
        if unit:
            yield unit
        start = match.end()
    unit = stream[start:].rstrip(b"\x00")
    if unit:
        yield unit


def join_byte_stream(nal_units: Iterable[bytes | memoryview]) -> bytes:
    """Return an Annex B byte stream with 4-byte start codes."""
    parts: list[bytes | memoryview] = []
    for unit in nal_units:
        parts.append(START_CODE)
        parts.append(unit)
    return b"".join(parts)


def remove_emulation_prevention(nal_unit: bytes | memoryview, limit: int | None = None) -> bytes:
    """Return the RBSP bytes of a NAL unit: 00 00 03 becomes 00 00.

    Args:
        nal_unit: the NAL unit with or without header.
        limit: read at most this many bytes, where only the start is wanted.
    """
    data = bytes(nal_unit if limit is None else nal_unit[:limit])
    return data.replace(b"\x00\x00\x03", b"\x00\x00")


def add_emulation_prevention(rbsp: bytes) -> bytes:
    """Return an RBSP as it stands in a NAL unit, where no 00 00 is followed by 00, 01, 02 or 03.

    Source: H.264 and H.265 section 7.4.1.
    """
    return _EMULATED.sub(b"\x00\x00\x03", rbsp)
