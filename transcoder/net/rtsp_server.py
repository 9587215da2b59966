"""The RTSP server holds listeners, the pairs of UDP ports and the readers' sessions, and ends sessions that are old."""

import asyncio
import secrets
import string
from collections.abc import Mapping, Sequence
from typing import Final, Protocol

from typing_extensions import override

from transcoder import clock
from transcoder.net.door import Door
from transcoder.net.reader_connection import ReaderConnection, ReaderServer, ServedStream
from transcoder.net.reader_groups import Multicast, ReaderGroups
from transcoder.net.reader_listeners import Listener, ReaderListeners
from transcoder.net.reader_ports import ReaderPorts
from transcoder.net.reader_tunnels import ReaderTunnels
from transcoder.net.reader_udp import ReadersTracks, ReaderUdp
from transcoder.net.sockets import is_this_machine
from transcoder.output.fanout import Readers, Track
from transcoder.output.session import NoListener, ReaderListener, ReaderSession, SessionTransport
from transcoder.rtsp.headers import Transport
from transcoder.rtsp.multicast_groups import Group
from transcoder.rtsp.own_reader import OwnReader
from transcoder.rtsp.server_events import Directory, ServerContext, ServerCounters, SetupRequested
from transcoder.rtsp.session import EndReason, ServerOptions, ServerSession, SessionTable

__all__ = ["Catalogue", "Listener", "RtspServer", "ServedStream"]

CERTIFICATE_S: Final = 30.0
"""Seconds between looks whether a certificate was replaced."""
_SESSION_ALPHABET = string.ascii_uppercase + string.digits


class Catalogue(Protocol):
    """The catalogue knows users, their rights and the served streams."""

    def passwords(self) -> dict[str, str]:
        """Return readers' passwords by user name; where it is empty, nobody has to log in."""

    def may_read(self, user: str, path: str) -> bool:
        """Return whether a user may read the stream that is served under a path."""

    def find(self, path: str) -> ServedStream | None:
        """Return the stream that is served under a path, None where no stream is."""

    def aliased(self, path: str) -> str | None:
        """Return the path under which a stream is served that has another name, None where none has it.

        Args:
            path: path and query of a URL, without a track.
        """


