"""A video payload format is everything that the product knows of it; the registry holds all video formats."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from transcoder.clock import VIDEO_CLOCK_RATE
from transcoder.codecs.nal import Codec
from transcoder.codecs.picture_codec import SourceCodec
from transcoder.formats.depacketizer import DecodingOrder, Depacketizer, DepacketizerOptions

MIN_CLOCK_RATE, MAX_CLOCK_RATE = 1000, 1_000_000
"""Ticks a second that a video's clock may be stated to have; MPEG-4 counts at most 65 535 of its own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FormatParameters:
    """Holds the parameters that the fmtp line of a session description gives a video media.

    Attributes:
        parameter_sets: the sets that a decoder needs before the first picture, as far as the line tells them.
        decoding_order: the parameters of NAL units that come with decoding order numbers, else None.
        suspected: the codec that the parameters belong to, where the encoding name says another codec.
    """

    parameter_sets: tuple[bytes, ...] = ()
    decoding_order: DecodingOrder | None = None
    suspected: Codec | None = None


def _no_parameters(parameters: Mapping[str, str]) -> FormatParameters:  # noqa: ARG001  # of a format that has none
    return FormatParameters()


@dataclass(frozen=True, slots=True, kw_only=True)
class Serving:
    """Says how a format that we serve is written.

    Attributes:
        packetize: makes the RTP payloads of one access unit's NAL units, none longer than the given number of bytes.
        to_fmtp: makes the fmtp parameters that hold the parameter sets of our encoder.
    """

    packetize: Callable[[Sequence[bytes], int], list[bytes]]
    to_fmtp: Callable[[Sequence[bytes]], str]


@dataclass(frozen=True, slots=True, kw_only=True)
class VideoPayloadFormat:
    """Describes one video payload format.

    Attributes:
        title: the name of the format for messages.
        codec: the codec of its pictures.
        number: stands for the codec in messages to the worker; 1..255.
        encodings: the encoding names of rtpmap, in upper case.
        depacketizer: makes the depacketizer of one media.
        from_fmtp: reads fmtp parameters, whose names are in lower case.
        serving: how the format is written, where we serve it, else None.
        clock_rate: ticks a second, fixed by the format's RFC: a camera that says 9000 means this clock rate too.
        states_clock_rate: whether the clock rate of rtpmap counts, because the format's RFC leaves it open.
        extensions: the profiles of the RTP header extensions that its depacketizer reads.
    """

    title: str
    codec: SourceCodec
    number: int
    encodings: tuple[str, ...]
    depacketizer: Callable[[DepacketizerOptions], Depacketizer]
    from_fmtp: Callable[[Mapping[str, str]], FormatParameters] = _no_parameters
    serving: Serving | None = None
    clock_rate: int = VIDEO_CLOCK_RATE
    states_clock_rate: bool = False
    extensions: frozenset[int] = frozenset()

    def stated_clock_rate(self, rate: int) -> int:
        """Return the ticks a second where rtpmap states this clock rate."""
        return rate if self.states_clock_rate and MIN_CLOCK_RATE <= rate <= MAX_CLOCK_RATE else self.clock_rate


class VideoPayloadFormats:
    """Holds the video formats.

    Args:
        ranks: the formats by preference: where a camera offers several, one of the earliest rank is chosen, and within
            a rank the one that the camera names first.

    Raises:
        ValueError: two formats have the same codec, number or encoding name.
    """

    def __init__(self, *ranks: tuple[VideoPayloadFormat, ...]) -> None:
        self.ranks = ranks
        self._codecs: dict[SourceCodec, VideoPayloadFormat] = {}
        self._numbers: dict[int, VideoPayloadFormat] = {}
        self._encodings: dict[str, VideoPayloadFormat] = {}
        for each in self:
            if each.codec in self._codecs or each.number in self._numbers or set(each.encodings) & set(self._encodings):
                raise ValueError(f"{each.title} takes the codec, number or encoding name of another format")
            self._codecs[each.codec] = self._numbers[each.number] = each
            self._encodings.update(dict.fromkeys(each.encodings, each))

    def __iter__(self) -> Iterator[VideoPayloadFormat]:
        """Yield all formats, the preferred ones first."""
        return (each for rank in self.ranks for each in rank)

    def of_codec(self, codec: SourceCodec) -> VideoPayloadFormat:
        """Return the format of a codec."""
        return self._codecs[codec]

    def of_number(self, number: int) -> VideoPayloadFormat:
        """Return the format with this number in messages to the worker."""
        return self._numbers[number]

    def served_codec(self, number: int) -> Codec | None:
        """Return the codec of ours with this number in messages of the worker, or None where no codec has it."""
        each = self._numbers.get(number)
        return each.codec if each is not None and each.serving and isinstance(each.codec, Codec) else None

    def of_encoding(self, encoding: str) -> VideoPayloadFormat | None:
        """Return the format with this encoding name, or None."""
        return self._encodings.get(encoding)

    def serving(self, codec: Codec) -> Serving:
        """Return how the format of one of our own codecs is written."""
        serving = self._codecs[codec].serving
        if serving is None:
            raise ValueError(f"{codec.value} is not served")
        return serving
