"""The contract that every encoder fulfils: how it is set, made, fed and asked."""

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Mapping
from dataclasses import fields, replace
from typing import Any, ClassVar, Protocol, Self

from transcoder.codecs.nal import Codec
from transcoder.errors import MediaError
from transcoder.media.changes import ChangeMap
from transcoder.media.picture import OwnPicture
from transcoder.worker_options import OutputFormat


class Encoder(Protocol):
    """Makes coded pictures of our own pictures: one out for one in, with nothing in it that we did not put there.

    Attributes:
        codec: of the coded pictures.
        dropped: NAL units that were made and not let out, by name.
    """

    codec: Codec
    dropped: Counter[str]

    def encode(self, picture: OwnPicture, changed: ChangeMap | None, pts: int, *, force_idr: bool) -> list[bytes]:
        """NAL units of one picture, allow-listed.

        Args:
            picture: of the output's size.
            changed: which blocks changed since the picture that was encoded before; None where nobody knows, or where
                the encoder's settings do not ask for it.
            pts: 90 kHz ticks, later than that of the picture before.
            force_idr: make it an IDR with parameter sets.

        Raises:
            MediaError: the encoder failed.
        """


class Settings(ABC):
    """Base of one encoder's settings, a frozen dataclass: its fields are the settings that this encoder knows.

    Attributes:
        codec: of the coded pictures.
        threads: whether the encoder starts threads; the sandbox lets it only then.
        wants_changes: whether encode() makes use of the map of changed blocks; it costs time, and is made only then.
    """

    codec: ClassVar[Codec]
    threads: ClassVar[bool] = False
    wants_changes: ClassVar[bool] = False

    def overridden(self, overrides: Mapping[str, Any]) -> Self:
        """These settings with some of them replaced.

        Args:
            overrides: values by the setting's name, as configured.

        Raises:
            MediaError: the encoder has no such setting.
        """
        known = {field.name for field in fields(self)}  # type: ignore[arg-type]  # every subclass is a dataclass
        unknown = sorted(overrides.keys() - known)
        if unknown:
            raise MediaError(f"the encoder has no setting {', '.join(unknown)} ({type(self).__name__})")
        return replace(self, **overrides)  # type: ignore[type-var]

    @abstractmethod
    def open(self, output: OutputFormat, bitrate_kbps: int) -> Encoder:
        """Make an encoder; other settings or another format need another one, which begins with an IDR.

        Args:
            output: size, frame rate and matrix.
            bitrate_kbps: the cap.

        Raises:
            MediaError: the encoder refuses a setting or does not know it.
        """
