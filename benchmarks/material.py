"""This module provides raw pictures to measure encoders with: real footage and synthetic scenes, 8-bit 4:2:0."""

import argparse
import hashlib
import os
import statistics
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import islice
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray

from transcoder.codecs.nal import Codec, join_byte_stream
from transcoder.lab.bench.load import CameraOptions
from transcoder.lab.cameras.access_units import Content
from transcoder.lab.cameras.content import ContentOptions, from_scene
from transcoder.lab.cameras.encoder import FULL_RANGE, QUALITY_CRF
from transcoder.lab.cameras.fleet import default_cache
from transcoder.lab.cameras.footage import from_file
from transcoder.lab.cameras.scenes import SceneOptions, render

FOOTAGE = {
    "person": "intel_one-by-one-person-detection.mp4",
    "parking": "intel_car-detection.mp4",
    "street": "opencv_vtest.avi",
    "square": "roboflow_example_video.mp4",
}
"""The footage by name, all of fixed cameras: a person indoors, a swaying camera over parked cars, pedestrians, a square
at night with screens."""
SCENES = {"day": 1.5, "night": 5.0}
"""The synthetic scenes with their sensor noise, luma steps."""
NOISE = {"street-night": ("street", 5.0), "person-night": ("person", 5.0)}
"""Real footage with sensor noise put on: every clip was encoded once, which took its own noise away."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Material:
    """Holds raw pictures in a file, planar 4:2:0."""

    name: str
    path: Path
    width: int
    height: int
    fps: float
    frames: int

    @property
    def frame_size(self) -> int:
        """Return the bytes of a picture."""
        return self.width * self.height * 3 // 2

    def pictures(self) -> Iterator[NDArray[np.uint8]]:
        """Yield each picture as (height * 3 / 2, width) uint8, the planes as av.VideoFrame.from_ndarray takes them."""
        with self.path.open("rb") as file:
            for _ in range(self.frames):
                data = file.read(self.frame_size)
                yield np.frombuffer(data, np.uint8).reshape(self.height * 3 // 2, self.width)


def footage_folder() -> Path | None:
    """Return the folder of the test data's footage, None where there is none."""
    value = os.environ.get("TRANSCODER_TEST_DATA")
    folder = Path(value) / "footage" if value else None
    return folder if folder is not None and folder.is_dir() else None


def _folder() -> Path:
    folder = Path(tempfile.gettempdir()) / f"transcoder-bench-{os.getuid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    return folder


def names() -> list[str]:
    """Return the names of the materials that this machine has."""
    folder = footage_folder()
    real = [name for name, file in FOOTAGE.items() if folder is not None and (folder / file).is_file()]
    return real + [name for name, (base, _) in NOISE.items() if base in real] + list(SCENES)


