"""This module makes clocks jump, step, restart and wrap, and pictures come irregularly."""

import random
from dataclasses import dataclass

from transcoder.lab.cameras.track import Track


@dataclass(frozen=True, slots=True, kw_only=True)
class TimingDefects:
    """Lists the defects of clocks and intervals.

    Attributes:
        timestamp_jump_s: single pictures are off by so many seconds (Intelbras and Dahua DVRs: -9800, 37600).
        clock_step_s: timestamps, and sender reports with them, step by so many seconds for good (Dahua).
        timestamp_restart: timestamps begin anew at zero (Tapo).
        timestamp_defect_every_s: seconds between two of the above.
        timestamp_wrap_after_s: the 32 bits wrap so long after the camera's start (any camera, every 13 hours).
        interval_spread: 0 to 0.95; the interval between pictures varies by this part of itself, either way (Vivotek
            "smart FPS", DVRs).
        slow_fps: for half of the time, slow_every_s long, pictures come at this rate (smart codecs: 1 to 5).
        slow_every_s: length of the slow time, and of the time between.
        picture_every_s: seconds from one picture to the next (Hikvision: up to 16); None: as in
            the content.
        motion_s: seconds of pictures after which none come for pause_s, and so on (cameras that send on motion).
        pause_s: the seconds without pictures.
        send_jitter_ms: pictures leave up to so much later than their timestamps say, in order (loaded cameras, Wi-Fi).
        burst_s: the pictures of so many seconds leave at once, with the last of them.
        clock_ratio: seconds that the timestamps count in one second (open-nvr#229: 0.84, 25 pictures a second by their
            stamps, of which 21 come); -1: the timestamps count down.
        video_clock_rate: ticks a second of the video (Cisco, Toshiba: 30000, with MPEG-4, whose SDP says so).
        report_ssrc_foreign: sender reports name an SSRC that sends no media (Tapo C320WS).
    """

    timestamp_jump_s: float = 0.0
    clock_step_s: float = 0.0
    timestamp_restart: bool = False
    timestamp_defect_every_s: float = 5.0
    timestamp_wrap_after_s: float | None = None
    interval_spread: float = 0.0
    slow_fps: float | None = None
    slow_every_s: float = 10.0
    picture_every_s: float | None = None
    motion_s: float | None = None
    pause_s: float = 16.0
    send_jitter_ms: float = 0.0
    burst_s: float | None = None
    clock_ratio: float = 1.0
    video_clock_rate: int = 90_000
    report_ssrc_foreign: bool = False


class CameraClock:
    """Is the clock of a camera's timestamps, defects included.

    Args:
        defects: the switches of the clock.
        track: the track of the video; its timestamp base is moved where the clock moves for good.
        rng: source of the camera's random numbers.
    """

    def __init__(self, defects: TimingDefects, track: Track, rng: random.Random) -> None:
        self._defects = defects
        self._track = track
        self._rng = rng
        self._next = defects.timestamp_defect_every_s
        if defects.timestamp_wrap_after_s is not None:
            track.timestamp_base = -round(defects.timestamp_wrap_after_s * track.clock_rate) & 0xFFFFFFFF

    def picture_timestamp(self, elapsed_s: float) -> int:
        """Return the RTP timestamp of one picture.

        Args:
            elapsed_s: seconds since the camera's start; never less than before.
        """
        defects, track = self._defects, self._track
        off = 0
        if elapsed_s >= self._next:
            self._next = elapsed_s + defects.timestamp_defect_every_s
            off = round(defects.timestamp_jump_s * track.clock_rate)
            track.timestamp_base += round(defects.clock_step_s * track.clock_rate)
            if defects.timestamp_restart:
                track.timestamp_base = -round(elapsed_s * track.clock_rate)
        return (track.timestamp(elapsed_s * defects.clock_ratio) + off) & 0xFFFFFFFF

    def interval_s(self, nominal_s: float, since_start_s: float) -> float:
        """Return the seconds to the next picture.

        Args:
            nominal_s: the interval of the content.
            since_start_s: seconds since the first reader came.
        """
        defects = self._defects
        interval = defects.picture_every_s or nominal_s
        if defects.slow_fps and int(since_start_s / defects.slow_every_s) % 2:
            interval = max(nominal_s, 1 / defects.slow_fps)
        if defects.interval_spread:
            interval *= self._rng.uniform(1 - defects.interval_spread, 1 + defects.interval_spread)
        if defects.motion_s is not None:
            cycle_s = defects.motion_s + defects.pause_s
            at_s = since_start_s % cycle_s
            interval = cycle_s - at_s if at_s + interval >= defects.motion_s else interval
        return interval

    def sending_delay_s(self, since_start_s: float) -> float:
        """Return by how many seconds a picture leaves later than its time, in seconds since the first reader came."""
        defects = self._defects
        jitter_s = self._rng.uniform(0.0, defects.send_jitter_ms / 1000) if defects.send_jitter_ms else 0.0
        if defects.burst_s is None:
            return jitter_s
        return defects.burst_s - since_start_s % defects.burst_s + jitter_s
