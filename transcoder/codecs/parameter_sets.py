"""Parameter sets of H.264 and H.265: what a picture is, before any of it is decoded.

A camera's sets are read for reports and checks only, never to size a buffer. Every loop over their values is bounded,
bytes behind the syntax are tolerated and counted (Reolink sends some).

Source: H.264 section 7.3.2.1.1, 7.3.2.2, annex E.1; H.265 section 7.3.2.2, 7.3.2.3, 7.3.3, 7.3.4, 7.3.7, annex E.2.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from transcoder.codecs.bit_reader import BitReader
from transcoder.codecs.nal import (
    H264_PPS,
    H264_SPS,
    H265_PPS,
    H265_SPS,
    Codec,
    add_emulation_prevention,
    header_size,
    nal_unit_type,
    remove_emulation_prevention,
)
from transcoder.errors import BitstreamError

MAX_SIZE = 2048
"""Bytes that are read of a set: an H.264 SPS with twelve scaling lists of the longest codes has about 1100."""
MAX_DIMENSION = 16_384
"""Samples; level 6.2 ends at 8192x4320 and at 16 888 along one side."""

_SARS = {
    1: (1, 1), 2: (12, 11), 3: (10, 11), 4: (16, 11), 5: (40, 33), 6: (24, 11), 7: (20, 11), 8: (32, 11), 9: (80, 33),
    10: (18, 11), 11: (15, 11), 12: (64, 33), 13: (160, 99), 14: (4, 3), 15: (3, 2), 16: (2, 1),
}  # fmt: skip
"""H.264 table E-1, H.265 table E.1."""

_H264_PROFILES = {
    44: "CAVLC 4:4:4 Intra", 66: "Baseline", 77: "Main", 88: "Extended", 100: "High", 110: "High 10",
    122: "High 4:2:2", 244: "High 4:4:4 Predictive",
}  # fmt: skip
_H265_PROFILES = {1: "Main", 2: "Main 10", 3: "Main Still Picture", 4: "Range Extensions", 9: "Screen Content Coding"}
_H264_CHROMA_PROFILES = frozenset({44, 83, 86, 100, 110, 118, 122, 128, 134, 135, 138, 139, 244})
_EXTENDED_SAR = 255


@dataclass(frozen=True, slots=True, kw_only=True)
class SequenceParameterSet:
    """What an SPS says of the pictures.

    Attributes:
        id: seq_parameter_set_id.
        width, height: samples after cropping.
        sar: sample aspect ratio as written, or None where it says nothing.
        profile, level: as people write them: "High", "4.1".
        profile_level_id: the three bytes of an H.264 profile-level-id in hexadecimal, "" in H.265.
        chroma_format: 0 monochrome, 1 4:2:0, 2 4:2:2, 3 4:4:4.
        bit_depth: of luma.
        interlaced: fields or frames with field coding are allowed (H.264), are announced (H.265).
        frame_rate: of its timing information, pictures a second, or None.
        fixed_frame_rate_bit: bits of the RBSP behind fixed_frame_rate_flag where that is set (H.264), or None.
        max_reference_pictures: max_num_ref_frames, or sps_max_dec_pic_buffering of the highest sub-layer less one.
        num_reorder: pictures that may come before one that is shown earlier, or None where it says nothing.
        trailing_size: bytes behind the syntax, where no extension may be in them.
        colour_planes: separate_colour_plane_flag.
        frame_num_bits: of frame_num in slice headers (H.264), else 0.
        order_type: pic_order_cnt_type (H.264), else 0.
        order_bits: of pic_order_cnt_lsb in slice headers, 0 where there is none.
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


@dataclass(frozen=True, slots=True, kw_only=True)
class PictureParameterSet:
    """What a slice header can't be read without.

    Attributes:
        id: pic_parameter_set_id.
        sps_id: of the SPS it refers to.
        extra_slice_header_bits: num_extra_slice_header_bits (H.265), else 0.
        field_order: bottom_field_pic_order_in_frame_present_flag (H.264), else False.
    """

    id: int
    sps_id: int
    extra_slice_header_bits: int = 0
    field_order: bool = False


