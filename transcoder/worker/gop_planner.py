"""The planner of IDRs says which pictures of one output are encoded as IDRs: the camera's own, where that is possible.

A key picture, key for short, is one that the camera coded anew as a whole: a random access point, or the refresh of a
smart codec. Nearly every sample changes there, so that an IDR of ours costs little more than any other picture would; a
few pictures before or after it, it costs a quarter more bits at the same quality.
Sans-IO: times and flags in, IDR or not out.
"""

import math
from typing import Final

from transcoder.clock import VIDEO_CLOCK_RATE

SHORTEST_S: Final = 0.5
"""Seconds between two planned IDRs at least, unless a shorter `gop_s` is configured: an IDR costs as many bits as ten
to twenty other pictures."""
LONGEST_S: Final = 2.0
"""Seconds between two planned IDRs at most, unless a longer `gop_s` is configured: VMSs cut recordings at IDRs, and a
reader after a loss waits for one."""
KEY_SLACK_S: Final = 0.1
"""Seconds by which a key may miss its time, early or late: two pictures at 25 a second, or the jitter of a camera that
dates pictures when it has coded them."""
MISSED_KEYS: Final = 2
"""Keys in a row that may be missing before the camera's interval counts as unknown: a network that loses one may lose
the next too, and the camera is set up as before."""
STRAY_KEYS: Final = 2
"""Keys in a row beside the camera's beat from which on its interval counts as unknown: a single one comes of a lamp
that is switched, or of another client that asks the camera."""
KEY_CHANGED: Final = 0.7
"""Share of changed macroblocks above which a picture counts as a key although it is not marked as one, as smart codecs
refresh theirs. On four native streams it was 0.81 to 1 at keys and at most 0.61 elsewhere."""
MOSTLY_CHANGED: Final = 0.25
"""Share of pictures above KEY_CHANGED from which on they are no keys: the camera codes its noise, or it moves."""
_CHANGED_PICTURES: Final = 32
"""Pictures over which that share is taken (as a mean that forgets): one to two seconds."""


class _CameraKeys:
    """Holds when the camera's keys came, and tells when the next one is due."""

    def __init__(self) -> None:
        self._last: int | None = None
        self._interval: int | None = None
        self._rapid: int | None = None
        self._period: int | None = None
        self._beat = 0
        self._strays = 0

    def add(self, pts: int, slack: int) -> None:
        """Take note of a key."""
        last, self._last = self._last, pts
        if last is None or pts <= last:
            return
        before, self._interval = self._interval, pts - last
        if before is None:
            return
        self._rapid = max(before, self._interval)
        # two intervals share a key, so its jitter counts twice
        if abs(self._interval - before) <= 2 * slack:
            self._period = (self._interval + before) // 2
        elif self._period is not None and not self._is_on_beat(pts, self._period, slack):
            self._strays += 1
            if self._strays >= STRAY_KEYS:
                self._period = None
            return
        self._beat, self._strays = pts, 0

    def _is_on_beat(self, pts: int, period: int, slack: int) -> bool:
        beats = round((pts - self._beat) / period)
        return 1 <= beats <= MISSED_KEYS + 1 and abs(pts - self._beat - beats * period) <= slack

    def least_age(self, least: float, gop: int, longest: float) -> float:
        """Return the age of the last IDR from which on a key is taken.

        Args:
            least: the age that is right for a camera whose keys are no closer.
            gop: ticks that are wanted between IDRs.
            longest: ticks after which there has to be an IDR.
        """
        if self._rapid is None or self._rapid >= least:
            return least
        # of keys that come so fast, up to cameras with nothing else, the one that is nearest to the wanted time
        return max(least, min(gop - self._rapid / 2, longest - self._rapid))

    def due(self, pts: int, earliest: float, slack: int) -> int | None:
        """Return the time of the next key that can be taken; None where the camera's interval is not known.

        Args:
            pts: the time of the present picture; a key that was due more than `slack` before is missing.
            earliest: the time before which a key can't be taken.
            slack: ticks.
        """
        if self._period is None:
            return None
        beats = max(1, math.ceil((pts - slack - self._beat) / self._period))
        if beats > MISSED_KEYS + 1:
            self._period = None
            return None
        beats = max(beats, math.ceil((earliest - self._beat) / self._period))
        return self._beat + beats * self._period

    def since(self, pts: int) -> int | None:
        """Return the ticks since the last key; None where there was none."""
        return None if self._last is None else pts - self._last


