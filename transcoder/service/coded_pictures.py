"""Coded pictures of a worker are let through only if they look as our encoder makes them, header by header. Sans-IO.

The bits of slices behind their headers are not read: that would take a decoder.
"""

from typing import Final

from transcoder.codecs.bit_reader import BitReader
from transcoder.codecs.nal import (
    H264_IDR,
    H264_PPS,
    H264_SLICE,
    H264_SPS,
    H265_PPS,
    H265_SPS,
    H265_VPS,
    Codec,
    header_size,
    is_random_access,
    remove_emulation_prevention,
)
from transcoder.codecs.own_parameter_sets import OwnPicture, OwnSequence, read_own_set
from transcoder.errors import BitstreamError
from transcoder.ipc.messages import CodedMessage

MAX_KNOWN: Final = 16
"""Parameter sets whose bytes are remembered, so that each is read once; an encoder has three."""
HEADER_SIZE: Final = 40
"""Bytes that hold every field of a slice header that is read."""
_MAX_REFERENCES: Final = 16

_H265_TRAIL_R, _H265_IDR_N_LP = 1, 20
_USUAL_P: Final = 0b1_00110_1
"""The beginning of nearly every slice: first_mb_in_slice 0, slice_type 5, pic_parameter_set_id 0. Where no reference is
named and nothing marked, three zeros follow the frame_num."""
_P, _I = 5, 7
"""slice_type of H.264 with all slices of a picture alike (table 7-6)."""
_H265_P, _H265_I = 1, 2

SHAPES: Final[dict[Codec, dict[tuple[bytes, ...], list[int]]]] = {
    Codec.H264: {
        (b"\x67", b"\x68", b"\x65"): [H264_SPS, H264_PPS, H264_IDR],
        (b"\x67", b"\x68", b"\x68", b"\x65"): [H264_SPS, H264_PPS, H264_PPS, H264_IDR],
        (b"\x41",): [H264_SLICE],
    },
    Codec.H265: {
        (b"\x40\x01", b"\x42\x01", b"\x44\x01", b"\x28\x01"): [H265_VPS, H265_SPS, H265_PPS, _H265_IDR_N_LP],
        (b"\x02\x01",): [_H265_TRAIL_R],
    },
}
"""The NAL unit headers of the pictures that x264 and x265 make with our settings, one slice a picture, and their types:
an IDR with all its parameter sets (two PPS where the P pictures are our own), or a slice that others refer to."""


