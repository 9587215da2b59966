"""This module encodes pictures as a legacy camera does.

The GOP is long; there are no B-frames, and parameter sets come before each IDR.
"""

import math
from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction

import av
from av.video.codeccontext import VideoCodecContext

from transcoder.codecs.mpeg4 import I_PLANE, PLANE, USER_DATA, coding_type, split_elements
from transcoder.codecs.nal import (
    H264_AUD,
    H264_SEI,
    H265_AUD,
    H265_SEI_PREFIX,
    H265_SEI_SUFFIX,
    Codec,
    is_random_access,
    nal_unit_type,
    split_byte_stream,
)
from transcoder.codecs.picture_codec import PictureCodec, SourceCodec
from transcoder.codecs.recovery_point import H265_MIN_FRAMES, recovery_frames, recovery_point
from transcoder.errors import MediaError
from transcoder.lab.cameras.access_units import CLOCK_RATE, AccessUnit, Coding

_NOT_VIDEO = {
    Codec.H264: frozenset({H264_SEI, H264_AUD}),
    Codec.H265: frozenset({H265_SEI_PREFIX, H265_SEI_SUFFIX, H265_AUD}),
}
"""NAL unit types that the encoder library adds of its own; a camera family adds those that its cameras really send."""


QUALITY_CRF = 28
"""The constant rate factor of Coding.QUALITY. Of the synthetic day scene at 1080p it leaves 12 % of macroblocks changed
in a picture, which takes 2.0 ms to decode; four native streams had 10 to 25 % and took 1.8 to 3.3 ms."""


def default_bitrate_kbps(width: int, height: int, fps: float) -> int:
    """Return the usual setting of such cameras: 3 Mbit/s at 720p25, 4.5 at 1080p25, less for substreams."""
    return round(3000 * math.sqrt(width * height / (1280 * 720) * fps / 25))


def access_unit(codec: SourceCodec, byte_stream: bytes, duration_ticks: int, *, keep_all: bool = False) -> AccessUnit:
    """Cut one access unit of a byte stream into NAL units.

    Args:
        codec: codec of the stream.
        byte_stream: Annex B; a JPEG file; MPEG-4 elements.
        duration_ticks: 90 kHz.
        keep_all: keep SEI and access unit delimiters too.
    """
    if isinstance(codec, PictureCodec):
        return _picture_unit(codec, byte_stream, duration_ticks)
    dropped = frozenset() if keep_all else _NOT_VIDEO[codec]
    nal_units = tuple(
        unit
        for unit in split_byte_stream(byte_stream)
        if nal_unit_type(codec, unit) not in dropped or is_refresh(codec, unit)
    )
    return AccessUnit(
        nal_units=nal_units,
        random_access=any(is_random_access(codec, nal_unit_type(codec, unit)) for unit in nal_units),
        duration_ticks=duration_ticks,
    )


def is_refresh(codec: Codec, unit: bytes) -> bool:
    """Return whether a NAL unit is an SEI that names a recovery point which is no IDR."""
    return bool(recovery_frames(unit, codec))


def _picture_unit(codec: PictureCodec, data: bytes, duration_ticks: int) -> AccessUnit:
    if codec is PictureCodec.JPEG:
        return AccessUnit(nal_units=(data,), random_access=True, duration_ticks=duration_ticks)
    parts = [(code, element) for code, element in split_elements(data) if code != USER_DATA]
    return AccessUnit(
        nal_units=tuple(element for _, element in parts),
        random_access=any(code == PLANE and coding_type(element) == I_PLANE for code, element in parts),
        duration_ticks=duration_ticks,
    )


FULL_RANGE = 2
"""The color_range of full range: AVCOL_RANGE_JPEG."""
_ENCODERS: dict[SourceCodec, str] = {
    Codec.H264: "libx264",
    Codec.H265: "libx265",
    PictureCodec.JPEG: "mjpeg",
    PictureCodec.MPEG4: "mpeg4",
}