class GopPlanner:
    """Plans the IDRs of one output.

    A key of the camera's becomes an IDR if the last one is at least half of `gop_s` old. Where the camera's next key is
    known, the time up to it is divided evenly, or the key is waited for if it is due within half of `gop_s` after the
    IDR would be. IDRs that readers ask for are not planned here, and the planned ones stay where they are.

    Args:
        gop_s: the seconds that are wanted between IDRs.
    """

    def __init__(self, gop_s: float) -> None:
        self.configure(gop_s)
        self._keys = _CameraKeys()
        self._last_idr: int | None = None
        self._has_key = False
        self._picture_ticks = 0.0
        self._mostly_changed = 0.0

    def configure(self, gop_s: float) -> None:
        """Want other seconds between IDRs, beginning with the next."""
        self._gop = round(gop_s * VIDEO_CLOCK_RATE)
        self._longest = max(self._gop, round(LONGEST_S * VIDEO_CLOCK_RATE))

    def observe(self, pts: int, *, random_access: bool, changed: float | None = None) -> None:
        """Take note of a picture of the camera, also of one that is not shown, and of how much of it changed.

        Both may be told at once or one after the other: what changed is known only of pictures that are drawn.

        Args:
            pts: presentation time, 90 kHz ticks.
            random_access: whether the picture's access unit is a random access point.
            changed: the share of macroblocks that differ from the picture before, 0 to 1; None: it is not known.
        """
        if random_access or self._is_refreshed(pts, changed):
            self._keys.add(pts, self._slack)
            self._has_key = True

    def is_due(self, pts: int, picture_ticks: float) -> bool:
        """Return whether the picture that is encoded next is to be an IDR.

        The picture stands for all that were observed since the one before: it inherits the key that was capped or shed.

        Args:
            pts: presentation time, 90 kHz ticks.
            picture_ticks: ticks from one picture of the output to the next.
        """
        self._picture_ticks = picture_ticks
        due = self._last_idr is None or self._is_old_enough(pts, self._last_idr)
        self._has_key = self._has_key and due  # a key that is too early is none for later pictures
        return due

    def note_idr(self, pts: int) -> None:
        """Note that a planned IDR was made, or the first of an encoder."""
        self._last_idr = pts
        self._has_key = False

    def _is_old_enough(self, pts: int, last_idr: int) -> bool:
        age = pts - last_idr
        # half a picture early is nearer to the wanted time than half a picture late
        half = self._picture_ticks / 2
        shortest = min(SHORTEST_S * VIDEO_CLOCK_RATE, self._gop - half)
        least = self._keys.least_age(max(self._gop / 2, shortest), self._gop, self._longest + half)
        if age >= self._longest - half or (self._has_key and age >= least):
            return True
        key = self._keys.due(pts, last_idr + least, self._slack)
        if key is None:
            return age >= self._gop - half
        parts = self._parts(key - last_idr, shortest, half)
        return parts > 1 and age >= max((key - last_idr) / parts - half, shortest)

    def _parts(self, ticks: int, shortest: float, half: float) -> int:
        """Return into how many parts IDRs divide the time from the last one to the camera's next key.

        The number is the nearest to ticks / gop, so that a key within half of gop is waited for, unless parts are then
        too long or too short.
        """
        # 1.5 s at 25 pictures a second are 38 of them, now and then with a tick more: they are not divided for that
        nearest = math.ceil((ticks - self._picture_ticks) / self._gop - 0.5)
        parts = max(1, nearest, math.ceil((ticks - half) / self._longest))
        return max(1, min(parts, int(ticks / (shortest + half))))  # an IDR is at most half a picture late

    @property
    def _slack(self) -> int:
        return round(max(KEY_SLACK_S * VIDEO_CLOCK_RATE, 1.5 * self._picture_ticks))

    def _is_refreshed(self, pts: int, changed: float | None) -> bool:
        """Return whether a picture that is not marked counts as a key by the share of its macroblocks that changed."""
        if changed is None:
            return False
        is_high = changed > KEY_CHANGED
        is_usual = self._mostly_changed > MOSTLY_CHANGED
        self._mostly_changed += (is_high - self._mostly_changed) / _CHANGED_PICTURES
        since = self._keys.since(pts)
        # a light that flickers is no beat
        return is_high and not is_usual and (since is None or since >= SHORTEST_S * VIDEO_CLOCK_RATE)
