"""This module makes text that a peer chose fit to be shown."""

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
