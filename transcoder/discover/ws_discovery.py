"""WS-Discovery from the asking side: a Probe to the group, and what devices answer. Sans-IO.

Source: WS-Discovery (April 2005) sections 5.1 to 5.3, ONVIF Core Specification section 7.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final
from urllib.parse import unquote
from uuid import UUID
from xml.etree.ElementTree import Element

from transcoder.onvif.discovery import ADDRESSING, DISCOVERY, EVERYBODY
from transcoder.onvif.faults import Fault
from transcoder.onvif.markup import element
from transcoder.onvif.namespaces import SOAP
from transcoder.onvif.soap import argument, argument_text, parse_tree

WAIT_S: Final = 4.0
"""Seconds for which answers are waited for; devices answer within the half second of the specification, and slow ones
in two."""
AGAIN_S: Final = 0.5
"""Seconds after which the same question goes again, as UDP over multicast loses some (SOAP-over-UDP, 3.4)."""
REPEATS: Final = 2
MAX_READ: Final = 8192
"""Datagrams that are read: two answers each of two questions, of all addresses of a /21."""
MAX_MATCHES: Final = 16
"""Devices in one answer; those of a recorder come in answers of their own."""
MAX_SCOPES: Final = 64
MAX_ADDRESSES: Final = 8
"""Addresses of a device that are looked at."""
_TYPES: Final = ("dn:NetworkVideoTransmitter", "tds:Device")
_BOUND: Final = {
    "xmlns:s": SOAP,
    "xmlns:a": ADDRESSING,
    "xmlns:d": DISCOVERY,
    "xmlns:dn": "http://www.onvif.org/ver10/network/wsdl",
    "xmlns:tds": "http://www.onvif.org/ver10/device/wsdl",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Announced:
    """Holds what a device tells of itself.

    Attributes:
        reference: its own name, mostly a UUID.
        scopes: its scopes, with their escapes resolved.
        addresses: the URLs of its device service.
    """

    reference: str
    scopes: tuple[str, ...]
    addresses: tuple[str, ...]


class Questions:
    """Makes the questions to everybody, and reads the answers to them.

    Args:
        make_id: makes the id of a message.
    """

    def __init__(self, make_id: Callable[[], UUID]) -> None:
        ids = [f"urn:uuid:{make_id()}" for _ in _TYPES]
        self._ids = frozenset(ids)
        self.messages = tuple(_probe(identity, types) for identity, types in zip(ids, _TYPES, strict=True))
        self._read = 0

    def receive(self, data: bytes) -> tuple[Announced, ...]:
        """Return the devices that a datagram tells of, () where it is no answer to one of these questions.

        Args:
            data: the datagram.
        """
        self._read += 1
        if self._read > MAX_READ:
            return ()
        try:
            root = parse_tree(data)
        except Fault:
            return ()
        matches = argument(root, "Body", "ProbeMatches")
        if matches is None or argument_text(root, "Header", "RelatesTo") not in self._ids:
            return ()
        return tuple(
            _announced(each) for each in list(matches)[:MAX_MATCHES] if each.tag.rpartition("}")[2] == "ProbeMatch"
        )


def _announced(match: Element) -> Announced:
    return Announced(
        reference=argument_text(match, "EndpointReference", "Address"),
        scopes=tuple(unquote(scope) for scope in _words(match, "Scopes")[:MAX_SCOPES]),
        addresses=tuple(_words(match, "XAddrs")[:MAX_ADDRESSES]),
    )


def _words(match: Element, name: str) -> list[str]:
    """Return the items of a list, which can be longer than any single argument."""
    found = argument(match, name)
    return (found.text or "").split() if found is not None else []


def _probe(identity: str, types: str) -> bytes:
    header = element(
        "s:Header",
        element("a:MessageID", identity),
        element("a:To", EVERYBODY),
        element("a:Action", f"{DISCOVERY}/Probe"),
    )
    body = element("s:Body", element("d:Probe", element("d:Types", types)))
    whole = element("s:Envelope", header, body, attributes=_BOUND)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{whole}'.encode()
