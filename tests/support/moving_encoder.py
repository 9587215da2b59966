"""This encoder of the tests is made as a third encoder of the product would be, and asks for the map of changes."""

from collections import Counter
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from typing_extensions import override

from transcoder.codecs.nal import Codec
from transcoder.media.changes import MacroblockMap
from transcoder.media.encoders import Encoder, Settings
from transcoder.media.encoders.x264 import X264Settings
from transcoder.media.picture import OwnPicture
from transcoder.worker_options import OutputFormat


@dataclass(frozen=True, slots=True, kw_only=True)
class MovingSettings(Settings):
    """Holds the settings of the encoder: of all that a configuration may override, it knows crf alone."""

    codec: ClassVar[Codec] = Codec.H264
    wants_changes: ClassVar[bool] = True

    crf: float = 30

    @override
    def open(self, output: OutputFormat, bitrate_kbps: int) -> Encoder:
        inner = X264Settings(preset="ultrafast", crf=self.crf).open(output, bitrate_kbps)
        return MovingEncoder(inner)


class MovingEncoder(Encoder):
    """Encodes with x264 and writes down the maps that it is given."""

    codec = Codec.H264
    maps: ClassVar[list[MacroblockMap | None]] = []

    def __init__(self, inner: Encoder) -> None:
        self._inner = inner
        self.dropped: Counter[str] = Counter()

    @override
    def encode(self, picture: OwnPicture, changed: MacroblockMap | None, pts: int, *, force_idr: bool) -> list[bytes]:
        self.maps.append(None if changed is None else np.array(changed))
        return self._inner.encode(picture, None, pts, force_idr=force_idr)
