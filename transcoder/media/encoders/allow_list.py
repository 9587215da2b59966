"""This module holds the common base of all encoders: what a library has coded passes an allow-list here."""

from abc import abstractmethod
from collections import Counter
from collections.abc import Iterable
from fractions import Fraction

from typing_extensions import override

from transcoder.clock import VIDEO_CLOCK_RATE
from transcoder.codecs.nal import Codec, is_allowed, nal_unit_name, nal_unit_type, split_byte_stream
from transcoder.media.changes import MacroblockMap
from transcoder.media.encoders.protocol import Encoder
from transcoder.media.picture import OwnPicture
from transcoder.worker_options import OutputFormat


def frame_rate(output: OutputFormat) -> Fraction:
    """Return the frame rate of an output, as encoders are told it."""
    return Fraction(output.frame_rate).limit_denominator(1000)


class AllowListEncoder(Encoder):
    """Lets parameter sets and slices out, and counts every other NAL unit that a library has made.

    Args:
        output: the size, frame rate and matrix of the output.
    """

    codec: Codec
    """The codec of the coded pictures; a subclass sets it."""

    def __init__(self, output: OutputFormat) -> None:
        self.dropped: Counter[str] = Counter()
        self.rate = frame_rate(output)
        self.time_base = 1 / self.rate
        self._ticks, self._of = self.rate.numerator, self.rate.denominator * VIDEO_CLOCK_RATE
        self._tick = -1

    @override
    def encode(self, picture: OwnPicture, changed: MacroblockMap | None, pts: int, *, force_idr: bool) -> list[bytes]:
        # the encoder's own clock counts pictures; gaps stay gaps, so that its rate control sees true durations
        tick, rest = divmod(pts * self._ticks, self._of)  # rounded like a fraction, which is slow
        tick += 2 * rest > self._of or (2 * rest == self._of and tick % 2 == 1)
        self._tick = max(self._tick + 1, tick)
        units = []
        for stream in self.byte_streams(picture, changed, self._tick, force_idr=force_idr):
            for unit in split_byte_stream(stream):
                unit_type = nal_unit_type(self.codec, unit)
                if is_allowed(self.codec, unit_type):
                    units.append(self._let_out(unit_type, unit))
                else:
                    self.dropped[nal_unit_name(self.codec, unit_type)] += 1
        return units

    @abstractmethod
    def byte_streams(
        self, picture: OwnPicture, changed: MacroblockMap | None, tick: int, *, force_idr: bool
    ) -> Iterable[bytes | memoryview]:
        """Encode one picture and return the Annex B byte streams that the library made of it.

        Args:
            picture: a picture of the output's size.
            changed: the map of the blocks that changed, or None.
            tick: the time of the picture, counted in pictures at the output's frame rate.
            force_idr: whether the coded picture has to be an IDR with parameter sets.

        Raises:
            MediaError: the encoder failed.
        """

    def _let_out(self, unit_type: int, unit: bytes) -> bytes:
        """Return a NAL unit in the form in which it is let out.

        A subclass changes a NAL unit here where no option makes the encoder write the wanted form.
        """
        del unit_type
        return unit
