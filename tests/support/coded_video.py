"""This module makes camera video in every format that matters, with FFmpeg's encoders, and reads its headers."""

import re
import shutil
import subprocess
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from av.video.frame import VideoFrame
from numpy.typing import NDArray

ENCODERS = {"H264": "libx264", "H265": "libx265"}
DECODERS = {"H264": "h264", "H265": "hevc"}


def samples(frame: VideoFrame, index: int, kind: type[np.unsignedinteger] = np.uint8) -> NDArray:
    """Return a plane with its padding, (height, samples in a line), as a view that may be written."""
    plane: Any = frame.planes[index]
    return np.frombuffer(plane, kind).reshape(plane.height, -1)


def picture(
    width: int, height: int, pixel_format: str, *, luma: tuple[int, int] = (60, 180), index: int = 0
) -> av.VideoFrame:
    """Draw two halves of two luma values (8-bit scale), grey chroma, and a square that moves with the index."""
    planes = np.empty((height, width), np.uint8)
    planes[:, : width // 2], planes[:, width // 2 :] = luma
    left = 8 * index % max(width - 16, 1)
    planes[height // 2 : height // 2 + 8, left : left + 8] = 120
    grey = av.VideoFrame.from_ndarray(planes, format="gray")
    frame = av.VideoFrame(width, height, pixel_format)
    depth = 2 if "10le" in pixel_format else 1
    for number in range(len(frame.planes)):
        view = samples(frame, number, np.uint16 if depth == 2 else np.uint8)
        shift = 2 if depth == 2 else 0
        if number == 0:
            view[:, :width] = samples(grey, 0)[:, :width].astype(view.dtype) << shift
        else:
            view[:] = 128 << shift
    return frame


def encode(
    codec: str,
    size: tuple[int, int],
    count: int,
    *,
    pixel_format: str = "yuv420p",
    luma: tuple[int, int] = (60, 180),
    parameters: str = "",
    gop: int = 1000,
    aspect: Fraction | None = None,
    first: int = 0,
) -> list[bytes]:
    """Encode access units as Annex B byte streams; the first is an IDR with parameter sets."""
    context = av.CodecContext.create(ENCODERS[codec], "w")
    assert isinstance(context, av.VideoCodecContext)
    context.width, context.height = size
    context.pix_fmt = pixel_format
    context.time_base = Fraction(1, 25)
    context.framerate = Fraction(25)
    context.max_b_frames = 0
    context.gop_size = gop
    context.thread_count = 1
    if aspect:
        context.sample_aspect_ratio = aspect
    if pixel_format.startswith("yuvj"):
        context.color_range = 2
    name = "x264-params" if codec == "H264" else "x265-params"
    quiet = "" if codec == "H264" else "log-level=error:pools=none:frame-threads=1:repeat-headers=1:"
    context.options = {
        "preset": "ultrafast",
        "tune": "zerolatency",
        "crf": "10",
        name: f"{quiet}{parameters}".rstrip(":"),
    }
    units = []
    for index in range(count):
        frame = picture(*size, pixel_format, luma=luma, index=first + index)
        frame.pts = index
        frame.time_base = context.time_base
        units += [bytes(packet) for packet in context.encode(frame)]
    return units


def decode(codec: str, access_units: list[bytes]) -> list[av.VideoFrame]:
    context = av.CodecContext.create(DECODERS[codec], "r")
    assert isinstance(context, av.VideoCodecContext)
    context.thread_count = 1
    frames = []
    for unit in access_units:
        frames += context.decode(av.Packet(unit))
    return [*frames, *context.decode(None)]


def plane(frame: av.VideoFrame, index: int = 0) -> np.ndarray:
    return samples(frame, index)[:, : frame.planes[index].width].astype(int)


def byte_stream(nal_units: list[bytes]) -> bytes:
    return b"".join(b"\0\0\0\1" + unit for unit in nal_units)


def headers(codec: str, stream: bytes, folder: Path) -> dict[str, int]:
    """Return the syntax elements of the parameter sets and slice headers, each with its last value.

    The names and values are those of ffmpeg's trace_headers.
    """
    ffmpeg = shutil.which("ffmpeg")
    if not ffmpeg:
        pytest.skip("ffmpeg is not installed")
    path = folder / "stream"
    path.write_bytes(stream)
    done = subprocess.run(
        [
            *(ffmpeg, "-nostdin", "-loglevel", "trace", "-f", DECODERS[codec], "-i", str(path), "-c", "copy"),
            *("-bsf:v", "trace_headers", "-f", "null", "-"),
        ],
        check=True,
        capture_output=True,
        text=True,
        errors="replace",
        timeout=60,
    )
    return {name: int(value) for name, value in re.findall(r"\d+ +(\w+)(?:\[\d+\])* +[01]+ = (-?\d+)", done.stderr)}


def caption_sei(codec: str, text: bytes) -> bytes:
    """Make a closed caption SEI (ATSC A/53 part 4, 6.2.3: T.35, GA94) with a mark in it.

    FFmpeg's decoders make side data of this SEI, and its encoders write the side data out again.
    """
    triplets = b"".join(b"\xfc" + (text + b"\x20")[index : index + 2] for index in range(0, len(text), 2))
    body = b"\xb5\x00\x31GA94\x03" + bytes([0x40 | len(triplets) // 3, 0xFF]) + triplets + b"\xff"
    head = b"\x06" if codec == "H264" else bytes([39 << 1, 1])
    return head + bytes([4, len(body)]) + body + b"\x80"


def decode_jpeg(jpeg: bytes) -> list:
    return av.CodecContext.create("mjpeg", "r").decode(av.Packet(jpeg))
