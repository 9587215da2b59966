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


class CodecRecognition:
    """Compares packets with the codec that was described.

    Args:
        described: the codec of the session description.
    """

    def __init__(self, described: SourceCodec) -> None:
        self._described = described
        self._others = [codec for codec in Codec if codec is not described]
        self._scores = dict.fromkeys(self._others, 0)

    @property
    def other(self) -> Codec | None:
        """Return the codec that the packets have, where it is not the described one, else None."""
        return next((codec for codec, score in self._scores.items() if score >= CERTAIN_PACKETS), None)

    @property
    def doubts(self) -> bool:
        """Return whether the latest packet fits another codec and not the described one."""
        return any(self._scores.values())

    def look(self, payload: memoryview) -> None:
        """Look at the payload of a packet."""
        if isinstance(self._described, Codec) and fits(self._described, payload):
            if self.doubts:
                self._scores = dict.fromkeys(self._others, 0)
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


def fits(codec: Codec, payload: memoryview) -> bool:
    """Return whether a payload of this codec may begin so."""
    if len(payload) < 2:
        return False
    kind = nal_unit_type(codec, payload)
    if codec is Codec.H265:
        return not payload[0] & 0x81 and 1 <= payload[1] <= 7 and kind in _H265_TYPES
    if payload[0] >= 0x80 or kind not in _H264_TYPES:
        return False
    return kind not in (_H264_NO_REFERENCE if payload[0] & 0x60 else _H264_REFERENCE)


def _is_sps(codec: Codec, payload: memoryview) -> bool:
    if nal_unit_type(codec, payload) != (H264_SPS if codec is Codec.H264 else H265_SPS) or len(payload) > MAX_SIZE:
        return False
    try:
        parse_sps(codec, payload)
    except BitstreamError:
        return False
    return True
