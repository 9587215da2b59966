"""The codec of RTP payloads is recognised here by their first bytes, because session descriptions can be stale.

The NAL unit headers of H.264 and H.265 are hardly ever alike: in H.265 the first bit of the layer id and all bits of a
second byte but the temporal id are 0 in a stream without layers, which in H.264 makes types and reference flags that
nobody sends. Every packet begins with such a header, fragments too, so that a few packets are enough.
"""

from transcoder.codecs.nal import H264_SPS, H265_SPS, Codec, nal_unit_type
from transcoder.codecs.parameter_sets import MAX_SIZE, parse_sps
from transcoder.codecs.picture_codec import SourceCodec
from transcoder.errors import BitstreamError

CERTAIN_PACKETS = 16
"""The number of packets in a row that fit another codec alone and tell that it is the stream's; less than 2 s of video
at 10 pictures a second. The SPS of that codec among them counts for SPS_WORTH."""
SPS_WORTH = 10

_H264_TYPES = frozenset({1, 5, 6, 7, 8, 9, 24, 28})
"""What cameras send of RFC 6184 table 1: slices, SEI, parameter sets, AUD, STAP-A, FU-A."""
_H264_NO_REFERENCE = frozenset({6, 9})
"""The types whose nal_ref_idc is 0 (H.264 section 7.4.1); that of the others in _H264_REFERENCE is not."""
_H264_REFERENCE = frozenset({5, 7, 8})
_H265_TYPES = frozenset({*range(10), *range(16, 22), *range(32, 36), 39, 40, 48, 49})
"""What cameras send of RFC 7798: slices, parameter sets, AUD, SEI, AP, FU."""


def _may_begin(codec: Codec, first: int) -> bool:
    """Return whether a payload of this codec may begin with this byte."""
    kind = nal_unit_type(codec, bytes((first,)))
    if codec is Codec.H265:
        return not first & 0x81 and kind in _H265_TYPES
    if first >= 0x80 or kind not in _H264_TYPES:
        return False
    return kind not in (_H264_NO_REFERENCE if first & 0x60 else _H264_REFERENCE)


_FIRST_BYTES = {codec: frozenset(first for first in range(256) if _may_begin(codec, first)) for codec in Codec}
_SECOND_BYTES = {Codec.H264: range(256), Codec.H265: range(1, 8)}
"""The bytes that a payload of a codec may begin with: every packet that is no part of a run is compared with them. In
H.264 the second byte tells nothing; in H.265 it holds the temporal id."""


class CodecRecognition:
    """Compares packets with the codec that was described.

    Args:
        described: the codec of the session description.

    Attributes:
        doubts: whether the latest packet fits another codec and not the described one.
    """

    def __init__(self, described: SourceCodec) -> None:
        self._described = described
        self._first = _FIRST_BYTES[described] if isinstance(described, Codec) else frozenset()
        self._second = _SECOND_BYTES[described] if isinstance(described, Codec) else range(0)
        self._others = [codec for codec in Codec if codec is not described]
        self._scores = dict.fromkeys(self._others, 0)
        self.doubts = False

    @property
    def other(self) -> Codec | None:
        """Return the codec that the packets have, where it is not the described one, else None."""
        return next((codec for codec, score in self._scores.items() if score >= CERTAIN_PACKETS), None)

    def look(self, payload: memoryview) -> None:
        """Look at the payload of a packet."""
        if len(payload) > 1 and payload[0] in self._first and payload[1] in self._second:
            if self.doubts:
                self._scores = dict.fromkeys(self._others, 0)
                self.doubts = False
            return
        for codec in self._others:
            if not fits(codec, payload):
                if not isinstance(self._described, Codec):
                    self._scores[codec] = 0
            elif _is_sps(codec, payload):
                self._scores[codec] += SPS_WORTH
            elif isinstance(self._described, Codec) or self._scores[codec]:
                self._scores[codec] += 1
            # else it may be a picture: behind 64 KiB each JPEG packet begins as a slice of H.265 does (00 01)
        self.doubts = any(self._scores.values())


def fits(codec: Codec, payload: memoryview) -> bool:
    """Return whether a payload of this codec may begin so."""
    return len(payload) > 1 and payload[0] in _FIRST_BYTES[codec] and payload[1] in _SECOND_BYTES[codec]


def _is_sps(codec: Codec, payload: memoryview) -> bool:
    if nal_unit_type(codec, payload) != (H264_SPS if codec is Codec.H264 else H265_SPS) or len(payload) > MAX_SIZE:
        return False
    try:
        parse_sps(codec, payload)
    except BitstreamError:
        return False
    return True
