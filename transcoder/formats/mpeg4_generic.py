"""This is the RTP payload format for AAC (RFC 3640, mode AAC-hbr).

It is received with all its header sizes and sent with the usual ones.
"""

import re
from collections import Counter
from collections.abc import Mapping

from typing_extensions import override

from transcoder.formats.audio_format import (
    AudioDepacketizer,
    AudioMedia,
    AudioParameters,
    AudioPayloadFormat,
    CodedAudio,
)
from transcoder.formats.depacketizer import RtpPacket

MAX_AUDIO_UNIT = 8192
"""Bytes of an AAC frame at most: 6144 bits a channel, eight channels (ISO/IEC 14496-3)."""
MAX_AUDIO_UNITS = 64
"""The largest number of AAC frames of one packet."""
SAMPLES = 1024
"""Samples of an AAC-LC frame."""
SAMPLING_RATES = (96_000, 88_200, 64_000, 48_000, 44_100, 32_000, 24_000, 22_050, 16_000, 12_000, 11_025, 8000, 7350)
"""The sampling rates by sampling_frequency_index (ISO/IEC 14496-3 table 1.18)."""


class AacDepacketizer(AudioDepacketizer):
    """Takes RTP packets in order and gives AAC frames.

    Args:
        size_length: the bits of AU-size.
        index_length: the bits of AU-Index and AU-Index-delta.
    """

    def __init__(self, size_length: int, index_length: int) -> None:
        self._size_length = size_length
        self._header_length = size_length + index_length
        self._partial = b""
        self.faults = Counter()

    @override
    def lose(self) -> None:
        self._partial = b""

    @override
    def receive(self, packet: RtpPacket) -> list[CodedAudio]:
        frames = self.frames(packet.payload, marker=packet.marker)
        return [CodedAudio(index * SAMPLES, SAMPLES, frame) for index, frame in enumerate(frames)]

    def frames(self, payload: memoryview, *, marker: bool) -> list[bytes]:
        """Return the AAC frames that this payload completes.

        Source: RFC 3640 sections 3.2.1, 3.2.3, 3.3.6.
        """
        if len(payload) < 2 or self._header_length == 0 or self._size_length == 0:
            self.faults["cut short"] += 1
            return []
        bits = (payload[0] << 8) | payload[1]
        position = 2 + (bits + 7) // 8
        count = bits // self._header_length
        if position > len(payload) or not 1 <= count <= MAX_AUDIO_UNITS:
            self.faults["impossible AU headers"] += 1
            return []
        headers = int.from_bytes(payload[2:position]) >> (8 * (position - 2) - count * self._header_length)
        sizes = []
        for index in range(count):
            header = headers >> ((count - 1 - index) * self._header_length)
            sizes.append((header >> (self._header_length - self._size_length)) & ((1 << self._size_length) - 1))
        if count == 1 and sizes[0] > len(payload) - position:
            return self._fragment(payload[position:], sizes[0], marker=marker)
        self._partial = b""
        units = []
        for size in sizes:
            if size == 0 or size > MAX_AUDIO_UNIT or position + size > len(payload):
                self.faults["impossible AU size"] += 1
                break
            units.append(bytes(payload[position : position + size]))
            position += size
        return units

    def _fragment(self, data: memoryview, size: int, *, marker: bool) -> list[bytes]:
        """Take a part of a frame that has more than one packet, and return the frame when it is complete.

        The marker is on the last part.
        """
        if size > MAX_AUDIO_UNIT or len(self._partial) + len(data) > size:
            self._partial = b""
            self.faults["impossible AU size"] += 1
            return []
        self._partial += data
        if not marker and len(self._partial) < size:
            return []
        unit, self._partial = self._partial, b""
        if len(unit) != size:
            self.faults["fragment lost"] += 1
            return []
        return [unit]


def packetize(unit: bytes) -> bytes:
    """Return the RTP payload of one AAC frame: sizelength 13, indexlength 3."""
    return b"\x00\x10" + (len(unit) << 3).to_bytes(2) + unit


def _from_fmtp(parameters: Mapping[str, str]) -> AudioParameters:
    """Read the fmtp parameters.

    Source: RFC 3640 section 4.1.
    """
    config = parameters.get("config", "")
    return AudioParameters(
        clock_rate=_clock_rate(config),
        config=bytes.fromhex(config) if re.fullmatch(r"(?:[0-9A-Fa-f]{2}){2,64}", config) else b"",
        sizes=(_bits(parameters.get("sizelength"), 13), _bits(parameters.get("indexlength"), 3)),
    )


def _clock_rate(config: str) -> int:
    """Return the clock rate of an AudioSpecificConfig in hexadecimal, or 0.

    Source: ISO/IEC 14496-3, 1.6.2.1: 5 bits object type, 4 bits index.
    """
    if not re.fullmatch(r"[0-9A-Fa-f]{4,}", config):
        return 0
    index = int(config[:4], 16) >> 7 & 15
    return SAMPLING_RATES[index] if index < len(SAMPLING_RATES) else 0


def _bits(value: str | None, default: int) -> int:
    return int(value) if value is not None and re.fullmatch(r"[0-9]{1,2}", value) and int(value) <= 32 else default


def to_fmtp(config: bytes) -> str:
    """Return the fmtp parameters of the AAC that we serve, with the AudioSpecificConfig of our encoder."""
    return (
        "streamtype=5;profile-level-id=1;mode=AAC-hbr;sizelength=13;indexlength=3;indexdeltalength=3;"
        f"config={config.hex().upper()}"
    )


def _depacketizer(media: AudioMedia) -> AudioDepacketizer:
    return AacDepacketizer(*media.sizes)


FORMAT = AudioPayloadFormat(
    encodings=("MPEG4-GENERIC",), depacketizer=_depacketizer, from_fmtp=_from_fmtp, max_channels=99
)
