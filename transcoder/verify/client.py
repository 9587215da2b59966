"""The client holds the sockets around a dialog: one RTSP connection and, where wanted, UDP ports. It decides nothing.

The laboratory, the tests and the benchmarks read with this client as well; there is no other one.
"""

import asyncio
import contextlib
import os
import socket
import ssl
import time
from typing import cast

from typing_extensions import override

from transcoder.errors import TransportError
from transcoder.verify.dialog import Dialog, server_ports
from transcoder.verify.messages import Frame, Message, Stray
from transcoder.verify.target import Target

CONNECT_S = 10.0
ANSWER_S = 12.0
"""The seconds for an answer: a server may wait 5 s for parameter sets before it answers DESCRIBE, and for the first
picture before it answers PLAY."""
KEEP_ALIVE_S = 20.0
LEAVE_S = 1.0
_BUFFER = 4 << 20
"""Bytes of a UDP receive buffer."""
_PORT_TRIES = 50


class Listener:
    """Hears everything that comes; each method does nothing where it is not overridden."""

    def received(self, data: bytes) -> None:
        """Hear bytes of the connection, or a datagram, as they came."""

    def message(self, message: Message) -> None:
        """Hear a message of the server."""

    def packet(self, channel: int, data: bytes, at: float) -> None:
        """Hear an interleaved frame, or a datagram.

        Args:
            channel: the channel of the frame; for a datagram, the channel that was given to `set_up_udp`, or the next
                one for RTCP.
            data: an RTP or RTCP packet.
            at: monotonic seconds when the packet came.
        """

    def stray(self, data: bytes) -> None:
        """Hear bytes that are neither a message nor a frame."""


class UdpPorts:
    """Holds two neighbouring UDP ports, the first one even (RFC 3550 section 11)."""

    def __init__(self) -> None:
        self.number = 0
        self.server: tuple[int, int] | None = None
        self.transports: list[asyncio.DatagramTransport] = []

    async def open(self, listener: Listener, channel: int, family: socket.AddressFamily) -> None:
        """Listen on both ports.

        Raises:
            TransportError: no pair of ports is free.
        """
        for index, each in enumerate(_free_pair(family)):
            self.number = self.number or each.getsockname()[1]
            self.transports.append(await _listen(each, _UdpPort(listener, channel + index)))

    def send(self, host: str, index: int, data: bytes) -> None:
        """Send to the server's port of the same kind: index 0 RTP, 1 RTCP."""
        if self.server is not None:
            self.transports[index].sendto(data, (host, self.server[index]))

    def close(self) -> None:
        """Close both ports."""
        for transport in self.transports:
            transport.close()


