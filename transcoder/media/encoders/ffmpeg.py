"""This module holds the common base of the encoders that FFmpeg brings."""

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import av
import av.error
from av.video.frame import PictureType
from typing_extensions import override

from transcoder.errors import MediaError
from transcoder.media.changes import MacroblockMap
from transcoder.media.encoders.allow_list import AllowListEncoder
from transcoder.media.encoders.protocol import Settings
from transcoder.media.picture import OwnPicture
from transcoder.worker_options import OutputFormat

_LIMITED_RANGE = 1
"""The color_range of limited range: AVCOL_RANGE_MPEG."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RateFactorSettings(Settings):
    """Holds the settings that x264 and x265 share: constant quality under a bitrate cap.

    Attributes:
        preset: the encoder's name for a trade of processor time for bits.
        crf: the constant rate factor, 0 (best) to 51.
        aq_mode: adaptive quantisation, 0 (off) to 3.
        aq_strength: the strength of adaptive quantisation, where it is on.
        ipratio: how much finer an IDR is quantised than the pictures that refer to it.
        subme: the subpixel motion estimation, 0 (whole samples) to 7; None: the preset's.
        buffer_s: the size of the decoder's buffer model, seconds at the bitrate cap.
    """

    preset: str
    crf: float
    aq_mode: int = 0
    aq_strength: float = 1.0
    ipratio: float = 1.6
    subme: int | None = None
    buffer_s: float = 1.0

    @override
    def overridden(self, overrides: Mapping[str, Any]) -> Self:
        # another preset has a motion estimation of its own
        if overrides.get("preset", self.preset) != self.preset:
            overrides = {"subme": None, **overrides}
        return Settings.overridden(self, overrides)

    @abstractmethod
    def ffmpeg_options(self, bitrate_kbps: int) -> dict[str, str]:
        """Return the settings by FFmpeg's names for them; the encoder must understand every one."""

    def _common_options(self) -> dict[str, str]:
        return {
            "preset": self.preset,
            "tune": "zerolatency",
            "crf": f"{self.crf:g}",
            "forced-idr": "1",
            "a53cc": "0",
            "udu_sei": "0",
        }

    def _quantiser_parameters(self) -> list[str]:
        """Return the parameters that have the same names in x264 and x265, as "name=value"."""
        return [f"aq-mode={self.aq_mode}", f"aq-strength={self.aq_strength:g}", f"ipratio={self.ipratio:g}"]

    def _motion_parameters(self) -> list[str]:
        return [] if self.subme is None else [f"subme={self.subme}"]


class FFmpegEncoder(AllowListEncoder):
    """Encodes with an encoder of FFmpeg: no B pictures, no lookahead, and an IDR only where it is asked for.

    Args:
        options: the options by FFmpeg's names.
        output: the size, frame rate and matrix of the output.

    Raises:
        MediaError: the encoder refuses an option or does not know it.
    """

    library: ClassVar[str]
    """FFmpeg's name for the encoder; a subclass sets it."""

    def __init__(self, options: dict[str, str], output: OutputFormat) -> None:
        super().__init__(output)
        context = av.CodecContext.create(self.library, "w")
        if not isinstance(context, av.VideoCodecContext):
            raise MediaError(f"FFmpeg has no encoder {self.library}")
        context.width = output.width
        context.height = output.height
        context.pix_fmt = "yuv420p"
        context.color_range = _LIMITED_RANGE
        if output.matrix != 2:
            context.colorspace = output.matrix
        # a tick a picture: the stream announces its frame rate (VUI timing_info) and promises no fixed one
        context.time_base = 1 / self.rate
        context.framerate = self.rate
        context.thread_count = 1
        context.thread_type = "NONE"
        context.max_b_frames = 0
        context.options = options
        try:
            context.open()
        except (av.error.FFmpegError, ValueError) as error:
            raise MediaError(f"the {self.codec.value} encoder refuses its settings: {error}") from None
        if context.options:
            unknown = ", ".join(context.options)
            raise MediaError(f"the {self.codec.value} encoder does not know the option {unknown}")
        self._context = context

    @override
    def byte_streams(
        self, picture: OwnPicture, changed: MacroblockMap | None, tick: int, *, force_idr: bool
    ) -> list[memoryview]:
        del changed  # no encoder of FFmpeg takes a map of changes
        frame = picture.frame
        frame.pts = tick
        frame.time_base = self.time_base
        frame.pict_type = PictureType.I if force_idr else PictureType.NONE
        try:
            packets = self._context.encode(frame)
        except av.error.FFmpegError as error:
            raise MediaError(f"the {self.codec.value} encoder failed: {error}") from None
        return [memoryview(packet) for packet in packets]
