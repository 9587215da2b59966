"""Which addresses are looked at: those of networks that are small, and inside the networks that cameras may be in."""

import ipaddress
import itertools
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from transcoder.config import Network

MAX_ADDRESSES: Final = 4096
"""Addresses of all networks together at most, those of a /20: two ports of each take three minutes at the usual pace.
"""
MAX_PORTS: Final = 16
PORTS: Final = (554, 8554)
"""The ports of RTSP (IANA)."""


def networks_to_look_at(texts: Iterable[str], allowed: Sequence[Network]) -> tuple[Network, ...]:
    """Return the networks that are to be looked at.

    Args:
        texts: the networks, such as 192.168.10.0/24.
        allowed: the networks that cameras may be in, as in `sources.allow`.

    Raises:
        ValueError: one is no network, too large, or in none of the allowed networks; the message names it.
    """
    found = tuple(_network(text, allowed) for text in texts)
    count = sum(network.num_addresses for network in found)
    if count > MAX_ADDRESSES:
        names = ", ".join(map(str, found))
        raise ValueError(f"{names}: {count} addresses are too many: at most {MAX_ADDRESSES}, those of a /20")
    return found


def _network(text: str, allowed: Sequence[Network]) -> Network:
    try:
        network = ipaddress.ip_network(text)
    except ValueError:
        try:
            meant = ipaddress.ip_network(text, strict=False)
        except ValueError:
            raise ValueError(f"{text}: is no network such as 192.168.10.0/24") from None
        raise ValueError(f"{text}: is an address in a network; the network is {meant}") from None
    if not any(_is_inside(network, each) for each in allowed):
        names = ", ".join(map(str, allowed))
        raise ValueError(f"{network}: is not inside one of the networks of sources.allow ({names})")
    return network


def _is_inside(network: Network, other: Network) -> bool:
    if isinstance(network, ipaddress.IPv4Network):
        return isinstance(other, ipaddress.IPv4Network) and network.subnet_of(other)
    return isinstance(other, ipaddress.IPv6Network) and network.subnet_of(other)


def ports_to_look_at(text: str) -> tuple[int, ...]:
    """Return the ports of a list such as "554,8554".

    Raises:
        ValueError: an item is no port, or there are too many.
    """
    ports: dict[int, None] = {}
    for item in text.split(","):
        number = item.strip()
        if not (number.isascii() and number.isdigit() and 0 < int(number[:6]) <= 65535):
            raise ValueError(f"{number[:16]!r} is no port")
        ports[int(number)] = None
    if len(ports) > MAX_PORTS:
        raise ValueError(f"{len(ports)} ports are too many: at most {MAX_PORTS}")
    return tuple(ports)


def targets(networks: Sequence[Network], ports: Sequence[int]) -> Iterator[tuple[str, int]]:
    """Yield the addresses and ports, a port of every host before the next one: no host is asked twice in a row."""
    for port in ports:
        for host in itertools.chain.from_iterable(network.hosts() for network in networks):
            yield str(host), port


def number_of_targets(networks: Sequence[Network], ports: Sequence[int]) -> int:
    """Return how many addresses and ports there are."""
    return len(ports) * sum(sum(1 for _ in network.hosts()) for network in networks)
