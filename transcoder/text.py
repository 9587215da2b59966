"""This module makes text fit to be shown: text that a peer chose, and spans of time."""

import re
from typing import Final

CONTROL_CHARACTER: Final = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
"""Matches the characters that no name and no password needs, and that would end a header line they stand in."""


def printable(text: str, limit: int) -> str:
    """Make a text fit for a terminal, a log line and a document.

    A camera that writes control characters must not steer a terminal or fake a line, and one that writes a megabyte
    must not fill a screen.

    Args:
        text: any text; characters behind the limit cost nothing.
        limit: the largest number of characters of the result, one or more.

    Returns:
        The text with "?" for every character that can't be printed; a text that is longer than the limit ends in "…".
    """
    clean = "".join(letter if letter.isprintable() else "?" for letter in text[: limit + 1])
    return clean if len(clean) <= limit else clean[: limit - 1] + "…"


def span_text(seconds: float) -> str:
    """Return a span of time in words for people, in one unit or two: "0.5 s", "12 s", "5 min", "3 h 10 min", "2 d".

    Args:
        seconds: the span, 0 or more.
    """
    if seconds < 9.5:
        return f"{round(seconds, 1):g} s"
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    if minutes < 90:
        return f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    if hours < 48:
        return f"{hours} h {minutes} min" if minutes else f"{hours} h"
    days, hours = divmod(hours, 24)
    return f"{days} d {hours} h" if hours else f"{days} d"


def counted(count: int, noun: str) -> str:
    """Return a number and its noun, such as "1 stream" or "3 streams"."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"
