"""These are the RTP payload formats of sampled audio, G.711 and G.726: a packet is handed on as it is.

Source: RFC 3551 sections 4.5.4 and 4.5.14.
"""

from collections import Counter

from typing_extensions import override

from transcoder.formats.audio_format import AudioDepacketizer, AudioMedia, AudioPayloadFormat, CodedAudio
from transcoder.formats.depacketizer import RtpPacket
from transcoder.formats.mpeg4_generic import SAMPLES, SAMPLING_RATES

MAX_SAMPLES_SIZE = 4096
"""Bytes of G.711 or G.726 in a packet at most: half a second."""

_G726_KBPS = (16, 24, 32, 40)


class SampledAudioDepacketizer(AudioDepacketizer):
    """Takes packets of samples.

    The depacketizer tolerates, and counts in `faults`: an AAC frame in a packet's place (Dahua), packets of an
    impossible size.

    Args:
        bits_per_sample: the bits of one coded sample, in all channels together.
        clock_rate: ticks a second.
    """

    def __init__(self, bits_per_sample: int, clock_rate: int) -> None:
        self._bits = bits_per_sample
        self._clock_rate = clock_rate
        self.faults = Counter()

    @override
    def receive(self, packet: RtpPacket) -> list[CodedAudio]:
        payload = packet.payload
        if not 0 < len(payload) <= MAX_SAMPLES_SIZE:
            self.faults["impossible size"] += 1
            return []
        ticks = _adts_ticks(payload, self._clock_rate)
        if ticks:
            self.faults["AAC in its place"] += 1
        return [CodedAudio(0, ticks or len(payload) * 8 // self._bits, bytes(payload))]

    @override
    def lose(self) -> None:
        pass  # every packet stands alone


def _adts_ticks(payload: memoryview, clock_rate: int) -> int:
    """Return the ticks of an AAC frame with its ADTS header; 0 where the payload is none.

    Dahua puts such frames into its G.711 stream.

    Source: ISO/IEC 13818-7 section 6.2.
    """
    if len(payload) < 9 or payload[0] != 0xFF or payload[1] & 0xF6 != 0xF0:
        return 0
    length = (payload[3] & 3) << 11 | payload[4] << 3 | payload[5] >> 5
    rate = payload[2] >> 2 & 15
    if length != len(payload) or rate >= len(SAMPLING_RATES):
        return 0
    return SAMPLES * clock_rate // SAMPLING_RATES[rate]


def _g711(media: AudioMedia) -> AudioDepacketizer:
    return SampledAudioDepacketizer(8 * media.channels, media.clock_rate)


def _g726(media: AudioMedia) -> AudioDepacketizer:
    bits = int(media.encoding.rpartition("-")[2]) // 8
    return SampledAudioDepacketizer(bits * media.channels, media.clock_rate)


G711 = AudioPayloadFormat(encodings=("PCMU", "PCMA"), depacketizer=_g711, clock_rate=8000)
G726 = AudioPayloadFormat(
    encodings=tuple(f"{order}G726-{kbps}" for order in ("", "AAL2-") for kbps in _G726_KBPS),
    depacketizer=_g726,
    clock_rate=8000,
)
