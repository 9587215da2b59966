"""Readers over UDP are known here, with the pairs of ports that they are sent from and the sessions that report."""

from collections.abc import Sequence
from typing import Protocol

from transcoder import clock
from transcoder.errors import not_bound
from transcoder.net.reader_listeners import Listener
from transcoder.net.reader_ports import Address, ReaderPorts, UdpOutlet
from transcoder.output.fanout import Track
from transcoder.rtsp.reader_addresses import Moved, ReaderAddresses
from transcoder.rtsp.server_events import ServerCounters
from transcoder.rtsp.session import ServerSession


class ReadersTracks(Protocol):
    """This is the part of the server that knows the tracks of a session."""

    def track(self, session: ServerSession, number: int) -> Track | None:
        """Return a track of a reader, None where the reader has ended or has no such track."""


class ReaderUdp:
    """Holds a pair of ports for each plain listener's address, and the readers that are sent to from there.

    Args:
        numbers: the RTP and the RTCP port; (0, 0) for any.
        counters: the counters of the server.
        tracks: knows the tracks of a session.

    Attributes:
        numbers: the RTP and the RTCP port, once they are open.
    """

    def __init__(self, numbers: tuple[int, int], counters: ServerCounters, tracks: ReadersTracks) -> None:
        self.numbers = numbers
        self._counters = counters
        self._tracks = tracks
        self._ports: dict[str, ReaderPorts] = {}
        self._addresses: ReaderAddresses[ServerSession] = ReaderAddresses()

    async def open(self, listeners: Sequence[Listener]) -> None:
        """Open the ports of all plain listeners' addresses.

        Raises:
            TransportError: the ports are taken, or an address is not ours.
        """
        for listener in listeners:
            if listener.certificate is not None or listener.host in self._ports:
                continue
            ports = ReaderPorts(listener.host, self.numbers, self._on_report, self._on_punch, self._on_ignored)
            try:
                await ports.open()
            except OSError as error:
                raise not_bound(f"rtsp.udp_ports {list(self.numbers)} of {listener.host}", error) from None
            self._ports[listener.host] = ports
            self.numbers = ports.numbers  # any ports: those of the first address are those of all

    def close(self) -> None:
        """Close all ports."""
        for ports in self._ports.values():
            ports.close()

    def ports(self, listener: Listener) -> ReaderPorts | None:
        """Return the ports of a listener's address; None where nothing is sent in the clear."""
        return self._ports.get(listener.host) if listener.certificate is None else None

    def set_up(self, session: ServerSession, number: int, track: Track) -> None:
        """Take the reports of a track as signs of life of its session, if the track goes over UDP."""
        self.forget(session, number)
        outlet = track.outlet
        if isinstance(outlet, UdpOutlet):
            self._addresses.add(session, number, outlet.host, outlet.ports, track.sender.ssrc)

    def forget(self, session: ServerSession, number: int | None = None) -> None:
        """Take no more reports of a track, or of all tracks, as signs of life of a session."""
        self._addresses.remove(session, session.address, number)

    def _on_report(self, address: Address, ssrcs: set[int]) -> None:
        now = clock.monotonic()
        alive, moved = self._addresses.receive_report(*address, ssrcs, now)
        for session in alive:
            session.last_seen = now
        if not alive:
            self._on_ignored()
        self._move(moved)

    def _on_punch(self, address: Address, data: bytes) -> None:
        self._move(self._addresses.receive_punch(*address, data, clock.monotonic()))

    def _move(self, moved: list[Moved[ServerSession]]) -> None:
        for each in moved:
            track = self._tracks.track(each.owner, each.number)
            if track is not None and isinstance(track.outlet, UdpOutlet):
                self._counters.moved_readers += 1
                track.outlet.move(each.ports)

    def _on_ignored(self) -> None:
        self._counters.ignored_reports += 1