class CodedPictures:
    """Knows how one output's encoder writes, and the last picture of the output.

    Args:
        codec: the codec that the encoder was told to make.

    Attributes:
        size: width and height by the parameter sets, (0, 0) before the first.
    """

    def __init__(self, codec: Codec) -> None:
        self.codec = codec
        self.size = (0, 0)
        self._known: dict[bytes, OwnSequence | OwnPicture | None] = {}
        self._sequence: OwnSequence | None = None
        self._pictures: dict[int, OwnPicture] = {}
        self._counter = 0

    def types(self, message: CodedMessage) -> list[int] | None:
        """Return the types of a picture's NAL units, or None when it is no picture that our encoder makes next.

        Args:
            message: the coded picture, each NAL unit two bytes long or longer.
        """
        if message.codec is not self.codec:
            return None
        size = header_size(self.codec)
        types = SHAPES[self.codec].get(tuple([unit[:size] for unit in message.nal_units]))
        if types is None:
            return None
        try:
            if types[:-1]:
                self._pictures = {}
            for unit in message.nal_units[:-1]:
                self._take(unit)
            self._check_slice(message.nal_units[-1], is_idr=is_random_access(self.codec, types[-1]))
        except BitstreamError:
            return None
        return list(types)

    def _take(self, unit: bytes) -> None:
        if unit not in self._known:
            read = read_own_set(self.codec, unit)
            if len(self._known) >= MAX_KNOWN:
                self._known.clear()
            self._known[unit] = read
        found = self._known[unit]
        if isinstance(found, OwnSequence):
            self._sequence, self.size = found, found.size
        elif found is not None:
            if found.id != len(self._pictures):  # x264's first, then that of our own P pictures
                raise BitstreamError("a PPS out of its order")
            self._pictures[found.id] = found

    def _check_slice(self, unit: bytes, *, is_idr: bool) -> None:
        """Check the header of a slice and that it counts on from the picture before it."""
        if self._sequence is None:
            raise BitstreamError("a slice before its parameter sets")
        bits = BitReader(remove_emulation_prevention(unit[header_size(self.codec) : HEADER_SIZE]))
        counter = (self._h264_slice if self.codec is Codec.H264 else self._h265_slice)(bits, self._sequence, is_idr)
        expected = 0 if is_idr else (self._counter + 1) % (1 << self._sequence.counter_bits)
        if counter != expected:
            raise BitstreamError("a picture that is out of step")
        self._counter = counter

    def _h264_slice(self, bits: BitReader, sequence: OwnSequence, is_idr: bool) -> int:
        """Read a slice header (H.264 section 7.3.3) and return its frame_num."""
        size = 7 + sequence.counter_bits + 3
        word = bits.peek(size) if bits.left >= size and not is_idr else 0
        if word >> (size - 7) == _USUAL_P and not word & 7 and (usual := self._pictures.get(0)) is not None:
            bits.u(size)
            self._h264_rest(bits, usual, is_p=True)
            return (word >> 3) & ((1 << sequence.counter_bits) - 1)
        bits.ue(0)  # first_mb_in_slice: the only slice of its picture
        kind = bits.ue(_I)
        if kind != _I and (is_idr or kind != _P):
            raise BitstreamError("a slice type that our encoder does not write")
        picture = self._pictures.get(bits.ue(0 if is_idr else len(self._pictures) - 1))  # pic_parameter_set_id
        if picture is None:
            raise BitstreamError("a slice of unknown parameter sets")
        frame_num = bits.u(sequence.counter_bits)
        if is_idr:
            bits.ue(1)  # idr_pic_id: x264 writes 0 and 1 by turns
        if kind == _P:
            if bits.flag():  # num_ref_idx_active_override_flag
                bits.ue(_MAX_REFERENCES - 1)
            if bits.flag():  # ref_pic_list_modification_flag_l0
                _skip_modification(bits)
        if bits.u(2 if is_idr else 1):  # dec_ref_pic_marking(): pictures leave in the order in which they came
            raise BitstreamError("a marking that our encoder does not write")
        self._h264_rest(bits, picture, is_p=kind == _P)
        return frame_num

    @staticmethod
    def _h264_rest(bits: BitReader, picture: OwnPicture, *, is_p: bool) -> None:
        """Read the fields of a slice header behind dec_ref_pic_marking()."""
        if picture.cabac and is_p:
            bits.ue(2)  # cabac_init_idc
        bits.se()  # slice_qp_delta
        if bits.ue(1) == 0 and not (-6 <= bits.se() <= 6 and -6 <= bits.se() <= 6):  # deblocking
            raise BitstreamError("a deblocking offset that there is not")

    def _h265_slice(self, bits: BitReader, sequence: OwnSequence, is_idr: bool) -> int:
        """Read the start of a slice segment header (H.265 section 7.3.6.1) and return its picture order count."""
        if not bits.flag():  # first_slice_segment_in_pic_flag: the only one of its picture
            raise BitstreamError("a second slice")
        if is_idr and bits.flag():
            raise BitstreamError("no_output_of_prior_pics_flag, which our encoder does not write")
        bits.ue(0)  # slice_pic_parameter_set_id
        kind = bits.ue(_H265_I)
        if kind != _H265_I and (is_idr or kind != _H265_P):
            raise BitstreamError("a slice type that our encoder does not write")
        if is_idr:
            return 0
        return bits.u(sequence.counter_bits)


def _skip_modification(bits: BitReader) -> None:
    for _ in range(_MAX_REFERENCES + 1):
        if bits.ue(3) == 3:
            return
        bits.ue(1 << 16)
    raise BitstreamError("a list of references that does not end")
