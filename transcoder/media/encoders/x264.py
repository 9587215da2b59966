"""This module encodes H.264 by x264."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Final

from typing_extensions import override

from transcoder.codecs.nal import H264_SPS, Codec
from transcoder.codecs.parameter_sets import without_fixed_frame_rate
from transcoder.media.changes import MacroblockMap
from transcoder.media.decoded_picture import UNSPECIFIED_MATRIX
from transcoder.media.decoder import Decoder
from transcoder.media.encoders.allow_list import AllowListEncoder, frame_rate
from transcoder.media.encoders.ffmpeg import FFmpegEncoder, RateFactorSettings
from transcoder.media.encoders.protocol import Encoder
from transcoder.media.encoders.x264_library import (
    PictureType,
    Reconstruction,
    X264Context,
    X264Library,
    library,
)
from transcoder.media.levels import h264_level
from transcoder.media.picture import OwnPicture
from transcoder.worker_options import Fallback, OutputFormat

_MATRICES: Final = {1: "bt709", 5: "bt470bg", 6: "smpte170m"}
"""The library's names of the values of matrix_coefficients that pictures of ours have."""
_RATES: Final = {"maxrate": "vbv-maxrate", "bufsize": "vbv-bufsize"}
"""The library's names of FFmpeg's rates, kbit/s and kbit."""
_CHECKED: Final[set[tuple[int, int]]] = set()
"""The sizes (width, height) of which a first picture was compared in this process."""
_OF_FFMPEG_ALONE: Final = frozenset({"preset", "tune", "forced-idr", "a53cc", "udu_sei"})
"""Options that the library's own interface has other ways for, or that are about side data, which it is never given."""


@dataclass(frozen=True, slots=True, kw_only=True)
class X264Settings(RateFactorSettings):
    """Holds the settings of x264, beside those that x264 has in common with x265.

    Attributes:
        cabac: whether arithmetic coding is used; without it a picture takes less time to decode and more bits.
    """

    codec: ClassVar[Codec] = Codec.H264
    deadzone: ClassVar[int | None] = None
    """How far from a half P pictures round levels towards zero, in 64ths; None: 21, as x264 does.

    With 16 the same VMAF takes up to 5 % fewer bits.
    """

    cabac: bool = True

    @override
    def ffmpeg_options(self, bitrate_kbps: int) -> dict[str, str]:
        parameters = ["keyint=infinite", "scenecut=0", "weightp=0", "aud=0", *self._quantiser_parameters()]
        if not self.cabac:
            parameters.append("cabac=0")
        if self.deadzone is not None:
            parameters.append(f"deadzone-inter={self.deadzone}")
        parameters += self._motion_parameters()
        return self._common_options() | {
            "maxrate": f"{bitrate_kbps}k",
            "bufsize": f"{round(bitrate_kbps * self.buffer_s)}k",
            "x264-params": ":".join(parameters),
        }

    @override
    def open(self, output: OutputFormat, bitrate_kbps: int) -> Encoder:
        return X264Encoder(self._options(output, bitrate_kbps), output)

    @override
    def adapt(self, encoder: Encoder, output: OutputFormat, bitrate_kbps: int) -> bool:
        return isinstance(encoder, X264Encoder) and encoder.use_options(self._options(output, bitrate_kbps))

    def open_uncapped(self, output: OutputFormat, bitrate_kbps: int) -> "X264Encoder":
        """Make an encoder for pictures whose quantiser is given with each of them.

        Args:
            output: the size, frame rate and matrix of the output.
            bitrate_kbps: the cap of the bitrate that the caller keeps; only the level goes by it.

        Raises:
            MediaError: the encoder refuses a setting or does not know it.
        """
        options = self._options(output, bitrate_kbps)
        return X264Encoder({name: value for name, value in options.items() if name not in _RATES}, output)

    def open_by_ffmpeg(self, output: OutputFormat, bitrate_kbps: int) -> "X264FFmpegEncoder":
        """Make the encoder that stands in where the library can't be called directly; it codes the same.

        Args:
            output: the size, frame rate and matrix of the output.
            bitrate_kbps: the cap of the bitrate.

        Raises:
            MediaError: the encoder refuses a setting or does not know it.
        """
        return X264FFmpegEncoder(self._options(output, bitrate_kbps), output)

    def _options(self, output: OutputFormat, bitrate_kbps: int) -> dict[str, str]:
        options = self.ffmpeg_options(bitrate_kbps)
        level = h264_level(output.width, output.height, output.frame_rate, bitrate_kbps)
        return options | {"x264-params": f"{options['x264-params']}:level={level}"}


def without_fixed_rate(unit_type: int, unit: bytes) -> bytes:
    """Return a NAL unit; an SPS of x264 promises a fixed frame rate and is rewritten."""
    return without_fixed_frame_rate(unit) if unit_type == H264_SPS else unit


class X264FFmpegEncoder(FFmpegEncoder):
    """Encodes by x264 over FFmpeg's interface."""

    codec = Codec.H264
    library = "libx264"

    @override
    def _let_out(self, unit_type: int, unit: bytes) -> bytes:
        return without_fixed_rate(unit_type, unit)


