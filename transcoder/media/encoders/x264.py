"""This module encodes H.264 by x264."""

from dataclasses import dataclass
from typing import ClassVar

from typing_extensions import override

from transcoder.codecs.nal import H264_SPS, Codec
from transcoder.codecs.parameter_sets import without_fixed_frame_rate
from transcoder.media.encoders.ffmpeg import FFmpegEncoder, RateFactorSettings
from transcoder.media.encoders.protocol import Encoder
from transcoder.media.levels import h264_level
from transcoder.worker_options import OutputFormat


@dataclass(frozen=True, slots=True, kw_only=True)
class X264Settings(RateFactorSettings):
    """Holds the settings of x264, beside those that x264 has in common with x265.

    Attributes:
        cabac: whether arithmetic coding is used; without it a picture takes less time to decode and more bits.
    """

    codec: ClassVar[Codec] = Codec.H264

    cabac: bool = True

    @override
    def ffmpeg_options(self, bitrate_kbps: int) -> dict[str, str]:
        parameters = ["keyint=infinite", "scenecut=0", "weightp=0", "aud=0", *self._quantiser_parameters()]
        if not self.cabac:
            parameters.append("cabac=0")
        parameters += self._motion_parameters()
        return self._common_options() | {
            "maxrate": f"{bitrate_kbps}k",
            "bufsize": f"{round(bitrate_kbps * self.buffer_s)}k",
            "x264-params": ":".join(parameters),
        }

    @override
    def open(self, output: OutputFormat, bitrate_kbps: int) -> Encoder:
        options = self.ffmpeg_options(bitrate_kbps)
        options["x264-params"] += f":level={h264_level(output.width, output.height, output.frame_rate, bitrate_kbps)}"
        return X264Encoder(options, output)


class X264Encoder(FFmpegEncoder):
    """Encodes by x264 and rewrites its SPS, which otherwise would promise a fixed frame rate."""

    codec = Codec.H264
    library = "libx264"

    @override
    def _let_out(self, unit_type: int, unit: bytes) -> bytes:
        return without_fixed_frame_rate(unit) if unit_type == H264_SPS else unit
