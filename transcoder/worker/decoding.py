"""The decoding half of a worker takes access units and gives decoded pictures and the format of the camera's video.

The decoding half knows neither outputs nor masks. Late video is given up here first: an access unit that is very late
is not even decoded, and neither are the access units that refer to it, up to the next random access point.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

from transcoder.ipc.messages import DECODE_ONLY, RANDOM_ACCESS, AccessUnitMessage
from transcoder.media.decoded_picture import DecodedPicture
from transcoder.media.decoder import Decoder
from transcoder.media.geometry import SQUARE
from transcoder.worker.overload import LATE_S

VERY_LATE_S = 1.0
"""Seconds: an access unit that is older is not decoded, and neither are the access units that refer to it."""
CATCH_UP_S = 3.0
"""Seconds after a replay, or a wait for another encoding process, during which access units may be very late and are
decoded all the same."""


@dataclass(frozen=True, slots=True)
class SourceFormat:
    """Describes the kind of pictures that a camera sends.

    Attributes:
        codec: the name of the codec's payload format.
        width, height: luma samples.
        pixel_format: FFmpeg's name for the pixel format.
        interlaced: whether a picture holds two fields.
        sample_aspect: the width of a sample by its height.
    """

    codec: str
    width: int
    height: int
    pixel_format: str
    interlaced: bool
    sample_aspect: float = 1.0

    def to_fields(self) -> dict[str, Any]:
        """Return the format as an object of JSON; square samples are not mentioned."""
        fields = asdict(self)
        if self.sample_aspect == 1.0:
            del fields["sample_aspect"]
        return fields


class Decoding:
    """Decodes the access units of one camera.

    Attributes:
        counters: the numbers of access units and pictures, by their fate.
    """

    def __init__(self) -> None:
        self._decoder: Decoder | None = None
        self._skip_to_random_access = True
        self._catching_up = False
        self._catch_up_until = 0.0
        self._source: SourceFormat | None = None
        self.counters: Counter[str] = Counter()

    @property
    def errors(self) -> dict[str, int]:
        """Return how often the present decoder refused data or made up a missing part, by kind."""
        return dict(self._decoder.errors) if self._decoder is not None else {}

    def catch_up(self, now: float) -> None:
        """Decode access units although they are very late, for a while: they waited for no fault of the camera's.

        Args:
            now: monotonic seconds.
        """
        self._catching_up = True
        self._catch_up_until = now + CATCH_UP_S

    def access_unit(self, message: AccessUnitMessage, now: float) -> Iterator[SourceFormat | DecodedPicture]:
        """Decode an access unit.

        Args:
            message: the access unit, as the service sent it.
            now: monotonic seconds.

        Yields:
            The pictures of the access unit. The source's format comes before the first picture that has it.
        """
        decoder = self._decoder
        if decoder is None or decoder.codec is not message.codec:
            decoder = self._decoder = Decoder(message.codec)
            self._skip_to_random_access = True
        if not self._is_wanted(message, now):
            return
        pictures = decoder.decode(
            message.data,
            message.pts,
            message.arrival,
            random_access=bool(message.flags & RANDOM_ACCESS),
            preroll=bool(message.flags & DECODE_ONLY),
        )
        self.counters["decoded_pictures"] += len(pictures)
        self.counters["decode_us"] += round(decoder.decode_s * 1e6)
        for picture in pictures:
            aspect = 1.0 if picture.aspect is SQUARE else float(picture.aspect)
            size = picture.width, picture.height
            seen = SourceFormat(decoder.codec.value, *size, decoder.pixel_format, picture.interlaced, aspect)
            if seen != self._source:
                self.counters["source_format_changes"] += self._source is not None
                self._source = seen
                yield seen
            yield picture

    def _is_wanted(self, message: AccessUnitMessage, now: float) -> bool:
        """Return whether to decode an access unit: not before a random access point, and not where it is very late."""
        random_access = bool(message.flags & RANDOM_ACCESS)
        if self._skip_to_random_access:
            if not random_access:
                self.counters["skipped_access_units"] += 1
                return False
            self._skip_to_random_access = False
        late = now - message.arrival
        replay = bool(message.flags & DECODE_ONLY)
        # access units that waited behind a replay are late for a good reason and are needed; but not for ever
        if replay:
            self._catch_up_until = now + CATCH_UP_S
        self._catching_up = replay or (self._catching_up and late > LATE_S and now < self._catch_up_until)
        if late > VERY_LATE_S and not self._catching_up and not random_access:
            self.counters["shed_access_units"] += 1
            self._skip_to_random_access = True
            return False
        return True
