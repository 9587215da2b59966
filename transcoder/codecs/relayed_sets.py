"""Parameter sets of a camera whose pictures pass undecoded are read here to the last field and written anew.

What no decoder needs is not written: usability information but for the shape of samples and the colours, extensions,
bytes behind the syntax. What would hold free numbers in bulk (scaling lists, other orders of pictures, widths of tiles,
hundreds of reference pictures), or what could have bytes of a vendor behind it (extensions of slice headers), is
refused. So nothing passes but small numbers that decoding hangs on.

Source: H.264 section 7.3.2.1, 7.3.2.2, E.1.1; H.265 section 7.3.2.1 to 7.3.2.3, 7.3.3, 7.3.7, E.2.1.
"""

from collections.abc import Container
from typing import Final

from transcoder.codecs.bit_reader import BitReader
from transcoder.codecs.bit_writer import BitWriter
from transcoder.codecs.nal import (
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
from transcoder.codecs.picture_codec import MAX_DIMENSION
from transcoder.errors import BitstreamError

MAX_SET: Final = 512
"""Bytes of a camera's set at most; cameras have sets of under 100 bytes, and what is written is shorter."""
MAX_STEPS: Final = 16
"""Pictures of a reference picture set, sets of a sequence, and the distance of a step, at most: the decoded picture
buffer of a camera has one to four."""
MAX_ALL_STEPS: Final = 64
"""Pictures of all reference picture sets together, at most: sixteen sets of the four that cameras have."""
_LEVELS: Final = frozenset({9, 10, 11, 12, 13, 20, 21, 22, 30, 31, 32, 40, 41, 42, 50, 51, 52, 60, 61, 62})
_H265_LEVELS: Final = frozenset({30, 60, 63, 90, 93, 120, 123, 150, 153, 156, 180, 183, 186})
_MAX_COLOUR: Final = 18
"""The largest colour_primaries, transfer_characteristics and matrix that a table has."""
_MAX_CROP: Final = 64
_MAX_SHAPE: Final = 16
"""The largest aspect_ratio_idc of the table; 255 writes a shape out."""
_MAX_RATIO: Final = 1024
"""The largest number of a sample aspect ratio that is written out."""


class _Copier:
    """Reads fields that may have few values, and writes them."""

    def __init__(self, rbsp: bytes) -> None:
        self.bits = BitReader(rbsp)
        self.out = BitWriter()

    def u(self, size: int, allowed: Container[int] | None = None) -> int:
        value = _checked(self.bits.u(size), allowed)
        self.out.u(size, value)
        return value

    def flag(self) -> bool:
        return self.u(1) == 1

    def zeros(self, size: int = 1) -> None:
        self.u(size, (0,))

    def ue(self, highest: int, lowest: int = 0) -> int:
        value = _checked(self.bits.ue(), range(lowest, highest + 1))
        self.out.ue(value)
        return value

    def se(self, lowest: int, highest: int) -> None:
        self.out.se(_checked(self.bits.se(), range(lowest, highest + 1)))


def _checked(value: int, allowed: Container[int] | None) -> int:
    if allowed is not None and value not in allowed:
        raise BitstreamError(f"a parameter set has a field of {value}, which is not let through undecoded")
    return value


def relayed_set(codec: Codec, unit: bytes) -> tuple[bytes, ...]:
    """Return a camera's parameter set as readers get it; a VPS is left out, and one of ours stands before the SPS.

    Raises:
        BitstreamError: the set can't be read, or holds what is not let through.
    """
    kind, size = nal_unit_type(codec, unit), header_size(codec)
    if not size < len(unit) <= MAX_SET:
        raise BitstreamError(f"a parameter set of {len(unit)} bytes")
    fields = _Copier(remove_emulation_prevention(unit[size:]))
    if codec is Codec.H264:
        (_h264_sps if kind == H264_SPS else _h264_pps)(fields)
        return (_unit(bytes([0x60 | kind]), fields.out),)
    if kind == H265_VPS:
        return ()
    if kind == H265_PPS:
        _h265_pps(fields)
        return (_unit(bytes([kind << 1, 1]), fields.out),)
    vps = _h265_sps(fields)
    return (_unit(bytes([H265_VPS << 1, 1]), vps), _unit(bytes([H265_SPS << 1, 1]), fields.out))


def _unit(header: bytes, out: BitWriter) -> bytes:
    out.trailing()
    return header + add_emulation_prevention(out.rbsp())


# -- what both have ----------------------------------------------------------------------------------------------------


def _video_signal(fields: _Copier) -> None:
    """Read the beginning of the usability information, and write the shape of samples, range and colours of it."""
    bits, out = fields.bits, fields.out
    shape = 0
    ratio = (0, 0)
    if bits.flag():
        shape = _checked(bits.u(8), {*range(_MAX_SHAPE + 1), 255})
        if shape == 255:  # Extended_SAR
            ratio = tuple(_checked(bits.u(16), range(_MAX_RATIO + 1)) for _ in range(2))  # type: ignore[assignment]
    out.u(1, shape != 0)
    if shape:
        out.u(8, shape)
        if shape == 255:
            out.u(16, ratio[0])
            out.u(16, ratio[1])
    if bits.flag():
        bits.u(1)  # overscan_appropriate_flag
    out.u(1, 0)
    is_told = bits.flag()
    out.u(1, is_told)
    if is_told:
        bits.u(3)
        out.u(3, 5)  # video_format: unspecified
        fields.flag()  # video_full_range_flag
        if fields.flag():
            for _ in range(3):
                fields.u(8, range(_MAX_COLOUR + 1))
    out.u(1, 0)  # chroma_loc_info_present_flag


def _crop(fields: _Copier) -> None:
    if fields.flag():
        for _ in range(4):
            fields.ue(_MAX_CROP)


# -- H.264 -------------------------------------------------------------------------------------------------------------


def _h264_sps(fields: _Copier) -> None:
    profile = fields.u(8, (66, 77, 100))
    fields.u(6)  # constraint_set flags
    fields.zeros(2)
    fields.u(8, _LEVELS)
    fields.ue(31)
    if profile == 100:
        fields.ue(1, 1)  # chroma_format_idc
        fields.ue(0)  # bit depths
        fields.ue(0)
        fields.zeros(2)  # qpprime_y_zero_transform_bypass_flag, seq_scaling_matrix_present_flag
    fields.ue(12)
    order = fields.ue(2)
    _checked(order, (0, 2))
    if order == 0:
        fields.ue(12)
    references = fields.ue(16)
    fields.flag()  # gaps_in_frame_num_value_allowed_flag
    fields.ue(MAX_DIMENSION // 16)
    fields.ue(MAX_DIMENSION // 16)
    fields.u(1, (1,))  # frame_mbs_only_flag
    fields.flag()
    _crop(fields)
    out = fields.out
    has_information = fields.bits.flag()
    out.u(1, 1)
    if has_information:
        _video_signal(fields)
    else:
        out.u(4, 0)
    out.u(4, 0)  # timing_info_present_flag, both HRD, pic_struct_present_flag
    out.u(2, 3)  # bitstream_restriction_flag, motion_vectors_over_pic_boundaries_flag
    for value in (0, 0, 16, 16, 0, references):  # nothing is reordered: that is checked by the slices
        out.ue(value)


def _h264_pps(fields: _Copier) -> None:
    fields.ue(255)
    fields.ue(31)
    fields.u(2)  # entropy_coding_mode_flag, bottom_field_pic_order_in_frame_present_flag
    fields.ue(0)  # num_slice_groups_minus1
    fields.ue(31)
    fields.ue(31)
    fields.flag()
    fields.u(2, (0, 1, 2))
    fields.se(-26, 25)
    fields.se(-26, 25)
    fields.se(-12, 12)
    fields.u(3)
    left = fields.bits.left
    if left and fields.bits.peek(left) & ((1 << (left - 1)) - 1):  # more_rbsp_data()
        fields.flag()  # transform_8x8_mode_flag
        fields.zeros()  # pic_scaling_matrix_present_flag
        fields.se(-12, 12)


# -- H.265 -------------------------------------------------------------------------------------------------------------


def _h265_sps(fields: _Copier) -> BitWriter:
    """Read and write an SPS; return a VPS to it."""
    bits, out = fields.bits, fields.out
    vps = BitWriter()
    vps.u(4, fields.u(4))  # vps_video_parameter_set_id
    fields.zeros(3)  # sps_max_sub_layers_minus1
    bits.u(1)
    out.u(1, 1)  # one sub-layer is nested
    tier_and_level = _profile_tier_level(fields)
    fields.ue(15)
    fields.ue(1, 1)  # chroma_format_idc
    fields.ue(MAX_DIMENSION + 64)
    fields.ue(MAX_DIMENSION + 64)
    _crop(fields)
    fields.ue(0)  # bit depths
    fields.ue(0)
    fields.ue(12)
    fields.flag()
    buffering = fields.ue(15)
    fields.ue(0)  # sps_max_num_reorder_pics
    bits.ue()
    out.ue(0)  # sps_max_latency_increase_plus1: no limit
    for highest in (3, 3, 3, 3, 4, 4):  # blocks of 8 to 64, transforms of 4 to 32 (section 7.4.3.2.1)
        fields.ue(highest)
    if fields.flag():  # scaling_list_enabled_flag
        fields.zeros()  # sps_scaling_list_data_present_flag: the lists are the standard's
    fields.u(2)
    if fields.flag():  # pcm_enabled_flag
        fields.u(4, range(8))
        fields.u(4, range(8))
        fields.ue(2)
        fields.ue(2)
        fields.flag()
    _reference_picture_sets(fields)
    if fields.flag():  # long_term_ref_pics_present_flag
        fields.ue(0)
    fields.u(2)
    has_information = bits.flag()
    out.u(1, has_information)
    if has_information:
        _video_signal(fields)
        bits.u(1)
        out.u(1, 0)
        fields.zeros()  # field_seq_flag
        out.u(4, 0)  # frame_field_info, default_display_window, timing, bitstream_restriction
    out.u(1, 0)  # sps_extension_present_flag: Main has none
    vps.u(12, 0xC01)  # base layer, one layer, one sub-layer, nested
    vps.u(16, 0xFFFF)
    for size, value in tier_and_level:
        vps.u(size, value)
    vps.u(1, 1)
    vps.ue(buffering)
    vps.ue(0)
    vps.ue(0)
    vps.u(6, 0)
    vps.ue(0)
    vps.u(2, 0)  # vps_timing_info_present_flag, vps_extension_flag
    return vps


def _profile_tier_level(fields: _Copier) -> list[tuple[int, int]]:
    """Read and write profile, tier and level; return the fields that were written."""
    bits = fields.bits
    _checked(bits.u(2), (0,))
    tier = bits.u(1)
    _checked(bits.u(5), (1,))  # Main
    bits.u(32)
    flags = bits.u(4)  # general_progressive_source_flag to general_frame_only_constraint_flag
    _checked(flags >> 2 & 1 and not flags >> 3, (0, False))  # interlaced
    bits.u(44)
    written = [(2, 0), (1, tier), (5, 1), (32, 0x60000000), (4, flags), (44, 0), (8, _checked(bits.u(8), _H265_LEVELS))]
    for size, value in written:
        fields.out.u(size, value)
    return written


def _reference_picture_sets(fields: _Copier) -> None:
    """Read and write the short-term reference picture sets; one may be a change of the set before it."""
    negative: list[int] = []
    positive: list[int] = []
    steps = 0
    for index in range(fields.ue(MAX_STEPS)):
        if index and fields.flag():
            sign = fields.flag()
            delta = (fields.ue(MAX_STEPS) + 1) * (-1 if sign else 1)
            steps = _checked(steps + len(negative) + len(positive), range(MAX_ALL_STEPS + 1))
            kept = [fields.flag() or fields.flag() for _ in range(len(negative) + len(positive) + 1)]
            # equations 7-61 and 7-62, as in h265_parameter_sets.py
            before, after = kept[: len(negative)], kept[len(negative) : -1]
            moved_before = [step + delta for step, keep in zip(negative, before, strict=True) if keep]
            moved_after = [step + delta for step, keep in zip(positive, after, strict=True) if keep]
            own = [delta] if kept[-1] else []
            negative, positive = (
                [step for step in (*reversed(moved_after), *own, *moved_before) if step < 0],
                [step for step in (*reversed(moved_before), *own, *moved_after) if step > 0],
            )
            _checked(len(negative) + len(positive), range(MAX_STEPS + 1))
            continue
        counts = fields.ue(MAX_STEPS), fields.ue(MAX_STEPS)
        steps = _checked(steps + sum(counts), range(MAX_ALL_STEPS + 1))
        negative, positive = _steps(fields, counts[0], -1), _steps(fields, counts[1], 1)


def _steps(fields: _Copier, count: int, sign: int) -> list[int]:
    steps, position = [], 0
    for _ in range(count):
        position += sign * (fields.ue(MAX_STEPS) + 1)
        fields.flag()
        steps.append(position)
    return steps


def _h265_pps(fields: _Copier) -> None:
    fields.ue(63)
    fields.ue(15)
    fields.u(2)
    fields.zeros(3)  # num_extra_slice_header_bits
    fields.u(2)
    fields.ue(15)
    fields.ue(15)
    fields.se(-26, 25)
    fields.u(2)
    if fields.flag():  # cu_qp_delta_enabled_flag
        fields.ue(3)
    fields.se(-12, 12)
    fields.se(-12, 12)
    fields.u(4)
    has_tiles = fields.flag()
    fields.flag()
    if has_tiles:
        fields.ue(19)
        fields.ue(21)
        fields.u(1, (1,))  # uniform_spacing_flag: forty free numbers would follow
        fields.flag()
    fields.flag()
    if fields.flag():  # deblocking_filter_control_present_flag
        fields.flag()
        if not fields.flag():
            fields.se(-6, 6)
            fields.se(-6, 6)
    fields.zeros()  # pps_scaling_list_data_present_flag
    fields.flag()
    fields.ue(4)
    fields.zeros()  # slice_segment_header_extension_present_flag
    fields.out.u(1, 0)  # pps_extension_present_flag: Main has none
