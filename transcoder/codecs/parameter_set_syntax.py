"""This module has the syntax that the parameter sets of H.264 and H.265 share, and the results of reading them.

Source: H.264 annex E.1; H.265 annex E.2.
"""

from dataclasses import dataclass

from transcoder.codecs.bit_reader import BitReader
from transcoder.codecs.nal import Codec
from transcoder.errors import BitstreamError

MAX_CODED_DIMENSION = 16_384
"""Samples along one side that an SPS may state at most; level 6.2 ends at 8192x4320 and at 16 888 along one side.

A decoder is asked for less: picture_codec.MAX_DIMENSION.
"""

_SARS = {
    1: (1, 1), 2: (12, 11), 3: (10, 11), 4: (16, 11), 5: (40, 33), 6: (24, 11), 7: (20, 11), 8: (32, 11), 9: (80, 33),
    10: (18, 11), 11: (15, 11), 12: (64, 33), 13: (160, 99), 14: (4, 3), 15: (3, 2), 16: (2, 1),
}  # fmt: skip
"""The sample aspect ratios of H.264 table E-1 and H.265 table E.1."""
_EXTENDED_SAR = 255


@dataclass(frozen=True, slots=True, kw_only=True)
class SequenceParameterSet:
    """Holds the numbers that an SPS states about the pictures.

    Attributes:
        id: seq_parameter_set_id.
        width, height: samples after cropping.
        sar: the sample aspect ratio as written, or None where the SPS says nothing.
        profile, level: the profile and the level as people write them: "High", "4.1".
        profile_level_id: the three bytes of an H.264 profile-level-id in hexadecimal, "" in H.265.
        chroma_format: 0 monochrome, 1 4:2:0, 2 4:2:2, 3 4:4:4.
        bit_depth: the bit depth of luma.
        interlaced: True where fields or frames with field coding are allowed (H.264) or announced (H.265).
        frame_rate: pictures a second by the timing information, or None.
        fixed_frame_rate_bit: bits of the RBSP behind fixed_frame_rate_flag where that is set (H.264), or None.
        max_reference_pictures: max_num_ref_frames, or sps_max_dec_pic_buffering of the highest sub-layer less one.
        num_reorder: pictures that may come before a picture that is shown earlier, or None where the SPS says nothing.
        trailing_size: bytes behind the syntax, where no extension may be in them.
        colour_planes: separate_colour_plane_flag.
        frame_num_bits: the bits of frame_num in slice headers (H.264), else 0.
        order_type: pic_order_cnt_type (H.264), else 0.
        order_bits: the bits of pic_order_cnt_lsb in slice headers, 0 where the field is missing.
        colour: colour_primaries, transfer_characteristics and matrix coefficients, or None where the SPS has none.
        full_range: video_full_range_flag.
    """

    codec: Codec
    id: int
    width: int
    height: int
    sar: tuple[int, int] | None
    profile: str
    level: str
    profile_level_id: str
    chroma_format: int
    bit_depth: int
    interlaced: bool
    frame_rate: float | None
    fixed_frame_rate_bit: int | None = None
    max_reference_pictures: int
    num_reorder: int | None
    trailing_size: int
    colour_planes: bool = False
    frame_num_bits: int = 0
    order_type: int = 0
    order_bits: int = 0
    colour: tuple[int, int, int] | None = None
    full_range: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class PictureParameterSet:
    """Holds the numbers of a PPS that are needed to read a slice header.

    Attributes:
        id: pic_parameter_set_id.
        sps_id: the id of the SPS that the PPS refers to.
        extra_slice_header_bits: num_extra_slice_header_bits (H.265), else 0.
        field_order: bottom_field_pic_order_in_frame_present_flag (H.264), else False.
    """

    id: int
    sps_id: int
    extra_slice_header_bits: int = 0
    field_order: bool = False


def cropped_size(width: int, height: int, crop: tuple[int, int, int, int]) -> tuple[int, int]:
    """Return the size after cropping; `crop` is left, right, top, bottom in samples."""
    width, height = width - crop[0] - crop[1], height - crop[2] - crop[3]
    if not (0 < width <= MAX_CODED_DIMENSION and 0 < height <= MAX_CODED_DIMENSION):
        raise BitstreamError(f"a picture of {width}x{height} samples")
    return width, height


def trailing_bytes(bits: BitReader) -> int:
    """Return the number of bytes behind rbsp_trailing_bits; zeros that end the NAL unit count too."""
    if bits.left:
        bits.u(1)
    return bits.left // 8


@dataclass(slots=True)
class Vui:
    """Holds the part of the video usability information that is read.

    Attributes:
        sar: the sample aspect ratio as written, or None.
        ticks: num_units_in_tick and time_scale, or None.
        num_reorder: max_num_reorder_frames (H.264), or None.
        field_sequence: field_seq_flag (H.265).
        fixed_frame_rate_bit: bits of the RBSP behind fixed_frame_rate_flag where that is set (H.264), or None.
        colour: colour_primaries, transfer_characteristics and matrix coefficients, or None.
        full_range: video_full_range_flag.
    """

    sar: tuple[int, int] | None = None
    ticks: tuple[int, int] | None = None
    num_reorder: int | None = None
    field_sequence: bool = False
    fixed_frame_rate_bit: int | None = None
    colour: tuple[int, int, int] | None = None
    full_range: bool = False


def read_video_signal(bits: BitReader, vui: Vui) -> None:
    """Read the first part of the VUI, which both standards have in common."""
    if bits.flag():
        idc = bits.u(8)
        vui.sar = (bits.u(16), bits.u(16)) if idc == _EXTENDED_SAR else _SARS.get(idc)
        if vui.sar is not None and 0 in vui.sar:
            vui.sar = None
    if bits.flag():
        bits.u(1)  # overscan_appropriate_flag
    if bits.flag():
        bits.u(3)  # video_format
        vui.full_range = bits.flag()
        if bits.flag():
            vui.colour = (bits.u(8), bits.u(8), bits.u(8))
    if bits.flag():
        bits.ue(5)  # chroma_sample_loc_type of the top field
        bits.ue(5)  # and of the bottom field


def read_ticks(bits: BitReader) -> tuple[int, int] | None:
    """Read num_units_in_tick and time_scale; None where one of them is 0."""
    units, scale = bits.u(32), bits.u(32)
    return (units, scale) if units and scale else None
