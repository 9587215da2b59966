"""Text that a peer chose, made fit to be shown."""

import re
from typing import Final

CONTROL: Final = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
"""Characters that no name and no password needs, and that would end a header line there."""


def printable(text: str, limit: int) -> str:
    """Make a text fit for a terminal, a log line and a document.

    A camera that writes control characters must not steer a terminal or fake a line, and one that writes a megabyte
    must not fill a screen.

    Args:
        text: any text; characters behind the limit cost nothing.
        limit: characters of the result at most, one or more.

    Returns:
        The text with "?" for every character that can't be printed; a text that is longer than the limit ends in "…".
    """
    clean = "".join(letter if letter.isprintable() else "?" for letter in text[: limit + 1])
    return clean if len(clean) <= limit else clean[: limit - 1] + "…"
