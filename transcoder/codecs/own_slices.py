"""Parameter sets and slice headers of the P pictures that our own encoder makes are written here.

Source: H.264 section 7.3.2.2, 7.3.3.
"""

from typing import Final

from transcoder.codecs.bit_writer import BitWriter
from transcoder.codecs.nal import H264_PPS, H264_SLICE, add_emulation_prevention

PPS_ID: Final = 1
"""pic_parameter_set_id of our P pictures; x264's pictures refer to 0."""
INIT_QP: Final = 26
"""The QP that slice_qp_delta counts from."""
_P: Final = 5
_NAL_REF_IDC: Final = 2 << 5
"""Our P pictures are referred to, as x264's are."""


def picture_parameter_set() -> bytes:
    """Return the NAL unit of the PPS of our P pictures: CABAC, one reference, both transforms, no chroma QP offset."""
    bits = BitWriter()
    bits.ue(PPS_ID)
    bits.ue(0)  # seq_parameter_set_id
    bits.u(1, 1)  # entropy_coding_mode_flag
    bits.u(1, 0)  # bottom_field_pic_order_in_frame_present_flag
    bits.ue(0)  # num_slice_groups_minus1
    bits.ue(0)  # num_ref_idx_l0_default_active_minus1
    bits.ue(0)  # num_ref_idx_l1_default_active_minus1
    bits.u(3, 0)  # weighted_pred_flag, weighted_bipred_idc
    bits.se(INIT_QP - 26)
    bits.se(0)  # pic_init_qs_minus26
    bits.se(0)  # chroma_qp_index_offset
    bits.u(3, 0b100)  # deblocking_filter_control_present_flag alone
    bits.u(1, 1)  # transform_8x8_mode_flag, which the SPS of a High profile allows
    bits.u(1, 0)  # pic_scaling_matrix_present_flag
    bits.se(0)  # second_chroma_qp_index_offset
    bits.trailing()
    return bytes([0x60 | H264_PPS]) + add_emulation_prevention(bits.rbsp())


def p_slice(
    *, frame_num: int, frame_num_bits: int, qp: int, cabac_init_idc: int, deblocked: bool, slice_data: bytes
) -> bytes:
    """Return the NAL unit of a P picture of one slice.

    Args:
        frame_num: the number of the picture since the IDR, modulo its range.
        frame_num_bits: the bits of frame_num by the SPS.
        qp: QP_Y of the slice.
        cabac_init_idc: the choice of initial states of the contexts.
        deblocked: whether the deblocking filter is applied.
        slice_data: slice_data() and rbsp_slice_trailing_bits(), aligned, without emulation prevention.
    """
    bits = BitWriter()
    bits.ue(0)  # first_mb_in_slice
    bits.ue(_P)
    bits.ue(PPS_ID)
    bits.u(frame_num_bits, frame_num)
    bits.u(2, 0)  # num_ref_idx_active_override_flag, ref_pic_list_modification_flag_l0
    bits.u(1, 0)  # adaptive_ref_pic_marking_mode_flag
    bits.ue(cabac_init_idc)
    bits.se(qp - INIT_QP)
    bits.ue(0 if deblocked else 1)  # disable_deblocking_filter_idc
    if deblocked:
        bits.se(0)  # slice_alpha_c0_offset_div2
        bits.se(0)  # slice_beta_offset_div2
    bits.align(1)  # cabac_alignment_one_bit
    return bytes([_NAL_REF_IDC | H264_SLICE]) + add_emulation_prevention(bits.rbsp() + slice_data)
