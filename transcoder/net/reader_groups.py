"""Multicast groups are sent to from here: a feed for each served path, for as long as sessions have it set up."""

import asyncio
import ipaddress
import socket
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import structlog
from typing_extensions import override

from transcoder import clock
from transcoder.errors import TransportError
from transcoder.net.listening import plain_host
from transcoder.net.reader_ports import UDP_SEND_BUFFER, read_reports, reported_ssrcs
from transcoder.net.sockets import Binding, multicast_socket
from transcoder.output.fanout import Fanout, Outlet, Readers, Track
from transcoder.output.group_feed import GroupFeed
from transcoder.rtp.sender import FRAMING_SIZE, PreparedAccessUnit
from transcoder.rtsp.multicast_groups import TRACKS, Group, MulticastGroups
from transcoder.rtsp.server_events import ServerCounters
from transcoder.rtsp.session import ServerSession

LINE_S: Final = 60.0
"""Seconds between lines about groups that can't be sent to: readers try again and again."""
INTERFACES: Final = Path("/proc/net/if_inet6")
"""The file in which Linux lists the addresses of IPv6: address, number of the interface, and more, hexadecimal."""

log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class Multicast:
    """Says which groups are served.

    Attributes:
        groups: knows the group of each path.
        interface: the network interface that groups are sent from; None for that of the address readers connect to.
    """

    groups: MulticastGroups
    interface: str | None = None


class GroupOutlet(Outlet):
    """Sends one track to a group."""

    def __init__(self, transport: asyncio.DatagramTransport, address: str, ports: tuple[int, int]) -> None:
        self._transport = transport
        self._rtp_address, self._rtcp_address = (address, ports[0]), (address, ports[1])

    @override
    def backlog(self) -> int:
        return int(self._transport.get_write_buffer_size())  # type: ignore[attr-defined]  # as in reader_ports

    @override
    def send_frames(self, data: bytearray, unit: PreparedAccessUnit) -> None:
        view = memoryview(data)
        ends = (*unit.offsets[1:], len(data))
        for start, end in zip(unit.offsets, ends, strict=True):
            self._transport.sendto(view[start + FRAMING_SIZE : end], self._rtp_address)

    @override
    def send_rtcp(self, data: bytes) -> None:
        self._transport.sendto(data, self._rtcp_address)


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupPath:
    """Names what is sent where: a feed belongs to one.

    Attributes:
        path: the path of the stream.
        group: the path's group.
        local: the address of ours that readers connected to, from whose network the group is sent.
    """

    path: str
    group: Group
    local: str


class _Feed:
    """Holds the sockets of one group, and the sessions that have it set up.

    Args:
        where: the group and the address of ours.
        fanout: the readers of the output.
        report_interval_s: the time between sender reports.
        on_ignored: is called for each datagram in the group's RTCP ports that is no report of a session.
    """

    def __init__(
        self, where: GroupPath, fanout: Fanout, report_interval_s: float, on_ignored: Callable[[], None]
    ) -> None:
        self.where = where
        self.fanout = fanout
        self.readers = GroupFeed(fanout, self._track)
        self.sessions: set[tuple[ServerSession, int]] = set()
        self._report_interval_s = report_interval_s
        self._on_ignored = on_ignored
        self._sender: asyncio.DatagramTransport | None = None
        self._hearing: list[asyncio.DatagramTransport] = []
        self._ssrcs: set[int] = set()

    async def open(self, binding: Binding) -> None:
        """Open the sockets.

        Raises:
            OSError: there is no way to the group.
        """
        loop = asyncio.get_running_loop()
        group = self.where.group
        sock = sending_socket(self.where.local, binding.interface, group)
        self._sender, _ = await loop.create_datagram_endpoint(asyncio.DatagramProtocol, sock=sock)
        for number in range(TRACKS):
            # receivers report to the group (RFC 3550 section 6.2)
            sock = multicast_socket(group.address, group.ports(number)[1], binding)
            heard, _ = await loop.create_datagram_endpoint(
                lambda: _Reports(self._on_report, self._on_ignored), sock=sock
            )
            self._hearing.append(heard)

    def close(self) -> None:
        """Close the sockets, which leaves the group."""
        for transport in (self._sender, *self._hearing):
            if transport is not None:
                transport.close()
        self._sender, self._hearing = None, []

    def _track(self, number: int) -> Track:
        if self._sender is None:
            raise TransportError("the multicast group is closed")
        sender = self.fanout.new_sender(self._report_interval_s, audio=number == 1)
        self._ssrcs.add(sender.ssrc)
        group = self.where.group
        return Track(outlet=GroupOutlet(self._sender, group.address, group.ports(number)), sender=sender)

    def _on_report(self, host: str, sender: int, ssrcs: set[int]) -> None:
        if sender in self._ssrcs:
            return  # our own report, which comes back
        reporting = {session for session, _ in self.sessions if session.address == host} if ssrcs & self._ssrcs else ()
        for session in reporting:
            session.last_seen = clock.monotonic()
        if not reporting:
            self._on_ignored()


