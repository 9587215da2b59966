"""All readers over UDP are sent to from this one pair of ports; its RTCP port hears their reports."""

import asyncio
import functools
import socket
from collections.abc import Callable

from typing_extensions import override

from transcoder.errors import PayloadError
from transcoder.net.listening import plain_host
from transcoder.net.sockets import is_this_machine
from transcoder.output.fanout import Outlet
from transcoder.rtp.rtcp import ReceiverReport, SenderReport, parse_rtcp
from transcoder.rtp.sender import FRAMING_SIZE, PreparedAccessUnit

Address = tuple[str, int]
OnReport = Callable[[Address, set[int]], None]
OnPunch = Callable[[Address, bytes], None]

UDP_SEND_BUFFER = 4 << 20
"""Bytes of the send buffer: an IDR of several streams at once."""
_TRIES = 20
"""The number of tries for a pair of free ports, where no pair is configured."""


class UdpOutlet(Outlet):
    """Sends one track to a reader's pair of ports."""

    def __init__(
        self, rtp: asyncio.DatagramTransport, rtcp: asyncio.DatagramTransport, host: str, ports: tuple[int, int]
    ) -> None:
        self._rtp = rtp
        self._rtcp = rtcp
        self.host, self.ports = host, ports
        # a socket of IPv6 knows IPv4 by mapped addresses alone (RFC 3493 section 3.7)
        self._shown = f"::ffff:{host}" if ":" not in host and rtp.get_extra_info("sockname")[0].count(":") else host
        self.move(ports)

    def move(self, ports: tuple[int, int]) -> None:
        """Send to other ports of the same host from now on."""
        self.ports = ports
        self._rtp_address, self._rtcp_address = (self._shown, ports[0]), (self._shown, ports[1])

    @override
    def backlog(self) -> int:
        # both loops' datagram transports have it, the type declared for them does not
        return int(self._rtp.get_write_buffer_size())  # type: ignore[attr-defined]

    @override
    def send_frames(self, data: bytearray, unit: PreparedAccessUnit) -> None:
        view = memoryview(data)
        send, address = self._rtp.sendto, self._rtp_address
        ends = (*unit.offsets[1:], len(data))
        for start, end in zip(unit.offsets, ends, strict=True):
            send(view[start + FRAMING_SIZE : end], address)

    @override
    def send_rtcp(self, data: bytes) -> None:
        self._rtcp.sendto(data, self._rtcp_address)


class ReaderPorts:
    """Holds the server's RTP and RTCP port.

    Args:
        host: the address to listen on.
        numbers: the RTP and the RTCP port; (0, 0) for any even port and the next one.
        on_report: is told the address that a report came from, and the SSRCs that it is about.
        on_punch: is told the address that a datagram at the RTP port came from, and gets the datagram.
        on_ignored: is called for each datagram at the RTCP port that is no report.
    """

    def __init__(
        self,
        host: str,
        numbers: tuple[int, int],
        on_report: OnReport,
        on_punch: OnPunch,
        on_ignored: Callable[[], None],
    ) -> None:
        self._host = host
        self._on_report, self._on_punch, self._on_ignored = on_report, on_punch, on_ignored
        self._rtp: asyncio.DatagramTransport | None = None
        self._rtcp: asyncio.DatagramTransport | None = None
        self.numbers = numbers

    async def open(self) -> None:
        """Open both ports.

        Raises:
            OSError: the ports are taken, or the address is not ours.
        """
        for _ in range(_TRIES):
            if await self._open_pair():
                return
        raise OSError("no pair of free UDP ports")

    async def _open_pair(self) -> bool:
        loop = asyncio.get_running_loop()
        wanted_rtp, wanted_rtcp = self.numbers
        rtp, _ = await loop.create_datagram_endpoint(
            functools.partial(_RtpEndpoint, self._on_punch), local_addr=(self._host, wanted_rtp)
        )
        number = rtp.get_extra_info("sockname")[1]
        try:
            if not wanted_rtp and number % 2:
                raise OSError("an odd port")  # noqa: TRY301  # tried again
            rtcp, _ = await loop.create_datagram_endpoint(
                functools.partial(_RtcpEndpoint, self._on_report, self._on_ignored),
                local_addr=(self._host, wanted_rtcp or number + 1),
            )
        except OSError:
            rtp.close()
            if wanted_rtp:
                raise
            return False
        rtp.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, UDP_SEND_BUFFER)
        self._rtp, self._rtcp = rtp, rtcp
        self.numbers = (number, wanted_rtcp or number + 1)
        return True

    def outlet(self, host: str, ports: tuple[int, int]) -> UdpOutlet | None:
        """Make an outlet to a reader's ports; return None where the server's own ports are closed, or are these ports.

        A session whose packets come to the server itself would be kept alive by the server's own reports.
        """
        if self._rtp is None or self._rtcp is None or (set(ports) & set(self.numbers) and is_this_machine(host)):
            return None
        return UdpOutlet(self._rtp, self._rtcp, host, ports)

    def close(self) -> None:
        """Close both ports."""
        for transport in (self._rtp, self._rtcp):
            if transport is not None:
                transport.close()
        self._rtp = self._rtcp = None


def read_reports(data: bytes) -> list[ReceiverReport | SenderReport]:
    """Return the reports of an RTCP datagram; there are none in one that can't be read."""
    try:
        packets = parse_rtcp(data)
    except PayloadError:
        return []
    return [packet for packet in packets if isinstance(packet, ReceiverReport | SenderReport)]


def reported_ssrcs(reports: list[ReceiverReport | SenderReport]) -> set[int]:
    """Return the SSRCs that reports are about."""
    return {block.ssrc for report in reports for block in report.reports}


class _RtcpEndpoint(asyncio.DatagramProtocol):
    """Takes reports over UDP as signs of life."""

    def __init__(self, on_report: OnReport, on_ignored: Callable[[], None]) -> None:
        self._on_report, self._on_ignored = on_report, on_ignored

    @override
    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        reports = read_reports(data)
        if reports:
            self._on_report((plain_host(addr[0]), addr[1]), reported_ssrcs(reports))
        else:
            self._on_ignored()


class _RtpEndpoint(asyncio.DatagramProtocol):
    """Receives the hole punches of readers."""

    def __init__(self, on_punch: OnPunch) -> None:
        self._on_punch = on_punch

    @override
    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self._on_punch((plain_host(addr[0]), addr[1]), data)