def parse_sps(codec: Codec, nal_unit: bytes | memoryview) -> SequenceParameterSet:
    """Parse an SPS.

    Args:
        codec: of the NAL unit.
        nal_unit: with its header, without start code.

    Raises:
        BitstreamError: it is no SPS, ends early, or holds values that no picture has.
    """
    bits = _open(codec, nal_unit, H264_SPS if codec is Codec.H264 else H265_SPS, "SPS")
    return _parse_h264_sps(bits) if codec is Codec.H264 else _parse_h265_sps(bits)


def parse_pps(codec: Codec, nal_unit: bytes | memoryview) -> PictureParameterSet:
    """Parse the start of a PPS.

    Raises:
        BitstreamError: it is no PPS, or ends early.
    """
    bits = _open(codec, nal_unit, H264_PPS if codec is Codec.H264 else H265_PPS, "PPS")
    if codec is Codec.H264:
        pps_id, sps_id = bits.ue(255), bits.ue(31)
        bits.u(1)  # entropy_coding_mode_flag
        return PictureParameterSet(id=pps_id, sps_id=sps_id, field_order=bits.flag())
    pps_id, sps_id = bits.ue(63), bits.ue(15)
    bits.u(2)  # dependent_slice_segments_enabled_flag, output_flag_present_flag
    return PictureParameterSet(id=pps_id, sps_id=sps_id, extra_slice_header_bits=bits.u(3))


def picture_size(codec: Codec, units: Sequence[bytes]) -> tuple[int, int] | None:
    """Width and height by the first SPS among NAL units, or None where there is none that can be read."""
    for unit in units:
        if unit and nal_unit_type(codec, unit) == (H264_SPS if codec is Codec.H264 else H265_SPS):
            try:
                sps = parse_sps(codec, unit)
            except BitstreamError:
                return None
            return sps.width, sps.height
    return None


