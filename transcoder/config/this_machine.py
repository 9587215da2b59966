"""The names and addresses of this machine are found here without asking anybody on the network.

The kernel's tables and the hosts file are read where a source names the port of a listener, which is seldom.
"""

import ipaddress
import re
import socket
from functools import lru_cache
from pathlib import Path
from typing import Final

_ROUTES: Final = Path("/proc/net/fib_trie")
_IPV6: Final = Path("/proc/net/if_inet6")
_HOSTS: Final = Path("/etc/hosts")
_LOCAL: Final = re.compile(r"\|-- ([0-9.]+)\n\s+/32 host LOCAL")
MAX_TABLE: Final = 1024 * 1024
"""Characters of a table that are read: thousands of addresses."""


def is_this_machine(host: str) -> bool:
    """Return whether a name or an address of a URL is this machine's, as far as that is known without a resolver.

    Args:
        host: the host of a URL without brackets; an IPv4 address mapped to IPv6 is that IPv4 address.
    """
    address = plain_address(host)
    if address is not None:
        return address.is_loopback or address.is_unspecified or str(address) in own_addresses()
    name = host.lower().rstrip(".")
    return name in {"localhost", *_own_names()} or name.endswith(".localhost")  # RFC 6761, 6.3


def plain_address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """Return the address that a text is, without a mapping to IPv6; None where the text is none."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address


@lru_cache(maxsize=1)
def own_addresses() -> frozenset[str]:
    """Return the addresses of all interfaces; read once, since a file may name them ten thousand times."""
    found = set(_LOCAL.findall(_read(_ROUTES)))
    for line in _read(_IPV6).splitlines():
        digits = line.partition(" ")[0]
        if re.fullmatch("[0-9a-f]{32}", digits):
            found.add(str(ipaddress.IPv6Address(bytes.fromhex(digits))))
    return frozenset(found)


@lru_cache(maxsize=1)
def _own_names() -> frozenset[str]:
    name = socket.gethostname().lower()
    found = {name, f"{name.partition('.')[0]}.local"}
    for line in _read(_HOSTS).splitlines():
        address, *names = line.partition("#")[0].split() or [""]
        plain = plain_address(address)
        if plain is not None and (plain.is_loopback or str(plain) in own_addresses()):
            found |= {each.lower() for each in names}
    return frozenset(found)


def _read(path: Path) -> str:
    try:
        with path.open(encoding="ascii", errors="replace") as file:
            return file.read(MAX_TABLE)
    except OSError:
        return ""
