"""This module reads an address to listen on."""

import ipaddress
from dataclasses import dataclass
from itertools import combinations
from typing import Annotated, Final, TypeAlias

from pydantic import BeforeValidator, PlainSerializer, WithJsonSchema

from transcoder.config.this_machine import is_this_machine, plain_address
from transcoder.url import split_host_port

MAX_PORT: Final = 65535
MAX_LISTENERS: Final = 16
"""Addresses that one server listens on, at most."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """Says where a server listens."""

    host: str
    """A name or address; an IPv6 address has no brackets."""
    port: int
    """The port; 0 stands for any free port."""

    @property
    def is_loopback(self) -> bool:
        """Return whether only this machine can reach the server."""
        if self.host.lower() == "localhost":
            return True
        try:
            address = ipaddress.ip_address(self.host)
        except ValueError:
            return False
        if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
            address = address.ipv4_mapped
        return address.is_loopback

    def is_named_by(self, host: str, port: int) -> bool:
        """Return whether a URL's host and port name this server, by any name or address of this machine."""
        if port != self.port:
            return False
        named, address = Endpoint(host=host, port=port), plain_address(host)
        if host.lower() == self.host.lower() or named.is_loopback or named.is_everywhere:
            return True
        if address is not None and not self.is_everywhere:
            return address == plain_address(self.host)
        return not self.is_loopback and is_this_machine(host)

    @property
    def is_everywhere(self) -> bool:
        """Return whether the server has every address of this machine."""
        address = plain_address(self.host)
        return address is not None and address.is_unspecified

    def meets(self, other: "Endpoint") -> bool:
        """Return whether two servers can't both listen: one port, and an address that both would have."""
        if self.port != other.port or not self.port:
            return False
        one, another = (
            "127.0.0.1" if each.host.lower() == "localhost" else each.host.lower() for each in (self, other)
        )
        same = plain_address(one) == plain_address(another) if plain_address(one) is not None else one == another
        return same or self.is_everywhere or other.is_everywhere

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def read_endpoint(value: object) -> Endpoint:
    """Read `host:port`.

    Raises:
        ValueError: the value is no such text.
    """
    if isinstance(value, Endpoint):
        return value
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= MAX_PORT:
        raise ValueError(f"must be host:port such as 127.0.0.1:{value}")
    if not isinstance(value, str):
        raise ValueError("must be text such as 127.0.0.1:8554")  # noqa: TRY004  # pydantic collects ValueError
    try:
        host, port = split_host_port(value)
    except ValueError as error:
        raise ValueError(f"must be host:port such as 127.0.0.1:8554; it {error}") from None
    if port is None:
        raise ValueError("must be host:port such as 127.0.0.1:8554; it has no port")
    return Endpoint(host=host, port=port)


def read_endpoints(value: object) -> tuple[Endpoint, ...]:
    """Read `host:port`, or a list of them.

    Raises:
        ValueError: the value is neither, or names one address twice.
    """
    if not isinstance(value, list | tuple):
        return (read_endpoint(value),)
    if not 1 <= len(value) <= MAX_LISTENERS:
        raise ValueError(f"must be one address or a list of 1 to {MAX_LISTENERS}")
    found = tuple(read_endpoint(item) for item in value)
    for first, second in combinations(found, 2):
        if first.meets(second):
            raise ValueError(f"has {first} and {second}, which take one port of one address: leave one out")
    return found


def _written(value: tuple[Endpoint, ...]) -> str | list[str]:
    return str(value[0]) if len(value) == 1 else [str(item) for item in value]


ListenAll: TypeAlias = Annotated[
    tuple[Endpoint, ...],
    BeforeValidator(read_endpoints),
    PlainSerializer(_written, return_type=str | list[str]),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "string"},
                {"type": "array", "items": {"type": "string"}, "minItems": 1, "maxItems": MAX_LISTENERS},
            ]
        }
    ),
]
"""The type of a key that reads `host:port`, or a list of them, in the file."""
