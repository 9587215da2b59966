"""This is the RTP payload format of Opus: one Opus packet in each RTP packet.

Source: RFC 7587 sections 4.1 to 4.3; RFC 6716 sections 3.1 and 3.2.
"""

from collections import Counter
from typing import Final

from typing_extensions import override

from transcoder.formats.audio_format import AudioDepacketizer, AudioMedia, AudioPayloadFormat, CodedAudio
from transcoder.formats.depacketizer import RtpPacket

CLOCK_RATE: Final = 48_000
"""Ticks a second, at whatever rate the camera sampled (RFC 7587 section 4.1)."""
MAX_PACKET_SIZE: Final = 6 * 1275 + 7
"""Bytes of an Opus packet at most: 120 ms are six frames of 20 ms, each of at most 1,275 bytes, and seven bytes of
lengths (RFC 6716 section 3.2)."""
MAX_TICKS: Final = CLOCK_RATE * 120 // 1000
"""Ticks of an Opus packet at most: 120 ms (RFC 6716 section 3.2.5)."""
_SILK: Final = (480, 960, 1920, 2880)
_HYBRID: Final = (480, 960)
_CELT: Final = (120, 240, 480, 960)
FRAME_TICKS: Final = _SILK * 3 + _HYBRID * 2 + _CELT * 4
"""Ticks of a frame by the configuration number of the TOC byte (RFC 6716 table 2)."""


class OpusDepacketizer(AudioDepacketizer):
    """Takes RTP packets in order and gives Opus packets."""

    def __init__(self) -> None:
        self.faults = Counter()

    @override
    def receive(self, packet: RtpPacket) -> list[CodedAudio]:
        payload = packet.payload
        if not 0 < len(payload) <= MAX_PACKET_SIZE:
            self.faults["impossible size"] += 1
            return []
        ticks = packet_ticks(payload)
        if not 0 < ticks <= MAX_TICKS:
            self.faults["impossible duration"] += 1
            return []
        return [CodedAudio(0, ticks, bytes(payload))]

    @override
    def lose(self) -> None:
        pass  # a decoder of Opus takes any packet after any other


def packet_ticks(payload: memoryview) -> int:
    """Return the ticks of an Opus packet by its TOC byte and its number of frames; 0 where that number is missing.

    Source: RFC 6716 sections 3.1 and 3.2.
    """
    code = payload[0] & 3
    told = payload[1] & 63 if len(payload) > 1 else 0
    return (1, 2, 2, told)[code] * FRAME_TICKS[payload[0] >> 3]


def _depacketizer(media: AudioMedia) -> AudioDepacketizer:  # noqa: ARG001  # an Opus packet tells everything itself
    return OpusDepacketizer()


FORMAT = AudioPayloadFormat(encodings=("OPUS",), depacketizer=_depacketizer, clock_rate=CLOCK_RATE)