class RtspClient(asyncio.Protocol):
    """Makes one connection to a server.

    Args:
        target: the URL to read, and the user to log in as.
        listener: hears everything that comes.
        agent: the User-Agent of requests.

    Attributes:
        dialog: makes requests and keeps their state.
        closed: set when the connection is gone.
        certificate: the certificate that the server showed over TLS, DER; b"" without TLS. Nobody checked it.
        ports: the UDP ports of media that were set up over UDP.
    """

    def __init__(self, target: Target, listener: Listener, *, agent: str = "verify") -> None:
        self._target = target
        self._listener = listener
        self._answers: asyncio.Queue[tuple[int, Message]] = asyncio.Queue()
        self._transport: asyncio.Transport | None = None
        self.dialog = Dialog(target, agent=agent)
        self._next_sign = time.monotonic() + KEEP_ALIVE_S
        self.closed = asyncio.Event()
        self.certificate = b""
        self.ports: list[UdpPorts] = []

    # -- the connection ------------------------------------------------------------------------------------------

    async def connect(self) -> None:
        """Connect to the server.

        Raises:
            TransportError: nobody answers there; the message says what to do.
        """
        target, loop = self._target, asyncio.get_running_loop()
        try:
            async with asyncio.timeout(CONNECT_S):
                context = unchecked_tls() if target.is_secure else None
                await loop.create_connection(lambda: self, target.host, target.port, ssl=context)
        except ssl.SSLError as error:  # its number is OpenSSL's
            reason = (error.reason or "no reason").lower().replace("_", " ")
            raise TransportError(f"no TLS with {target.host}:{target.port}: {reason}; is it served there?") from None
        except OSError as error:  # TimeoutError is one
            of_system = (
                os.strerror(error.errno) if error.errno and error.errno > 0 else None
            )  # asyncio has its own text
            reason = of_system or error.strerror or str(error) or "no answer"
            raise TransportError(
                f"no connection to {target.host}:{target.port}: {reason}; is it served there?"
            ) from None

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is none by inheritance
        secured = transport.get_extra_info("ssl_object")
        self.certificate = (secured.getpeercert(binary_form=True) or b"") if secured is not None else b""

    @override
    def data_received(self, data: bytes) -> None:
        at = time.monotonic()
        listener = self._listener
        listener.received(data)
        for item in self.dialog.receive(data):
            if isinstance(item, Frame):
                listener.packet(item.channel, item.data, at)
            elif isinstance(item, Stray):
                listener.stray(item.data)
            else:
                listener.message(item)
                if item.is_response and (number := self.dialog.number_of(item)):
                    self._answers.put_nowait((number, item))

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        self.closed.set()

    def stop_reading(self) -> None:
        """Stop taking bytes from the connection, as a reader that hangs does."""
        if self._transport is not None:
            self._transport.pause_reading()

    def go_on_reading(self) -> None:
        """Take bytes from the connection again."""
        if self._transport is not None:
            self._transport.resume_reading()

    def write(self, data: bytes) -> None:
        """Write to the connection; nothing is written to a connection that is gone."""
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(data)

    def close_connection(self) -> None:
        """Close the connection and leave UDP ports open, because a session over UDP outlives its connection."""
        if self._transport is not None:
            self._transport.close()

    def close(self) -> None:
        """Close everything, without a word to the server."""
        if self._transport is not None:
            self._transport.abort()
        for ports in self.ports:
            ports.close()

    async def leave(self) -> None:
        """Send TEARDOWN, give the server a moment to answer, and close everything."""
        try:
            if self.dialog.session and not self.closed.is_set():
                async with asyncio.timeout(LEAVE_S):
                    await self.request("TEARDOWN")
        except (TimeoutError, TransportError):
            pass  # the connection is gone: nothing left to say goodbye to
        finally:
            self.close()

    # -- requests ------------------------------------------------------------------------------------------------

    def send_request(self, method: str, uri: str = "", fields: dict[str, str] | None = None) -> int:
        """Send a request that nobody waits for, and return its number."""
        self.write(self.dialog.request(method, uri or self.dialog.base, fields or {}))
        return self.dialog.cseq

    async def request(self, method: str, uri: str = "", **fields: str) -> Message:
        """Send a request and wait for its answer; where the server asks for a login, send it once more with the login.

        Args:
            method: the method of the request.
            uri: the URI of the request; "" stands for the base.
            fields: additional fields, `_` for `-`.

        Raises:
            TransportError: no answer came.
        """
        named = {name.replace("_", "-"): value for name, value in fields.items()}
        answer = await self._exchange(method, uri, named)
        if self.dialog.may_try_again(answer):
            answer = await self._exchange(method, uri, named)
        if answer.status == 200:
            self.dialog.note(method, answer)
        return answer

    async def _exchange(self, method: str, uri: str, fields: dict[str, str]) -> Message:
        number = self.send_request(method, uri, fields)
        try:
            async with asyncio.timeout(ANSWER_S):
                while True:
                    answered, answer = await self.next_answer(method)
                    if answered == number:
                        return answer
        except TimeoutError:
            raise TransportError(f"{method} is not answered within {ANSWER_S:g} s") from None

    async def next_answer(self, method: str) -> tuple[int, Message]:
        """Wait for an answer that nobody took.

        Args:
            method: the method of the request that the answer is to, for the error.

        Returns:
            The number of its request, and the answer.

        Raises:
            TransportError: the connection is gone.
        """
        answer = asyncio.ensure_future(self._answers.get())
        closed = asyncio.ensure_future(self.closed.wait())
        try:
            await asyncio.wait({answer, closed}, return_when=asyncio.FIRST_COMPLETED)
            if answer.done():
                return answer.result()
        finally:
            answer.cancel()
            closed.cancel()
        raise TransportError(f"the server closed the connection instead of answering {method}")

    async def set_up(self, uri: str, channel: int) -> Message:
        """Set up a media on interleaved channels: this channel and the next."""
        return await self.request("SETUP", uri, Transport=f"RTP/AVP/TCP;unicast;interleaved={channel}-{channel + 1}")

    async def set_up_udp(self, uri: str, channel: int) -> Message:
        """Set up a media over UDP; its datagrams are heard as if they came on this channel and the next.

        Raises:
            TransportError: no answer came, or no pair of ports is free.
        """
        ports = UdpPorts()
        await ports.open(self._listener, channel, socket.AF_INET6 if ":" in self._target.host else socket.AF_INET)
        self.ports.append(ports)
        answer = await self.request(
            "SETUP", uri, Transport=f"RTP/AVP;unicast;client_port={ports.number}-{ports.number + 1}"
        )
        ports.server = server_ports(answer)
        if answer.status != 200:
            self.ports.remove(ports)
            ports.close()
        return answer

    def punch(self) -> None:
        """Open the way for UDP: send an empty RTP packet and an empty RR to the ports that the media will come from."""
        for ports in self.ports:
            ports.send(self._target.host, 0, b"\x80\x00" + bytes(10))
            ports.send(self._target.host, 1, b"\x80\xc9\x00\x01" + bytes(4))

    async def stay(self, seconds: float) -> None:
        """Stay for so many seconds or until the server closes, with a sign of life now and then."""
        end = time.monotonic() + seconds
        while not self.closed.is_set() and (left := end - time.monotonic()) > 0:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(min(left, max(self._next_sign - time.monotonic(), 0.0))):
                    await self.closed.wait()
            if time.monotonic() >= self._next_sign:
                self._next_sign = time.monotonic() + KEEP_ALIVE_S
                self.send_request("OPTIONS")