def without_fixed_frame_rate(nal_unit: bytes) -> bytes:
    """An H.264 SPS whose fixed_frame_rate_flag is 0: pictures may come at any time (section E.2.1).

    x264 sets it whenever it has no picture of delay, and has no option against it.

    Raises:
        BitstreamError: it can't be read.
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


def _size(width: int, height: int, crop: tuple[int, int, int, int]) -> tuple[int, int]:
    """Size after cropping; `crop` is left, right, top, bottom in samples."""
    width, height = width - crop[0] - crop[1], height - crop[2] - crop[3]
    if not (0 < width <= MAX_DIMENSION and 0 < height <= MAX_DIMENSION):
        raise BitstreamError(f"a picture of {width}x{height} samples")
    return width, height


def _trailing(bits: BitReader) -> int:
    """Bytes behind rbsp_trailing_bits; zeros that end the NAL unit count too."""
    if bits.left:
        bits.u(1)
    return bits.left // 8


@dataclass(slots=True)
class _Vui:
    sar: tuple[int, int] | None = None
    ticks: tuple[int, int] | None = None
    """num_units_in_tick, time_scale."""
    num_reorder: int | None = None
    field_sequence: bool = False
    fixed_frame_rate_bit: int | None = None


def _video_signal(bits: BitReader, vui: _Vui) -> None:
    """The first part of the VUI, which both standards have in common."""
    if bits.flag():
        idc = bits.u(8)
        vui.sar = (bits.u(16), bits.u(16)) if idc == _EXTENDED_SAR else _SARS.get(idc)
        if vui.sar is not None and 0 in vui.sar:
            vui.sar = None
    if bits.flag():
        bits.u(1)  # overscan_appropriate_flag
    if bits.flag():
        bits.u(4)  # video_format, video_full_range_flag
        if bits.flag():
            bits.u(24)  # colour_primaries, transfer_characteristics, matrix coefficients
    if bits.flag():
        bits.ue(5)  # chroma_sample_loc_type of the top field
        bits.ue(5)  # and of the bottom field


# -- H.264 -------------------------------------------------------------------------------------------------------


def _parse_h264_sps(bits: BitReader) -> SequenceParameterSet:
    profile, constraints, level = bits.u(8), bits.u(8), bits.u(8)
    sps_id = bits.ue(31)
    chroma, depth, separate = 1, 8, False
    if profile in _H264_CHROMA_PROFILES:
        chroma = bits.ue(3)
        separate = chroma == 3 and bits.flag()
        depth = 8 + bits.ue(6)
        bits.ue(6)  # bit_depth_chroma_minus8
        bits.u(1)  # qpprime_y_zero_transform_bypass_flag
        if bits.flag():
            for index in range(12 if chroma == 3 else 8):
                if bits.flag():
                    _skip_h264_scaling_list(bits, 16 if index < 6 else 64)
    frame_num_bits = bits.ue(12) + 4
    order = bits.ue(2)
    order_bits = 0
    if order == 0:
        order_bits = bits.ue(12) + 4
    elif order == 1:
        bits.u(1)  # delta_pic_order_always_zero_flag
        bits.se()
        bits.se()
        for _ in range(bits.ue(255)):
            bits.se()
    references = bits.ue(16)
    bits.u(1)  # gaps_in_frame_num_value_allowed_flag
    width = 16 * (bits.ue(MAX_DIMENSION // 16) + 1)
    map_units = bits.ue(MAX_DIMENSION // 16) + 1
    frame_only = bits.flag()
    if not frame_only:
        bits.u(1)  # mb_adaptive_frame_field_flag
    height = 16 * map_units * (1 if frame_only else 2)
    bits.u(1)  # direct_8x8_inference_flag
    crop = (0, 0, 0, 0)
    if bits.flag():
        sampled = 0 if separate else chroma
        unit_x = 2 if sampled in {1, 2} else 1
        unit_y = (2 if sampled == 1 else 1) * (1 if frame_only else 2)
        crop = (bits.ue() * unit_x, bits.ue() * unit_x, bits.ue() * unit_y, bits.ue() * unit_y)
    width, height = _size(width, height, crop)
    vui = _h264_vui(bits) if bits.flag() else _Vui()
    return SequenceParameterSet(
        codec=Codec.H264,
        id=sps_id,
        width=width,
        height=height,
        sar=vui.sar,
        profile=_h264_profile(profile, constraints),
        level="1b" if level == 9 or (level == 11 and constraints & 0x10 and profile < 100) else f"{level / 10:.1f}",
        profile_level_id=f"{profile:02x}{constraints:02x}{level:02x}",
        chroma_format=chroma,
        bit_depth=depth,
        interlaced=not frame_only,
        # a frame is two ticks, H.264 section E.2.1
        frame_rate=vui.ticks[1] / (2 * vui.ticks[0]) if vui.ticks else None,
        fixed_frame_rate_bit=vui.fixed_frame_rate_bit,
        max_reference_pictures=references,
        num_reorder=vui.num_reorder,
        trailing_size=_trailing(bits),
        colour_planes=separate,
        frame_num_bits=frame_num_bits,
        order_type=order,
        order_bits=order_bits,
    )


def _h264_profile(profile: int, constraints: int) -> str:
    if profile == 66 and constraints & 0x40:
        return "Constrained Baseline"
    return _H264_PROFILES.get(profile, f"profile {profile}")


def _skip_h264_scaling_list(bits: BitReader, size: int) -> None:
    last = following = 8
    for _ in range(size):
        if following:
            following = (last + bits.se()) % 256
        last = following or last


def _h264_vui(bits: BitReader) -> _Vui:
    vui = _Vui()
    _video_signal(bits, vui)
    if bits.flag():
        vui.ticks = _ticks(bits)
        if bits.flag():  # fixed_frame_rate_flag
            vui.fixed_frame_rate_bit = bits.left
    nal = bits.flag()
    if nal:
        _skip_h264_hrd(bits)
    vcl = bits.flag()
    if vcl:
        _skip_h264_hrd(bits)
    if nal or vcl:
        bits.u(1)  # low_delay_hrd_flag
    bits.u(1)  # pic_struct_present_flag
    if bits.flag():
        bits.u(1)  # motion_vectors_over_pic_boundaries_flag
        for _ in range(4):
            bits.ue()
        vui.num_reorder = bits.ue(16)
        bits.ue(16)  # max_dec_frame_buffering
    return vui


def _ticks(bits: BitReader) -> tuple[int, int] | None:
    units, scale = bits.u(32), bits.u(32)
    return (units, scale) if units and scale else None


def _skip_h264_hrd(bits: BitReader) -> None:
    count = bits.ue(31) + 1
    bits.u(8)
    for _ in range(count):
        bits.ue()
        bits.ue()
        bits.u(1)
    bits.u(20)


# -- H.265 -------------------------------------------------------------------------------------------------------


def _parse_h265_sps(bits: BitReader) -> SequenceParameterSet:
    bits.u(4)  # sps_video_parameter_set_id
    layers = bits.u(3)
    if layers > 6:
        raise BitstreamError(f"{layers + 1} sub-layers")
    bits.u(1)  # sps_temporal_id_nesting_flag
    profile, level = _profile_tier_level(bits, layers)
    sps_id = bits.ue(15)
    chroma = bits.ue(3)
    separate = chroma == 3 and bits.flag()
    width, height = bits.ue(MAX_DIMENSION), bits.ue(MAX_DIMENSION)
    crop = (0, 0, 0, 0)
    if bits.flag():
        sampled = 0 if separate else chroma
        unit_x, unit_y = (2 if sampled in {1, 2} else 1), (2 if sampled == 1 else 1)
        crop = (bits.ue() * unit_x, bits.ue() * unit_x, bits.ue() * unit_y, bits.ue() * unit_y)
    width, height = _size(width, height, crop)
    depth = 8 + bits.ue(8)
    bits.ue(8)  # bit_depth_chroma_minus8
    order_bits = bits.ue(12) + 4
    buffering = reorder = 0
    for _ in range(layers + 1 if bits.flag() else 1):
        buffering, reorder = bits.ue(15), bits.ue(15)
        bits.ue()  # sps_max_latency_increase_plus1
    for _ in range(6):
        bits.ue(16)  # block sizes and transform depths
    if bits.flag() and bits.flag():
        _skip_h265_scaling_lists(bits)
    bits.u(2)  # amp_enabled_flag, sample_adaptive_offset_enabled_flag
    if bits.flag():
        bits.u(8)  # PCM bit depths
        bits.ue(16)
        bits.ue(16)
        bits.u(1)
    _skip_reference_picture_sets(bits)
    if bits.flag():
        for _ in range(bits.ue(32)):
            bits.u(order_bits + 1)  # lt_ref_pic_poc_lsb_sps, used_by_curr_pic_lt_sps_flag
    bits.u(2)  # sps_temporal_mvp_enabled_flag, strong_intra_smoothing_enabled_flag
    vui = _h265_vui(bits, layers) if bits.flag() else _Vui()
    extended = bits.flag()
    return SequenceParameterSet(
        codec=Codec.H265,
        id=sps_id,
        width=width,
        height=height,
        sar=vui.sar,
        profile=profile,
        level=level,
        profile_level_id="",
        chroma_format=chroma,
        bit_depth=depth,
        interlaced=vui.field_sequence,
        frame_rate=vui.ticks[1] / vui.ticks[0] if vui.ticks else None,
        max_reference_pictures=buffering,
        num_reorder=reorder,
        trailing_size=0 if extended else _trailing(bits),
    )


def _profile_tier_level(bits: BitReader, layers: int) -> tuple[str, str]:
    bits.u(2)  # general_profile_space
    high_tier = bits.flag()
    idc = bits.u(5)
    bits.u(32 + 48)  # compatibility and constraint flags
    level = bits.u(8)
    present = [(bits.flag(), bits.flag()) for _ in range(layers)]
    if layers:
        bits.u(2 * (8 - layers))
    for has_profile, has_level in present:
        bits.u(88 * has_profile + 8 * has_level)
    name = _H265_PROFILES.get(idc, f"profile {idc}")
    return name, f"{level / 30:.1f}" + (" High tier" if high_tier else "")


def _skip_h265_scaling_lists(bits: BitReader) -> None:
    for size in range(4):
        for _ in range(2 if size == 3 else 6):
            if not bits.flag():
                bits.ue(5)  # scaling_list_pred_matrix_id_delta
                continue
            if size > 1:
                bits.se()  # scaling_list_dc_coef_minus8
            for _ in range(min(64, 16 << (2 * size))):
                bits.se()


def _skip_reference_picture_sets(bits: BitReader) -> None:
    """Short-term reference picture sets; one may be written as a change of the one before (H.265 section 7.4.8)."""
    negative: list[int] = []
    positive: list[int] = []
    for index in range(bits.ue(64)):
        if index and bits.flag():
            sign = bits.flag()
            delta = (bits.ue(1 << 15) + 1) * (-1 if sign else 1)
            kept = [bits.flag() or bits.flag() for _ in range(len(negative) + len(positive) + 1)]
            # in the order of the standard's equations 7-61 and 7-62: the set itself is the last of `kept`
            before, after = kept[: len(negative)], kept[len(negative) : -1]
            moved_before = [step + delta for step, keep in zip(negative, before, strict=True) if keep]
            moved_after = [step + delta for step, keep in zip(positive, after, strict=True) if keep]
            own = [delta] if kept[-1] else []
            negative, positive = (
                [step for step in (*reversed(moved_after), *own, *moved_before) if step < 0],
                [step for step in (*reversed(moved_before), *own, *moved_after) if step > 0],
            )
            if len(negative) + len(positive) > 16:
                raise BitstreamError("over 16 pictures in a reference picture set")
            continue
        counts = bits.ue(16), bits.ue(16)
        negative, positive = _deltas(bits, counts[0], -1), _deltas(bits, counts[1], 1)


def _deltas(bits: BitReader, count: int, sign: int) -> list[int]:
    deltas, position = [], 0
    for _ in range(count):
        position += sign * (bits.ue(1 << 15) + 1)
        bits.u(1)  # used_by_curr_pic_flag
        deltas.append(position)
    return deltas


def _h265_vui(bits: BitReader, layers: int) -> _Vui:
    vui = _Vui()
    _video_signal(bits, vui)
    bits.u(1)  # neutral_chroma_indication_flag
    vui.field_sequence = bits.flag()
    bits.u(1)  # frame_field_info_present_flag
    if bits.flag():
        for _ in range(4):
            bits.ue()  # default display window: a hint, the picture is not cropped by it
    if bits.flag():
        vui.ticks = _ticks(bits)
        if bits.flag():
            bits.ue()  # vui_num_ticks_poc_diff_one_minus1
        if bits.flag():
            _skip_h265_hrd(bits, layers)
    if bits.flag():
        bits.u(3)
        for _ in range(5):
            bits.ue()
    return vui


def _skip_h265_hrd(bits: BitReader, layers: int) -> None:
    nal, vcl = bits.flag(), bits.flag()
    sub_picture = False
    if nal or vcl:
        sub_picture = bits.flag()
        bits.u(19 * sub_picture)
        bits.u(8)
        bits.u(4 * sub_picture)
        bits.u(15)
    for _ in range(layers + 1):
        fixed = bits.flag() or bits.flag()  # a rate fixed in general is fixed within the sequence too
        low_delay = False
        if fixed:
            bits.ue()  # elemental_duration_in_tc_minus1
        else:
            low_delay = bits.flag()
        count = 1 if low_delay else bits.ue(31) + 1
        for _ in range(count * (nal + vcl)):
            for _ in range(4 if sub_picture else 2):
                bits.ue()
            bits.u(1)
