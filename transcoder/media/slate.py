"""The slate is the picture that readers get while the camera sends none: its last one, or a grey one, with a banner.

The banner is drawn on a copy, so that it is on no picture of the camera.
"""

import textwrap

import numpy as np

from transcoder.media.changes import MACROBLOCK, CollectedChanges, MacroblockMap, map_shape
from transcoder.media.font import HEIGHT, WIDTH, text_bitmap
from transcoder.media.picture import BLACK, OwnPicture
from transcoder_native.kernels.plane import draw_bitmap, fill_plane

WHITE = 235
"""Y of white in limited range (H.273)."""
LINES = 22
"""Lines of text that a picture is high: with them the text of a 1080p picture is 49 samples high."""
MIN_SCALE = 2
"""Samples of a pixel of the font at least: text of one is not readable where an encoder has few bits."""
MAX_LINES = 6
"""Lines of a banner at most; a longer text is cut."""
BOTTOM = 7 / 8
"""The part of the picture's height at which the banner ends."""


class Slate:
    """Keeps the picture with the banner, as long as neither the text nor the picture under it changes."""

    def __init__(self) -> None:
        self._picture: OwnPicture | None = None
        self._text = ""
        self._covered: MacroblockMap | None = None

    @property
    def picture(self) -> OwnPicture | None:
        """Return the picture with the banner, None where no banner is shown."""
        return self._picture

    def show(self, picture: OwnPicture, text: str, changes: CollectedChanges) -> OwnPicture:
        """Return the picture with a banner.

        Args:
            picture: the picture under the banner; it is only read, and the same one until end() is called.
            text: the lines of the banner; without a text there is none.
            changes: is told what differs from the picture that was shown before.
        """
        if self._picture is not None and text == self._text:
            return self._picture
        self.end(changes)
        bitmap = text_bitmap(wrapped(text, picture.width, picture.height))
        if not bitmap.size:
            return picture
        shown = self._picture = OwnPicture(picture.width, picture.height)
        for plane, own in zip(picture.planes, shown.planes, strict=True):
            own[:] = plane[:, : own.shape[1]]
        self._text, self._covered = text, _draw(shown, bitmap)
        changes.add(self._covered)
        return shown

    def end(self, changes: CollectedChanges) -> None:
        """Take the banner away, because another picture is shown next.

        Args:
            changes: is told what the banner covered.
        """
        if self._covered is not None:
            changes.add(self._covered)
        self._picture, self._text, self._covered = None, "", None


def _scale(width: int, height: int) -> int:
    """Return the samples of a pixel of the font; an upright picture has the text of one that lies."""
    return max(min(height, width * 9 // 16) // (LINES * HEIGHT), MIN_SCALE)


def wrapped(text: str, width: int, height: int) -> list[str]:
    """Return the lines that a text takes in a picture of a size; none where not a single word fits."""
    scale = _scale(width, height)
    columns = (width // scale - 2 * WIDTH) // WIDTH
    rows = min(int(height * BOTTOM) // scale // HEIGHT - 1, MAX_LINES)
    if columns < 1 or rows < 1:
        return []
    lines = [part for line in text.splitlines() for part in textwrap.wrap(line, columns)]
    return lines[-rows:]  # the last ones say why


def _draw(picture: OwnPicture, bitmap: np.typing.NDArray[np.uint8]) -> MacroblockMap:
    """Draw a dark box with text; return the macroblocks that it lies in."""
    scale = _scale(picture.width, picture.height)
    rows, columns = bitmap.shape[0] * scale, bitmap.shape[1] * scale
    left = (picture.width - columns) // 2
    top = min(int(picture.height * BOTTOM), picture.height) - rows - scale * HEIGHT // 2
    # the box is as large as whole macroblocks, whose chroma is neutral
    x0 = max((left - scale * WIDTH // 2) // MACROBLOCK * MACROBLOCK, 0)
    y0 = max((top - scale * HEIGHT // 4) // MACROBLOCK * MACROBLOCK, 0)
    x1 = min(-(-(left + columns + scale * WIDTH // 2) // MACROBLOCK) * MACROBLOCK, picture.width)
    y1 = min(-(-(top + rows + scale * HEIGHT // 4) // MACROBLOCK) * MACROBLOCK, picture.height)
    for index, plane in enumerate(picture.planes):
        shift = int(index > 0)
        fill_plane(plane, x0 >> shift, y0 >> shift, (x1 - x0) >> shift, (y1 - y0) >> shift, BLACK[index])
    draw_bitmap(bitmap, bitmap.shape[1], picture.planes[0], left, max(top, 0), scale, BLACK[0], WHITE)
    covered = np.zeros(map_shape(picture.width, picture.height), np.uint8)
    covered[y0 // MACROBLOCK : -(-y1 // MACROBLOCK), x0 // MACROBLOCK : -(-x1 // MACROBLOCK)] = 1
    return covered
