"""Parameter sets as our own encoders write them are read here strictly, because they come from a worker.

Every field is read to the last bit of the RBSP and has the value, or one of the few values, that x264 and x265 write
with our settings. No code has two forms, so a set that passes is its own re-serialization: nothing hides in it, in an
extension, behind it or in its emulation prevention.

Source: H.264 section 7.3.2.1, 7.3.2.2, E.1.1; H.265 section 7.3.2.1 to 7.3.2.3, 7.3.3, E.2.1.
"""

from collections.abc import Container
from dataclasses import dataclass
from typing import Final

from transcoder.codecs import own_slices
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
from transcoder.codecs.picture_codec import MAX_DIMENSION, is_sane_size
from transcoder.errors import BitstreamError

MAX_SIZE: Final = 128
"""Bytes of a set of ours at most; the longest that was seen has 43."""
_OWN_P_PPS: Final = own_slices.picture_parameter_set()
_MAX_UNITS: Final = 1000
"""num_units_in_tick at most: frame rates are fractions with denominators up to this (media.encoders.ffmpeg)."""
_MAX_SCALE: Final = 2 * 240 * _MAX_UNITS
"""time_scale at most: two ticks a frame in H.264, at the largest frame rate."""
_LEVELS: Final = frozenset({9, 10, 11, 12, 13, 20, 21, 22, 30, 31, 32, 40, 41, 42, 50, 51, 52, 60, 61, 62})
"""level_idc of H.264 table A-1."""
_H265_LEVELS: Final = frozenset({30, 60, 63, 90, 93, 120, 123, 150, 153, 156, 180, 183, 186, 255})
"""general_level_idc of H.265 table A.8; 255 where a level has no bound."""
_UNSPECIFIED: Final = 2
_MAX_MATRIX: Final = 14


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnSequence:
    """Holds the fields of an SPS of ours that slice headers depend on.

    Attributes:
        size: width and height of the pictures.
        counter_bits: the bits of frame_num (H.264) or of slice_pic_order_cnt_lsb (H.265).
    """

    size: tuple[int, int]
    counter_bits: int


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnPicture:
    """Holds the fields of a PPS of ours that slice headers depend on.

    Attributes:
        id: pic_parameter_set_id: 0 of x264 and x265, or that of our own P pictures (H.264).
        cabac: entropy_coding_mode_flag (H.264).
    """

    id: int = 0
    cabac: bool = True


class _StrictReader:
    """Reads fields that may have few values.

    Args:
        bits: the bits of the RBSP.
    """

    def __init__(self, bits: BitReader) -> None:
        self.bits = bits

    def u(self, size: int, allowed: Container[int]) -> int:
        return self._check(self.bits.u(size), allowed)

    def zeros(self, size: int) -> None:
        self.u(size, (0,))

    def ue(self, highest: int, lowest: int = 0) -> int:
        return self._check(self.bits.ue(), range(lowest, highest + 1))

    def se(self, lowest: int, highest: int) -> int:
        return self._check(self.bits.se(), range(lowest, highest + 1))

    def end(self) -> None:
        """Read rbsp_trailing_bits, behind which there is nothing."""
        left = self.bits.left
        if not 0 < left <= 8 or self.bits.u(left) != 1 << (left - 1):
            raise BitstreamError("a parameter set has bits behind its syntax")

    @staticmethod
    def _check(value: int, allowed: Container[int]) -> int:
        if value not in allowed:
            raise BitstreamError(f"a parameter set has a field of {value}, which no encoder of ours writes")
        return value


def read_own_set(codec: Codec, unit: bytes) -> OwnSequence | OwnPicture | None:
    """Read a parameter set of our encoder; a VPS has nothing that slices need, so it gives None.

    Raises:
        BitstreamError: no encoder of ours writes this set.
    """
    size = header_size(codec)
    if not size < len(unit) <= MAX_SIZE:
        raise BitstreamError("a parameter set is too long for one of ours")
    rbsp = remove_emulation_prevention(unit[size:])
    if add_emulation_prevention(rbsp) != unit[size:]:
        raise BitstreamError("a parameter set has its own idea of emulation prevention")
    fields = _StrictReader(BitReader(rbsp))
    kind = nal_unit_type(codec, unit)
    found: OwnSequence | OwnPicture | None
    if codec is Codec.H264 and kind == H264_SPS:
        found = _h264_sps(fields)
    elif codec is Codec.H264 and unit == _OWN_P_PPS:
        return OwnPicture(id=own_slices.PPS_ID)
    elif codec is Codec.H264 and kind == H264_PPS:
        found = _h264_pps(fields)
    elif codec is Codec.H265 and kind == H265_SPS:
        found = _h265_sps(fields)
    elif codec is Codec.H265 and kind == H265_PPS:
        found = _h265_pps(fields)
    elif codec is Codec.H265 and kind == H265_VPS:
        _h265_vps(fields)
        found = None
    else:
        raise BitstreamError("not a parameter set")
    fields.end()
    return found


