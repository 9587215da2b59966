"""This module renders a street as a fixed camera sees it.

The picture has a textured background, people and cars that move, sensor noise and a clock.

The scene has all that matters to an encoder: a static background with fine texture, a few moving areas, and noise that
is new in every picture. Objects move so that the last picture is followed by the first without a jump.
"""

import statistics
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt

from transcoder.lab.cameras.counter import draw_counter
from transcoder.lab.cameras.scene_objects import Mover, clock_text, draw_text, street_movers

U8 = npt.NDArray[np.uint8]
F32 = npt.NDArray[np.float32]

CHROMA_NOISE = 0.6
"""Noise of a chroma sample as a part of the noise of a luma sample: demosaicing and denoising smooth chroma."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SceneOptions:
    """Describes the scene that is rendered.

    Attributes:
        width: pixels, even, at least 192.
        height: pixels, even, at least 96.
        fps: pictures a second.
        seconds: length of the loop.
        seed: chooses background, objects and noise.
        noise: standard deviation of the read noise in luma steps; about 1.5 by day, 5 at night. Shot noise, which
            grows with brightness, and row noise are scaled with it.
        counter: whether each picture carries its number (`transcoder.lab.cameras.counter`).
        brightness: part of the scene's light that reaches the sensor, 0 to 1; the noise stays.

    Raises:
        ValueError: the size is odd or too small, or another number is out of range.
    """

    width: int = 1280
    height: int = 720
    fps: int = 25
    seconds: float = 10.0
    seed: int = 1
    noise: float = 1.5
    counter: bool = False
    brightness: float = 1.0

    def __post_init__(self) -> None:
        if self.width % 2 or self.height % 2 or self.width < 192 or self.height < 96:
            raise ValueError(f"a scene needs even dimensions of at least 192x96, not {self.width}x{self.height}")
        if self.fps < 1 or self.seconds <= 0 or self.noise < 0:
            raise ValueError(f"a scene can't have {self.fps} fps, {self.seconds} s or noise {self.noise}")

    @property
    def frame_count(self) -> int:
        """Return the number of pictures in one loop."""
        return max(1, round(self.fps * self.seconds))


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """Holds the planes of one 4:2:0 picture, uint8, limited range.

    Attributes:
        luma: (height, width).
        cb: (height / 2, width / 2).
        cr: (height / 2, width / 2).
    """

    luma: U8
    cb: U8
    cr: U8


def render(options: SceneOptions) -> Iterator[Picture]:
    """Render one loop of the scene.

    Args:
        options: the scene; equal options give equal pictures.

    Yields:
        `options.frame_count` pictures.
    """
    rng = np.random.default_rng(options.seed)
    background = _street(options.height, options.width, rng)
    dimmed = [_dimming(black, options.brightness) for black in (16, 128, 128)]
    movers = street_movers(options.height, options.width, options.frame_count, rng)
    sigma = _noise_table(options.noise)
    for index in range(options.frame_count):
        planes = [plane.copy() for plane in background]
        _draw_movers(planes, movers, index, options.frame_count)
        if options.brightness < 1:
            planes = [table.take(plane) for table, plane in zip(dimmed, planes, strict=True)]
        luma = _add_noise(planes[0], sigma, options.noise * 0.3, rng)
        cb = _add_noise(planes[1], sigma * np.float32(CHROMA_NOISE), 0.0, rng)
        cr = _add_noise(planes[2], sigma * np.float32(CHROMA_NOISE), 0.0, rng)
        scale = max(1, options.height // 240)
        draw_text(luma, clock_text(index // options.fps), x=8 * scale, y=6 * scale, scale=scale)
        if options.counter:
            draw_counter(luma, index)
        yield Picture(luma=luma, cb=cb, cr=cr)


def _dimming(black: int, brightness: float) -> U8:
    """Return the value that each sample gets with less light: nearer to black."""
    table: U8 = np.rint(black + (np.arange(256) - black) * brightness).astype(np.uint8)
    return table


def _noise_table(noise: float) -> F32:
    """Return the standard deviation by signal: read noise and shot noise add as variances."""
    signal = np.arange(256, dtype=np.float32)
    return np.sqrt(np.float32(noise**2) * (1 + signal / 128)).astype(np.float32)


def _add_noise(plane: U8, sigma: F32, row_sigma: float, rng: np.random.Generator) -> U8:
    """Return a plane with new noise: Gaussian, stronger where the plane is brighter, plus an offset for each row."""
    uniform = np.frombuffer(rng.bytes(2 * plane.size), np.uint16).reshape(plane.shape)
    noise = _normal_table().take(uniform)
    noise *= sigma.take(plane)
    noise += plane
    if row_sigma:
        noise += rng.normal(0, row_sigma, (plane.shape[0], 1)).astype(np.float32)
    noise += np.float32(0.5)
    np.clip(noise, 16, 240, out=noise)
    return noise.astype(np.uint8)


@cache
def _normal_table() -> F32:
    """Return the standard normal quantiles of 65536 equal steps: a table costs a third of drawing normal numbers."""
    quantile = statistics.NormalDist().inv_cdf
    half = np.fromiter((quantile((step + 0.5) / 65536) for step in range(32768)), np.float32, 32768)
    return np.concatenate((half, -half[::-1]))


def _texture(height: int, width: int, coarsest: int, strength: float, rng: np.random.Generator) -> F32:
    """Return noise of several scales: asphalt, plaster and leaves look like this from afar."""
    total = np.zeros((height, width), np.float32)
    step = coarsest
    while step >= 1:
        grid = rng.standard_normal((height // step + 2, width // step + 2), dtype=np.float32)
        rows, columns = np.arange(height) / step, np.arange(width) / step
        y, x = rows.astype(int), columns.astype(int)
        fy, fx = (rows - y).astype(np.float32)[:, None], (columns - x).astype(np.float32)[None, :]
        top = grid[y][:, x] * (1 - fx) + grid[y][:, x + 1] * fx
        bottom = grid[y + 1][:, x] * (1 - fx) + grid[y + 1][:, x + 1] * fx
        total += (top * (1 - fy) + bottom * fy) * np.float32(strength * (step / coarsest) ** 0.5)
        step //= 3
    return total


def _street(height: int, width: int, rng: np.random.Generator) -> tuple[U8, U8, U8]:
    """Draw the static background: sky, facades with windows, pavement, road with lane marks."""
    luma = np.empty((height, width), np.float32)
    cb, cr = np.full((height, width), 128, np.float32), np.full((height, width), 128, np.float32)
    sky, wall, kerb = int(height * 0.12), int(height * 0.45), int(height * 0.58)
    luma[:sky] = np.linspace(205, 190, sky, dtype=np.float32)[:, None]
    cb[:sky] = 138
    x = 0
    while x < width:
        house = int(rng.integers(width // 9, width // 5))
        area = np.s_[sky:wall, x : x + house]
        luma[area] = rng.uniform(95, 165)
        cb[area], cr[area] = 128 + rng.uniform(-14, 4), 128 + rng.uniform(-2, 16)
        pane, gap = max(6, width // 60), max(4, width // 90)
        for top in range(sky + gap, wall - pane, pane + 2 * gap):
            for left in range(x + gap, min(x + house, width) - pane, pane + gap):
                luma[top : top + int(pane * 1.3), left : left + pane] = rng.uniform(40, 90)
        x += house
    luma[wall:kerb] = 150
    luma[kerb:] = 92
    luma[kerb : kerb + max(2, height // 120)] = 185
    lane = int(height * 0.78)
    for left in range(0, width, width // 10):
        luma[lane : lane + max(2, height // 150), left : left + width // 20] = 210
    luma += _texture(height, width, max(3, height // 20), 7.0, rng)
    planes = luma, cb[::2, ::2], cr[::2, ::2]
    clipped = [np.clip(plane, 20, 235).astype(np.uint8) for plane in planes]
    return clipped[0], clipped[1], clipped[2]


def _draw_movers(planes: list[U8], movers: list[Mover], index: int, loop: int) -> None:
    for mover in movers:
        sprite, x, y = mover.at(index, loop)
        height, width = sprite.alpha.shape
        plane_height, plane_width = planes[0].shape
        left, right = max(x, 0), min(x + width, plane_width)
        top, bottom = max(y, 0), min(y + height, plane_height)
        left, top = left + left % 2, top + top % 2
        if right - left < 2 or bottom - top < 2:
            continue
        part = np.s_[top - y : bottom - y, left - x : right - x]
        alpha = sprite.alpha[part]
        target = planes[0][top:bottom, left:right]
        target[:] = (target * (1 - alpha) + sprite.luma[part] * alpha).astype(np.uint8)
        for plane, colour in ((planes[1], sprite.cb), (planes[2], sprite.cr)):
            chroma = plane[top // 2 : (bottom + 1) // 2, left // 2 : (right + 1) // 2]
            half = alpha[::2, ::2]
            chroma[:] = (chroma * (1 - half) + colour * half).astype(np.uint8)
