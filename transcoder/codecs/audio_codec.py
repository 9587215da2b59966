"""These are the codecs of the sound that is served: the samples of a frame of ours, their rate, and silence."""

from enum import Enum
from typing import Final

G711_RATE: Final = 8000
"""Samples a second of G.711, and the only rate that recorders expect of it."""
G711_SAMPLES: Final = 160
"""Samples of a packet of G.711: 20 ms, what RFC 3551 table 1 has a sender take where nothing else is agreed."""
AAC_SAMPLES: Final = 1024
"""The samples of a frame of AAC-LC."""
MAX_AAC_FRAME: Final = 768
"""Bytes of an AAC-LC frame of one channel at most: 6144 bits (ISO/IEC 14496-3 section 4.5.3.1)."""
_AAC_RATES: Final = (16_000, 24_000, 32_000, 44_100, 48_000)
RATES: Final = (G711_RATE, *_AAC_RATES)
"""Samples a second of sound that is served, in any codec."""


class AudioCodec(Enum):
    """Names a codec of served sound, as the configuration does; each has one channel."""

    AAC = "aac"
    """AAC-LC."""
    PCMA = "pcma"
    """G.711 with the A-law."""
    PCMU = "pcmu"
    """G.711 with the mu-law."""

    __hash__ = object.__hash__  # Enum's own is a function in Python

    @property
    def frame_samples(self) -> int:
        """Return the samples of a frame, which is a packet."""
        return AAC_SAMPLES if self is AudioCodec.AAC else G711_SAMPLES

    @property
    def silent_frame(self) -> bytes:
        """Return a frame of silence, at any rate.

        That of AAC is a single_channel_element with max_sfb 0, then ID_END (ISO/IEC 14496-3 subpart 4, tables 4.4 to
        4.50). Those of G.711 are the codes of the value 0 (G.711 tables 1a and 2a).
        """
        return _SILENT_FRAMES[self]

    def allows(self, frame: bytes) -> bool:
        """Return whether our encoder can have made a frame of this size."""
        return 0 < len(frame) <= MAX_AAC_FRAME if self is AudioCodec.AAC else len(frame) == G711_SAMPLES

    def rate(self, clock_rate: int) -> int:
        """Return the samples a second in which sound of a camera is served.

        Of AAC that is 16 kHz for telephony, else the nearest rate that every player knows.

        Args:
            clock_rate: the clock rate of the camera's sound.
        """
        if self is not AudioCodec.AAC:
            return G711_RATE
        return 16_000 if clock_rate <= 16_000 else min(_AAC_RATES, key=lambda rate: abs(rate - clock_rate))


_SILENT_FRAMES: Final = {
    AudioCodec.AAC: bytes.fromhex("00000007"),
    AudioCodec.PCMA: b"\xd5" * G711_SAMPLES,
    AudioCodec.PCMU: b"\xff" * G711_SAMPLES,
}


def samples_at(rate: int) -> int:
    """Return the samples of a frame at one of RATES: no two codecs share a rate and differ in that."""
    return G711_SAMPLES if rate == G711_RATE else AAC_SAMPLES
