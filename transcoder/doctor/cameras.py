"""Cameras are connected to and left at once: does a way lead to each, how wide is it, and does one lead further?

Not one byte is sent over any connection, so that a camera learns of nothing but a connection.
"""

import asyncio
import socket
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from transcoder.config import Config, Endpoint, is_allowed
from transcoder.doctor.finding import Finding, Subject
from transcoder.errors import TransportError
from transcoder.net.names import look_up
from transcoder.net.sockets import Binding, connect_any, connecting, new_socket

AT_ONCE: Final = 32
"""Connections under way at once: a hundred cameras that are away take some fifteen seconds."""
PATIENCE_S: Final = 5.0
"""Seconds that a camera's name and connection may take; one that works answers in a tenth."""
SHOWN: Final = 20
"""Cameras that are away that get a line of their own."""
ETHERNET_MTU: Final = 1500
"""Bytes of an IP packet on Ethernet; cameras fill RTP packets up to it."""
_IP_MTU: Final = 14
_IPV6_MTU: Final = 24
"""Options of a connected socket (linux/in.h, linux/in6.h)."""
ELSEWHERE: Final = ("1.1.1.1:443", "9.9.9.9:443", "[2606:4700:4700::1111]:443")
"""Addresses that are tried with `--internet`: public resolvers, which answer everybody that reaches them."""


@dataclass(frozen=True, slots=True)
class Place:
    """Says where a camera is: several channels of a recorder are one place."""

    host: str
    port: int
    binding: Binding


@dataclass(frozen=True, slots=True)
class Way:
    """Says how a camera was reached.

    Attributes:
        problem: the reason why it was not, "" where it was.
        mtu: the bytes of the largest packet on the way, None where that is not known.
    """

    problem: str = ""
    mtu: int | None = None


async def cameras(subject: Subject) -> list[Finding]:
    """Connect to every camera of an enabled stream, many at a time."""
    if subject.file is None:
        return []
    config = subject.file.config
    places = _places(config)
    if not places:
        return [Finding(check="cameras", level="ok", text="no stream is enabled")]
    turns = asyncio.Semaphore(AT_ONCE)

    async def visit(place: Place) -> Way:
        async with turns:
            return await _reach(place, config)

    ways = await asyncio.gather(*map(visit, places))
    return [*reached_findings(places, ways), *mtu_findings(ways)]


def _places(config: Config) -> dict[Place, list[str]]:
    found: dict[Place, list[str]] = {}
    for name, stream in config.streams.items():
        if stream.enabled:
            source = stream.source
            binding = Binding(address=source.bind_address, interface=source.bind_interface)
            found.setdefault(Place(source.host, source.port, binding), []).append(name)
    return found


async def _reach(place: Place, config: Config) -> Way:
    try:
        hosts = [host for host in await look_up(place.host, place.port) if is_allowed(host, config.sources.allow)]
        if not hosts:
            return Way(problem="its name leads to none of the networks of sources.allow")
        async with connecting(place.port, PATIENCE_S):
            sock, _ = await connect_any(hosts, place.port, place.binding)
    except TransportError as error:
        return Way(problem=str(error))
    with sock:
        return Way(mtu=mtu_of(sock))


def mtu_of(sock: socket.socket) -> int | None:
    """Return the bytes of the largest packet on the way of a connected socket, None where the kernel does not know."""
    is_newer = sock.family is socket.AF_INET6
    with suppress(OSError):
        if is_newer:
            return sock.getsockopt(socket.IPPROTO_IPV6, _IPV6_MTU)
        return sock.getsockopt(socket.IPPROTO_IP, _IP_MTU)
    return None


