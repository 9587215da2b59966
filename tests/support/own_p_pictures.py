"""Pictures that move a little, an encoder of our own P pictures, and what libavcodec makes of its stream."""

import ctypes
from collections.abc import Iterator
from typing import Any

import av
import numpy as np

from transcoder.codecs.nal import join_byte_stream
from transcoder.media.encoders.engine_choice import Engine, EngineChoice
from transcoder.media.encoders.motion import MotionEncoder, MotionSettings
from transcoder.media.picture import OwnPicture
from transcoder.worker_options import OutputFormat
from transcoder_native.h264 import engine

KBPS = 100_000
"""A cap that no picture of a test reaches."""


class AlwaysOwn(EngineChoice):
    def begin_group(self) -> None:
        pass

    def choose(self, changed: float, coded: float | None, since_idr_s: float) -> Engine:
        return Engine.OWN


def encoder(
    width: int, height: int, qp: int, *, kbps: int = KBPS, always_own: bool = True, preset: str = "superfast"
) -> MotionEncoder:
    output = OutputFormat(width=width, height=height, frame_rate=25)
    made = MotionEncoder(MotionSettings(preset=preset, crf=qp, subme=0), output, kbps, engine)
    if always_own:
        made._choice = AlwaysOwn()
    return made


def scene(width: int, height: int, seed: int, noise: float) -> Iterator[OwnPicture]:
    """Blocks of texture before which a light and a dark object move, with noise; endless."""
    random = np.random.default_rng(seed)
    picture = OwnPicture(width, height)
    backdrop = []
    for plane in picture.planes:
        rows, columns = plane.shape
        small = random.integers(16, 236, (rows // 8 + 1, columns // 8 + 1))
        backdrop.append(np.kron(small, np.ones((8, 8)))[:rows, :columns])
    number = 0
    while True:
        for plane, behind, half in zip(picture.planes, backdrop, (1, 2, 2), strict=True):
            drawn = behind.copy()
            x, y = (3 + 5 * number) % width // half, (2 * number) % height // half
            drawn[y : y + 24 // half, x : x + 40 // half] = 210
            drawn[-y - 20 : -y - 1, -x - 30 : -x - 1] = 30
            plane[:] = np.clip(drawn + random.normal(0, noise, drawn.shape), 0, 255)
        number += 1
        yield picture


def pan(width: int, height: int, seed: int, noise: float) -> Iterator[OwnPicture]:
    """A camera that is shaken by whole samples before soft edges; endless."""
    random = np.random.default_rng(seed)
    picture = OwnPicture(width, height)
    rows, columns = np.indices((height + 64, width + 64))
    waves = [np.sin(rows / a + b) * np.cos(columns / c + d) for a, b, c, d in random.uniform(1, 9, (6, 4))]
    backdrop = 128 + 30 * np.sum(waves, axis=0)
    x = y = 32
    while True:
        x, y = (int(np.clip(at + random.integers(-9, 10), 0, 63)) for at in (x, y))
        shown = backdrop[y : y + height, x : x + width]
        for plane, half in zip(picture.planes, (1, 2, 2), strict=True):
            part = shown[::half, ::half]
            drawn = part + random.normal(0, noise, part.shape)
            plane[: part.shape[0], : part.shape[1]] = np.clip(drawn, 0, 255)
        yield picture


class Player:
    """Decodes with libavcodec and shows planes in the coded size."""

    def __init__(self) -> None:
        self._context: Any = av.CodecContext.create("h264", "r")
        self._context.thread_count = 1
        self._context.options = {"err_detect": "explode"}

    def planes(self, units: list[bytes], like: list[np.ndarray]) -> list[np.ndarray]:
        """Decode one access unit; the planes have the sizes of those of `like`."""
        (frame,) = self._context.decode(av.Packet(join_byte_stream(units)))
        assert not frame.is_corrupt
        shown = []
        for plane, other in zip(frame.planes, like, strict=True):
            rows, columns = other.shape
            memory = (ctypes.c_uint8 * (plane.line_size * rows)).from_address(plane.buffer_ptr)
            shown.append(np.frombuffer(memory, np.uint8).reshape(rows, -1)[:, :columns].copy())
        return shown


def assert_decodes(made: MotionEncoder, pictures: Iterator[OwnPicture], count: int, gop: int) -> bytes:
    """Encode pictures and hold what libavcodec shows against the encoder's own reconstruction; return the stream."""
    player = Player()
    stream = b""
    for number in range(count):
        units = made.encode(next(pictures), None, 3600 * number, force_idr=number % gop == 0)
        for shown, own in zip(player.planes(units, made.reconstruction), made.reconstruction, strict=True):
            np.testing.assert_array_equal(shown, own, err_msg=f"picture {number}")
        stream += join_byte_stream(units)
    return stream
