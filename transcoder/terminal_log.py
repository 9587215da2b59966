"""Log lines for somebody who looks at a terminal: a short time, a sentence, colour, and breaks between words."""

import os
import shutil
import sys
import textwrap
from collections.abc import Callable, MutableMapping
from datetime import datetime
from typing import Any, Final

MIN_WIDTH: Final = 40
"""The smallest number of columns that lines are broken to; in fewer nothing can be read anyhow."""
DEFAULT_SIZE: Final = (80, 24)
INDENT: Final = " " * len("21:32:09 ")
"""The blanks before what follows in a further row, so that times stand alone at the left."""

_HIDDEN: Final = frozenset({"timestamp", "level", "event", "words", "stream", "logger", "exception", "stack"})
_COLOURS: Final = {
    "debug": "\x1b[2m",
    "warning": "\x1b[33m",
    "error": "\x1b[31m",
    "critical": "\x1b[1;31m",
}
_DIM, _RESET = "\x1b[2m", "\x1b[0m"


def terminal_width() -> int:
    """Return how many columns the terminal has that standard error goes to."""
    try:
        return os.get_terminal_size(sys.stderr.fileno()).columns
    except (OSError, ValueError):
        return shutil.get_terminal_size(DEFAULT_SIZE).columns


def has_colours(environment: MutableMapping[str, str]) -> bool:
    """Return whether colours are wanted: https://no-color.org, and terminals that have none."""
    return not environment.get("NO_COLOR") and environment.get("TERM") not in {"dumb", "", None}


class TerminalRenderer:
    """Renders an event of structlog whose values hold no control characters any more.

    An event that has `words` is shown as these alone: they say the same as its other fields.

    Args:
        colours: whether the level is shown by colour; without colours a warning or an error is named.
        width: tells the number of columns, which changes while a terminal is used.
    """

    def __init__(self, *, colours: bool, width: Callable[[], int] = terminal_width) -> None:
        self._colours = colours
        self._width = width

    def __call__(self, _logger: object, _method: str, event: MutableMapping[str, Any]) -> str:
        """Return the text of an event, one row or several."""
        level = str(event.get("level", "info"))
        text = str(event["words"]) if "words" in event else _sentence(event)
        if not self._colours and level in {"warning", "error", "critical"}:
            text = f"{level}: {text}"
        # a URL stays whole, so that it can be copied
        rows = textwrap.wrap(
            text, max(self._width(), MIN_WIDTH) - len(INDENT), break_long_words=False, break_on_hyphens=False
        )
        body = ("\n" + INDENT).join(rows)
        time = _time_of_day(event.get("timestamp"))
        if self._colours:
            colour = _COLOURS.get(level, "")
            time, body = f"{_DIM}{time}{_RESET}", f"{colour}{body}{_RESET}" if colour else body
        more = [str(event[key]) for key in ("stack", "exception") if event.get(key)]
        return "\n".join([f"{time} {body}", *more])


def _sentence(event: MutableMapping[str, Any]) -> str:
    """Make one line of an event that has no words: what happened, where, why, and the other fields in brackets."""
    where = event.get("stream") or event.get("logger")
    text = f"{where}: {event.get('event', '')}" if where else str(event.get("event", ""))
    if event.get("reason"):
        text += f": {event['reason']}"
    rest = {key: value for key, value in event.items() if key not in _HIDDEN and key != "reason" and value is not None}
    if rest:
        text += f" ({', '.join(f'{key} {_shown(value)}' for key, value in rest.items())})"
    return text


def _shown(value: Any) -> str:
    if isinstance(value, list | tuple):
        return ", ".join(map(_shown, value)) or "none"
    if isinstance(value, dict):
        return ", ".join(f"{key} {_shown(item)}" for key, item in value.items()) or "none"
    return {True: "yes", False: "no"}[value] if isinstance(value, bool) else str(value)


def _time_of_day(timestamp: object) -> str:
    """Return the time on this machine's clock of an ISO 8601 time."""
    try:
        return datetime.fromisoformat(str(timestamp)).astimezone().strftime("%H:%M:%S")
    except ValueError:
        return "--:--:--"
