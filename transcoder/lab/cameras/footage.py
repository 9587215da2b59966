"""This module makes content for cameras from the user's own footage."""

from collections.abc import Iterator
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from statistics import median

import av
from av.bitstream import BitStreamFilterContext

from transcoder.codecs.nal import Codec
from transcoder.codecs.picture_codec import SourceCodec
from transcoder.errors import MediaError
from transcoder.lab.cameras.access_units import CLOCK_RATE, AccessUnit, Coding, Content, load, store
from transcoder.lab.cameras.content import Progress, cache_name, ticks
from transcoder.lab.cameras.encoder import CameraEncoder, access_unit, default_bitrate_kbps

MAX_FILE_SECONDS = 60.0
"""Seconds of footage at most: footage is kept in memory, and 60 s at 8 Mbit/s are 60 MB."""

_CODEC_NAMES = {"h264": Codec.H264, "hevc": Codec.H265}


def from_file(
    path: Path,
    cache: Path,
    *,
    codec: SourceCodec | None = None,
    bitrate_kbps: int | None = None,
    gop_s: float = 4.0,
    coding: Coding = Coding.BITRATE,
    max_seconds: float = MAX_FILE_SECONDS,
    progress: Progress | None = None,
) -> Content:
    """Return the user's own footage as a camera would send it.

    H.264 and H.265 without B-frames are taken as they are, SEI included; other footage is encoded once.

    Args:
        path: any file that FFmpeg opens.
        cache: folder for encoded content; made if it is not there.
        codec: the codec that the camera sends; None: the file's own codec, or H.264 if the file has to be encoded.
        bitrate_kbps: bitrate if the file has to be encoded; None: by size.
        gop_s: seconds from IDR to IDR if the file has to be encoded.
        coding: what bits are spent on if the file has to be encoded.
        max_seconds: seconds after which the rest of the file is left out.
        progress: called after each picture.

    Raises:
        MediaError: there is no video in the file, or the video can't be decoded.
    """
    state = path.stat()
    name = cache_name(
        "file",
        {
            "path": str(path.resolve()),
            "size": state.st_size,
            "mtime": state.st_mtime_ns,
            "codec": codec.value if codec else "",
            "bitrate_kbps": bitrate_kbps,
            "gop_s": gop_s,
            "max_seconds": max_seconds,
        }
        | ({"coding": coding} if coding is not Coding.BITRATE else {}),
    )
    content = load(cache, name)
    if content is None:
        try:
            content = _remux(path, codec, max_seconds) or _encode_file(
                path,
                codec or Codec.H264,
                bitrate_kbps=bitrate_kbps,
                gop_s=gop_s,
                coding=coding,
                max_seconds=max_seconds,
                progress=progress,
            )
        except av.FFmpegError as error:
            raise MediaError(f"{path} can't be read as video: {error}") from error
        store(content, cache, name)
    return content


def _durations(timestamps: list[int]) -> list[int]:
    """Return the time from each timestamp to the next; the last gets the usual one, so that the loop closes."""
    steps = [max(1, later - earlier) for earlier, later in pairwise(timestamps)]
    return [*steps, int(median(steps)) if steps else CLOCK_RATE // 25]


def _video(container: av.container.InputContainer, path: Path) -> av.video.stream.VideoStream:
    if not container.streams.video:
        raise MediaError(f"{path} holds no video")
    return container.streams.video[0]


def _rate(stream: av.video.stream.VideoStream) -> float:
    """Return the nominal pictures a second, or the usual rate of cameras if the file's claim can't be true."""
    rate = float(stream.average_rate or stream.guessed_rate or 25)
    return rate if 1 <= rate <= 240 else 25.0


def _remux(path: Path, wanted: SourceCodec | None, max_seconds: float) -> Content | None:
    """Return the file's own access units, or None if a camera would not send such access units."""
    with av.open(str(path)) as container:
        stream = _video(container, path)
        codec = _CODEC_NAMES.get(stream.codec_context.name)
        if codec is None or (wanted and codec is not wanted):
            return None
        to_byte_stream = BitStreamFilterContext(f"{stream.codec_context.name}_mp4toannexb", stream)
        units: list[AccessUnit] = []
        timestamps: list[int] = []
        for packet in container.demux(stream):
            if not packet.size:
                continue
            if packet.pts != packet.dts or (packet.pts is None and stream.codec_context.has_b_frames):
                return None
            if packet.pts is None or stream.time_base is None:  # an elementary stream has no timestamps
                timestamp = ticks(len(units), _rate(stream))
            else:
                timestamp = round(Fraction(packet.pts) * stream.time_base * CLOCK_RATE)
            for filtered in to_byte_stream.filter(packet):
                unit = access_unit(codec, bytes(filtered), 1, keep_all=True)
                if units or unit.random_access:
                    units.append(unit)
                    timestamps.append(timestamp)
            if timestamps and timestamps[-1] - timestamps[0] > max_seconds * CLOCK_RATE:
                break
        width, height = stream.codec_context.width, stream.codec_context.height
    if not units:
        return None
    return Content(
        codec=codec,
        width=width,
        height=height,
        access_units=tuple(
            AccessUnit(nal_units=unit.nal_units, random_access=unit.random_access, duration_ticks=duration)
            for unit, duration in zip(units, _durations(timestamps), strict=True)
        ),
    )


def _decoded(path: Path, max_seconds: float) -> Iterator[tuple[int, av.VideoFrame]]:
    """Yield frames with strictly increasing timestamps, 90 kHz."""
    with av.open(str(path)) as container:
        stream = _video(container, path)
        stream.thread_type = "NONE"
        first: float | None = None
        last = -1
        timed = container.duration is not None
        for index, frame in enumerate(container.decode(stream)):
            time = frame.time if timed and frame.time is not None else index / _rate(stream)
            first = time if first is None else first
            if time - first > max_seconds:
                return
            last = max(last + 1, round((time - first) * CLOCK_RATE))
            yield last, frame


def _encode_file(
    path: Path,
    codec: SourceCodec,
    *,
    bitrate_kbps: int | None,
    gop_s: float,
    coding: Coding,
    max_seconds: float,
    progress: Progress | None,
) -> Content:
    with av.open(str(path)) as container:
        stream = _video(container, path)
        fps = _rate(stream)
        width, height = stream.codec_context.width // 2 * 2, stream.codec_context.height // 2 * 2
    encoder = CameraEncoder(
        codec=codec,
        width=width,
        height=height,
        fps=fps,
        bitrate_kbps=bitrate_kbps or default_bitrate_kbps(width, height, fps),
        gop=max(1, round(gop_s * fps)),
        coding=coding,
    )
    units: list[AccessUnit] = []
    steps: list[int] = []
    previous: tuple[int, av.VideoFrame] | None = None
    for timestamp, frame in _decoded(path, max_seconds):
        picture = frame.reformat(width=width, height=height, format="yuv420p", dst_color_range="MPEG")
        clean = av.VideoFrame.from_ndarray(picture.to_ndarray(), format="yuv420p")  # no side data of the file
        if previous:
            steps.append(max(1, timestamp - previous[0]))
            units.extend(encoder.encode(previous[1], steps[-1]))
        previous = timestamp, clean
        if progress:
            progress(len(steps) + 1, 0)
    if previous is None:
        raise MediaError(f"{path} holds no picture that can be decoded")
    units.extend(encoder.encode(previous[1], int(median(steps)) if steps else round(CLOCK_RATE / fps)))
    units.extend(encoder.flush())
    return Content(codec=codec, width=width, height=height, access_units=tuple(units))