class ReaderGroups:
    """Holds the feeds of all groups that somebody has set up.

    Args:
        multicast: the groups that are served, None for none.
        report_interval_s: the time between sender reports.
        counters: the counters of the server.
    """

    def __init__(self, multicast: Multicast | None, report_interval_s: float, counters: ServerCounters) -> None:
        self._multicast = multicast
        self._report_interval_s = report_interval_s
        self._counters = counters
        self._feeds: dict[GroupPath, _Feed] = {}
        self._opening = asyncio.Lock()
        self._next_line = 0.0

    def __len__(self) -> int:
        return len(self._feeds)

    async def feed(self, path: str, local: str, fanout: Fanout) -> GroupFeed:
        """Return the feed of a path's group, whose sockets are open; a track of it has to be set up at once.

        Args:
            path: the path of the stream.
            local: the address of ours that the reader connected to.
            fanout: the readers of the stream.

        Raises:
            TransportError: the group can't be sent to.
        """
        multicast = self._multicast
        group = multicast.groups.of(path, is_ipv6=":" in local) if multicast is not None else None
        if multicast is None or group is None:
            raise TransportError("there is no multicast group")
        interface = multicast.interface or (interface_of(local) if ":" in local else None)
        where = GroupPath(path=path, group=group, local=local)
        async with self._opening:
            found = self._feeds.get(where)
            if found is None or found.fanout is not fanout:
                found = _Feed(where, fanout, self._report_interval_s, self._on_ignored)
                try:
                    await found.open(Binding(address=local if interface is None else None, interface=interface))
                except BaseException as error:
                    found.close()
                    if isinstance(error, OSError):
                        raise self._refused(where, error) from None
                    raise
                replaced = self._feeds.get(where)
                if replaced is not None:  # of a stream that went and came back while its readers' sessions linger
                    replaced.close()
                self._feeds[where] = found
        return found.readers

    def set_up(self, session: ServerSession, number: int, readers: Readers) -> None:
        """Note that a session has a track set up, which is a feed's where its readers are."""
        for feed in self._feeds.values():
            if feed.readers is readers:
                feed.sessions.add((session, number))
        self._forget(session, number, but=readers)

    def forget(self, session: ServerSession, number: int | None = None) -> None:
        """Forget a track of a session, or all of them, and close the feeds that nobody has set up any more."""
        self._forget(session, number)

    def _forget(self, session: ServerSession, number: int | None, but: Readers | None = None) -> None:
        for where, feed in list(self._feeds.items()):
            if feed.readers is but:
                continue
            feed.sessions = {each for each in feed.sessions if each[0] is not session or number not in {None, each[1]}}
            if not feed.sessions:
                feed.close()
                del self._feeds[where]

    def close(self) -> None:
        """Close all feeds."""
        for feed in self._feeds.values():
            feed.close()
        self._feeds.clear()

    def _refused(self, where: GroupPath, error: OSError) -> TransportError:
        """Return the error of a group that can't be sent to, and tell the operator of it now and then."""
        reason, now = error.strerror or str(error), clock.monotonic()
        if now >= self._next_line:
            self._next_line = now + LINE_S
            words = f"{where.path} can't be sent to the group {where.group.address}: {reason}"
            log.warning("multicast failed", words=words, path=where.path, group=where.group.address, reason=reason)
        return TransportError(f"multicast to {where.group.address}: {reason}")

    def _on_ignored(self) -> None:
        self._counters.ignored_reports += 1


def interface_of(address: str) -> str | None:
    """Return the interface that has an address of IPv6: groups are sent from an interface there, not from an address.

    Args:
        address: the address, maybe with a zone.
    """
    plain = int(ipaddress.IPv6Address(address.partition("%")[0]))
    try:
        for line in INTERFACES.read_text(encoding="ascii").splitlines():
            number, index, *_ = line.split()
            if int(number, 16) == plain:
                return socket.if_indextoname(int(index, 16))
    except (OSError, ValueError):  # no Linux, or the interface went this moment: the kernel chooses
        pass
    return None


def sending_socket(local: str, interface: str | None, group: Group) -> socket.socket:
    """Open a socket that sends to a group.

    Args:
        local: the address of ours from whose network is sent.
        interface: the network interface to send from instead, or None.
        group: the group.

    Raises:
        OSError: the address or the interface is not ours.
    """
    is_ipv6 = ":" in group.address
    sock = socket.socket(socket.AF_INET6 if is_ipv6 else socket.AF_INET, socket.SOCK_DGRAM)
    try:
        sock.setblocking(False)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, UDP_SEND_BUFFER)
        index = socket.if_nametoindex(interface) if interface else 0
        if is_ipv6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_HOPS, group.ttl)
            if index:
                sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_IF, index)
            else:
                sock.bind((local, 0))
        else:
            sock.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_TTL, group.ttl)
            address = socket.inet_aton("0.0.0.0" if index else local)
            request = socket.inet_aton("0.0.0.0") + address + index.to_bytes(4, "little")
            sock.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, request)
            sock.bind((local if not index else "0.0.0.0", 0))
    except BaseException:
        sock.close()
        raise
    return sock


class _Reports(asyncio.DatagramProtocol):
    """Takes the reports that receivers send to the group."""

    def __init__(self, on_report: Callable[[str, int, set[int]], None], on_ignored: Callable[[], None]) -> None:
        self._on_report, self._on_ignored = on_report, on_ignored

    @override
    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        reports = read_reports(data)
        if reports:
            self._on_report(plain_host(addr[0]), reports[0].ssrc, reported_ssrcs(reports))
        else:
            self._on_ignored()
