"""Sockets towards cameras are made here: bound where the operator wants camera traffic to stay."""

import asyncio
import contextlib
import ipaddress
import os
import socket
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass

from transcoder.errors import ConnectionRefused, NotConnected

RECEIVE_BUFFER = 4 << 20
"""Bytes of the receive buffer: over UDP an I picture of 2 MB comes in one burst."""

HEAD_START_S = 0.25
"""Seconds that an address of a host is tried before the next address is tried as well (RFC 8305 section 8)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Binding:
    """Holds the local address and interface from which connections to a camera are made.

    Attributes:
        address: the local address, or None for the system's choice.
        interface: the name of a network interface, or None.
    """

    address: str | None = None
    interface: str | None = None


def is_this_machine(address: str) -> bool:
    """Return whether a connection to an address ends on this machine; nothing is sent to find out."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return False
    if isinstance(parsed, ipaddress.IPv6Address) and parsed.ipv4_mapped is not None:
        parsed = parsed.ipv4_mapped
    if parsed.is_loopback or parsed.is_unspecified:  # a connection to 0.0.0.0 goes to this machine
        return True
    family = socket.AF_INET if parsed.version == 4 else socket.AF_INET6
    with socket.socket(family, socket.SOCK_DGRAM) as sock:
        try:
            sock.connect((str(parsed), 9))  # the kernel chooses the local address, which is the same for one of ours
            return ipaddress.ip_address(sock.getsockname()[0]) == parsed
        except OSError:
            return False


def new_socket(host: str, kind: socket.SocketKind, binding: Binding, port: int = 0) -> socket.socket:
    """Make a non-blocking socket for talking to a host, bound as wanted.

    Args:
        host: an address, which decides the family.
        kind: SOCK_STREAM or SOCK_DGRAM.
        binding: the address and interface.
        port: the local port, 0 for any; datagram sockets are always bound.

    Raises:
        OSError: the address is not ours, the port is taken or the interface unknown.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    sock = socket.socket(family, kind)
    try:
        sock.setblocking(False)
        if binding.interface:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, binding.interface.encode() + b"\0")
        if binding.address or kind is socket.SOCK_DGRAM:
            anywhere = "::" if family == socket.AF_INET6 else "0.0.0.0"
            sock.bind((binding.address or anywhere, port))
        if kind is socket.SOCK_DGRAM:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER)
    except BaseException:
        sock.close()
        raise
    return sock


async def connect(host: str, port: int, binding: Binding) -> socket.socket:
    """Connect a stream socket.

    Raises:
        OSError: there is no connection.
    """
    sock = new_socket(host, socket.SOCK_STREAM, binding)
    try:
        await asyncio.get_running_loop().sock_connect(sock, (host, port))
    except BaseException:
        sock.close()
        raise
    return sock


@contextlib.asynccontextmanager
async def connecting(port: int, timeout_s: float) -> AsyncIterator[None]:
    """Give a connection time to stand, and word its failure.

    Raises:
        NotConnected: there was no connection in time, or none at all.
        ConnectionRefused: the host is up and nothing listens at the port.
    """
    try:
        async with asyncio.timeout(timeout_s):
            yield
    except TimeoutError:
        raise NotConnected(f"no connection to port {port} in {timeout_s:g} s") from None
    except OSError as error:
        reason = os.strerror(error.errno) if error.errno else str(error)  # the event loop words it in another way
        kind = ConnectionRefused if isinstance(error, ConnectionRefusedError) else NotConnected
        raise kind(f"no connection to port {port}: {reason}") from None


async def connect_any(hosts: Sequence[str], port: int, binding: Binding) -> tuple[socket.socket, str]:
    """Connect to the first of several addresses of a host that answers; each has a head start over the next one.

    Returns:
        The connected socket, and the address that it is connected to.

    Raises:
        OSError: there is no connection to any of them; where one refused, that error, because the host is up.

    Source: RFC 8305 section 5.
    """
    loop = asyncio.get_running_loop()
    waiting, errors = list(hosts), list[OSError]()
    attempts: dict[asyncio.Task[socket.socket], str] = {}
    try:
        while waiting or attempts:
            if waiting:
                host = waiting.pop(0)
                attempts[loop.create_task(connect(host, port, binding))] = host
            timeout = HEAD_START_S if waiting else None
            done, _ = await asyncio.wait(attempts, timeout=timeout, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                host = attempts.pop(task)
                error = task.exception()
                if error is None:
                    attempts |= {other: "" for other in done if other is not task}
                    return task.result(), host
                if not isinstance(error, OSError):
                    raise error
                errors.append(error)
    finally:
        for task in attempts:
            task.add_done_callback(_close_socket)
            task.cancel()
    raise next((error for error in errors if isinstance(error, ConnectionRefusedError)), errors[0])


def _close_socket(task: asyncio.Task[socket.socket]) -> None:
    """Close the connection of an attempt that nobody needs any more."""
    if not task.cancelled() and task.exception() is None:
        task.result().close()


def port_pair(host: str, binding: Binding) -> tuple[socket.socket, socket.socket]:
    """Open two neighbouring UDP ports, the first one even (RFC 3550 section 11).

    Raises:
        OSError: there is no such pair.
    """
    for _ in range(50):
        first = new_socket(host, socket.SOCK_DGRAM, binding)
        number = first.getsockname()[1]
        if number % 2 == 0:
            with contextlib.suppress(OSError):
                return first, new_socket(host, socket.SOCK_DGRAM, binding, number + 1)
        first.close()
    raise OSError("no pair of free UDP ports")


def is_multicast(address: str) -> bool:
    """Return whether an address is that of a multicast group.

    Args:
        address: IPv4 or IPv6, or any text that stands in the place of an address.

    Source: RFC 5771, RFC 4291 section 2.7.
    """
    try:
        return ipaddress.ip_address(address).is_multicast
    except ValueError:
        return False


def multicast_socket(group: str, port: int, binding: Binding) -> socket.socket:
    """Open a socket that receives a multicast group.

    Args:
        group: the IPv4 or IPv6 multicast address.
        port: the port of the group.
        binding: the address or interface that receives.

    Raises:
        OSError: the group can't be joined.
    """
    family = socket.AF_INET6 if ":" in group else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_DGRAM)
    try:
        sock.setblocking(False)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER)
        sock.bind((group, port))
        index = socket.if_nametoindex(binding.interface) if binding.interface else 0
        if family == socket.AF_INET6:
            member = socket.inet_pton(family, group) + index.to_bytes(4, "little")
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_JOIN_GROUP, member)
        else:
            local = socket.inet_aton(binding.address or "0.0.0.0")
            member = socket.inet_aton(group) + local + index.to_bytes(4, "little")
            sock.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, member)
    except BaseException:
        sock.close()
        raise
    return sock
