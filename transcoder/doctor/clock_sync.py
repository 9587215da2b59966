"""The machine's clock: does anything keep it right? Audit records, verdicts and sender reports carry its time."""

import ctypes
import os
import time
from typing import Final

from transcoder.doctor.finding import Finding, Subject

UNSYNCHRONISED: Final = 5
"""The state of a clock that nothing keeps right (TIME_ERROR, adjtimex(2))."""
EARLIEST_S: Final = 1_767_225_600
"""The first of January 2026, UTC: an earlier time is that of a machine whose battery is empty."""
LARGEST_ERROR_US: Final = 1_000_000
"""Microseconds of error from which logs of two machines can't be laid beside each other any more."""
_SYNCHRONISE: Final = "run chrony or systemd-timesyncd: audit records and verdicts carry this time"
_MAXIMAL_ERROR: Final = slice(24, 32)
"""The place of `maxerror` in struct timex, where long has eight bytes."""
_TIMEX_BYTES: Final = 256
"""More than struct timex has anywhere; zeros in it ask for nothing to be changed (`modes`)."""


async def clock(subject: Subject) -> list[Finding]:
    """Ask the kernel whether the clock is kept right; nothing is changed, and nobody else is asked."""
    del subject
    try:
        state, error_us = ask_kernel()
    except OSError as error:
        text = f"the kernel does not tell: {error.strerror}"
        return [Finding(check="clock", level="warning", text=text, advice=_SYNCHRONISE)]
    return [clock_finding(time.time(), state, error_us)]


def ask_kernel() -> tuple[int, int]:
    """Return the state of the clock, and its largest possible error in microseconds.

    Raises:
        OSError: the kernel, or a container, does not allow it.

    Source: adjtimex(2).
    """
    buffer = ctypes.create_string_buffer(_TIMEX_BYTES)
    state = ctypes.CDLL(None, use_errno=True).adjtimex(buffer)
    if state < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return state, int.from_bytes(buffer.raw[_MAXIMAL_ERROR], "little")


def clock_finding(now_s: float, state: int, error_us: int) -> Finding:
    """Say whether a clock can be relied on.

    Args:
        now_s: the time that the clock shows, UTC seconds.
        state: the state of the clock (adjtimex(2)).
        error_us: the largest possible error, microseconds.
    """
    shown = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(now_s))
    if now_s < EARLIEST_S:
        return Finding(check="clock", level="error", text=f"it shows {shown}, years ago", advice=_SYNCHRONISE)
    if state == UNSYNCHRONISED:
        return Finding(
            check="clock", level="warning", text=f"it shows {shown}; nothing keeps it right", advice=_SYNCHRONISE
        )
    text = f"it shows {shown} and is kept right, within {error_us / 1000:.0f} ms"
    return Finding(check="clock", level="warning" if error_us > LARGEST_ERROR_US else "ok", text=text)
