"""The scene watch tells how much of the picture moves, and whether it is frozen, dark, covered or another scene.

The scene watch looks at our own, masked picture a few times a second, so that it tells nothing of the part behind a
mask. A condition begins when it has held for some time, and ends when it has not held for some time. The limits for
the two differ, so that a condition does not flicker.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from transcoder.clock import VIDEO_CLOCK_RATE
from transcoder.media.changes import BLOCK, Differences, mark_changes
from transcoder.media.picture import OwnPicture

INTERVAL_S = 0.2
"""Seconds between looks: in this time a walking person moves by a few blocks."""
THUMBNAIL = 16
"""The distance, in samples, between the samples by which brightness and scene are judged."""
BLACK_LEVEL = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """Says when a condition begins and ends.

    Attributes:
        begin_s: the seconds for which the condition has to hold before it begins.
        end_s: the seconds for which the condition has to be over before it ends.
    """

    begin_s: float
    end_s: float


LIMITS = {
    "frozen": Limit(begin_s=10.0, end_s=0.5),
    "dark": Limit(begin_s=5.0, end_s=5.0),
    "covered": Limit(begin_s=5.0, end_s=3.0),
    "scene_changed": Limit(begin_s=5.0, end_s=2.0),
}
"""The limits of each condition. A frozen picture stays the same bit for bit: no sensor does that, but encoders of quiet
scenes skip for seconds."""

_DARK, _LIGHT = 12.0, 20.0
"""Mean luma above black: below the first number a scene is dark, above the second it is light again."""
_FLAT, _STRUCTURED = 5.0, 9.0
"""Deviation of luma: below the first number something covers the lens, above the second the lens is free again."""
_OTHER_SCENE = 0.5
"""The correlation with the known scene below which a picture shows another scene; light and shadow lower it less."""
_LEARN = 0.02
"""The share of the known scene that a look replaces: so the known scene follows the day, not a passer-by."""


@dataclass(slots=True)
class _Condition:
    active: bool = False
    since: float | None = None
    """The time since which the condition has been about to begin or end, seconds."""

    def update(self, *, begins: bool, ends: bool, now: float, limit: Limit) -> None:
        turning = ends if self.active else begins
        if not turning:
            self.since = None
            return
        if self.since is None:
            self.since = now
        if now - self.since >= (limit.end_s if self.active else limit.begin_s):
            self.active = not self.active
            self.since = None


class SceneWatch:
    """Watches the pictures of one stream.

    Args:
        width: the width of the pictures.
        height: the height of the pictures.

    Attributes:
        motion: the share of the 8x8 blocks that moved since the last look, 0..1.
        changed: (rows, columns) bool, true for the blocks that moved.
    """

    def __init__(self, width: int, height: int) -> None:
        rows, columns = -(-height // BLOCK), -(-width // BLOCK)
        self._differences = np.zeros((rows, columns), np.uint16)
        """The largest difference of each block since the last look."""
        self._scene: NDArray[np.float32] | None = None
        self._conditions = {name: _Condition() for name in LIMITS}
        self._next = -1
        self.motion = 0.0
        self.changed = np.zeros((rows, columns), np.bool_)

    @property
    def conditions(self) -> list[str]:
        """Return the names of the conditions that hold now."""
        return [name for name, condition in self._conditions.items() if condition.active]

    def is_due(self, pts: int) -> bool:
        """Return whether it is time to look at a picture with this presentation time, 90 kHz ticks."""
        return pts >= self._next

    def observe(self, picture: OwnPicture, differences: Differences | None, pts: int) -> None:
        """Take note of differences, and look at the picture if it is time to look.

        Args:
            picture: the picture, masked.
            differences: the differences of the picture from the picture that was compared before, or None for the
                first picture.
            pts: presentation time, 90 kHz ticks.
        """
        if differences is not None:
            np.maximum(self._differences, differences, out=self._differences)
        if not self.is_due(pts):
            return
        self._next = pts + round(INTERVAL_S * VIDEO_CLOCK_RATE)
        if differences is None:
            return
        now = pts / VIDEO_CLOCK_RATE
        self._judge_motion(now)
        self._judge_scene(picture.planes[0][:, : picture.width], now)

    def _judge_motion(self, now: float) -> None:
        mark_changes(self._differences, self.changed)
        self.motion = float(self.changed.mean())
        same = not self._differences.any()
        self._differences.fill(0)
        self._update("frozen", begins=same, ends=not same, now=now)

    def _judge_scene(self, luma: NDArray[np.uint8], now: float) -> None:
        thumbnail = luma[THUMBNAIL // 2 :: THUMBNAIL, THUMBNAIL // 2 :: THUMBNAIL].astype(np.float32)
        if thumbnail.size < BLOCK:  # the picture is too small to show a scene
            return
        brightness = float(thumbnail.mean()) - BLACK_LEVEL
        deviation = float(thumbnail.std())
        self._update("dark", begins=brightness < _DARK, ends=brightness > _LIGHT, now=now)
        covered = deviation < _FLAT and brightness >= _DARK
        self._update("covered", begins=covered, ends=deviation > _STRUCTURED or brightness < _DARK, now=now)
        if deviation < _STRUCTURED or brightness < _DARK:  # there is nothing to compare
            return
        scene = (thumbnail - thumbnail.mean()) / deviation
        if self._scene is None:
            self._scene = scene
            return
        alike = float((scene * self._scene).mean())
        changed = self._conditions["scene_changed"]
        self._update("scene_changed", begins=alike < _OTHER_SCENE, ends=alike >= _OTHER_SCENE, now=now)
        if changed.active:
            self._scene = scene  # the new scene is the known scene from now on
        elif alike >= _OTHER_SCENE:
            self._scene += _LEARN * (scene - self._scene)

    def _update(self, name: str, *, begins: bool, ends: bool, now: float) -> None:
        self._conditions[name].update(begins=begins, ends=ends, now=now, limit=LIMITS[name])
