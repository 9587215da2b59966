"""Documents and numbers of the gateway and its readers are made here."""

import asyncio
from collections.abc import Callable, Mapping
from importlib.metadata import version
from typing import Final, Literal, Protocol

from transcoder import clock
from transcoder.control import (
    EndedSessionDocument,
    GatewayNumbers,
    InfoDocument,
    OnvifNumbers,
    SessionDocument,
    SessionsDocument,
    StatsDocument,
)
from transcoder.control.documents import SandboxDocument, Status
from transcoder.control.publisher import Publisher
from transcoder.output.session import ReaderSession
from transcoder.service.gateway import Gateway
from transcoder.service.reader_register import Ended
from transcoder.service.sandbox import missing_measures
from transcoder.service.store import Store, time_text
from transcoder.service.stream import Stream
from transcoder.text import printable

MAX_USER = 64
"""Characters of a reader's user name that are told, at most."""


Unwanted = Literal["unwanted"]
UNWANTED: Final[Unwanted] = "unwanted"
"""Stands for the store where nothing is to be kept."""


class BrokerLink(Protocol):
    """This is the part of the connection to the MQTT broker that documents tell of."""

    @property
    def connected(self) -> bool:
        """Return whether the broker is connected."""

    @property
    def dropped(self) -> int:
        """Return how many messages were dropped because too many waited for the broker."""

    @property
    def ignored(self) -> int:
        """Return how many commands were ignored because the broker had kept them."""

    @property
    def refused_topics(self) -> int:
        """Return how many response topics no answer was sent to."""


def info(gateway: Gateway, checker: Mapping[str, str], node: str, api_url: str | None, started: str) -> InfoDocument:
    """Make the document of the gateway.

    Args:
        gateway: the gateway that runs.
        checker: every measure of the checker's sandbox, once one has run.
        node: the gateway's name.
        api_url: the URL of the HTTP API, None where there is none.
        started: the time of the start, RFC 3339.
    """
    measures = gateway.fork_server.measures | {f"checker: {name}": reason for name, reason in checker.items()}
    missing = missing_measures(measures)
    return InfoDocument(
        version=version("transcoder"),
        node=node,
        rtsp_port=gateway.server.port,
        api_url=api_url,
        started=started,
        sandbox=SandboxDocument(
            mode=gateway.fork_server.sandbox_mode,
            in_force=tuple(name for name in measures if name not in missing),
            missing=missing,
        ),
    )


def stats(
    gateway: Gateway, status: Callable[[Stream], Status], uptime_s: float, broker: BrokerLink | None
) -> StatsDocument:
    """Make the document of totals over all streams.

    Args:
        gateway: the gateway that runs.
        status: gives a stream's status.
        uptime_s: seconds since the gateway's start.
        broker: the connection to the broker, None where none is configured.
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
        rtsp_sessions=len(_readers(gateway)),
        rtsp_auth_failures=gateway.server.counters.auth_failures,
    )


def numbers(
    gateway: Gateway,
    store: Store | Unwanted | None,
    broker: BrokerLink | None,
    publisher: Publisher,
    onvif: OnvifNumbers | None = None,
) -> GatewayNumbers:
    """Return the numbers that belong to no stream in particular."""
    counters, brakes = gateway.server.counters, gateway.readers.brakes
    return GatewayNumbers(
        rtsp_open=gateway.server.connections,
        tasks=_tasks(),
        rtsp_connections=counters.connections,
        rtsp_rejected=dict(counters.rejected),
        rtsp_delayed_logins=brakes["rtsp"].counts.delayed,
        http_auth_failures=brakes["http"].counts.failed,
        http_delayed_logins=brakes["http"].counts.delayed,
        sessions_ended={(stream, reason.value): count for (stream, reason), count in gateway.readers.ended.items()},
        mqtt_dropped=broker.dropped if broker is not None else 0,
        mqtt_ignored=broker.ignored if broker is not None else 0,
        mqtt_refused_topics=broker.refused_topics if broker is not None else 0,
        rtsp_ignored_reports=counters.ignored_reports,
        rtsp_moved_readers=counters.moved_readers,
        events_dropped=publisher.dropped,
        changes_refused=publisher.refused,
        fork_server_losses=gateway.fork_server.losses,
        state_writable=_is_writable(store),
        store_dropped=0 if store is None or isinstance(store, str) else store.dropped,
        watch_faults=gateway.watch_faults,
        onvif=onvif,
    )


def _is_writable(store: Store | Unwanted | None) -> bool | None:
    if isinstance(store, str):
        return None
    return store is not None and not store.refusal and not store.trouble


def _readers(gateway: Gateway) -> list[ReaderSession]:
    """Return the sessions of readers, those of the gateway's own reader left out."""
    inside = (*gateway.server.sessions.values(), *gateway.readers.viewers.sessions)
    return [reader for reader in inside if not reader.is_own]


def _tasks() -> int:
    try:
        return len(asyncio.all_tasks())
    except RuntimeError:  # asked for outside of the loop
        return 0


def readers_by_transport(gateway: Gateway, stream: str) -> dict[str, int]:
    """Return how many sessions a stream has over "tcp", "udp" and "web", and by "multicast"."""
    counts: dict[str, int] = {}
    for session in _readers(gateway):
        if session.stream == stream:
            counts[session.transport] = counts.get(session.transport, 0) + 1
    return counts


def find_session(gateway: Gateway, session_id: str) -> ReaderSession | None:
    """Return the session with this public id, None where there is none."""
    return next((reader for reader in _readers(gateway) if reader.id == session_id), None)


def session(reader: ReaderSession, *, peers: bool, age_s: float | None = None) -> SessionDocument:
    """Make the document of a reader's session.

    Args:
        reader: the session.
        peers: whether the reader's address is told.
        age_s: how long the session lasted, None while it lives.
    """
    return SessionDocument(
        id=reader.id,
        stream=reader.stream,
        path=reader.path,
        user=printable(reader.user, MAX_USER) if reader.user is not None else None,
        peer=reader.peer if peers else None,
        transport=reader.transport,
        since=time_text(reader.since),
        age_s=round(clock.monotonic() - reader.started, 1) if age_s is None else age_s,
        playing=reader.is_playing,
        bytes=reader.sent_bytes,
        dropped=reader.dropped,
    )


def sessions(gateway: Gateway, stream: str | None, *, peers: bool) -> SessionsDocument:
    """Make the document of the readers of all streams or of one.

    Args:
        gateway: the gateway that runs.
        stream: None for all streams, and for connections that had no session.
        peers: whether addresses of readers are told.
    """
    live = [reader for reader in _readers(gateway) if stream in {None, reader.stream}]
    gone = [
        ended
        for ended in reversed(gateway.readers.recent)
        if stream is None or (ended.session is not None and ended.session.stream == stream)
    ]
    return SessionsDocument(
        sessions=tuple(session(reader, peers=peers) for reader in live),
        ended=tuple(_ended(end, peers=peers) for end in gone),
    )


def _ended(end: Ended, *, peers: bool) -> EndedSessionDocument:
    of = session(end.session, peers=peers, age_s=end.after_s) if end.session is not None else None
    return EndedSessionDocument(
        reason=end.reason,
        ended=time_text(end.ended),
        peer=(end.peer or None) if peers else None,
        count=end.count,
        session=of,
    )
