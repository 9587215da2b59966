"""The pipeline of a worker takes access units and gives coded pictures and reports, without sockets.

The pipeline has two halves, with nothing but decoded pictures between them: `decoding` reads the camera's bytes,
`encoding` makes the outputs. Overload is shed in the order that costs least: see encoding.py, then decoding.py.
"""

from collections import Counter
from collections.abc import Iterator
from typing import Any

from transcoder.ipc.messages import AccessUnitMessage, MessageType, serialize_json
from transcoder.worker.decoding import Decoding, SourceFormat
from transcoder.worker.encoding import Encoding
from transcoder.worker.sound import Sound
from transcoder.worker_options import WorkerOptions


class Pipeline:
    """Ties the decoding, encoding and sound of one stream together.

    Args:
        options: the settings of the stream.

    Attributes:
        decoding: the half that reads the camera's bytes.
        encoding: the half that makes the outputs.
        sound: the part that decodes and encodes the audio.
    """

    def __init__(self, options: WorkerOptions) -> None:
        self.decoding = Decoding()
        self.encoding = Encoding(options)
        self.sound = Sound()

    def access_unit(self, message: AccessUnitMessage, now: float) -> Iterator[bytes]:
        """Decode an access unit and encode its pictures for every output.

        Args:
            message: the access unit, as the service sent it.
            now: monotonic seconds.
        """
        for item in self.decoding.access_unit(message, now):
            if isinstance(item, SourceFormat):
                yield serialize_json(MessageType.SOURCE_FORMAT, item.to_fields())
            else:
                yield from self.encoding.picture(item, now)

    @property
    def counters(self) -> Counter[str]:
        """Return the counters of decoding, encoding and sound, by name."""
        return self.decoding.counters + self.encoding.counters + self.sound.counters

    def stats(self) -> dict[str, Any]:
        """Return the report that the service is sent twice a second."""
        return self.encoding.stats() | {
            "counters": dict(self.counters),
            "decode_errors": self.decoding.errors,
            "audio_errors": self.sound.errors,
        }
