"""Every encoder fulfils this contract: it says how an encoder is configured, made and fed."""

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Mapping
from dataclasses import fields, replace
from typing import Any, ClassVar, Protocol, Self

from transcoder.codecs.nal import Codec
from transcoder.errors import MediaError
from transcoder.media.changes import MacroblockMap
from transcoder.media.picture import OwnPicture
from transcoder.worker_options import ENCODER_THREADS, Fallback, OutputFormat


class Encoder(Protocol):
    """Makes one coded picture of each of our own pictures, with nothing in it that we did not put there.

    Attributes:
        codec: the codec of the coded pictures.
        dropped: the numbers of NAL units that were made and not let out, by name.
        fallback: why another encoder than the one that was asked for has taken over; None where none has.
    """

    codec: Codec
    dropped: Counter[str]
    fallback: Fallback | None = None

    def encode(self, picture: OwnPicture, changed: MacroblockMap | None, pts: int, *, force_idr: bool) -> list[bytes]:
        """Encode one picture and return its NAL units, allow-listed.

        Args:
            picture: a picture of the output's size.
            changed: the map of the macroblocks that changed since the picture that this encoder was given before. All
                of them are marked in its first picture, and after other masks. None says nothing. The map is the
                caller's and is only read.
            pts: presentation time, 90 kHz ticks, later than that of the picture before.
            force_idr: whether the coded picture has to be an IDR with parameter sets.

        Raises:
            MediaError: the encoder failed.
        """


class Settings(ABC):
    """The base class of an encoder's settings; a frozen dataclass whose fields are the settings that the encoder knows.

    Attributes:
        codec: the codec of the coded pictures.
        wants_changes: whether encode() makes use of the map of changed macroblocks. Where decoded pictures are
            converted and so have to be compared for the map's sake, the map is exact only then.
    """

    codec: ClassVar[Codec]
    wants_changes: ClassVar[bool] = False

    @property
    def threads(self) -> bool:
        """Return whether the encoder starts threads; the sandbox allows threads only then."""
        return ENCODER_THREADS[self.codec] > 0

    def overridden(self, overrides: Mapping[str, Any]) -> Self:
        """Return a copy of these settings with some values replaced.

        Args:
            overrides: the configured values, by the setting's name.

        Raises:
            MediaError: the encoder has no such setting.
        """
        known = {field.name for field in fields(self)}  # type: ignore[arg-type]  # every subclass is a dataclass
        unknown = sorted(overrides.keys() - known)
        if unknown:
            raise MediaError(f"the encoder has no setting {', '.join(unknown)} ({type(self).__name__})")
        return replace(self, **overrides)  # type: ignore[type-var]

    def adapt(self, encoder: Encoder, output: OutputFormat, bitrate_kbps: int) -> bool:
        """Have an encoder of these settings keep another cap of the bitrate from the next picture on.

        Args:
            encoder: the encoder, which open() made.
            output: the size, frame rate and matrix of the output.
            bitrate_kbps: the cap of the bitrate.

        Returns:
            Whether it does; another cap needs another encoder where it does not.
        """
        del encoder, output, bitrate_kbps
        return False

    @abstractmethod
    def open(self, output: OutputFormat, bitrate_kbps: int) -> Encoder:
        """Make an encoder; other settings or another format need another encoder, which begins with an IDR.

        Args:
            output: the size, frame rate and matrix of the output.
            bitrate_kbps: the cap of the bitrate.

        Raises:
            MediaError: the encoder refuses a setting or does not know it.
        """