def _size(width: int, height: int) -> tuple[int, int]:
    if not is_sane_size(width, height):
        raise BitstreamError(f"a picture of {width}x{height} samples")
    return width, height


def _video_signal(fields: _StrictReader) -> None:
    """Read the start of the VUI, which both codecs share: limited range, and a matrix where it is known."""
    fields.zeros(2)  # aspect_ratio_info_present_flag: samples are square; overscan_info_present_flag
    if fields.u(1, (0, 1)):  # video_signal_type_present_flag
        fields.u(3, (5,))  # video_format: unspecified
        fields.zeros(1)  # video_full_range_flag
        if fields.u(1, (0, 1)):
            fields.u(8, (_UNSPECIFIED,))  # colour_primaries
            fields.u(8, (_UNSPECIFIED,))  # transfer_characteristics
            fields.u(8, range(_MAX_MATRIX + 1))
    fields.zeros(1)  # chroma_loc_info_present_flag


def _timing(fields: _StrictReader) -> None:
    fields.u(1, (1,))
    fields.u(32, range(1, _MAX_UNITS + 1))
    fields.u(32, range(1, _MAX_SCALE + 1))


def _h264_sps(fields: _StrictReader) -> OwnSequence:
    profile = fields.u(8, (66, 77, 100, 244))
    fields.u(8, {66: (0xC0, 0x40), 77: (0x40,)}.get(profile, (0,)))
    fields.u(8, _LEVELS)
    fields.ue(0)
    if profile >= 100:
        fields.ue(1, 1)  # chroma_format_idc
        fields.ue(0)  # bit depths
        fields.ue(0)
        fields.u(1, (0, 1) if profile == 244 else (0,))  # qpprime_y_zero_transform_bypass_flag: lossless
        fields.zeros(1)
    frame_num_bits = fields.ue(12) + 4
    fields.ue(2, 2)  # pic_order_cnt_type: output order is decoding order
    fields.ue(16)
    fields.zeros(1)
    width = 16 * (fields.ue(MAX_DIMENSION // 16) + 1)
    height = 16 * (fields.ue(MAX_DIMENSION // 16) + 1)
    fields.u(1, (1,))  # frame_mbs_only_flag
    fields.u(1, (0, 1))
    if fields.u(1, (0, 1)):
        fields.ue(0)
        width -= 2 * fields.ue(7)
        fields.ue(0)
        height -= 2 * fields.ue(7)
    fields.u(1, (1,))
    _video_signal(fields)
    _timing(fields)
    fields.zeros(4)  # fixed_frame_rate_flag, both HRD, pic_struct_present_flag
    fields.u(2, (3,))  # bitstream_restriction_flag, motion_vectors_over_pic_boundaries_flag
    fields.ue(0)
    fields.ue(0)
    fields.ue(16)
    fields.ue(16)
    fields.ue(0)  # max_num_reorder_frames
    fields.ue(16)
    return OwnSequence(size=_size(width, height), counter_bits=frame_num_bits)


def _h264_pps(fields: _StrictReader) -> OwnPicture:
    fields.ue(0)
    fields.ue(0)
    cabac = fields.u(1, (0, 1))
    fields.zeros(1)
    fields.ue(0)  # num_slice_groups_minus1
    fields.ue(15)
    fields.ue(15)
    fields.u(3, (0, 1, 2))  # weighted_pred_flag 0, weighted_bipred_idc
    fields.se(-26, 25)
    fields.se(-26, 25)
    chroma = fields.se(-12, 12)
    fields.u(3, (4,))  # deblocking_filter_control_present_flag alone
    if not _is_trailing(fields.bits):  # more_rbsp_data()
        _h264_pps_extension(fields, chroma)
    return OwnPicture(cabac=bool(cabac))


def _is_trailing(bits: BitReader) -> bool:
    """Return whether nothing but rbsp_trailing_bits is left."""
    return bits.left > 0 and bits.peek(bits.left) == 1 << (bits.left - 1)


def _h264_pps_extension(fields: _StrictReader, chroma: int) -> None:
    fields.u(1, (0, 1))  # transform_8x8_mode_flag
    fields.zeros(1)
    fields.se(chroma, chroma)


def _profile_tier_level(fields: _StrictReader) -> None:
    fields.zeros(2)
    fields.u(1, (0, 1))  # general_tier_flag
    fields.u(5, (1,))  # Main
    fields.u(32, (0x60000000,))
    fields.u(48, (0x900000000000,))  # progressive_source_flag, frame_only_constraint_flag
    fields.u(8, _H265_LEVELS)


def _sub_layer_ordering(fields: _StrictReader) -> None:
    fields.u(1, (0, 1))
    fields.ue(15)
    fields.ue(0)  # num_reorder_pics
    fields.ue(1)


def _h265_vps(fields: _StrictReader) -> None:
    fields.u(16, (0x0C01,))  # one layer, one sub-layer
    fields.u(16, (0xFFFF,))
    _profile_tier_level(fields)
    _sub_layer_ordering(fields)
    fields.zeros(6)
    fields.ue(0)
    fields.zeros(2)  # vps_timing_info_present_flag, vps_extension_flag


def _h265_sps(fields: _StrictReader) -> OwnSequence:
    fields.u(8, (1,))  # one sub-layer, nested
    _profile_tier_level(fields)
    fields.ue(0)
    fields.ue(1, 1)  # chroma_format_idc
    width, height = fields.ue(MAX_DIMENSION + 64), fields.ue(MAX_DIMENSION + 64)
    if fields.u(1, (0, 1)):
        fields.ue(0)
        width -= 2 * fields.ue(31)
        fields.ue(0)
        height -= 2 * fields.ue(31)
    fields.ue(0)  # bit depths
    fields.ue(0)
    order_bits = fields.ue(12) + 4
    _sub_layer_ordering(fields)
    for highest in (3, 3, 3, 3, 4, 4):  # block sizes and transform depths
        fields.ue(highest)
    fields.zeros(1)  # scaling_list_enabled_flag
    fields.u(2, range(4))  # amp_enabled_flag, sample_adaptive_offset_enabled_flag
    fields.zeros(1)  # pcm_enabled_flag
    fields.ue(0)  # num_short_term_ref_pic_sets
    fields.zeros(1)
    fields.u(2, range(4))  # sps_temporal_mvp_enabled_flag, strong_intra_smoothing_enabled_flag
    fields.u(1, (1,))
    _video_signal(fields)
    fields.zeros(4)  # neutral_chroma_indication_flag to default_display_window_flag
    _timing(fields)
    fields.zeros(4)  # poc proportional, HRD, bitstream_restriction_flag, sps_extension_present_flag
    return OwnSequence(size=_size(width, height), counter_bits=order_bits)


def _h265_pps(fields: _StrictReader) -> OwnPicture:
    fields.ue(0)
    fields.ue(0)
    fields.zeros(5)  # dependent slices, output_flag_present_flag, extra slice header bits
    fields.u(2, range(4))  # sign_data_hiding_enabled_flag, cabac_init_present_flag
    fields.ue(15)
    fields.ue(15)
    fields.se(-26, 25)
    fields.u(2, range(4))  # constrained_intra_pred_flag, transform_skip_enabled_flag
    if fields.u(1, (0, 1)):  # cu_qp_delta_enabled_flag
        fields.ue(3)
    fields.se(-12, 12)
    fields.se(-12, 12)
    fields.u(4, range(8))  # no chroma offsets in slices; weighted prediction, transquant_bypass_enabled_flag
    fields.zeros(1)  # tiles_enabled_flag
    fields.u(2, range(4))  # entropy_coding_sync_enabled_flag, loop filter across slices
    if fields.u(1, (0, 1)) and not fields.u(2, range(4)) & 1:  # deblocking_filter_control_present_flag
        fields.se(-6, 6)
        fields.se(-6, 6)
    fields.zeros(2)
    fields.ue(4)  # log2_parallel_merge_level_minus2
    fields.zeros(2)
    return OwnPicture()
