"""This module reads an address to listen on."""

import ipaddress
from dataclasses import dataclass
from typing import Annotated, TypeAlias

from pydantic import BeforeValidator, PlainSerializer, WithJsonSchema

from transcoder.url import split_host_port


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
        """Return whether a URL's host and port name this server, by loopback or as it is configured."""
        if port != self.port:
            return False
        named = Endpoint(host=host, port=port)
        return named.is_loopback or host.lower() == self.host.lower() or host in {"0.0.0.0", "::"}

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def read_endpoint(value: object) -> Endpoint:
    """Read `host:port`.

    Raises:
        ValueError: the value is no such text.
    """
    if isinstance(value, Endpoint):
        return value
    if not isinstance(value, str):
        raise ValueError("must be text such as 127.0.0.1:8554")  # noqa: TRY004  # pydantic collects ValueError
    try:
        host, port = split_host_port(value)
    except ValueError as error:
        raise ValueError(f"must be host:port such as 127.0.0.1:8554; it {error}") from None
    if port is None:
        raise ValueError("must be host:port such as 127.0.0.1:8554; it has no port")
    return Endpoint(host=host, port=port)


Listen: TypeAlias = Annotated[
    Endpoint,
    BeforeValidator(read_endpoint),
    PlainSerializer(str, return_type=str),
    WithJsonSchema({"type": "string", "examples": ["127.0.0.1:8554", "[::]:8554"]}),
]
"""The type of a key that reads `host:port` in the file."""
