"""FLEET.yaml says which slots and addresses there are, and which streams; the rest is a gateway's configuration."""

import ipaddress
import re
from collections.abc import Iterator
from typing import Annotated, Final

from pydantic import AfterValidator, BeforeValidator, Field, field_validator

from transcoder.config.include import MAX_PATTERNS
from transcoder.config.section import Name, NotBool, Section, at_most
from transcoder.fleet.cost import MAX_COST

MAX_ADDRESSES: Final = 4096
"""The largest number of addresses of a fleet: four times the shards of 20,000 cameras."""
MAX_KINDS: Final = 16
"""The largest number of kinds of slots: machines of one city are of few kinds."""
MAX_LABELS: Final = 16
"""The largest number of labels of a slot or a stream."""
MAX_CPUS: Final = 4096
"""The largest number of a processor, and of slots' cores: no machine has more."""
MAX_SLOTS: Final = 9999
"""The largest number of slots of one kind, and of shards at one address."""
_RANGE: Final = re.compile(r"([^-]+)-([^-]+)")
_CPUS: Final = re.compile(r"([0-9]{1,4})(?:-([0-9]{1,4}))?")

Label = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_.-]{0,31}$")]
Labels = Annotated[tuple[Label, ...], Field(max_length=MAX_LABELS), at_most(MAX_LABELS)]


class SlotConfig(Section):
    """`slots` describes equal places for gateways; a list describes several kinds."""

    cores: Annotated[float, Field(ge=0.5, le=MAX_CPUS), NotBool] = 8
    """The cores of one slot."""
    fill: Annotated[float, Field(ge=0.1, le=1), NotBool] = 0.85
    """The share of the cores that the plan gives to streams; the rest is for scenes that begin to move."""
    labels: Labels = ()
    """What the slots have, such as gpu."""
    count: Annotated[int, Field(ge=1, le=MAX_SLOTS), NotBool] | None = None
    """How many slots there are; null: as many as the plan needs."""


class FleetStream(Section):
    """These are the keys that a stream has in FLEET.yaml beside those of a gateway's file."""

    cost: Annotated[float, Field(ge=0, le=MAX_COST), NotBool] | None = None
    """The cores that the stream costs, its share of the service with it."""
    needs: Labels = ()
    """The labels that its slot must have."""


def _as_list(value: object) -> object:
    return [value] if isinstance(value, str) else value


def _check_address(text: str) -> str:
    tuple(_addresses(text))
    return text


def _addresses(text: str) -> Iterator[str]:
    """Yield the addresses of an entry: one, or a range such as 192.0.2.101-192.0.2.165."""
    found = _RANGE.fullmatch(text)
    try:
        first, last = (ipaddress.ip_address(part) for part in (found.groups() if found else (text, text)))
    except ValueError:
        raise ValueError("must be an address, or a range such as 192.0.2.101-192.0.2.165") from None
    if first.version != last.version or int(last) < int(first):
        raise ValueError("is a range that ends before it begins")
    if int(last) - int(first) >= MAX_ADDRESSES:
        raise ValueError(f"has more than {MAX_ADDRESSES} addresses")
    for number in range(int(first), int(last) + 1):
        yield str(type(first)(number))


def _check_cpus(text: str) -> str:
    tuple(_cpus(text))
    return text


def _cpus(text: str) -> Iterator[int]:
    for part in text.split(","):
        found = _CPUS.fullmatch(part.strip())
        if found is None or int(found[2] or found[1]) < int(found[1]):
            raise ValueError("must name processors, such as 0-63 or 2-15,18-31")
        yield from range(int(found[1]), int(found[2] or found[1]) + 1)


class FleetFile(Section):
    """FLEET.yaml is one mapping; its streams, and all that is included, are as in a gateway's file."""

    slots: Annotated[
        tuple[SlotConfig, ...],
        Field(min_length=1, max_length=MAX_KINDS),
        at_most(MAX_KINDS),
    ] = (SlotConfig(),)
    """The slots, or a list of kinds of slots. A stream takes the first kind of those with the fewest labels that has
    all labels that it needs."""
    addresses: Annotated[
        tuple[Annotated[Name, AfterValidator(_check_address)], ...],
        Field(min_length=1, max_length=MAX_ADDRESSES),
        at_most(MAX_ADDRESSES),
        BeforeValidator(_as_list),
    ]
    """The addresses of shards, in the order of their numbers; an entry may be a range."""
    shards_per_address: Annotated[int, Field(ge=1, le=MAX_SLOTS), NotBool] = 1
    """How many shards have each address; those of one address have ports of their own."""
    base: Name
    """The configuration file with all that shards have in common; the path is relative to this file's folder."""
    name: Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{0,31}$")] = "shard"
    """The beginning of every shard's name; a number follows."""
    cpus: Annotated[Name, AfterValidator(_check_cpus)] | None = None
    """The processors of each machine that its slots have in turn; null: nothing is written about processors."""
    include: Annotated[
        tuple[Name, ...], Field(max_length=MAX_PATTERNS), at_most(MAX_PATTERNS), BeforeValidator(_as_list)
    ] = ()
    """The files with further streams, as in a gateway's file."""

    @field_validator("addresses")
    @classmethod
    def _check_once(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        every = [address for entry in value for address in _addresses(entry)]
        if len(every) > MAX_ADDRESSES:
            raise ValueError(f"has more than {MAX_ADDRESSES} addresses")
        if len(set(every)) < len(every):
            raise ValueError("names an address twice")
        return value

    @property
    def every_address(self) -> tuple[str, ...]:
        """Return the addresses, ranges written out."""
        return tuple(address for entry in self.addresses for address in _addresses(entry))

    @property
    def every_cpu(self) -> tuple[int, ...]:
        """Return the numbers of the processors of a machine, in order."""
        return tuple(sorted(set(_cpus(self.cpus)))) if self.cpus is not None else ()