class _UdpPort(asyncio.DatagramProtocol):
    def __init__(self, listener: Listener, channel: int) -> None:
        self._listener = listener
        self._channel = channel

    @override
    def datagram_received(self, data: bytes, addr: object) -> None:
        at = time.monotonic()
        self._listener.received(data)
        self._listener.packet(self._channel, data, at)

    @override
    def error_received(self, exc: Exception) -> None:
        pass  # the ICMP answer to a punch says nothing: the server may begin to listen later


def unchecked_tls() -> ssl.SSLContext:
    """Return the settings of TLS with a server whose certificate nobody checks: what it sends is looked at anyway."""
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    made.check_hostname = False
    made.verify_mode = ssl.CERT_NONE
    return made


async def _listen(bound: socket.socket, port: _UdpPort) -> asyncio.DatagramTransport:
    transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(lambda: port, sock=bound)
    return transport


def _free_pair(family: socket.AddressFamily) -> list[socket.socket]:
    for _ in range(_PORT_TRIES):
        rtp, rtcp = socket.socket(family, socket.SOCK_DGRAM), socket.socket(family, socket.SOCK_DGRAM)
        try:
            rtp.bind(("", 0))
            port = rtp.getsockname()[1]
            if port % 2:
                raise OSError("odd")  # noqa: TRY301  # handled like a port that is taken
            rtcp.bind(("", port + 1))
        except OSError:
            rtp.close()
            rtcp.close()
            continue
        for each in (rtp, rtcp):
            each.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _BUFFER)
            each.setblocking(False)
        return [rtp, rtcp]
    raise TransportError("no pair of free UDP ports")