def reached_findings(places: Mapping[Place, Sequence[str]], ways: Sequence[Way]) -> list[Finding]:
    """Say how many cameras answer, and name those that do not."""
    away = [
        (place, names, way.problem) for (place, names), way in zip(places.items(), ways, strict=True) if way.problem
    ]
    text = f"{len(places) - len(away)} of {len(places)} accept a connection"
    if len(away) == len(places):
        advice = "look at the network first: cable, VLAN, address and route of the camera interface"
        findings = [Finding(check="cameras", level="error", text=text, advice=advice)]
    else:
        findings = [Finding(check="cameras", level="warning" if away else "ok", text=text)]
    for place, names, problem in away[:SHOWN]:
        shown = f"{names[0]} and {len(names) - 1} more" if len(names) > 1 else names[0]
        line = f"{shown} at {Endpoint(host=place.host, port=place.port)}: {problem}"
        findings.append(
            Finding(check="camera", level="warning", text=line, advice="is it on, and is the address right?")
        )
    if len(away) > SHOWN:
        findings.append(Finding(check="camera", level="warning", text=f"and {len(away) - SHOWN} more are away"))
    return findings


def mtu_findings(ways: Iterable[Way]) -> list[Finding]:
    """Say whether cameras' packets fit the way to them."""
    known = [way.mtu for way in ways if way.mtu is not None]
    if not known:
        return []
    text = f"{min(known)} bytes" if min(known) == max(known) else f"{min(known)} to {max(known)} bytes"
    if min(known) < ETHERNET_MTU:
        advice = "cameras that send over UDP fill 1500 bytes: have them use TCP, or correct the interface or tunnel"
        return [Finding(check="mtu", level="warning", text=text, advice=advice)]
    return [Finding(check="mtu", level="ok", text=text)]


async def internet(subject: Subject) -> list[Finding]:
    """Say whether the addresses that cameras are pulled from lead to the internet; only `--internet` connects to it."""
    if subject.file is None:
        return []
    places = _places(subject.file.config)
    bindings = list(dict.fromkeys(place.binding for place in places if place.binding != Binding()))
    if not bindings:
        text = "can't be told: no stream has a bind_address or bind_interface, which would say where cameras are"
        advice = "set one, and close the camera network at its router; docs/deploy.md has rules"
        return [Finding(check="internet", level="warning", text=text, advice=advice)] if places else []
    return [await _internet_from(binding, subject.elsewhere) for binding in bindings]


async def _internet_from(binding: Binding, elsewhere: Sequence[tuple[str, int]]) -> Finding:
    name = binding.address or binding.interface
    try:
        with new_socket(binding.address or "127.0.0.1", socket.SOCK_DGRAM, binding):
            pass
    except OSError as error:
        advice = "correct bind_address or bind_interface, or bring the interface up"
        return Finding(check="internet", level="error", text=f"{name} can't be used: {error.strerror}", advice=advice)
    if not elsewhere:
        if not any(_has_route(host, port, binding) for host, port in map(split, ELSEWHERE)):
            return Finding(check="internet", level="ok", text=f"from {name} no route leads there")
        text = f"from {name} a route leads there; whether something stops connections was not tried"
        advice = f"--internet tries {' and '.join(ELSEWHERE[:2])}"
        return Finding(check="internet", level="warning", text=text, advice=advice)
    for host, port in elsewhere:
        try:
            async with connecting(port, PATIENCE_S):
                sock, _ = await connect_any([host], port, binding)
        except TransportError:
            continue
        sock.close()
        text = f"from {name} {host} is reached, and from its network perhaps by cameras"
        return Finding(
            check="internet", level="error", text=text, advice="close the camera network: docs/deploy.md has rules"
        )
    tried = " and ".join(host for host, _ in elsewhere)
    return Finding(check="internet", level="ok", text=f"from {name} {tried} can't be reached")


def _has_route(host: str, port: int, binding: Binding) -> bool:
    """Return whether the kernel knows a way; connecting a datagram socket sends nothing."""
    with suppress(OSError), new_socket(host, socket.SOCK_DGRAM, binding) as sock:
        sock.connect((host, port))
        return True
    return False


def split(text: str) -> tuple[str, int]:
    """Read `address:port`; an IPv6 address stands in brackets.

    Raises:
        ValueError: the text is something else.
    """
    host, _, port = text.rpartition(":")
    return host.removeprefix("[").removesuffix("]"), int(port)
