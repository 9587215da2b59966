"""This module reads parameter sets of H.264, behind their NAL unit header.

Source: H.264 section 7.3.2.1.1, 7.3.2.2, annex E.1.
"""

from transcoder.codecs.bit_reader import BitReader
from transcoder.codecs.nal import Codec
from transcoder.codecs.parameter_set_syntax import (
    MAX_CODED_DIMENSION,
    PictureParameterSet,
    SequenceParameterSet,
    Vui,
    cropped_size,
    read_ticks,
    read_video_signal,
    trailing_bytes,
)

_PROFILES = {
    44: "CAVLC 4:4:4 Intra", 66: "Baseline", 77: "Main", 88: "Extended", 100: "High", 110: "High 10",
    122: "High 4:2:2", 244: "High 4:4:4 Predictive",
}  # fmt: skip
"""The names of the profiles by profile_idc (annex A)."""
_CHROMA_PROFILES = frozenset({44, 83, 86, 100, 110, 118, 122, 128, 134, 135, 138, 139, 244})
"""The profile_idc of the profiles whose SPS states a chroma format."""


def read_pps(bits: BitReader) -> PictureParameterSet:
    """Read the start of a PPS."""
    pps_id, sps_id = bits.ue(255), bits.ue(31)
    bits.u(1)  # entropy_coding_mode_flag
    return PictureParameterSet(id=pps_id, sps_id=sps_id, field_order=bits.flag())


def read_sps(bits: BitReader) -> SequenceParameterSet:
    """Read an SPS.

    Raises:
        BitstreamError: the SPS ends early, or holds values that no picture has.
    """
    profile_idc, constraints, level = bits.u(8), bits.u(8), bits.u(8)
    sps_id = bits.ue(31)
    chroma, depth, separate = 1, 8, False
    if profile_idc in _CHROMA_PROFILES:
        chroma = bits.ue(3)
        separate = chroma == 3 and bits.flag()
        depth = 8 + bits.ue(6)
        bits.ue(6)  # bit_depth_chroma_minus8
        bits.u(1)  # qpprime_y_zero_transform_bypass_flag
        if bits.flag():
            for index in range(12 if chroma == 3 else 8):
                if bits.flag():
                    _skip_scaling_list(bits, 16 if index < 6 else 64)
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
    width = 16 * (bits.ue(MAX_CODED_DIMENSION // 16) + 1)
    map_units = bits.ue(MAX_CODED_DIMENSION // 16) + 1
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
    width, height = cropped_size(width, height, crop)
    vui = _vui(bits) if bits.flag() else Vui()
    return SequenceParameterSet(
        codec=Codec.H264,
        id=sps_id,
        width=width,
        height=height,
        sar=vui.sar,
        profile=_profile_name(profile_idc, constraints),
        level="1b" if level == 9 or (level == 11 and constraints & 0x10 and profile_idc < 100) else f"{level / 10:.1f}",
        profile_level_id=f"{profile_idc:02x}{constraints:02x}{level:02x}",
        chroma_format=chroma,
        bit_depth=depth,
        interlaced=not frame_only,
        # a frame is two ticks, H.264 section E.2.1
        frame_rate=vui.ticks[1] / (2 * vui.ticks[0]) if vui.ticks else None,
        fixed_frame_rate_bit=vui.fixed_frame_rate_bit,
        max_reference_pictures=references,
        num_reorder=vui.num_reorder,
        trailing_size=trailing_bytes(bits),
        colour_planes=separate,
        frame_num_bits=frame_num_bits,
        order_type=order,
        order_bits=order_bits,
        colour=vui.colour,
        full_range=vui.full_range,
    )


def _profile_name(profile_idc: int, constraints: int) -> str:
    if profile_idc == 66 and constraints & 0x40:
        return "Constrained Baseline"
    return _PROFILES.get(profile_idc, f"profile {profile_idc}")


def _skip_scaling_list(bits: BitReader, size: int) -> None:
    last = following = 8
    for _ in range(size):
        if following:
            following = (last + bits.se()) % 256
        last = following or last


def _vui(bits: BitReader) -> Vui:
    vui = Vui()
    read_video_signal(bits, vui)
    if bits.flag():
        vui.ticks = read_ticks(bits)
        if bits.flag():  # fixed_frame_rate_flag
            vui.fixed_frame_rate_bit = bits.left
    nal = bits.flag()
    if nal:
        _skip_hrd(bits)
    vcl = bits.flag()
    if vcl:
        _skip_hrd(bits)
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


def _skip_hrd(bits: BitReader) -> None:
    count = bits.ue(31) + 1
    bits.u(8)
    for _ in range(count):
        bits.ue()
        bits.ue()
        bits.u(1)
    bits.u(20)
