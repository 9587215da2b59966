"""The audio part of a worker takes the camera's audio and gives ours, and never touches the pictures."""

from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING

from transcoder.codecs.audio_codec import AudioCodec
from transcoder.errors import MediaError
from transcoder.ipc.messages import MessageType, serialize_audio, serialize_json
from transcoder.media.audio import AudioDecoder, AudioEncoder, AudioTranscoder
from transcoder.worker_options import AudioFormat

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class Sound:
    """Decodes and encodes the audio of one camera.

    Attributes:
        counters: the numbers of audio units and formats, by their fate.
    """

    def __init__(self) -> None:
        self._transcoder: AudioTranscoder | None = None
        self._format: AudioFormat | None = None
        self.counters: Counter[str] = Counter()

    @property
    def errors(self) -> dict[str, int]:
        """Return how often audio could not be decoded, by kind."""
        return dict(self._transcoder.errors) if self._transcoder is not None else {}

    def use_format(self, source: AudioFormat) -> Iterator[bytes]:
        """Expect audio of this format from now on."""
        if self._transcoder is not None and source == self._format:
            return
        self._format = source
        try:
            self._transcoder = AudioTranscoder(source)
        except (MediaError, ValueError) as error:
            self._transcoder = None
            self.counters["audio_refused"] += 1
            yield serialize_json(MessageType.FAILED, {"reason": f"audio is left out: {error}", "fatal": False})
            return
        yield _output(source.served, self._transcoder.rate, self._transcoder.config)

    def unit(self, pts: int, data: bytes) -> Iterator[bytes]:
        """Decode and encode an audio unit.

        Args:
            pts: presentation time of the unit's first sample, 90 kHz ticks.
            data: the bytes of one packet or AAC frame.
        """
        if self._transcoder is None:
            return
        for coded_pts, coded in self._transcoder.process(data, pts):
            self.counters["audio_out"] += 1
            yield serialize_audio(MessageType.AUDIO_CODED, coded_pts, coded)


class SoundDecoding:
    """Is the half of the sound that reads the camera's bytes.

    Attributes:
        counters: the numbers of formats, by their fate.
    """

    def __init__(self) -> None:
        self._decoder: AudioDecoder | None = None
        self._format: AudioFormat | None = None
        self.counters: Counter[str] = Counter()

    @property
    def rate(self) -> int:
        """Return the samples a second, 0 before there is a format."""
        return self._decoder.rate if self._decoder is not None else 0

    @property
    def errors(self) -> dict[str, int]:
        """Return how often audio could not be decoded, by kind."""
        return dict(self._decoder.errors) if self._decoder is not None else {}

    def use_format(self, source: AudioFormat) -> None:
        """Expect audio of this format from now on."""
        if self._decoder is None or source != self._format:
            self._format = source
            self._decoder = AudioDecoder(source)

    def unit(self, pts: int, data: bytes) -> "Iterator[tuple[int, NDArray[np.int16]]]":
        """Yield the samples that an audio unit completes, each piece with its time, 90 kHz ticks."""
        if self._decoder is not None:
            yield from self._decoder.samples(data, pts)


class SoundEncoding:
    """Is the half of the sound that makes what readers get.

    Attributes:
        counters: the numbers of audio units and formats, by their fate.
    """

    def __init__(self) -> None:
        self._rate = 0
        self._codec = AudioCodec.AAC
        self._encoder: AudioEncoder | None = None
        self.counters: Counter[str] = Counter()

    def use_format(self, source: AudioFormat) -> None:
        """Expect samples of the rate that follows from a format."""
        if (source.rate, source.served) != (self._rate, self._codec):
            self._rate, self._codec, self._encoder = source.rate, source.served, None

    def samples(self, pts: int, rate: int, samples: "NDArray[np.int16]") -> Iterator[bytes]:
        """Encode samples; those of a rate that is not expected any more, or not yet, are left out."""
        if rate != self._rate:
            return
        if self._encoder is None:
            try:
                self._encoder = AudioEncoder(rate, self._codec)
            except MediaError as error:
                self._rate = 0
                self.counters["audio_refused"] += 1
                yield serialize_json(MessageType.FAILED, {"reason": f"audio is left out: {error}", "fatal": False})
                return
            yield _output(self._codec, rate, self._encoder.config)
        for coded_pts, coded in self._encoder.encode_samples(pts, samples):
            self.counters["audio_out"] += 1
            yield serialize_audio(MessageType.AUDIO_CODED, coded_pts, coded)


def _output(codec: AudioCodec, rate: int, config: bytes) -> bytes:
    return serialize_json(MessageType.AUDIO_OUTPUT, {"codec": codec.value, "rate": rate, "config": config.hex()})
