"""The section `rtsp.multicast` names the groups that streams are sent to by multicast."""

import ipaddress
from typing import Annotated, Final, TypeAlias

from pydantic import BeforeValidator, Field, PlainSerializer, WithJsonSchema, field_validator

from transcoder.config.section import NotBool, Section, at_most
from transcoder.config.source import MAX_INTERFACE, Network, NetworkText

LOCAL_CONTROL: Final = ipaddress.ip_network("224.0.0.0/24")
"""The groups of routing protocols, which switches send everywhere (RFC 5771 section 4)."""
MAX_PORT: Final = 65_532
"""The highest RTP port of the first track, whose followers are three."""


def _as_list(value: object) -> object:
    """Return one network as a list of it."""
    return [value] if isinstance(value, str) else value


def _written(value: tuple[Network, ...]) -> str | list[str]:
    return str(value[0]) if len(value) == 1 else [str(item) for item in value]


_TEXTS: Final = {"type": "array", "items": {"type": "string"}, "minItems": 1, "maxItems": 2}
Groups: TypeAlias = Annotated[
    tuple[NetworkText, ...],
    Field(min_length=1),
    at_most(2),
    BeforeValidator(_as_list),
    PlainSerializer(_written, return_type=str | list[str]),
    WithJsonSchema({"anyOf": [{"type": "string"}, _TEXTS]}),
]
"""The type of a key that reads a network, or a list of them, in the file."""


class MulticastConfig(Section):
    """`rtsp.multicast` describes what is sent by multicast, when a reader asks for it."""

    groups: Groups = Field(
        default=(ipaddress.ip_network("239.192.0.0/16"),),
        examples=["239.192.0.0/16"],
        json_schema_extra={"default": "239.192.0.0/16"},
    )
    """The network of groups, or a list of one of IPv4 and one of IPv6. Each stream and each rendition has one address
    of it, which its name decides; IPv6 is for readers that connect over it."""
    port: Annotated[int, Field(ge=1024, le=MAX_PORT), NotBool] = 20000
    """The RTP port of pictures, an even one; RTCP has the next one, and sound has the two after that."""
    ttl: Annotated[int, Field(ge=1, le=255), NotBool] = 1
    """How many routers packets may pass, plus one: 1 stays in the network."""
    interface: Annotated[str, Field(pattern=rf"^[^/\s:]{{1,{MAX_INTERFACE}}}$")] | None = Field(
        default=None, examples=["eth1"]
    )
    """The network interface that groups are sent from; null: that of the address that a reader connects to."""

    @field_validator("groups")
    @classmethod
    def _check_groups(cls, value: tuple[Network, ...]) -> tuple[Network, ...]:
        for network in value:
            if not network.is_multicast:
                raise ValueError(f"{network} is no network of multicast groups, which are in 224.0.0.0/4 and ff00::/8")
            if network.version == LOCAL_CONTROL.version and network.overlaps(LOCAL_CONTROL):
                raise ValueError(f"{network} has groups of routing protocols ({LOCAL_CONTROL}) in it")
        if len({network.version for network in value}) != len(value):
            raise ValueError("must be one network of IPv4, one of IPv6, or one of each")
        return value

    @field_validator("port")
    @classmethod
    def _check_even(cls, value: int) -> int:
        if value % 2:
            raise ValueError("must be even: RTCP has the next port (RFC 3550 section 11)")
        return value
