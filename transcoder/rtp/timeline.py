"""A camera's RTP timestamps are put onto one timeline that never jumps.

RTP timestamps start anywhere, wrap, step with the camera's clock (Dahua), fall back to zero (Tapo) and are off by hours
for single pictures (Intelbras), and count seconds of another length than ours (`clock_ratio.py`). The timeline keeps
their spacing, which makes motion smooth, and follows the arrival of pictures slowly, which keeps the delay constant.
"""

import math
from collections import Counter, deque

from transcoder.clock import VIDEO_CLOCK_RATE
from transcoder.rtp.clock_ratio import ClockRatio

TRACKING_S = 5.0
"""The time constant of following arrival. 30 ms of network jitter then move the spacing of 25 fps by under 0.3 ms."""
TOGETHER = 0.1
"""Pictures of which each comes within this share of their distance came together. Arrival is followed to their middle,
as far as ..."""
AHEAD_S = 0.25
"""... the last of them, which nothing held back, is not so much ahead of its arrival: less than MAX_EARLY_S."""
BACKWARD = 8
"""Pictures in a row whose timestamps go back, after which the clock counts down; B pictures go back five times in a row
at most (a pyramid over 32 pictures)."""
FOLLOW_S = 0.2
"""The time constant of following arrival where NEAR_S is exceeded by every picture of PERSISTENT_S: until its ratio is
known, a clock that is off by a sixth is then held within 100 ms of arrival, behind 30 ms of network jitter too."""
NEAR_S = 0.025
BEGIN_S = 2.0
"""Seconds after the first picture in which the ratio of a clock is not known yet: arrival is followed to the middle of
the latest pictures from NEAR_BEGIN_S on, and two pictures in a row that come so much before their time move the
timeline at once, because a picture may come late and never early: the first picture was late, or the clock is fast. One
picture alone is sent before others that are shown earlier (B pictures)."""
NEAR_BEGIN_S = 0.015
"""30 ms of network jitter make as much around their middle."""
FOLLOW_EARLY_S = 0.05
PERSISTENT_S = 0.25
PERSISTENT_PICTURES = 2
"""At least so many pictures and half of PERSISTENT_S tell; of a burst the last picture is in time."""
MAX_STEP_BACK_S = 0.5
"""A picture may be this much older than the one before (reordered pictures); more is a jump."""
MAX_STEP_AHEAD_S = 1.0
"""A timestamp may advance this much more than time did; more is a jump."""
MAX_EARLY_S = 0.3
"""Timestamps this far ahead of arrival come from a burst of old pictures; they are moved back to arrival."""
MAX_LATE_S = 0.5
"""Timestamps may be this far behind arrival ..."""
LATE_FOR_S = 2.0
"""... for this long at most; then the camera dropped time, because a stalled network catches up sooner."""


