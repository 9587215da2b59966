"""The publisher tells every interface of events, which are bounded and free of secrets."""

from collections.abc import Sequence
from typing import Any

import structlog

from transcoder import clock
from transcoder.config.difference import Difference
from transcoder.control.change_log import ChangeLog
from transcoder.control.documents import EVENT_TYPES, EventDocument
from transcoder.control.events import Events, Feed
from transcoder.control.shown import difference_detail, without_secrets
from transcoder.control.swap_documents import SwapDocument
from transcoder.control.writer import Writer
from transcoder.logs import redact
from transcoder.rejection import MAX_NAME
from transcoder.service.line_limit import LineLimit
from transcoder.text import printable

MAX_REASON = 2000
"""Characters of the reason for which a change was refused, at most."""
MAX_PROBLEMS = 20
"""The number of problems of a file that the log's sentence names; the line has them all."""
MAX_LINES = 5
"""Lines a second that the log has for the changes of each interface that are refused; nobody writes by hand faster."""

log = structlog.get_logger()


class Publisher:
    """Publishes events, and writes those to the log that no stream writes by itself.

    Attributes:
        refused: how many changes were refused, and files that were loaded again.
    """

    def __init__(self) -> None:
        self._events = Events()
        self._lines = LineLimit[str](MAX_LINES)
        self._changes = ChangeLog()
        self.refused = 0

    @property
    def dropped(self) -> int:
        """Return how many events a listener did not get because it was too slow."""
        return self._events.dropped

    def listen(self, after: int | None) -> Feed:
        """Return a feed of the events from now on, or of those after a number as far as they are remembered."""
        return self._events.listen(after)

    def past(self, stream: str, since: float | None) -> tuple[EventDocument, ...]:
        """Return the last events of a stream, from a time on (UTC seconds) where one is named."""
        return self._events.past(stream, since)

    def close(self) -> None:
        """End all feeds."""
        self._events.close()

    def happened(self, stream: str | None, kind: str, detail: dict[str, Any]) -> dict[str, Any] | None:
        """Publish that something happened to a stream, or with None to no stream in particular.

        Returns:
            The detail as it was published; None where the kind is no event of the documents.
        """
        if kind not in EVENT_TYPES:  # a bug of ours, and no reason to end a stream
            log.error("an event that isn't in the documents", stream=stream, kind=kind)
            return None
        safe = {key: without_secrets(value) for key, value in detail.items()}
        self._events.publish(kind, stream, safe)
        return safe

    def restarted(self, stream: str, by: Writer) -> None:
        """Publish that a stream was restarted."""
        self._changes.note("restarted", stream, str(by))
        self._events.publish("restarted", stream, {"by": str(by)})

    def swapped(self, swap: SwapDocument, by: Writer, is_rollback: bool) -> None:  # a callback
        """Publish that a stream has another camera, or the one before again."""
        assets: dict[str, Any] = {"from_asset": swap.before.asset, "to_asset": swap.after.asset}
        self._changes.note("camera rolled back" if is_rollback else "camera swapped", swap.stream, str(by), **assets)
        self._events.publish("swapped", swap.stream, {"by": str(by), "rolled_back": is_rollback, **assets})

    def changed(self, difference: Difference) -> None:
        """Publish which streams were added, removed and updated."""
        for kind, names in (("added", difference.added), ("removed", difference.removed)):
            for name in names:
                self._events.publish(kind, name)
        for name, paths in difference.changed.items():
            self._events.publish("updated", name, {"changed": list(paths)})

    def rejected(self, stream: str | None, reason: str, by: Writer, *, is_known: bool) -> None:
        """Publish that a writer's change was refused.

        Args:
            stream: the stream that the change names, None where it names none.
            reason: the reason of the refusal, perhaps with words that the writer gave.
            by: the writer.
            is_known: whether there is such a stream.
        """
        self.refused += 1
        detail = {"by": str(by), "reason": printable(redact(reason), MAX_REASON)}
        if count := self._lines.take(by.interface, clock.monotonic()):
            where = f"{printable(stream, MAX_NAME)}: " if stream is not None else ""
            words = f"change by {by} refused: {where}{detail['reason']}"
            log.warning("change refused", words=words, stream=stream, **detail, count=count)
        if stream is not None and not is_known:
            detail["id"] = printable(stream, MAX_NAME)
        self._events.publish("config_rejected", stream if is_known else None, detail)

    def reloaded(self, difference: Difference, later: Sequence[str]) -> None:
        """Publish that the file was loaded again.

        Args:
            difference: the difference from the configuration before.
            later: keys of it that are taken up at the next start.
        """
        for key in later:
            log.warning("taken up at the next start", words=f"{key}: taken up at the next start", key=key)
        changed = difference_detail(difference)
        self._events.publish("config_reloaded", None, {"changed": changed, "at_next_start": list(later)})
        log.info("configuration reloaded", words=f"configuration reloaded: {_summary(difference)}", **changed)

    def reload_failed(self, problems: Sequence[str], lines: Sequence[str]) -> None:
        """Publish that the file was changed and can't be used.

        Args:
            problems: the problems, each with its key path in front: events say nothing of this machine's folders.
            lines: the same for the log, with file and line.
        """
        self.refused += 1
        shown = [redact(line) for line in lines]
        event = "configuration not reloaded: nothing was changed"
        more = [f"and {len(shown) - MAX_PROBLEMS} more"] if len(shown) > MAX_PROBLEMS else []
        log.error(event, words=f"{event}: {'; '.join([*shown[:MAX_PROBLEMS], *more])}", problems=shown)
        safe = [redact(problem) for problem in problems]
        self._events.publish("config_rejected", None, {"by": "file", "reason": safe[0], "problems": safe})

    def unusable(self, stream: str, problems: Sequence[str]) -> None:
        """Publish that the changes kept for a stream are not valid any more."""
        log.error("stream not served: what was set at runtime is not valid any more", stream=stream, problems=problems)
        safe = [redact(problem) for problem in problems]
        self._events.publish("config_rejected", stream, {"by": "store", "reason": safe[0], "problems": safe})


def _summary(difference: Difference) -> str:
    """Say in words how many streams and assets differ, and which sections do."""
    counts = {"added": difference.added, "removed": difference.removed, "changed": difference.changed}
    parts = [f"{len(names)} {kind}" for kind, names in counts.items() if names]
    streams = [f"streams: {', '.join(parts)}"] if parts else []
    sections = [f"sections: {', '.join(difference.sections)}"] if difference.sections else []
    assets = [f"assets: {len(difference.assets)} changed"] if difference.assets else []
    return "; ".join([*streams, *assets, *sections]) or "nothing differs"