class X264Encoder(AllowListEncoder):
    """Encodes by x264 over the library's own interface; where that can't be used, over FFmpeg's, with the same result.

    The first picture of each size is compared with what libavcodec makes of it.

    Args:
        options: the options by FFmpeg's names.
        output: the size, frame rate and matrix of the output.

    Raises:
        MediaError: the encoder refuses an option or does not know it.
    """

    codec = Codec.H264

    def __init__(self, options: dict[str, str], output: OutputFormat) -> None:
        super().__init__(output)
        self._options, self._output = options, output
        self._qp: int | None = None
        self._substitute: X264FFmpegEncoder | None = None
        self._context: X264Context | None = None
        found = library()
        if isinstance(found, Fallback):
            self._fall_back(found)
        else:
            self._context = self._open(found)

    def _open(self, found: X264Library) -> X264Context:
        output = self._output
        parameters = found.parameters(
            self._options["preset"], self._options["tune"], library_settings(self._options, output)
        )
        return X264Context(found, parameters, output.width, output.height)

    def _fall_back(self, reason: Fallback) -> X264FFmpegEncoder:
        self.fallback = reason
        self._context = None
        self._substitute = X264FFmpegEncoder(self._options, self._output)
        return self._substitute

    @override
    def byte_streams(
        self, picture: OwnPicture, changed: MacroblockMap | None, tick: int, *, force_idr: bool
    ) -> Sequence[bytes | memoryview]:
        if self._context is None and self._substitute is None:
            found = library()
            if isinstance(found, X264Library):
                self._context = self._open(found)
        context = self._context
        if context is not None:
            kind = PictureType.IDR if force_idr else PictureType.AUTO
            stream = context.encode(picture, tick, kind, self._qp, changed)
            size = (self._output.width, self._output.height)
            if size in _CHECKED or self._is_true(context, stream):
                _CHECKED.add(size)
                return [stream]
        substitute = self._substitute or self._fall_back(Fallback.RECONSTRUCTION)
        return substitute.byte_streams(picture, changed, tick, force_idr=force_idr)

    def encode_at(
        self, picture: OwnPicture, pts: int, qp: int, *, force_idr: bool
    ) -> tuple[list[bytes], Reconstruction | None]:
        """Encode a picture with one quantiser; return its NAL units and its reconstruction.

        The reconstruction is overwritten by the next picture. There is none, and rate control chooses the quantiser,
        where x264 is called over FFmpeg's interface. A cap of the bitrate changes the quantiser all the same.

        Args:
            picture: a picture of the output's size.
            pts: presentation time, 90 kHz ticks, later than that of the picture before.
            qp: the quantiser of all macroblocks, 0 to 51.
            force_idr: whether the coded picture has to be an IDR with parameter sets.

        Raises:
            MediaError: the encoder failed.
        """
        self._qp = qp
        try:
            units = self.encode(picture, None, pts, force_idr=force_idr)
        finally:
            self._qp = None
        return units, self._context.reconstruction() if self._context is not None else None

    def rest(self) -> None:
        """Give the library's memory back until the next picture, which has to be an IDR.

        The library holds two pictures to code and two reconstructed ones, 24 MB at 1080p, whether or not it is asked
        for anything; to open it anew takes a millisecond. Between its IDRs and the next one there has to be a picture
        that another engine codes: IDRs in a row differ in idr_pic_id, and each context begins with the same.
        """
        self._context = None

    def use_options(self, options: dict[str, str]) -> bool:
        """Use other options from the next picture on; return False where they need another encoder.

        Args:
            options: the options by FFmpeg's names; all of them.
        """
        changed = {name for name, value in options.items() if self._options.get(name) != value}
        if self._context is None or options.keys() != self._options.keys() or not changed <= _RATES.keys():
            return False
        settings = [(_RATES[name], options[name].removesuffix("k")) for name in sorted(changed)]
        if not self._context.reconfigure(settings):
            return False
        self._options = options
        return True

    def _is_true(self, context: X264Context, stream: bytes) -> bool:
        """Return whether libavcodec decodes the first picture to the library's reconstruction."""
        reconstruction, size = context.reconstruction(), (self._output.width, self._output.height)
        shown = Decoder(Codec.H264).decode(stream, 0)
        return reconstruction is not None and any(
            (each.width, each.height) == size and reconstruction.shows(each) for each in shown
        )

    @override
    def _let_out(self, unit_type: int, unit: bytes) -> bytes:
        return without_fixed_rate(unit_type, unit)


def library_settings(options: Mapping[str, str], output: OutputFormat) -> list[tuple[str, str]]:
    """Return the settings by the library's names that FFmpeg's options stand for; preset and tune are no settings.

    Args:
        options: the options by FFmpeg's names.
        output: the frame rate and matrix of the output.
    """
    rate = frame_rate(output)
    settings = [("threads", "1"), ("log", "-1"), ("fps", f"{rate.numerator}/{rate.denominator}"), ("fullrange", "off")]
    if output.matrix != UNSPECIFIED_MATRIX:
        settings.append(("colormatrix", _MATRICES.get(output.matrix, str(output.matrix))))
    for name, value in options.items():
        if name == "x264-params":
            settings += [(item.partition("=")[0], item.partition("=")[2]) for item in value.split(":")]
        elif name in _RATES:
            settings.append((_RATES[name], value.removesuffix("k")))
        elif name not in _OF_FFMPEG_ALONE:
            settings.append((name, value))
    return settings
