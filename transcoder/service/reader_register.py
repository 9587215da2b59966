"""The register of readers notes who came and who went, why, and how often: in the log, as events and as counts."""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import structlog
from typing_extensions import override

from transcoder import clock
from transcoder.login_brake import LoginBrake
from transcoder.output.session import ReaderListener, ReaderSession
from transcoder.rtsp.session import EndReason
from transcoder.service.line_limit import LineLimit
from transcoder.service.login_log import note_failed_logins
from transcoder.service.viewers import Viewers
from transcoder.text import span_text

MAX_ENDED: Final = 64
"""The number of readers that are remembered after they went."""
MAX_STREAMS: Final = 4096
"""The number of streams with counts of their own, removed streams included; readers of other streams count under OTHER.
"""
OTHER: Final = "other"
MAX_PLAYED_LINES: Final = 50
"""Lines a second about readers that played, at most: a switch that restarts takes some hundred readers at once."""
MAX_OTHER_LINES: Final = 1
"""Lines a second and reason about readers that never played, at most: anybody can connect as often as he likes."""

_WHY: Final = {
    EndReason.PEER_CLOSED: "it closed its connection, or the network did",
    EndReason.TEARDOWN: "it said that it ends",
    EndReason.STUCK: "it took nothing of what was sent to it",
    EndReason.IDLE: "it asked for nothing",
    EndReason.SILENT: "it gave no sign of life over UDP",
    EndReason.PROTOCOL_ERROR: "it broke the protocol",
    EndReason.LOGIN_FAILURES: "its logins failed",
    EndReason.CONNECTION_LIMIT: "there were too many connections",
    EndReason.FORMAT_CHANGE: "the stream's format is another one now, and it has to ask anew",
    EndReason.STREAM_GONE: "the stream was disabled or removed",
    EndReason.SHUTDOWN: "the gateway stops",
    EndReason.OPERATOR: "an operator ended it",
}
"""The reasons in words."""

OnEvent = Callable[[str | None, str, dict[str, Any]], None]
"""A function that is called with a stream, or None for no stream in particular, and with the kind and the detail of an
event."""

log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """Holds the end of a reader's session, or of a connection that had none.

    Attributes:
        reason: the reason of the end.
        ended: UTC seconds of the end.
        peer: address and port of the reader.
        count: how many ends this object stands for; more than 1 in a flood.
        session: the session that ended, None for a connection.
        after_s: how long the session lasted, seconds.
    """

    reason: EndReason
    ended: float
    peer: str
    count: int = 1
    session: ReaderSession | None = None
    after_s: float = 0.0


class ReaderRegister(ReaderListener):
    """Notes readers that come and go.

    Args:
        on_event: is told of readers that come and go: (stream or None, kind, detail).

    Attributes:
        ended: how many sessions and connections ended, by stream ("" for a connection without a session) and reason.
        brakes: the brakes on guesses, by the interface "rtsp" or "http"; their failures are told here.
        viewers: the readers over HTTP, whose sessions end as those of RTSP do.
        recent: the last ends, the newest last; a flood is one end a second.
    """

    def __init__(self, on_event: OnEvent) -> None:
        self._on_event = on_event
        self._played = LineLimit[EndReason | None](MAX_PLAYED_LINES)
        self._others = LineLimit[EndReason](MAX_OTHER_LINES)
        self.brakes = {"rtsp": LoginBrake(), "http": LoginBrake()}
        self.ended: dict[tuple[str, EndReason], int] = {}
        self._streams: set[str] = set()
        self.viewers = Viewers(self)
        self.recent: deque[Ended] = deque(maxlen=MAX_ENDED)

    @override
    def reader_plays(self, session: ReaderSession) -> None:
        count = self._played.take(None, clock.monotonic())
        if count:
            detail = _named(session) | _counted(count)
            words = f"{session.path} is read by {_who(session)}{_others(count)}"
            log.info("reader plays", words=words, stream=session.stream, peer=session.peer, **detail)
            self._on_event(session.stream, "reader_connected", detail)

    @override
    def reader_gone(self, session: ReaderSession, reason: EndReason) -> None:
        now = clock.monotonic()
        self._count(session.stream, reason)
        count = self._played.take(reason, now) if session.has_played else self._others.take(reason, now)
        if not count:
            return
        after_s = round(now - session.started, 1)
        detail = _named(session) | {
            "after_s": after_s,
            "bytes": session.sent_bytes,
            "reason": reason.value,
            "dropped": session.dropped,
            **_counted(count),
        }
        behind = f", and lost {session.dropped} pictures that it was too slow for" if session.dropped else ""
        words = f"{session.path} is no longer read by {_who(session)}{_others(count)} after {span_text(after_s)}: "
        words += f"{_WHY[reason]}{behind}"
        log.info("reader gone", words=words, stream=session.stream, peer=session.peer, **detail)
        self._on_event(session.stream, "reader_gone", detail)
        ended = clock.wall_clock()
        self.recent.append(
            Ended(reason=reason, ended=ended, peer=session.peer, count=count, session=session, after_s=after_s)
        )

    @override
    def connection_ended(self, peer: str, reason: EndReason) -> None:
        self._count("", reason)
        count = self._others.take(reason, clock.monotonic())
        if count:
            self._tell_connection(peer, reason, count)

    def tick(self, now: float) -> None:
        """Tell of lines that were left out a moment ago; called about once a second."""
        for reason, count in self._others.overdue(now):
            self._tell_connection("", reason, count)
        for kind, count in self._played.overdue(now):
            words = f"{count} more readers play" if kind is None else f"{count} more readers are gone ({kind.value})"
            event = "readers play" if kind is None else "readers gone"
            log.info(event, words=words, count=count, reason=kind and kind.value)
        for interface, brake in self.brakes.items():
            note_failed_logins(brake, interface, now)

    def _tell_connection(self, peer: str, reason: EndReason, count: int) -> None:
        detail = {"reason": reason.value, **_counted(count)}
        whose = f"a connection from {peer}" if peer else "a connection"
        log.info("reader gone", words=f"{whose} ended{_others(count)}: {_WHY[reason]}", peer=peer or None, **detail)
        self._on_event(None, "reader_gone", detail)
        self.recent.append(Ended(reason=reason, ended=clock.wall_clock(), peer=peer, count=count))

    def _count(self, stream: str, reason: EndReason) -> None:
        if stream not in self._streams:
            if len(self._streams) < MAX_STREAMS:
                self._streams.add(stream)
            else:
                stream = OTHER
        self.ended[stream, reason] = self.ended.get((stream, reason), 0) + 1


def _named(session: ReaderSession) -> dict[str, Any]:
    """Return the keys that tell a session from others, without the peer's address: anybody may read events."""
    return {"session": session.id, "user": session.user, "transport": session.transport}


def _who(session: ReaderSession) -> str:
    whose = f"{session.user} at " if session.user else ""
    return f"{whose}{session.peer} over {session.transport.upper()}"


def _others(count: int) -> str:
    return f" and {count - 1} more" if count > 1 else ""


def _counted(count: int) -> dict[str, int]:
    return {"count": count} if count > 1 else {}