class CameraEncoder:
    """Encodes with a camera's settings.

    Args:
        codec: the codec that it writes.
        width: even.
        height: even.
        fps: nominal picture rate.
        bitrate_kbps: constant bitrate, or the cap of it, with one second of buffer.
        gop: pictures from IDR to IDR.
        coding: what bits are spent on; of H.264 and H.265 alone.
        intra_refresh: whether a recovery point stands where the IDR would. In H.264 the picture is refreshed column by
            column in that time; in H.265, where the columns of x265 refer to others, by an I picture that is no IRAP.
    """

    def __init__(
        self,
        *,
        codec: SourceCodec,
        width: int,
        height: int,
        fps: float,
        bitrate_kbps: int,
        gop: int,
        coding: Coding = Coding.BITRATE,
        intra_refresh: bool = False,
    ) -> None:
        self._codec = codec
        name = _ENCODERS[codec]
        context = av.CodecContext.create(name, "w")
        assert isinstance(context, VideoCodecContext)  # noqa: S101  # av's type says less than its behaviour
        context.width, context.height = width, height
        has_quality = coding is Coding.QUALITY and isinstance(codec, Codec)
        is_full_range = has_quality or codec is PictureCodec.JPEG
        context.pix_fmt = self._pixel_format = "yuvj420p" if is_full_range else "yuv420p"
        context.framerate = Fraction(fps).limit_denominator(1001)
        # MPEG-4 counts at most 65535 ticks a second (vop_time_increment_resolution)
        self._time_base = Fraction(1, CLOCK_RATE // 3 if codec is PictureCodec.MPEG4 else CLOCK_RATE)
        context.time_base = self._time_base
        if has_quality:
            context.color_range = FULL_RANGE
        else:
            context.bit_rate = bitrate_kbps * 1000
        context.gop_size = gop
        context.max_b_frames = 0
        context.thread_count = 1
        context.options = _options(codec, bitrate_kbps, gop, has_quality=has_quality)
        self._refresh: int | None = None
        if intra_refresh and codec is Codec.H264:
            context.options |= {"x264-params": f"{context.options['x264-params']}:intra-refresh=1"}
        elif intra_refresh and codec is Codec.H265:
            context.options |= {"x265-params": f"{context.options['x265-params']}:{_NO_IRAP}"}
            self._refresh = gop
        try:
            context.open()
        except av.FFmpegError as error:
            raise MediaError(f"{name} can't encode {width}x{height} at {fps:g} fps: {error}") from error
        self._context = context
        self._pending: list[int] = []
        self._pts = 0
        self._encoded = self._made = 0

    def encode(self, frame: av.VideoFrame, duration_ticks: int) -> Iterator[AccessUnit]:
        """Encode one 4:2:0 frame; timestamps are set here, from the durations."""
        if self._pixel_format != frame.format.name:
            frame = frame.reformat(format=self._pixel_format)
        frame.time_base = self._time_base
        frame.pts = round(self._pts / CLOCK_RATE / self._time_base)
        self._pts += duration_ticks
        self._pending.append(duration_ticks)
        is_refresh = self._refresh is not None and self._encoded % self._refresh == 0
        frame.pict_type = av.video.frame.PictureType.I if is_refresh else av.video.frame.PictureType.NONE
        self._encoded += 1
        yield from self._units(frame)

    def flush(self) -> Iterator[AccessUnit]:
        """Return the access units that the encoder still holds."""
        yield from self._units(None)

    def _units(self, frame: av.VideoFrame | None) -> Iterator[AccessUnit]:
        for packet in self._context.encode(frame):
            unit = access_unit(self._codec, bytes(packet), self._pending.pop(0))
            if self._refresh is not None and self._made and self._made % self._refresh == 0:
                unit = replace(unit, nal_units=(bytes(recovery_point(H265_MIN_FRAMES, Codec.H265)), *unit.nal_units))
            self._made += 1
            yield unit


_NO_IRAP = "keyint=10000:min-keyint=9999:ref=1"
"""The settings with which x265 makes an I picture that is asked for no IRAP."""


def _options(codec: SourceCodec, bitrate_kbps: int, gop: int, *, has_quality: bool) -> dict[str, str]:
    if codec is PictureCodec.JPEG:
        return {"huffman": "default"}  # receivers of RTP take this for granted
    if codec is PictureCodec.MPEG4:
        return {"sc_threshold": "1000000000"}
    rate = {"maxrate": f"{bitrate_kbps}k", "bufsize": f"{bitrate_kbps}k"}
    if has_quality:
        rate["crf"] = str(QUALITY_CRF)
    flat = ":aq-mode=0" if has_quality else ""
    if codec is Codec.H264:
        return rate | {
            "preset": "superfast",
            "profile": "high",
            "sc_threshold": "0",
            "keyint_min": str(gop),
            "x264-params": f"rc-lookahead=0:mbtree=0:sync-lookahead=0:force-cfr=0{flat}",
        }
    return rate | {
        "preset": "ultrafast",
        "x265-params": f"bframes=0:keyint={gop}:min-keyint={gop}:scenecut=0:open-gop=0:rc-lookahead=0:cutree=0:"
        f"pools=none:frame-threads=1:log-level=error:info=0{flat}",
    }