def load(name: str, frames: int, *, size: tuple[int, int] | None = None, fps: float = 25) -> Material:
    """Load a material by its name, or by the path of the user's own footage.

    Args:
        name: one of names(), or a file that FFmpeg opens.
        frames: the most pictures; they are taken from the middle of real footage, where something happens.
        size: the size of scenes, and the size to which real footage is scaled; None: 1280x720 for scenes, and footage
            as it is.
        fps: the frame rate of scenes.
    """
    key = hashlib.sha256(f"{name} {frames} {size} {fps}".encode()).hexdigest()[:12]
    path = _folder() / f"{Path(name).stem}-{key}.yuv"
    if name in SCENES:
        width, height = size or (1280, 720)
        scene = SceneOptions(width=width, height=height, fps=round(fps), seconds=frames / fps, noise=SCENES[name])
        if not path.exists():
            _store(path, _rendered(scene, frames))
        return Material(name=name, path=path, width=width, height=height, fps=fps, frames=frames)
    base, noise = NOISE.get(name, (name, 0.0))
    root = footage_folder()
    source = root / FOOTAGE[base] if base in FOOTAGE and root is not None else Path(base)
    with av.open(str(source)) as container:
        stream = container.streams.video[0]
        width, height = size or (stream.codec_context.width // 2 * 2, stream.codec_context.height // 2 * 2)
        rate = float(stream.average_rate or 25)
        total = stream.frames or frames
    if not path.exists():
        _store(path, _decoded(source, max(0, (total - frames) // 2), frames, (width, height), noise))
    count = path.stat().st_size // (width * height * 3 // 2)
    return Material(name=name, path=path, width=width, height=height, fps=rate, frames=count)


def camera_content(cameras: CameraOptions) -> Content:
    """Return what simulated cameras send."""
    cache = default_cache()
    codec = Codec(cameras.codec.upper())
    if cameras.source is not None:
        content = from_file(
            cameras.source,
            cache,
            codec=codec,
            bitrate_kbps=cameras.bitrate_kbps,
            gop_s=cameras.gop_s,
            coding=cameras.coding,
        )
    else:
        scene = SceneOptions(
            width=cameras.width, height=cameras.height, fps=cameras.fps, seconds=8.0, noise=cameras.noise
        )
        content = from_scene(
            ContentOptions(
                scene=scene,
                codec=codec,
                bitrate_kbps=cameras.bitrate_kbps,
                gop_s=cameras.gop_s,
                coding=cameras.coding,
            ),
            cache,
        )
    return content


def from_camera(cameras: CameraOptions, frames: int) -> Material:
    """Return the decoded video of simulated cameras, with which every side of a comparison begins."""
    content = camera_content(cameras)
    count = min(frames, len(content.access_units))
    path = _folder() / f"camera-{hashlib.sha256(f'{cameras} {count}'.encode()).hexdigest()[:12]}.yuv"
    if not path.exists():
        _store(path, _decoded_content(content, count))
    return Material(name="camera", path=path, width=content.width, height=content.height, fps=content.fps, frames=count)


@dataclass(frozen=True, slots=True, kw_only=True)
class CameraFigures:
    """Tells how a camera codes; a simulated one is fit for measuring where native ones lie.

    Attributes:
        changed: the share of macroblocks that differ from the picture before, mean over the pictures.
        changed_median: the median over the pictures.
        decode_ms: the processor time of libavcodec a picture, one thread, milliseconds.
        kbps: the mean bitrate, kbit/s.
    """

    changed: float
    changed_median: float
    decode_ms: float
    kbps: float

    def __str__(self) -> str:
        """Return what stands beside a figure that was measured with the camera."""
        return f"{100 * self.changed:.0f} % of macroblocks changed, decode {self.decode_ms:.1f} ms"


def camera_figures(cameras: CameraOptions, frames: int = 100) -> CameraFigures:
    """Measure how simulated cameras code, on their first pictures."""
    content = camera_content(cameras)
    units = content.access_units[:frames]
    shares, before, decode_s = [], None, 0.0
    decoder = _open_decoder(content)
    for unit in units:
        packet = av.Packet(join_byte_stream(unit.nal_units))
        started = time.thread_time()
        decoded = decoder.decode(packet)
        decode_s += time.thread_time() - started
        for frame in decoded:
            planes = [_samples(plane) for plane in frame.planes]
            if before is not None:
                shares.append(changed_share(before, planes))
            before = planes
    size = sum(len(data) for unit in units for data in unit.nal_units)
    return CameraFigures(
        changed=statistics.mean(shares) if shares else 1.0,
        changed_median=statistics.median(shares) if shares else 1.0,
        decode_ms=1000 * decode_s / len(units),
        kbps=8 * size * content.fps / len(units) / 1000,
    )


def changed_share(before: Sequence[NDArray[np.uint8]], now: Sequence[NDArray[np.uint8]]) -> float:
    """Return the share of macroblocks of a 4:2:0 picture in which any sample is another one than before."""
    sides = (16, *[8] * (len(now) - 1))
    maps = [_changed_blocks(*pair) for pair in zip(before, now, sides, strict=True)]
    return float(np.logical_or.reduce(maps).mean())


def _changed_blocks(old: NDArray[np.uint8], new: NDArray[np.uint8], side: int) -> NDArray[np.bool_]:
    rows, columns = (-(-length // side) for length in new.shape)
    differs = np.zeros((rows * side, columns * side), np.bool_)
    np.not_equal(old, new, out=differs[: new.shape[0], : new.shape[1]])
    return np.asarray(differs.reshape(rows, side, columns, side).any(axis=(1, 3)), np.bool_)


def _samples(plane: "av.video.plane.VideoPlane") -> NDArray[np.uint8]:
    """Return a copy of the samples of a plane: the decoder uses its memory again."""
    rows: NDArray[np.uint8] = np.frombuffer(plane, np.uint8).reshape(plane.height, plane.line_size)  # type: ignore[call-overload]  # a plane has a buffer
    return rows[:, : plane.width].copy()


def _open_decoder(content: Content) -> av.VideoCodecContext:
    decoder = av.CodecContext.create("h264" if content.codec is Codec.H264 else "hevc", "r")
    assert isinstance(decoder, av.VideoCodecContext)
    decoder.thread_count = 1
    decoder.thread_type = "NONE"
    return decoder


def _decoded_content(content: Content, count: int) -> Iterator[NDArray[np.uint8]]:
    decoder = _open_decoder(content)
    packets = (av.Packet(join_byte_stream(unit.nal_units)) for unit in content.access_units[:count])
    frames = (frame for packet in (*packets, None) for frame in decoder.decode(packet))
    for frame in islice(frames, count):
        # without a wanted range, samples of full range stay as they are and pass for limited ones
        yield np.asarray(frame.reformat(format="yuv420p", dst_color_range="MPEG").to_ndarray(), np.uint8)


def last_pictures(content: Content, count: int, path: Path) -> Material:
    """Store the last pictures of what a camera sends, decoded, in a file."""
    _store(path, islice(_decoded_content(content, len(content.access_units)), len(content.access_units) - count, None))
    return Material(name="camera", path=path, width=content.width, height=content.height, fps=content.fps, frames=count)


def _store(path: Path, pictures: Iterator[NDArray[np.uint8]]) -> None:
    unfinished = path.with_suffix(".part")
    with unfinished.open("wb") as file:
        for picture in pictures:
            file.write(picture.tobytes())
    unfinished.rename(path)


def _rendered(options: SceneOptions, frames: int) -> Iterator[NDArray[np.uint8]]:
    for picture in islice(render(options), frames):
        planes = (picture.luma, picture.cb, picture.cr)
        yield np.concatenate([np.asarray(plane).ravel() for plane in planes]).reshape(-1, options.width)


def _decoded(path: Path, skip: int, frames: int, size: tuple[int, int], noise: float) -> Iterator[NDArray[np.uint8]]:
    rng = np.random.default_rng(1)
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        stream.thread_type = "NONE"
        for index, frame in enumerate(container.decode(stream)):
            if index < skip:
                continue
            if index >= skip + frames:
                return
            picture = np.asarray(frame.reformat(width=size[0], height=size[1], format="yuv420p").to_ndarray(), np.uint8)
            if noise:
                # sensor noise is finest in luma; chroma is sampled at half the density
                grain: NDArray[np.float64] = rng.normal(0.0, noise, size=(picture.shape[0], picture.shape[1]))
                grain[size[1] :] /= 2
                picture = np.clip(picture + grain, 16, 235).astype(np.uint8)
            yield picture


def write(material: Material, path: Path, *, gop_s: float = 2.0, noisy: bool = False) -> None:
    """Encode a material as a camera would, into a file: H.264, no B pictures.

    Args:
        material: the raw pictures.
        path: the file.
        gop_s: seconds from IDR to IDR.
        noisy: spend 4 Mbit/s on the sensor's noise, which no camera here does, in limited range.
    """
    rate = Fraction(material.fps).limit_denominator(1000)
    options = {"preset": "medium"} if noisy else {"preset": "superfast", "crf": str(QUALITY_CRF), "aq-mode": "0"}
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=rate, options=options)
        stream.width, stream.height = material.width, material.height
        stream.pix_fmt = pixel_format = "yuv420p" if noisy else "yuvj420p"
        if noisy:
            stream.bit_rate = 4_000_000
        else:
            stream.codec_context.color_range = FULL_RANGE
        stream.gop_size, stream.max_b_frames = round(gop_s * material.fps), 0
        for index, planes in enumerate(material.pictures()):
            frame = av.VideoFrame.from_ndarray(planes, format="yuv420p").reformat(format=pixel_format)
            frame.pts, frame.time_base = index, 1 / rate
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.material", description="Write a material into a file, for programs that want one."
    )
    parser.add_argument("name", choices=names())
    parser.add_argument("file", type=Path, help="to write, such as scene.mp4")
    parser.add_argument("--frames", type=int, default=100)
    parser.add_argument("--size", default="1920x1080", help="WIDTHxHEIGHT")
    parser.add_argument("--gop-s", type=float, default=2.0, help="seconds from IDR to IDR")
    parser.add_argument("--noisy", action="store_true", help="with the sensor's noise in every macroblock")
    arguments = parser.parse_args()
    width, _, height = arguments.size.partition("x")
    source = load(arguments.name, arguments.frames, size=(int(width), int(height)))
    write(source, arguments.file, gop_s=arguments.gop_s, noisy=arguments.noisy)


if __name__ == "__main__":
    main()
