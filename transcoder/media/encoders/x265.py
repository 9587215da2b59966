"""This module encodes H.265 by x265."""

from dataclasses import dataclass
from typing import ClassVar

from typing_extensions import override

from transcoder.codecs.nal import Codec
from transcoder.media.encoders.ffmpeg import FFmpegEncoder, RateFactorSettings
from transcoder.media.encoders.protocol import Encoder
from transcoder.worker_options import OutputFormat


@dataclass(frozen=True, slots=True, kw_only=True)
class X265Settings(RateFactorSettings):
    """Holds the settings of x265; all of them are common with x264."""

    codec: ClassVar[Codec] = Codec.H265
    """True, because x265 has one thread beside the caller's even with one frame thread and no pool."""

    @override
    def ffmpeg_options(self, bitrate_kbps: int) -> dict[str, str]:
        parameters = [
            f"vbv-maxrate={bitrate_kbps}", f"vbv-bufsize={round(bitrate_kbps * self.buffer_s)}", "keyint=-1",
            "scenecut=0", "open-gop=0", "bframes=0", "repeat-headers=1", "info=0", "hash=0", "aud=0", "hrd=0",
            "pools=none", "frame-threads=1", "log-level=error",
            *self._quantiser_parameters(), *self._motion_parameters(),
        ]  # fmt: skip
        return self._common_options() | {"x265-params": ":".join(parameters)}

    @override
    def open(self, output: OutputFormat, bitrate_kbps: int) -> Encoder:
        return X265Encoder(self.ffmpeg_options(bitrate_kbps), output)


class X265Encoder(FFmpegEncoder):
    """Encodes by x265."""

    codec = Codec.H265
    library = "libx265"
