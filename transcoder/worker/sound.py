"""The audio part of a worker takes the camera's audio and gives AAC, and never touches the pictures."""

from collections import Counter
from collections.abc import Iterator

from transcoder.errors import MediaError
from transcoder.ipc.messages import MessageType, serialize_audio, serialize_json
from transcoder.media.audio import AudioTranscoder
from transcoder.worker_options import AudioFormat


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
        output = {"rate": self._transcoder.rate, "config": self._transcoder.config.hex()}
        yield serialize_json(MessageType.AUDIO_OUTPUT, output)

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
