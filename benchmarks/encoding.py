"""Encode raw pictures with libx264 under given settings, one thread, and measure the processor time."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import pairwise

import av
from av.video.frame import PictureType

from benchmarks.material import Material
from transcoder.media.encoders import settings_of
from transcoder.media.encoders.ffmpeg import RateFactorSettings
from transcoder.worker_options import OutputOptions


def rate_factor_settings(output: OutputOptions) -> RateFactorSettings:
    """Return the settings that a worker's x264 or x265 gets."""
    settings = settings_of(output)
    if not isinstance(settings, RateFactorSettings):
        raise SystemExit(f"the profile {output.encoder.profile} is for an encoder that FFmpeg does not bring")
    return settings


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """Holds the settings of one encoder under test.

    Attributes:
        name: the setting's name in tables.
        options: the options by FFmpeg's names for libx264, without crf.
        gop_s: seconds between forced IDR pictures; None: the encoder chooses (every 250 pictures and at scene cuts).
        b_frames: the most consecutive B pictures; None: as the preset says.
        threads: the number of threads of the encoder.
    """

    name: str
    options: dict[str, str] = field(default_factory=dict)
    gop_s: float | None = 1.0
    b_frames: int | None = 0
    threads: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Encoded:
    """Holds the result of one encode.

    Attributes:
        cpu_ms: the processor time a picture, milliseconds.
        kbps: the mean bitrate, kbit/s.
        data: the elementary stream.
    """

    cpu_ms: float
    kbps: float
    data: bytes


def encode(material: Material, setting: Setting, crf: float) -> Encoded:
    """Encode all pictures of a material.

    Raises:
        ValueError: the encoder does not know an option.
    """
    rate = Fraction(material.fps).limit_denominator(1000)
    context = av.CodecContext.create("libx264", "w")
    assert isinstance(context, av.VideoCodecContext)
    context.width, context.height, context.pix_fmt = material.width, material.height, "yuv420p"
    context.time_base, context.framerate = 1 / rate, rate
    context.thread_count = setting.threads
    if setting.b_frames is not None:
        context.max_b_frames = setting.b_frames
    context.options = {**setting.options, "crf": f"{crf:g}", "forced-idr": "1"}
    context.open()
    if context.options:
        raise ValueError(f"{setting.name}: libx264 does not know {', '.join(context.options)}")
    gop = round(setting.gop_s * material.fps) if setting.gop_s else 0
    parts: list[bytes] = []
    cpu_s = 0.0
    clock = time.thread_time if setting.threads == 1 else time.process_time
    for index, planes in enumerate(material.pictures()):
        frame = av.VideoFrame.from_ndarray(planes, format="yuv420p")
        frame.pts, frame.time_base = index, 1 / rate
        frame.pict_type = PictureType.I if gop and index % gop == 0 else PictureType.NONE
        start = clock()
        packets = context.encode(frame)
        cpu_s += clock() - start
        parts.extend(map(bytes, packets))
    start = clock()
    packets = context.encode(None)
    cpu_s += clock() - start
    parts.extend(map(bytes, packets))
    data = b"".join(parts)
    return Encoded(
        cpu_ms=cpu_s / material.frames * 1000,
        kbps=len(data) * 8 * material.fps / material.frames / 1000,
        data=data,
    )


def interpolate(points: Sequence[tuple[float, float]], at: float) -> float | None:
    """Return the value at x = `at` on the line through points (x, value), or None outside the points."""
    ordered = sorted(points)
    for (x0, y0), (x1, y1) in pairwise(ordered):
        if x0 <= at <= x1:
            return y0 if x1 == x0 else y0 + (y1 - y0) * (at - x0) / (x1 - x0)
    return None
