"""The gateway and its readers as the documents and numbers that are told of them."""

from collections.abc import Callable
from importlib.metadata import version
from typing import Literal, Protocol

from transcoder import clock
from transcoder.control import (
    EndedSessionDocument,
    GatewayNumbers,
    InfoDocument,
    SessionDocument,
    SessionsDocument,
    StatsDocument,
)
from transcoder.control.documents import Status
from transcoder.output.session import ReaderSession
from transcoder.service.gateway import Gateway
from transcoder.service.reader_books import Ended
from transcoder.service.store import Store, time_text
from transcoder.service.stream import Stream
from transcoder.text import printable

MAX_USER = 64
"""Characters of a reader's user name."""


class BrokerLink(Protocol):
    """The connection to the MQTT broker, as far as it is told of."""

    @property
    def connected(self) -> bool:
        """Whether the broker is there."""

    @property
    def dropped(self) -> int:
        """Messages that went because too many waited for the broker."""

    @property
    def ignored(self) -> int:
        """Commands that were ignored because the broker had kept them."""


def info(gateway: Gateway, node: str, api_url: str | None, started: str) -> InfoDocument:
    """The gateway.

    Args:
        gateway: that runs.
        node: its name.
        api_url: of the HTTP API, None where there is none.
        started: when, RFC 3339.
    """
    return InfoDocument(
        version=version("transcoder"), node=node, rtsp_port=gateway.server.port, api_url=api_url, started=started
    )


def stats(
    gateway: Gateway, status: Callable[[Stream], Status], uptime_s: float, broker: BrokerLink | None
) -> StatsDocument:
    """Totals over all streams.

    Args:
        gateway: that runs.
        status: gives a stream's.
        uptime_s: seconds since its start.
        broker: None where none is configured.
    """
    streams = list(gateway.streams.values())
    rates = [stream.status.rates for stream in streams]
    return StatsDocument(
        uptime_s=round(uptime_s, 1),
        streams=len(streams),
        online=sum(status(stream) in {"online", "degraded"} for stream in streams),
        readers=sum(stream.status.readers for stream in streams),
        fps_in=round(sum(rate.fps_in for rate in rates), 2),
        fps_out=round(sum(rate.fps_out for rate in rates), 2),
        kbps_in=round(sum(rate.kbps_in for rate in rates), 1),
        kbps_out=round(sum(rate.kbps_out for rate in rates), 1),
        cpu=round(sum(rate.cpu for rate in rates), 3),
        sanitized=sum(sum(stream.ledger.totals().values()) for stream in streams),
        mqtt_connected=broker.connected if broker is not None else None,
        rtsp_sessions=len(gateway.server.sessions),
        rtsp_auth_failures=gateway.server.counters.auth_failures,
    )


def numbers(gateway: Gateway, store: Store | None, broker: BrokerLink | None) -> GatewayNumbers:
    """The numbers of no stream in particular."""
    counters = gateway.server.counters
    return GatewayNumbers(
        rtsp_connections=counters.connections,
        rtsp_rejected=dict(counters.rejected),
        sessions_ended={(stream, reason.value): count for (stream, reason), count in gateway.readers.ended.items()},
        mqtt_dropped=broker.dropped if broker is not None else 0,
        mqtt_ignored=broker.ignored if broker is not None else 0,
        store_dropped=store.dropped if store is not None else 0,
    )


def readers_by_transport(gateway: Gateway, stream: str) -> dict[str, int]:
    """How many sessions a stream has over "tcp" and over "udp"."""
    found: dict[str, int] = {}
    for session in gateway.server.sessions.values():
        if session.stream == stream:
            found[session.transport] = found.get(session.transport, 0) + 1
    return found


def find_session(gateway: Gateway, session_id: str) -> ReaderSession | None:
    """The session with this public id, None where there is none."""
    return next((found for found in gateway.server.sessions.values() if found.id == session_id), None)


def session(found: ReaderSession, *, peers: bool, age_s: float | None = None) -> SessionDocument:
    """A reader's session.

    Args:
        found: the session.
        peers: whether its reader's address is told.
        age_s: how long it lasted, None while it lives.
    """
    transport: Literal["tcp", "udp"] = "udp" if found.transport == "udp" else "tcp"
    return SessionDocument(
        id=found.id,
        stream=found.stream,
        path=found.path,
        user=printable(found.user, MAX_USER) if found.user is not None else None,
        peer=found.peer if peers else None,
        transport=transport,
        since=time_text(found.since),
        age_s=round(clock.monotonic() - found.started, 1) if age_s is None else age_s,
        playing=found.is_playing,
        bytes=found.sent_bytes,
        dropped=found.dropped,
    )


def sessions(gateway: Gateway, stream: str | None, *, peers: bool) -> SessionsDocument:
    """The readers of all streams or of one.

    Args:
        gateway: that runs.
        stream: None for all, and for connections that had no session.
        peers: whether addresses of readers are told.
    """
    live = [found for found in gateway.server.sessions.values() if stream in {None, found.stream}]
    gone = [
        ended
        for ended in reversed(gateway.readers.recent)
        if stream is None or (ended.session is not None and ended.session.stream == stream)
    ]
    return SessionsDocument(
        sessions=tuple(session(found, peers=peers) for found in live),
        ended=tuple(_ended(found, peers=peers) for found in gone),
    )


def _ended(found: Ended, *, peers: bool) -> EndedSessionDocument:
    of = session(found.session, peers=peers, age_s=found.after_s) if found.session is not None else None
    return EndedSessionDocument(
        reason=found.reason,
        ended=time_text(found.ended),
        peer=(found.peer or None) if peers else None,
        count=found.count,
        session=of,
    )
