"""This module reads parameter sets of H.265, behind their NAL unit header.

Source: H.265 section 7.3.2.2, 7.3.2.3, 7.3.3, 7.3.4, 7.3.7, annex E.2.
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
from transcoder.errors import BitstreamError

_PROFILES = {1: "Main", 2: "Main 10", 3: "Main Still Picture", 4: "Range Extensions", 9: "Screen Content Coding"}
"""The names of the profiles by general_profile_idc (annex A)."""


def read_pps(bits: BitReader) -> PictureParameterSet:
    """Read the start of a PPS."""
    pps_id, sps_id = bits.ue(63), bits.ue(15)
    bits.u(2)  # dependent_slice_segments_enabled_flag, output_flag_present_flag
    return PictureParameterSet(id=pps_id, sps_id=sps_id, extra_slice_header_bits=bits.u(3))


def read_sps_id(bits: BitReader) -> int:
    """Read an SPS as far as its id.

    Raises:
        BitstreamError: the SPS ends before its id, or has an impossible number of sub-layers.
    """
    return _read_layers(bits)[3]


def read_sps(bits: BitReader) -> SequenceParameterSet:
    """Read an SPS.

    Raises:
        BitstreamError: the SPS ends early, or holds values that no picture has.
    """
    layers, profile, level, sps_id = _read_layers(bits)
    chroma = bits.ue(3)
    separate = chroma == 3 and bits.flag()
    width, height = bits.ue(MAX_CODED_DIMENSION), bits.ue(MAX_CODED_DIMENSION)
    crop = (0, 0, 0, 0)
    if bits.flag():
        sampled = 0 if separate else chroma
        unit_x, unit_y = (2 if sampled in {1, 2} else 1), (2 if sampled == 1 else 1)
        crop = (bits.ue() * unit_x, bits.ue() * unit_x, bits.ue() * unit_y, bits.ue() * unit_y)
    width, height = cropped_size(width, height, crop)
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
        _skip_scaling_lists(bits)
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
    vui = _vui(bits, layers) if bits.flag() else Vui()
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
        trailing_size=0 if extended else trailing_bytes(bits),
        colour=vui.colour,
        full_range=vui.full_range,
    )


def _read_layers(bits: BitReader) -> tuple[int, str, str, int]:
    """Read the beginning of an SPS: the number of further sub-layers, profile, level and the id of the SPS."""
    bits.u(4)  # sps_video_parameter_set_id
    layers = bits.u(3)
    if layers > 6:
        raise BitstreamError(f"{layers + 1} sub-layers")
    bits.u(1)  # sps_temporal_id_nesting_flag
    profile, level = _profile_tier_level(bits, layers)
    return layers, profile, level, bits.ue(15)


def _profile_tier_level(bits: BitReader, layers: int) -> tuple[str, str]:
    bits.u(2)  # general_profile_space
    high_tier = bits.flag()
    profile_idc = bits.u(5)
    bits.u(32 + 48)  # compatibility and constraint flags
    level = bits.u(8)
    present = [(bits.flag(), bits.flag()) for _ in range(layers)]
    if layers:
        bits.u(2 * (8 - layers))
    for has_profile, has_level in present:
        bits.u(88 * has_profile + 8 * has_level)
    name = _PROFILES.get(profile_idc, f"profile {profile_idc}")
    return name, f"{level / 30:.1f}" + (" High tier" if high_tier else "")


def _skip_scaling_lists(bits: BitReader) -> None:
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
    """Skip the short-term reference picture sets.

    A set may be written as a change of the set before it (H.265 section 7.4.8).
    """
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


def _vui(bits: BitReader, layers: int) -> Vui:
    vui = Vui()
    read_video_signal(bits, vui)
    bits.u(1)  # neutral_chroma_indication_flag
    vui.field_sequence = bits.flag()
    bits.u(1)  # frame_field_info_present_flag
    if bits.flag():
        for _ in range(4):
            bits.ue()  # default display window: a hint, the picture is not cropped by it
    if bits.flag():
        vui.ticks = read_ticks(bits)
        if bits.flag():
            bits.ue()  # vui_num_ticks_poc_diff_one_minus1
        if bits.flag():
            _skip_hrd(bits, layers)
    if bits.flag():
        bits.u(3)
        for _ in range(5):
            bits.ue()
    return vui


def _skip_hrd(bits: BitReader, layers: int) -> None:
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
