"""Each served path has a multicast group of its own, which its name decides, so that a restart changes none."""

import hashlib
import ipaddress
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
PORTS_A_TRACK: Final = 2
"""RTP and RTCP (RFC 3550 section 11)."""
TRACKS: Final = 2
"""Picture and sound."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Holds where the packets of one served path go.

    Attributes:
        address: the group's address.
        port: the RTP port of the first track; others follow, each with a pair of its own.
        ttl: how many routers packets may pass, plus one.
    """

    address: str
    port: int
    ttl: int

    def ports(self, track: int) -> tuple[int, int]:
        """Return the RTP and the RTCP port of a track."""
        first = self.port + PORTS_A_TRACK * track
        return first, first + 1


class MulticastGroups:
    """Assigns groups to served paths.

    Args:
        networks: the addresses of groups, at most one network of each version of IP.
        port: the RTP port of the first track, an even one.
        ttl: the groups' TTL.
    """

    def __init__(self, networks: Iterable[Network], port: int, ttl: int) -> None:
        self._networks: dict[int, Network] = {network.version: network for network in networks}
        self._port = port
        self._ttl = ttl
        self._taken: dict[int, dict[int, str]] = {version: {} for version in self._networks}

    def of(self, path: str, *, is_ipv6: bool = False) -> Group | None:
        """Return the group of a path, None where there is none any more, or none of that version of IP.

        Where two names meet, the one that is asked for first stays, and the other goes to the next free group.

        Args:
            path: the path of a served stream.
            is_ipv6: whether the group is one of IPv6.
        """
        version = 6 if is_ipv6 else 4
        network = self._networks.get(version)
        if network is None:
            return None
        taken, count = self._taken[version], network.num_addresses
        wanted = int.from_bytes(hashlib.sha256(path.encode()).digest()[:16]) % count
        for step in range(min(count, len(taken) + 1)):
            place = (wanted + step) % count
            if taken.setdefault(place, path) == path:
                return Group(address=str(network[place]), port=self._port, ttl=self._ttl)
        return None
