"""This module draws the objects that move through the scene, and the clock."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

F32 = npt.NDArray[np.float32]

WALK_PHASES = 8
_GLYPHS = {  # characters of 5 x 7 pixels, one number a row, the most significant of five bits on the left
    "0": (14, 17, 19, 21, 25, 17, 14),
    "1": (4, 12, 4, 4, 4, 4, 14),
    "2": (14, 17, 1, 2, 4, 8, 31),
    "3": (31, 2, 4, 2, 1, 17, 14),
    "4": (2, 6, 10, 18, 31, 2, 2),
    "5": (31, 16, 30, 1, 1, 17, 14),
    "6": (6, 8, 16, 30, 17, 17, 14),
    "7": (31, 1, 2, 4, 8, 8, 8),
    "8": (14, 17, 17, 14, 17, 17, 14),
    "9": (14, 17, 17, 15, 1, 2, 12),
    ":": (0, 4, 4, 0, 4, 4, 0),
    "-": (0, 0, 0, 31, 0, 0, 0),
    " ": (0, 0, 0, 0, 0, 0, 0),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Sprite:
    """Is one drawing of an object: brightness and coverage by pixel, one colour.

    Attributes:
        luma: (height, width) float32.
        alpha: (height, width) float32, 0..1.
        cb: blue difference of the whole object.
        cr: red difference of the whole object.
    """

    luma: F32
    alpha: F32
    cb: float
    cr: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Mover:
    """Moves an object that crosses the picture a whole number of times in one loop.

    Attributes:
        sprites: its drawings; a walking person has one for each phase of a step.
        crossings: number of crossings in one loop; negative: from right to left.
        start: part of the way at which the object begins, 0..1.
        way: length of its way in pixels: the picture's width and its own.
        y: top edge in pixels.
    """

    sprites: tuple[Sprite, ...]
    crossings: int
    start: float
    way: int
    y: int

    def at(self, index: int, loop: int) -> tuple[Sprite, int, int]:
        """Return the drawing, and its left and top edge, in picture `index` of `loop`."""
        sprite = self.sprites[index // 3 % len(self.sprites)]
        position = (self.start + self.crossings * index / loop) % 1.0
        return sprite, round(position * self.way) - sprite.alpha.shape[1], self.y


def street_movers(height: int, width: int, loop: int, rng: np.random.Generator) -> list[Mover]:
    """Return people on the pavement and cars on the road, far ones first.

    Args:
        height: height of the picture.
        width: width of the picture.
        loop: pictures in the loop; longer loops let people cross more often, so that they keep a walking pace.
        rng: chooses colours, places and speeds.
    """
    movers = []
    laps = max(1, loop // 250)
    for index in range(4):
        tall = int(height * (0.16 + 0.025 * index))
        sprites = _person(tall, rng)
        movers.append(
            Mover(
                sprites=sprites,
                crossings=laps if index % 2 else -laps,
                start=float(rng.uniform()),
                way=width + sprites[0].alpha.shape[1],
                y=int(height * (0.57 + 0.008 * index)) - tall,
            )
        )
    for index in range(2):
        long = int(width * (0.17 + 0.06 * index))
        sprite = _car(long, rng)
        movers.append(
            Mover(
                sprites=(sprite,),
                crossings=(2 + index) * laps * (1 if index else -1),
                start=float(rng.uniform()),
                way=width + long,
                y=int(height * (0.74 + 0.2 * index)) - sprite.alpha.shape[0],
            )
        )
    return movers


def _grid(height: int, width: int) -> tuple[F32, F32]:
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    return (y + 0.5) / height, (x + 0.5) / width


def _inside(distance: F32, softness: float) -> F32:
    covered: F32 = np.clip((1 - distance) / softness + 0.5, 0, 1).astype(np.float32)
    return covered


def _person(tall: int, rng: np.random.Generator) -> tuple[Sprite, ...]:
    """Draw a head, a coat and two swinging legs, lit from the left."""
    wide = max(8, tall // 2)
    y, x = _grid(tall, wide)
    coat, skin, trousers = float(rng.uniform(50, 200)), 165.0, float(rng.uniform(35, 80))
    cb, cr = 128 + float(rng.uniform(-25, 25)), 128 + float(rng.uniform(-25, 25))
    soft = 6.0 / wide
    head = _inside(np.hypot((x - 0.5) / 0.13, (y - 0.09) / 0.08), soft)
    body = _inside(np.maximum(np.abs(x - 0.5) / (0.2 + 0.06 * y), np.abs(y - 0.36) / 0.2), soft)
    sprites = []
    for phase in range(WALK_PHASES):
        swing = 0.16 * np.sin(2 * np.pi * phase / WALK_PHASES) * (y - 0.5) / 0.5
        legs = np.maximum(
            _inside(np.maximum(np.abs(x - 0.5 - swing) / 0.08, np.abs(y - 0.76) / 0.23), soft),
            _inside(np.maximum(np.abs(x - 0.5 + swing) / 0.08, np.abs(y - 0.76) / 0.23), soft),
        )
        alpha = np.maximum(np.maximum(head, body), legs).astype(np.float32)
        luma = np.where(legs > 0.5, trousers, coat)
        luma = np.where(body > 0.5, coat, luma)
        luma = np.where(head > 0.5, skin, luma)
        shaded = (luma * (1.25 - 0.5 * x)).astype(np.float32)
        sprites.append(Sprite(luma=np.clip(shaded, 20, 235), alpha=alpha, cb=cb, cr=cr))
    return tuple(sprites)


def _car(long: int, rng: np.random.Generator) -> Sprite:
    """Draw a body, a cabin with windows, two wheels and a shadow."""
    tall = int(long * 0.42)
    y, x = _grid(tall, long)
    paint = float(rng.uniform(60, 210))
    soft = 8.0 / long
    body = _inside(np.maximum(np.abs(x - 0.5) / 0.49, np.abs(y - 0.62) / 0.2), soft)
    cabin = _inside(np.maximum(np.abs(x - 0.47) / (0.16 + 0.35 * y), np.abs(y - 0.27) / 0.22), soft)
    glass = _inside(np.maximum(np.abs(x - 0.47) / (0.11 + 0.33 * y), np.abs(y - 0.28) / 0.15), soft)
    wheels = np.maximum(
        _inside(np.hypot((x - 0.2) / 0.085, (y - 0.8) / 0.19), soft),
        _inside(np.hypot((x - 0.8) / 0.085, (y - 0.8) / 0.19), soft),
    )
    shadow = 0.5 * _inside(np.hypot((x - 0.5) / 0.5, (y - 0.93) / 0.06), 0.6)
    solid = np.maximum(np.maximum(body, cabin), wheels)
    luma = paint * (1.3 - 0.55 * y)
    luma = np.where(glass > 0.5, 60 + 40 * (1 - y), luma)
    luma = np.where(wheels > 0.5, 34, luma)
    luma = np.where(solid < 0.5, 45, luma)
    return Sprite(
        luma=np.clip(luma, 20, 235).astype(np.float32),
        alpha=np.maximum(solid, shadow).astype(np.float32),
        cb=128 + float(rng.uniform(-35, 35)),
        cr=128 + float(rng.uniform(-35, 35)),
    )


def clock_text(second: int) -> str:
    """Return the clock's text at a second of the loop."""
    return f"2019-03-04 05:{6 + second // 60:02d}:{second % 60:02d}"


def draw_text(luma: npt.NDArray[np.uint8], text: str, *, x: int, y: int, scale: int) -> None:
    """Write digits with a dark edge, as an on-screen display does.

    Args:
        luma: (height, width) uint8, written in place; parts of the text that don't fit are left out.
        text: digits, colon, hyphen and blanks.
        x: left edge in pixels.
        y: top edge in pixels.
        scale: pixels a font pixel.
    """
    columns = 6 * len(text)
    ink = np.zeros((7 + 2, columns + 2), bool)
    for index, character in enumerate(text):
        for row, bits in enumerate(_GLYPHS[character]):
            for column in range(5):
                ink[1 + row, 1 + index * 6 + column] = bits >> (4 - column) & 1
    edge = ink.copy()
    for axis in (0, 1):
        for shift in (1, -1):
            edge |= np.roll(ink, shift, axis)
    big_ink, big_edge = (np.kron(plane, np.ones((scale, scale), bool)) for plane in (ink, edge))
    target = luma[y : y + big_ink.shape[0], x : x + big_ink.shape[1]]
    big_ink, big_edge = (plane[: target.shape[0], : target.shape[1]] for plane in (big_ink, big_edge))
    target[big_edge] = 30
    target[big_ink] = 225
