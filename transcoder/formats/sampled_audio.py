"""These are the RTP payload formats of sampled audio, G.711, G.722, G.726 and L16: a packet is handed on as it is.

Source: RFC 3551 sections 4.5.2, 4.5.4, 4.5.11 and 4.5.14; RFC 2586.
"""

from collections import Counter

from typing_extensions import override

from transcoder.formats.audio_format import AudioDepacketizer, AudioMedia, AudioPayloadFormat, CodedAudio
from transcoder.formats.depacketizer import RtpPacket
from transcoder.formats.mpeg4_generic import SAMPLES, SAMPLING_RATES

MAX_SAMPLES_SIZE = 4096
"""Bytes of G.711, G.722 or G.726 in a packet at most: half a second."""
MAX_LINEAR_SIZE = 16 << 10
"""Bytes of L16 in a packet at most: what an audio unit may have on its way to the worker, a twelfth of a second of the
fastest samples in two channels."""

_G726_KBPS = (16, 24, 32, 40)


class SampledAudioDepacketizer(AudioDepacketizer):
    """Takes packets of samples.

    The depacketizer tolerates, and counts in `faults`: an AAC frame in a packet's place (Dahua), packets of an
    impossible size.

    Args:
        bits_per_tick: the bits that one tick takes, in all channels together.
        clock_rate: ticks a second.
        max_size: the bytes of a packet at most.
    """

    def __init__(self, bits_per_tick: int, clock_rate: int, max_size: int = MAX_SAMPLES_SIZE) -> None:
        self._bits = bits_per_tick
        self._clock_rate = clock_rate
        self._max_size = max_size
        self.faults = Counter()

    @override
    def receive(self, packet: RtpPacket) -> list[CodedAudio]:
        payload = packet.payload
        if not 0 < len(payload) <= self._max_size:
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


def _g722(media: AudioMedia) -> AudioDepacketizer:
    # 64 kbit/s, whatever the clock is called: 8000 by RFC 3551, 16000 by the sampling rate in some descriptions
    return SampledAudioDepacketizer(max(64_000 // media.clock_rate, 1), media.clock_rate)


def _linear(media: AudioMedia) -> AudioDepacketizer:
    return SampledAudioDepacketizer(16 * media.channels, media.clock_rate, MAX_LINEAR_SIZE)


G711 = AudioPayloadFormat(encodings=("PCMU", "PCMA"), depacketizer=_g711, clock_rate=8000)
G726 = AudioPayloadFormat(
    encodings=tuple(f"{order}G726-{kbps}" for order in ("", "AAL2-") for kbps in _G726_KBPS),
    depacketizer=_g726,
    clock_rate=8000,
)
G722 = AudioPayloadFormat(encodings=("G722",), depacketizer=_g722, clock_rate=8000)
"""G.722 has 16,000 samples a second, but 8,000 ticks: RFC 1890 erred, and RFC 3551 section 4.5.2 keeps it so."""
L16 = AudioPayloadFormat(encodings=("L16",), depacketizer=_linear)
