"""Encoding: our own pictures to H.264 or H.265, nothing in the output that we did not put there.

No B-frames and no lookahead (a picture comes out as soon as it went in), one reference, IDR only where it is asked for,
constant quality under a bitrate cap.
"""

from collections import Counter
from fractions import Fraction

import av
import av.error
from av.video.frame import PictureType

from transcoder.clock import VIDEO_CLOCK_RATE
from transcoder.codecs.nal import (
    H264_SPS,
    Codec,
    is_allowed,
    is_random_access,
    nal_unit_name,
    nal_unit_type,
    split_byte_stream,
)
from transcoder.codecs.parameter_sets import without_fixed_frame_rate
from transcoder.errors import MediaError
from transcoder.media.encoder_policy import encoder_options
from transcoder.media.levels import h264_level
from transcoder.media.picture import OwnPicture
from transcoder.worker_options import OutputFormat, OutputOptions

LIMITED_RANGE = 1
"""AVCOL_RANGE_MPEG."""
FULL_RANGE = 2
"""AVCOL_RANGE_JPEG."""
_BIT_EXACT = 1 << 23
"""AV_CODEC_FLAG_BITEXACT: no version string in the output."""
_JPEG_QUALITY = 4
"""Of 2 (best) to 31."""


class Encoder:
    """One encoder; other settings are another encoder, which begins with an IDR.

    Args:
        options: of the output.
        output: size and frame rate.

    Attributes:
        dropped: NAL units of the encoder that did not leave, by name.

    Raises:
        MediaError: the encoder refuses a setting or does not know it.
    """

    def __init__(self, options: OutputOptions, output: OutputFormat) -> None:
        self.codec = options.codec
        self.output = output
        self.dropped: Counter[str] = Counter()
        rate = Fraction(output.frame_rate).limit_denominator(1000)
        self._rate = rate
        self._tick = -1
        settings = encoder_options(options)
        if options.codec is Codec.H264:
            level = h264_level(output.width, output.height, output.frame_rate, options.bitrate_kbps)
            settings["x264-params"] += f":level={level}"
        context = av.CodecContext.create("libx264" if options.codec is Codec.H264 else "libx265", "w")
        if not isinstance(context, av.VideoCodecContext):
            raise MediaError(f"FFmpeg has no encoder for {options.codec.value}")
        context.width = output.width
        context.height = output.height
        context.pix_fmt = "yuv420p"
        context.color_range = LIMITED_RANGE
        if output.matrix != 2:
            context.colorspace = output.matrix
        # a tick a picture: the stream announces its frame rate (VUI timing_info) without promising a fixed one
        context.time_base = 1 / rate
        context.framerate = rate
        context.thread_count = 1
        context.thread_type = "NONE"
        context.max_b_frames = 0
        context.options = settings
        try:
            context.open()
        except (av.error.FFmpegError, ValueError) as error:
            raise MediaError(f"the {options.codec.value} encoder refuses its settings: {error}") from None
        if context.options:
            unknown = ", ".join(context.options)
            raise MediaError(f"the {options.codec.value} encoder does not know the option {unknown}")
        self._context = context

    def encode(self, picture: OwnPicture, pts: int, *, force_idr: bool) -> list[bytes]:
        """NAL units of one picture, allow-listed.

        Args:
            picture: of the output's size.
            pts: 90 kHz ticks, later than that of the picture before.
            force_idr: make it an IDR with parameter sets.

        Raises:
            MediaError: the encoder failed.
        """
        frame = picture.frame
        # the encoder's own time counts pictures; gaps stay gaps, so that its rate control sees true durations
        tick = round(pts * self._rate / VIDEO_CLOCK_RATE)
        self._tick = max(self._tick + 1, tick)
        frame.pts = self._tick
        frame.time_base = 1 / self._rate
        frame.pict_type = PictureType.I if force_idr else PictureType.NONE
        try:
            packets = self._context.encode(frame)
        except av.error.FFmpegError as error:
            raise MediaError(f"the {self.codec.value} encoder failed: {error}") from None
        units = []
        for packet in packets:
            for unit in split_byte_stream(memoryview(packet)):
                unit_type = nal_unit_type(self.codec, unit)
                if self.codec is Codec.H264 and unit_type == H264_SPS:
                    units.append(without_fixed_frame_rate(unit))
                elif is_allowed(self.codec, unit_type):
                    units.append(unit)
                else:
                    self.dropped[nal_unit_name(self.codec, unit_type)] += 1
        return units


def has_random_access(codec: Codec, nal_units: list[bytes]) -> bool:
    """Whether decoding may start at this picture."""
    return any(is_random_access(codec, nal_unit_type(codec, unit)) for unit in nal_units)


def encode_jpeg(picture: OwnPicture) -> bytes:
    """A JPEG of our own picture, without a comment or any other marker that an encoder signs with.

    Raises:
        MediaError: the encoder failed.
    """
    # swscale makes full range of it: JPEG knows no other (JFIF)
    frame = picture.frame.reformat(format="yuvj420p", dst_color_range=FULL_RANGE)
    context = av.CodecContext.create("mjpeg", "w")
    if not isinstance(context, av.VideoCodecContext):
        raise MediaError("FFmpeg has no JPEG encoder")
    context.width, context.height, context.pix_fmt = picture.width, picture.height, "yuvj420p"
    context.time_base = Fraction(1, 25)
    context.thread_count = 1
    context.flags |= _BIT_EXACT
    context.qmin = context.qmax = _JPEG_QUALITY
    frame.pts = 0
    try:
        return b"".join(bytes(packet) for packet in (*context.encode(frame), *context.encode(None)))
    except av.error.FFmpegError as error:
        raise MediaError(f"the JPEG encoder failed: {error}") from None
