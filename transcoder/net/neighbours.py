"""The MAC addresses of hosts on this machine's own networks, as the kernel keeps them: no packet is sent for them.

A host behind a router is not in the table. IPv4 is read from /proc/net/arp, IPv6 asked from the kernel over a netlink
socket; where either is not to be had, nobody is a neighbour.

Source: proc_net(5); rtnetlink(7) (RTM_GETNEIGH), <linux/neighbour.h>, <linux/netlink.h>.
"""

import ipaddress
import re
import socket
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Final

ARP: Final = Path("/proc/self/net/arp")
"""The table of this process's network namespace; /proc/net is a link to its folder, which ProcSubset=pid hides."""
MAX_ARP: Final = 1 << 20
"""Bytes of the table that are read: 13,000 neighbours, more than the kernel keeps (gc_thresh3: 1,024)."""
MAX_ANSWERS: Final = 64
"""Datagrams of the kernel that are read, each with up to 8 kB: 5,000 neighbours."""
_MAC: Final = re.compile(r"(?:[0-9a-f]{2}:){5}[0-9a-f]{2}")
_NOBODY: Final = "00:00:00:00:00:00"
_TIMEOUT_S: Final = 1.0
_GET: Final = 30
_NEW: Final = 28
_DONE: Final = 3
_ERROR: Final = 2
_REQUEST_DUMP: Final = 0x301
_DST: Final = 1
_LLADDR: Final = 2
_HEADER: Final = struct.Struct("=IHHII")
_NEIGHBOUR: Final = struct.Struct("=BBHiHBB")
_ATTRIBUTE: Final = struct.Struct("=HH")


def neighbours() -> dict[str, str]:
    """Return the MAC address of each neighbour by its address; it reads files and sockets for some milliseconds."""
    return _arp() | _ipv6()


def parse_arp(text: str) -> dict[str, str]:
    """Return the MAC addresses in the text of /proc/net/arp; entries that are not complete are left out."""
    found = {}
    for line in text.splitlines()[1:]:
        fields = line.split()
        if len(fields) >= 6 and fields[2] != "0x0" and _MAC.fullmatch(fields[3]) and fields[3] != _NOBODY:
            found[fields[0]] = fields[3]
    return found


def parse_answer(data: bytes) -> tuple[dict[str, str], bool]:
    """Return the MAC addresses in a datagram of the kernel, and whether it is the last one."""
    found: dict[str, str] = {}
    position = 0
    while position + _HEADER.size <= len(data):
        size, kind, *_ = _HEADER.unpack_from(data, position)
        if kind in {_DONE, _ERROR} or size < _HEADER.size:
            return found, True
        if kind == _NEW:
            attributes = dict(_attributes(data[position + _HEADER.size + _NEIGHBOUR.size : position + size]))
            address, mac = attributes.get(_DST, b""), attributes.get(_LLADDR, b"")
            if len(address) in {4, 16} and len(mac) == 6 and any(mac):
                found[str(ipaddress.ip_address(address))] = mac.hex(":")
        position += (size + 3) & ~3
    return found, False


def _attributes(data: bytes) -> Iterator[tuple[int, bytes]]:
    position = 0
    while position + _ATTRIBUTE.size <= len(data):
        size, kind = _ATTRIBUTE.unpack_from(data, position)
        if size < _ATTRIBUTE.size:
            return
        yield kind, data[position + _ATTRIBUTE.size : position + size]
        position += (size + 3) & ~3


def _arp() -> dict[str, str]:
    try:
        with ARP.open(encoding="ascii", errors="replace") as file:
            return parse_arp(file.read(MAX_ARP))
    except (OSError, ValueError):
        return {}


def _ipv6() -> dict[str, str]:
    body = _NEIGHBOUR.pack(socket.AF_INET6, 0, 0, 0, 0, 0, 0)
    request = _HEADER.pack(_HEADER.size + len(body), _GET, _REQUEST_DUMP, 1, 0) + body
    found: dict[str, str] = {}
    try:
        with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE) as sock:
            sock.settimeout(_TIMEOUT_S)
            sock.sendto(request, (0, 0))
            for _ in range(MAX_ANSWERS):
                part, is_last = parse_answer(sock.recv(1 << 16))
                found |= part
                if is_last:
                    break
    except OSError:
        pass
    return found
