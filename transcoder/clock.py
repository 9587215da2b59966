"""Clocks are handled as values here: 90 kHz media ticks, NTP timestamps, rates, and the only place that reads the time.

Protocol cores never read a clock; `now` (monotonic seconds) is handed to them.
"""

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

_STAT: Final = Path("/proc/self/stat")
_STARTTIME: Final = 22 - 3
"""The place of starttime among the fields that follow the process's name, which is the second (proc_pid_stat(5))."""

VIDEO_CLOCK_RATE = 90_000
"""Ticks a second of every video RTP clock that we send (RFC 6184 section 8.2.1, RFC 7798 section 7.1)."""

NTP_EPOCH_OFFSET_S = 2_208_988_800
"""Seconds from 1900-01-01 (NTP) to 1970-01-01 (Unix), RFC 5905 section 6."""

COMMON_RATES = (1, 2, 3, 4, 5, 6, 8, 10, 12, 12.5, 15, 16, 20, 24, 25, 30, 50, 60)
"""The frame rates that cameras have in their menus, pictures a second."""
MIN_RATE, MAX_RATE = 0.5, 60.0
"""The bounds of a frame rate that is announced."""


def common_rate(rate: float, near: float) -> float:
    """Return a common frame rate that is near, as a part of itself, or else the rate within its bounds."""
    nearest = min(COMMON_RATES, key=lambda common: abs(common - rate))
    return float(nearest) if abs(nearest - rate) < near * nearest else min(max(round(rate, 1), MIN_RATE), MAX_RATE)


monotonic: Callable[[], float] = time.monotonic
"""Returns monotonic seconds, the `now` of every core; it is no function of ours, because every picture asks six times.
"""
wall_clock: Callable[[], float] = time.time
"""Returns UTC seconds since 1970, for sender reports and logs only."""


def process_age_s() -> float:
    """Return the seconds since this process was started, imports and all."""
    fields = _STAT.read_text(encoding="ascii", errors="replace").rpartition(") ")[2].split()
    return time.clock_gettime(time.CLOCK_BOOTTIME) - int(fields[_STARTTIME]) / os.sysconf("SC_CLK_TCK")


def ntp_from_unix(unix_s: float) -> int:
    """Convert UTC seconds to a 64-bit NTP timestamp (32.32 fixed point, RFC 3550 section 4)."""
    return int((unix_s + NTP_EPOCH_OFFSET_S) * (1 << 32)) & 0xFFFF_FFFF_FFFF_FFFF


def unix_from_ntp(ntp: int) -> float:
    """Convert a 64-bit NTP timestamp to UTC seconds."""
    return ntp / (1 << 32) - NTP_EPOCH_OFFSET_S