class Timeline:
    """Maps RTP timestamps of one source to presentation times.

    Presentation times are 90 kHz ticks of the service's monotonic clock, so they go on across sources and restarts.

    Args:
        clock_rate: ticks a second of the RTP timestamps.

    Attributes:
        repairs: how many pictures were moved, by kind: jump (one picture is off), step (the clock moved for good),
            repeat (the timestamp stands still), burst, late,
            backward (the clock counts down).
    """

    def __init__(self, clock_rate: int) -> None:
        self.clock_rate = clock_rate
        self._last_rtp: int | None = None
        self._last_arrival = 0.0
        self._began = 0.0
        self._is_early = False
        self._position_s = 0.0
        """The place of the last picture on the camera's own, unwrapped time, in seconds of ours."""
        self._offset_s = 0.0
        """The presentation time minus the camera's own time."""
        self._suspect: tuple[int, float] | None = None
        self._late_since: float | None = None
        self._raw_s = 0.0
        """The place of the last picture on the camera's own time, in seconds as the camera counts them."""
        self._clock = ClockRatio()
        self._recent: deque[tuple[float, float]] = deque()
        """Arrival, and arrival minus place, of the latest pictures."""
        self._may_restart = False
        self._together = (0.0, 0.0, 1)
        """How far the latest of the pictures that came together was from its arrival, the sum of all, their number."""
        self._error_s = 0.0
        """How far the timeline is from arrival, by the pictures before those; it is made good bit by bit."""
        self._direction = 1
        """-1 where the camera's clock counts down."""
        self._backward = 0
        self._latest = -(1 << 62)
        """The latest presentation time that was given."""
        self.repairs: Counter[str] = Counter()

    @property
    def ratio(self) -> float:
        """Return how many of our seconds a second of the camera's clock lasts."""
        return self._clock.ratio

    def restart(self) -> None:
        """Begin anew with the next picture if its timestamp does not go on from the last one."""
        self._may_restart = True

    def reset(self) -> None:
        """Begin anew with the next picture, which comes by another connection or from another source."""
        self._last_rtp = None
        self._suspect = None
        self._late_since = None

    def presentation_time(self, rtp_timestamp: int, arrival: float) -> int:
        """Return the presentation time of a picture.

        Pictures in decoding order may go back by up to MAX_STEP_BACK_S; whoever sends them keeps them in order. A
        repair never steps back.

        Args:
            rtp_timestamp: 32 bits, as sent.
            arrival: monotonic seconds.

        Returns:
            90 kHz ticks of the monotonic clock.
        """
        if self._last_rtp is None:
            return self._anchor(rtp_timestamp, arrival)
        raw_s = self._advance_s(self._last_rtp, rtp_timestamp)
        self._backward = self._backward + 1 if raw_s < 0 else 0
        if self._backward >= BACKWARD:
            self.repairs["backward"] += 1
            self._direction = -self._direction
            return self._anchor(rtp_timestamp, arrival)
        delta_s = raw_s * self._clock.ratio
        may_restart, self._may_restart = self._may_restart, False
        gap_s = max(arrival - self._last_arrival, 0.0)
        if -MAX_STEP_BACK_S <= delta_s <= gap_s + MAX_STEP_AHEAD_S:
            self._suspect = None
            if delta_s == 0:
                self.repairs["repeat"] += 1
                return self._after_latest(arrival)
            self._raw_s += raw_s
            return self._follow(rtp_timestamp, delta_s, arrival, gap_s)
        if may_restart:
            return self._anchor(rtp_timestamp, arrival)
        if self._suspect is not None:
            previous, previous_arrival = self._suspect
            since_s = self._advance_s(previous, rtp_timestamp)
            if -MAX_STEP_BACK_S <= since_s <= arrival - previous_arrival + MAX_STEP_AHEAD_S:
                self.repairs["step"] += 1
                return self._anchor(rtp_timestamp, arrival)
        self.repairs["jump"] += 1
        self._suspect = (rtp_timestamp, arrival)
        return self._after_latest(arrival)

    def _advance_s(self, earlier: int, later: int) -> float:
        """Return the seconds from one timestamp to another, as the camera counts them."""
        # the shorter way round of 32 bits
        return self._direction * (((later - earlier + 0x8000_0000) & 0xFFFF_FFFF) - 0x8000_0000) / self.clock_rate

    def _follow(self, rtp_timestamp: int, delta_s: float, arrival: float, gap_s: float) -> int:
        self._position_s += delta_s
        self._last_rtp = rtp_timestamp
        self._last_arrival = arrival
        self._clock.add(self._raw_s, arrival)
        error_s = arrival - (self._position_s + self._offset_s)
        if delta_s > 0:
            self._track(delta_s, error_s, is_together=gap_s < delta_s * TOGETHER)
        was_early, self._is_early = self._is_early, error_s < -NEAR_BEGIN_S
        if error_s < -MAX_EARLY_S:
            self.repairs["burst"] += 1
            time = self._after_latest(arrival)
            self._offset_s = time / VIDEO_CLOCK_RATE - self._position_s
            self._late_since = None
            self._forget_errors()
            return time
        if error_s > MAX_LATE_S:
            if self._late_since is None:
                self._late_since = arrival
            elif arrival - self._late_since > LATE_FOR_S:
                self.repairs["late"] += 1
                self._offset_s += error_s
                self._forget_errors()
                self._late_since = None
                self._clock.forget()
        else:
            self._late_since = None
            if delta_s > 0:
                begins = arrival - self._began < BEGIN_S
                moved_s = self._persistent_error_s(arrival, begins=begins) * -math.expm1(-gap_s / FOLLOW_S)
                if begins and was_early and self._is_early:
                    moved_s = min(moved_s, (error_s + NEAR_BEGIN_S) * -math.expm1(-gap_s / FOLLOW_EARLY_S))
                self._offset_s += max(moved_s, -delta_s / 2)
        time = round((self._position_s + self._offset_s) * VIDEO_CLOCK_RATE)
        if time > self._latest:
            self._latest = time
            return time
        return max(time, self._latest - _ticks(MAX_STEP_BACK_S))

    def _track(self, delta_s: float, error_s: float, *, is_together: bool) -> None:
        """Follow arrival slowly, by the pictures that came together before this one."""
        least_s, sum_s, count = self._together
        if is_together:
            self._together = (min(least_s, error_s), sum_s + error_s, count + 1)
        else:
            self._error_s = min(sum_s / count, least_s + AHEAD_S)
            self._together = (error_s, error_s, 1)
        if self._error_s <= MAX_LATE_S:
            moved_s = self._error_s * -math.expm1(-delta_s / TRACKING_S)
            self._offset_s += moved_s
            self._error_s -= moved_s

    def _forget_errors(self) -> None:
        self._together, self._error_s = (0.0, 0.0, 1), 0.0

    def _persistent_error_s(self, arrival: float, *, begins: bool) -> float:
        """Return how far all of the latest pictures are from their arrival: the least distance beyond NEAR_S.

        While the timeline begins it is their mean, where each of them is farther than NEAR_BEGIN_S.
        """
        recent = self._recent
        recent.append((arrival, arrival - self._position_s))
        while len(recent) > PERSISTENT_PICTURES and arrival - recent[0][0] > PERSISTENT_S:
            recent.popleft()
        if len(recent) < PERSISTENT_PICTURES or arrival - recent[0][0] < PERSISTENT_S / 2:
            return 0.0
        errors = [early - self._offset_s for _, early in recent]
        low, high = min(errors), max(errors)
        if begins:
            return sum(errors) / len(errors) if low > NEAR_BEGIN_S or high < -NEAR_BEGIN_S else 0.0
        return max(low - NEAR_S, 0.0) + min(high + NEAR_S, 0.0)

    def _anchor(self, rtp_timestamp: int, arrival: float) -> int:
        time = self._after_latest(arrival)
        self._last_rtp = rtp_timestamp
        self._last_arrival = self._began = arrival
        self._clock.forget()
        self._recent.clear()
        self._position_s = self._raw_s = 0.0
        self._forget_errors()
        self._backward = 0
        self._offset_s = time / VIDEO_CLOCK_RATE
        self._suspect = None
        self._late_since = None
        return time

    def _after_latest(self, arrival: float) -> int:
        self._latest = max(_ticks(arrival), self._latest + 1)
        return self._latest


def _ticks(seconds: float) -> int:
    return round(seconds * VIDEO_CLOCK_RATE)