class RtspServer(ReaderServer, Directory, ReadersTracks):
    """Serves readers on some TCP ports, and on one pair of UDP ports of each address.

    Args:
        catalogue: the users and the streams.
        listeners: the addresses to listen on, the first one plain; plain ones have UDP ports.
        udp_ports: the RTP and the RTCP port; (0, 0) for any.
        options: times and limits.
        reader_listener: is told of readers that come and go.
        multicast: the groups that are served, None for none.

    Attributes:
        sessions: the readers, by the secret id of their RTSP session.
        own_reader: the login with which the gateway reads its own streams.
    """

    def __init__(
        self,
        catalogue: Catalogue,
        listeners: Sequence[Listener],
        udp_ports: tuple[int, int],
        *,
        options: ServerOptions | None = None,
        reader_listener: ReaderListener | None = None,
        multicast: Multicast | None = None,
    ) -> None:
        self.options = options or ServerOptions()
        self.sessions: dict[str, ReaderSession] = {}
        self._catalogue = catalogue
        self._reader_listener = reader_listener or NoListener()
        self._table = SessionTable(self.options, _session_id)
        self._listeners = ReaderListeners(listeners, lambda listener: ReaderConnection(self, listener))
        self._tunnels = ReaderTunnels()
        self._context = ServerContext(directory=self, sessions=self._table, options=self.options, udp_ports=None)
        self.own_reader = self._context.own_reader = OwnReader(is_this_machine)
        self._udp = ReaderUdp(udp_ports, self.counters, self)
        self._context.groups = multicast.groups if multicast is not None else None
        self._groups = ReaderGroups(multicast, self.options.report_interval_s, self.counters)
        self._door: Door[ReaderConnection] = Door(self.options)
        self._ticker: asyncio.Task[None] | None = None

    # -- life ----------------------------------------------------------------------------------------------------

    async def start(self) -> None:
        """Begin to listen.

        Raises:
            TransportError: an address is taken or not ours.
        """
        try:
            await self._listeners.start()
            await self._udp.open(self.listeners)
        except BaseException:
            await self.stop()
            raise
        self._context.udp_ports = self._udp.numbers
        self._ticker = asyncio.get_running_loop().create_task(self._tick())

    async def stop(self) -> None:
        """Say goodbye to readers and close everything."""
        if self._ticker is not None:
            self._ticker.cancel()
        self._listeners.close()
        for session in self._table:
            self.end_session(session, EndReason.SHUTDOWN)
        for connection in self._door.inside():
            connection.close(EndReason.SHUTDOWN)
        self._udp.close()
        self._groups.close()
        await asyncio.sleep(0)

    @property
    def ticker(self) -> asyncio.Task[None] | None:
        """Return the task that looks after connections and sessions, once the server listens."""
        return self._ticker

    async def _tick(self) -> None:
        next_look = clock.monotonic() + CERTIFICATE_S
        while True:
            await asyncio.sleep(self.options.tick_s)
            now = clock.monotonic()
            if now >= next_look:
                next_look = now + CERTIFICATE_S
                self._listeners.look_at_certificates()
            for session in self._table.silent(now):
                self.end_session(session, EndReason.SILENT)
            for connection in self._door.inside():
                connection.check(now)
            for connection in self._door.overstaying(now):
                connection.close(EndReason.CONNECTION_LIMIT)

    # -- for the service -----------------------------------------------------------------------------------------

    @property
    def listeners(self) -> list[Listener]:
        """Return the listeners, once the server was started with the ports that they really have."""
        return self._listeners.listeners

    @property
    def port(self) -> int:
        """Return the first listener's port."""
        return self.listeners[0].port

    @property
    def udp_ports(self) -> tuple[int, int]:
        """Return the RTP and the RTCP port."""
        return self._udp.numbers

    def group_of(self, path: str) -> Group | None:
        """Return the multicast group that a path is served to when somebody asks, None where there is none."""
        return self._context.groups.of(path) if self._context.groups is not None else None

    @property
    def counters(self) -> ServerCounters:
        """Return the counters of all connections over the life of the server."""
        return self._context.counters

    @property
    def connections(self) -> int:
        """Return how many connections there are."""
        return len(self._door)

    @property
    def ports_taken(self) -> set[int]:
        """Return the TCP ports of all listeners."""
        return {listener.port for listener in self.listeners}

    @property
    def host(self) -> str:
        """Return the first listener's address."""
        return self.listeners[0].host

    def url(self, host: str, path: str) -> str:
        """Return the URL of a served path at the first listener, whose host may go by another name."""
        return f"{self.listeners[0].scheme}://{_bracketed(host)}:{self.port}/{path}"

    def places(self) -> Mapping[str, object]:
        """Return where readers are served, for the log: the URL of the first listener, those of others, UDP ports."""
        urls = [f"{each.scheme}://{_bracketed(each.host)}:{each.port}/" for each in self.listeners]
        return {"url": urls[0], "udp_ports": self.udp_ports} | ({"also": urls[1:]} if urls[1:] else {})

    def end_readers(self, path: str, reason: EndReason) -> None:
        """End all sessions of a path: its session description is not true any more, or the stream is gone."""
        for session in self._table:
            if session.path == path:
                self._send_away(session, reason)

    def end_reader(self, reader: ReaderSession, reason: EndReason) -> None:
        """End one reader's session, and its connection where that serves no other session."""
        for session in self._table:
            if self.sessions.get(session.id) is reader:
                self._send_away(session, reason)

    def _send_away(self, session: ServerSession, reason: EndReason) -> None:
        connections = [connection for connection in self._door.inside() if connection.serves_only(session)]
        self.end_session(session, reason)
        for connection in connections:
            connection.close(reason)

    # -- for connections -----------------------------------------------------------------------------------------

    @property
    @override
    def context(self) -> ServerContext:
        return self._context

    @property
    @override
    def tunnels(self) -> ReaderTunnels:
        return self._tunnels

    @override
    def ports(self, listener: Listener) -> ReaderPorts | None:
        return self._udp.ports(listener)

    @property
    @override
    def groups(self) -> ReaderGroups:
        return self._groups

    @override
    def find(self, path: str) -> ServedStream | None:
        return self._catalogue.find(path)

    @override
    def admit(self, connection: ReaderConnection) -> bool:
        is_inside = self._door.let_in(connection)
        self.counters.connections += is_inside
        return is_inside

    @override
    def forget(self, connection: ReaderConnection) -> None:
        self._door.let_out(connection)

    @override
    def set_up(self, event: SetupRequested, track: Track, readers: Readers, peer: str) -> None:
        session, transport = event.session, _named(event.transport)
        reader = self.sessions.get(session.id)
        if reader is None:
            reader = self.sessions[session.id] = ReaderSession(
                id=secrets.token_hex(8),
                path=session.path,
                user=session.user,
                peer=peer,
                transport=transport,
                since=clock.wall_clock(),
                started=clock.monotonic(),
                fanout=readers,
                listener=self._reader_listener,
                is_own=session.user == self.own_reader.name,
            )
        reader.set_up(event.track, track, transport, readers)
        self._udp.set_up(session, event.track, track)
        self._groups.set_up(session, event.track, readers)

    @override
    def tear_down(self, session: ServerSession, number: int) -> None:
        reader = self.sessions.get(session.id)
        if reader is not None:
            self._udp.forget(session, number)
            reader.tear_down(number)
            self._groups.forget(session, number)

    @override
    def reader(self, session: ServerSession) -> ReaderSession | None:
        return self.sessions.get(session.id)

    @override
    def track(self, session: ServerSession, number: int) -> Track | None:
        reader = self.sessions.get(session.id)
        return reader.tracks.get(number) if reader is not None else None

    @override
    def end_session(self, session: ServerSession, reason: EndReason) -> None:
        self._table.remove(session)
        reader = self.sessions.pop(session.id, None)
        if reader is not None:
            self._udp.forget(session)
            reader.end(reason)
            self._groups.forget(session)

    @override
    def connection_ended(self, peer: str, reason: EndReason) -> None:
        self._reader_listener.connection_ended(peer, reason)

    # -- Directory -----------------------------------------------------------------------------------------------

    @override
    def passwords(self) -> dict[str, str]:
        return self._catalogue.passwords()

    @override
    def may_read(self, user: str, path: str) -> bool:
        return user == self.own_reader.name or self._catalogue.may_read(user, path)

    @override
    def tracks(self, path: str) -> int:
        found = self._catalogue.find(path)
        if found is None:
            return 0
        return 2 if found.fanout.audio_rate else 1

    @override
    def aliased(self, path: str) -> str | None:
        return self._catalogue.aliased(path)

    @override
    def is_disabled(self, path: str) -> bool:
        found = self._catalogue.find(path)
        return found is not None and not found.is_enabled


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def _named(transport: Transport) -> SessionTransport:
    if not transport.unicast:
        return "multicast"
    return "tcp" if transport.lower == "TCP" else "udp"


def _session_id() -> str:
    return "".join(secrets.choice(_SESSION_ALPHABET) for _ in range(16))
