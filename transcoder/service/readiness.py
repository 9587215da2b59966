"""When a gateway that was started is ready: as soon as every camera plays or has failed once, or after a while.

Then one line of the log says how many streams play, and why each other one does not.
"""

from collections.abc import Iterable, Sequence
from typing import Any, Final

import structlog

from transcoder.service.status import StreamState, StreamStatus
from transcoder.text import span_text

MAX_WAIT_S: Final = 30.0
"""Seconds after which the line is written at the latest: a camera that is silent fails later than that, and a recorder
with many channels lets them in by turns."""
MAX_NAMED: Final = 5
"""The number of streams that the line names, of those that play and of those that do not; the others are counted."""

log = structlog.get_logger()


class Readiness:
    """Looks at the streams of a gateway until the line is written."""

    def __init__(self) -> None:
        self.is_told = False
        self._since: float | None = None

    def look(self, statuses: Iterable[StreamStatus], now: float, after_s: float, url: str) -> None:
        """Write the line if it is time to; once it is written, nothing follows.

        Args:
            statuses: the status of every stream.
            now: monotonic seconds.
            after_s: seconds since the process was started, which the line tells.
            url: the URL under which the streams are served.
        """
        if self.is_told:
            return
        self._since = now if self._since is None else self._since
        enabled = [status for status in statuses if status.state is not StreamState.DISABLED or status.problem]
        if now - self._since < MAX_WAIT_S and not all(map(_has_an_answer, enabled)):
            return
        self.is_told = True
        playing = [status for status in enabled if status.state is StreamState.PLAYING]
        others = [status for status in enabled if status.state is not StreamState.PLAYING]
        words = f"ready in {span_text(after_s)}: {_count(len(playing), len(enabled))}"
        if playing:
            words += f" at {', '.join([status.url for status in playing[:MAX_NAMED]])}"
            words += f" and {len(playing) - MAX_NAMED} more under {url}" if len(playing) > MAX_NAMED else ""
        if others:
            words += f"; not yet: {'; '.join(f'{status.name} ({_why(status)})' for status in others[:MAX_NAMED])}"
            words += f"; and {len(others) - MAX_NAMED} more" if len(others) > MAX_NAMED else ""
        log.info("ready", words=words, **_detail(playing, others), after_s=round(after_s, 1), url=url)


def _has_an_answer(status: StreamStatus) -> bool:
    """Return whether a stream plays, or it is known why not."""
    return status.state not in {StreamState.STARTING, StreamState.CONNECTING}


def _count(playing: int, enabled: int) -> str:
    if not enabled:
        return "no stream is enabled"
    verb = "plays" if playing == 1 else "play"
    return f"{playing} of {enabled} {'stream' if enabled == 1 else 'streams'} {verb}"


def _why(status: StreamStatus) -> str:
    place = status.source.place()
    waiting = f"waits its turn at this host, place {place}" if place else "is still being connected to"
    return status.source.advice or status.problem or waiting


def _detail(playing: Sequence[StreamStatus], others: Sequence[StreamStatus]) -> dict[str, Any]:
    """Return the same for machines; of each stream that does not play, why."""
    return {"playing": len(playing), "streams": len(playing) + len(others), "away": {s.name: _why(s) for s in others}}
