"""The lines of the log about changes: who changed which key from what to what. No line holds a secret.

The audit log holds every change; of a flood, the log holds some and the count of the others.
"""

import json
from collections.abc import Mapping
from typing import Any, Final

import structlog

from transcoder import clock
from transcoder.config import Config
from transcoder.config.difference import Difference
from transcoder.config.model import LIVE_KEYS
from transcoder.control.shown import shown
from transcoder.logs import redact
from transcoder.service.line_limit import LineLimit
from transcoder.text import printable

MAX_LINES: Final = 20
"""The lines a second that the log has for changes of each writer: a file with 20 streams that changed is told whole."""
MAX_KEYS: Final = 12
"""The number of keys of one stream that a line tells; a change by hand has one or two."""
MAX_VALUE: Final = 80
"""Characters of a value, at most: a URL fits, a list of masks is cut."""

log = structlog.get_logger()


def keys_for_next_start(old: Config, new: Config, sections: tuple[str, ...]) -> list[str]:
    """Return the keys that differ and that only another start takes up, as "http.listen" or "mqtt".

    Args:
        old: the configuration before.
        new: the configuration in force.
        sections: the top-level keys that differ.
    """
    later: list[str] = []
    for section in sections:
        if section not in LIVE_KEYS:
            later.append(section)
            continue
        live, before, after = LIVE_KEYS[section], getattr(old, section), getattr(new, section)
        if live is None:
            continue
        if before is None or after is None:
            later.append(section)
            continue
        names = [name for name in type(after).model_fields if getattr(before, name) != getattr(after, name)]
        later += [f"{section}.{name}" for name in names if name not in live]
    return later


class ChangeLog:
    """Writes the lines about changes that were made."""

    def __init__(self) -> None:
        self._lines = LineLimit[str](MAX_LINES)

    def write(self, old: Config, new: Config, found: Difference, by: str) -> None:
        """Write a line for each stream that was added, removed or changed.

        Args:
            old: the configuration before.
            new: the configuration in force.
            found: their difference.
            by: the writer.
        """
        for name in found.added:
            self.note("added", name, by)
        for name in found.removed:
            self.note("removed", name, by)
        for name, paths in found.assets.items():
            is_new, is_gone = name not in old.assets, name not in new.assets
            what = "added" if is_new else "removed" if is_gone else "changed"
            keys = "" if is_new or is_gone else f" ({', '.join(paths[:MAX_KEYS])})"  # no values: some help an attacker
            self.note(what, "", by, f"asset {name}{keys}", asset=name)
        for name, paths in found.changed.items():
            before, after = shown(old.streams[name]), shown(new.streams[name])
            values = {path: (_at(before, path), _at(after, path)) for path in paths[:MAX_KEYS]}
            changes = {key: list(pair) for key, pair in values.items()}
            words = [f"{name}.{key} {_text(pair[0])} -> {_text(pair[1])}" for key, pair in values.items()]
            if len(paths) > MAX_KEYS:
                words.append(f"and {len(paths) - MAX_KEYS} more keys")
            self.note("changed", name, by, ", ".join(words), changes=changes)

    def note(self, what: str, stream: str, by: str, words: str = "", **detail: Any) -> None:
        """Write a line about an action of a writer.

        Args:
            what: the action, as a word of the past: "changed", "restarted".
            stream: the stream.
            by: the writer.
            words: what was done; by default the stream's name.
            detail: facts for machines.
        """
        count = self._lines.take(by, clock.monotonic())
        if not count:
            return
        others = f" (and {count - 1} more, see the audit log)" if count > 1 else ""
        text = f"{what} by {by}: {words or stream}{others}"
        log.info(what, words=text, stream=stream, by=by, **detail, **({"count": count} if count > 1 else {}))


def _at(keys: Mapping[str, Any], path: str) -> Any:
    """Return the value of a key, bounded and without secrets; None where there is none."""
    value: Any = keys
    for part in path.split("."):
        if not isinstance(value, Mapping):
            return None
        value = value.get(part)
    if value is None or isinstance(value, bool | int | float):
        return value
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    return printable(redact(text), MAX_VALUE)


def _text(value: Any) -> str:
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return value if isinstance(value, str) else json.dumps(value)
