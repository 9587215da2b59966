"""An audio payload format is everything that the product knows of it; the registry holds all audio formats."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from transcoder.formats.depacketizer import RtpPacket


class CodedAudio(NamedTuple):
    """Holds coded audio of one packet (sampled audio, Opus) or one frame (AAC).

    Attributes:
        offset: ticks from the packet's timestamp to the first sample.
        duration: the duration in ticks.
        data: the bytes as a decoder takes them.
    """

    offset: int
    duration: int
    data: bytes


class AudioDepacketizer(Protocol):
    """Takes the RTP packets of one audio media and gives coded audio.

    Attributes:
        faults: everything that was tolerated so far, by kind.
    """

    faults: Counter[str]

    def receive(self, packet: RtpPacket) -> list[CodedAudio]:
        """Return the audio that this packet completes; packets come in the order of their sequence numbers."""
        ...

    def lose(self) -> None:
        """Take note that packets are missing before the next one."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class AudioParameters:
    """Holds the parameters that the fmtp line of a session description gives an audio media.

    Attributes:
        clock_rate: ticks a second, 0 where the line does not tell it.
        config: the AudioSpecificConfig of AAC, or empty.
        sizes: the bits of AU-size and AU-Index in AAC packets.
    """

    clock_rate: int = 0
    config: bytes = b""
    sizes: tuple[int, int] = (13, 3)


@dataclass(frozen=True, slots=True, kw_only=True)
class AudioMedia:
    """Describes the audio media that a depacketizer is made for.

    Attributes:
        encoding: the encoding name of rtpmap, in upper case.
        clock_rate: ticks a second.
        channels: 1 or 2.
        sizes: the bits of AU-size and AU-Index in AAC packets.
    """

    encoding: str
    clock_rate: int
    channels: int
    sizes: tuple[int, int]


def _no_parameters(parameters: Mapping[str, str]) -> AudioParameters:  # noqa: ARG001  # of a format that has none
    return AudioParameters()


@dataclass(frozen=True, slots=True, kw_only=True)
class AudioPayloadFormat:
    """Describes one audio payload format.

    Attributes:
        encodings: the encoding names of rtpmap, in upper case.
        depacketizer: makes the depacketizer of one media.
        from_fmtp: reads fmtp parameters, whose names are in lower case.
        clock_rate: ticks a second where rtpmap leaves it out; 0 where fmtp tells it.
        max_channels: the channels that rtpmap may tell, at most; a decoder of sampled audio has no other word for it.
    """

    encodings: tuple[str, ...]
    depacketizer: Callable[[AudioMedia], AudioDepacketizer]
    from_fmtp: Callable[[Mapping[str, str]], AudioParameters] = _no_parameters
    clock_rate: int = 0
    max_channels: int = 2


class AudioPayloadFormats:
    """Holds the audio formats; whichever of them a camera names first is chosen."""

    def __init__(self, *formats: AudioPayloadFormat) -> None:
        self._formats = formats
        self._encodings = {encoding: each for each in formats for encoding in each.encodings}

    def __iter__(self) -> Iterator[AudioPayloadFormat]:
        """Yield all formats."""
        return iter(self._formats)

    def of_encoding(self, encoding: str) -> AudioPayloadFormat | None:
        """Return the format with this encoding name, or None."""
        return self._encodings.get(encoding)

    def depacketizer(self, media: AudioMedia) -> AudioDepacketizer:
        """Return a depacketizer for a media whose encoding belongs to one of these formats."""
        return self._encodings[media.encoding].depacketizer(media)
