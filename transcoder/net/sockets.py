"""Sockets towards cameras are made here: bound where the operator wants camera traffic to stay."""

import asyncio
import contextlib
import ipaddress
import socket
from dataclasses import dataclass

RECEIVE_BUFFER = 4 << 20
"""Bytes of the receive buffer: over UDP an I picture of 2 MB comes in one burst."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Binding:
    """Holds where connections to a camera begin.

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
