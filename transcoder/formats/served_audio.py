"""The sound that is served is described and packetized here: AAC-LC and G.711, of our own encoder.

Source: RFC 3640; RFC 3551 sections 4.1, 4.5.14 and 6.
"""

from dataclasses import dataclass
from typing import Final

from transcoder.clock import VIDEO_CLOCK_RATE
from transcoder.codecs.audio_codec import AudioCodec
from transcoder.formats import mpeg4_generic

_PAYLOAD_TYPES: Final = {AudioCodec.AAC: 97, AudioCodec.PCMA: 8, AudioCodec.PCMU: 0}
"""The payload types: a dynamic one, and the static ones of RFC 3551 table 4, which some recorders go by alone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ServedAudio:
    """Describes the sound of a stream as our encoder makes it; every value is ours.

    Attributes:
        codec: the codec.
        clock_rate: samples a second, and ticks of the RTP clock.
        config: the AudioSpecificConfig of AAC, else empty.
    """

    codec: AudioCodec = AudioCodec.AAC
    clock_rate: int
    config: bytes = b""

    @property
    def payload_type(self) -> int:
        """Return the RTP payload type."""
        return _PAYLOAD_TYPES[self.codec]

    @property
    def has_marker(self) -> bool:
        """Return whether each packet has the marker bit.

        That of AAC says that a packet ends a frame (RFC 3640 section 3.1). G.711 has it where sound begins after a
        silence for which nothing was sent (RFC 3551 section 4.1): with us something is always sent.
        """
        return self.codec is AudioCodec.AAC

    @property
    def frame_ticks(self) -> int:
        """Return the length of a frame, 90 kHz ticks."""
        return round(self.codec.frame_samples * VIDEO_CLOCK_RATE / self.clock_rate)

    def packetize(self, frame: bytes) -> bytes:
        """Return the RTP payload of one frame."""
        return mpeg4_generic.packetize(frame) if self.codec is AudioCodec.AAC else frame

    def to_attributes(self) -> list[str]:
        """Return the lines of SDP that describe the encoding."""
        number = self.payload_type
        if self.codec is not AudioCodec.AAC:
            return [f"a=rtpmap:{number} {self.codec.name}/{self.clock_rate}"]
        return [
            f"a=rtpmap:{number} MPEG4-GENERIC/{self.clock_rate}/1",
            f"a=fmtp:{number} {mpeg4_generic.to_fmtp(self.config)}",
        ]
