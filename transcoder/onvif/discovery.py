"""WS-Discovery: devices tell that they are there, and answer who asks for them. Sans-IO.

Source: WS-Discovery (April 2005), ONVIF Core Specification section 7.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from transcoder.onvif.device import Device
from transcoder.onvif.device_service import scopes_of
from transcoder.onvif.faults import Fault
from transcoder.onvif.markup import Markup, element
from transcoder.onvif.soap import argument, argument_text, parse_tree

ADDRESSING: Final = "http://schemas.xmlsoap.org/ws/2004/08/addressing"
DISCOVERY: Final = "http://schemas.xmlsoap.org/ws/2005/04/discovery"
EVERYBODY: Final = "urn:schemas-xmlsoap-org:ws:2005:04:discovery"
SENDER: Final = f"{ADDRESSING}/role/anonymous"
TYPES: Final = ("dn:NetworkVideoTransmitter", "tds:Device")
_NAMES: Final = frozenset(each.partition(":")[2] for each in TYPES)
_BOUND: Final = (
    ' xmlns:s="http://www.w3.org/2003/05/soap-envelope"'
    f' xmlns:a="{ADDRESSING}" xmlns:d="{DISCOVERY}"'
    ' xmlns:dn="http://www.onvif.org/ver10/network/wsdl" xmlns:tds="http://www.onvif.org/ver10/device/wsdl"'
)
MAX_SCOPES: Final = 16
"""Scopes of a question that are looked at; clients ask for one or two."""
MAX_ASKED: Final = 16
"""Questions a second that are answered; recorders ask one every few seconds."""
MAX_READ: Final = 64
"""Datagrams a second that are read at all: somebody can send 60,000 a second, and the worst take 2 ms each."""
MAX_ANSWERS: Final = 500
"""Answers a second after which no question is answered: so many are sent; to make them takes a tenth of a second."""
AGAIN_S: Final = 5.0
"""Seconds for which a question with the same id is one that was repeated, as UDP is."""
MAX_REMEMBERED: Final = 128
"""Ids of questions that are remembered: MAX_ASKED of them a second for AGAIN_S, and some."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Advertised:
    """Holds what discovery tells of one device.

    Attributes:
        device: the device.
        address: where it is, as a URL.
    """

    device: Device
    address: str


@dataclass(slots=True)
class DiscoveryCounts:
    """Counts questions.

    Attributes:
        asked: questions that were answered, or that no device is meant by.
        refused: questions that are none, were repeated, or came too often.
    """

    asked: int = 0
    refused: int = 0


class Discovery:
    """Answers questions, and makes what is told to everybody.

    Args:
        make_id: makes the id of a message.
        instance: a number that grows from one start to the next, such as the second of the start.

    Attributes:
        counts: counts questions.
    """

    def __init__(self, make_id: Callable[[], UUID], instance: int) -> None:
        self._make_id = make_id
        self._instance = instance
        self._number = 0
        self._seen: dict[str, float] = {}
        self._second = float("-inf")
        self._read = self._asked = self._answered = 0
        self.counts = DiscoveryCounts()

    def answers(self, data: bytes, devices: Callable[[], Iterable[Advertised]], now: float) -> list[bytes]:
        """Return the answers to a datagram, one for each device that it asks for.

        Args:
            data: the datagram.
            devices: returns the devices; it is called for a question alone.
            now: monotonic seconds.
        """
        if now - self._second >= 1:
            self._second, self._read, self._asked, self._answered = now, 0, 0, 0
            self._seen = {each: at for each, at in self._seen.items() if now - at < AGAIN_S}
        self._read += 1
        if self._read > MAX_READ:
            self.counts.refused += 1
            return []
        made = self._answers(data, devices, now)
        self._answered += len(made)
        return made

    def _answers(self, data: bytes, devices: Callable[[], Iterable[Advertised]], now: float) -> list[bytes]:
        try:
            root = parse_tree(data)
        except Fault:
            self.counts.refused += 1
            return []
        identity = argument_text(root, "Header", "MessageID")
        probe, resolve = argument(root, "Body", "Probe"), argument(root, "Body", "Resolve")
        if probe is None and resolve is None:  # what other devices tell
            return []
        if not identity or not self._is_admitted(identity, now):
            self.counts.refused += 1
            return []
        self.counts.asked += 1
        if resolve is not None:
            wanted = argument_text(resolve, "EndpointReference", "Address").lower()
            return [
                self._answer("Resolve", identity, each) for each in devices() if _name(each.device).lower() == wanted
            ]
        assert probe is not None  # noqa: S101  # for the type checker
        types = argument_text(probe, "Types").split()
        scopes = argument_text(probe, "Scopes").split()[:MAX_SCOPES]
        if any(each.rpartition(":")[2] not in _NAMES for each in types):
            return []
        return [
            self._answer("Probe", identity, each)
            for each in devices()
            if all(_has_scope(each.device, scope) for scope in scopes)
        ]

    def _is_admitted(self, identity: str, now: float) -> bool:
        if identity in self._seen or self._asked >= MAX_ASKED or self._answered >= MAX_ANSWERS:
            return False
        self._asked += 1
        if len(self._seen) < MAX_REMEMBERED:
            self._seen[identity] = now
        return True

    def hello(self, advertised: Advertised) -> bytes:
        """Return what a device says when it comes (section 4.1)."""
        return self._message("Hello", EVERYBODY, element("d:Hello", *_described(advertised)))

    def bye(self, advertised: Advertised) -> bytes:
        """Return what a device says when it goes (section 4.2)."""
        return self._message("Bye", EVERYBODY, element("d:Bye", _reference(advertised.device)))

    def _answer(self, question: str, identity: str, advertised: Advertised) -> bytes:
        match = element(f"d:{question}Match", *_described(advertised))
        return self._message(f"{question}Matches", SENDER, element(f"d:{question}Matches", match), identity)

    def _message(self, action: str, to: str, body: Markup, relates_to: str | None = None) -> bytes:
        self._number += 1
        sequence = {"InstanceId": self._instance, "MessageNumber": self._number}
        header = element(
            "s:Header",
            element("a:MessageID", f"urn:uuid:{self._make_id()}"),
            element("a:RelatesTo", relates_to) if relates_to is not None else None,
            element("a:To", to),
            element("a:Action", f"{DISCOVERY}/{action}"),
            element("d:AppSequence", attributes=sequence),
        )
        whole = f"<s:Envelope{_BOUND}>{header}{element('s:Body', body)}</s:Envelope>"
        return f'<?xml version="1.0" encoding="UTF-8"?>\n{whole}'.encode()


def _name(device: Device) -> str:
    return f"urn:uuid:{device.identity.uuid}"


def _reference(device: Device) -> Markup:
    return element("a:EndpointReference", element("a:Address", _name(device)))


def _described(advertised: Advertised) -> tuple[Markup, ...]:
    return (
        _reference(advertised.device),
        element("d:Types", " ".join(TYPES)),
        element("d:Scopes", " ".join(scopes_of(advertised.device))),
        element("d:XAddrs", advertised.address),
        element("d:MetadataVersion", 1),
    )


def _has_scope(device: Device, wanted: str) -> bool:
    """Return whether a device has a scope, or one below it (section 5.1, the rule of RFC 3986)."""
    steps = wanted.rstrip("/").lower().split("/")
    return any(each.lower().split("/")[: len(steps)] == steps for each in scopes_of(device))
