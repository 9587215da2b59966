"""A device that was found: what it showed at its ports and told of itself, and what that makes it seem to be."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from transcoder.assets.findings import Finding, Told, tell
from transcoder.assets.makers import (
    DeviceInformation,
    neighbour_findings,
    onvif_findings,
    scope_value,
    stream_findings,
)
from transcoder.discover.rtsp_look import RtspSeen
from transcoder.discover.ws_discovery import Announced
from transcoder.product import NAME
from transcoder.rtsp.fingerprint import guess_family
from transcoder.text import printable

MAX_SHOWN = 64
"""Characters of a device's own text that are shown."""


@dataclass(slots=True)
class Device:
    """Collects what was found at one address.

    Attributes:
        address: the address.
        seen: what it showed over RTSP, by port.
        announced: what it told of itself over WS-Discovery.
        mac: its MAC address, "" where it is no neighbour.
    """

    address: str
    seen: dict[int, RtspSeen] = field(default_factory=dict)
    announced: list[Announced] = field(default_factory=list)
    mac: str = ""

    @property
    def scopes(self) -> tuple[str, ...]:
        """Return the scopes of everything that the device announced."""
        return tuple(scope for each in self.announced for scope in each.scopes)

    @property
    def is_a_gateway(self) -> bool:
        """Return whether this product answers here: what it serves is no camera."""
        return any(guess_family(each.marks).family == NAME for each in self.seen.values())

    def findings(self, seen_at: str) -> tuple[Finding, ...]:
        """Return what the device's marks and its own words tell.

        Args:
            seen_at: the time of the look, UTC, RFC 3339.
        """
        found = [finding for each in self.seen.values() for finding in stream_findings(each.marks, seen_at)]
        scopes = self.scopes
        told = DeviceInformation(
            model=scope_value(scopes, "hardware"),
            name=scope_value(scopes, "name"),
            location=scope_value(scopes, "location"),
            mac=scope_value(scopes, "mac"),
        )
        found += onvif_findings(told, seen_at)
        found += neighbour_findings(self.mac, seen_at)
        return tuple(dict.fromkeys(found))


@dataclass(frozen=True, slots=True, kw_only=True)
class Seems:
    """Says what a device seems to be.

    Attributes:
        address: its address.
        ports: the ports at which it speaks RTSP.
        wants_login: whether it describes nothing without a login.
        is_a_gateway: whether it is a gateway of this product.
        maker: who made it, and who says so.
        family: the family of its RTSP software, "" for unknown.
        brand, model, name, mac: what it told, "" for nothing.
        streams: the streams of the configuration that pull from its address.
        path: the path that it described without a login, with its port; ("", 0) for none.
        findings: everything that was found.
    """

    address: str
    ports: tuple[int, ...]
    wants_login: bool
    is_a_gateway: bool
    maker: Told
    family: str
    brand: str
    model: str
    name: str
    mac: str
    streams: tuple[str, ...]
    path: tuple[str, int]
    findings: tuple[Finding, ...]

    @property
    def because(self) -> tuple[str, ...]:
        """Return the marks that speak for the maker, or against each other."""
        return self.maker.evidence or tuple(
            f"{each.value}: {'; '.join(each.evidence)}" for each in self.maker.contradicted_by
        )

    def document(self) -> dict[str, Any]:
        """Return the device as plain data."""
        return {
            "address": self.address,
            "rtsp_ports": list(self.ports),
            "onvif": bool(self.name or self.model),
            "wants_login": self.wants_login,
            "maker": self.maker.value or None,
            "maker_by": self.maker.by or None,
            "family": self.family or None,
            "because": list(self.because),
            "brand": self.brand or None,
            "model": self.model or None,
            "name": self.name or None,
            "mac": self.mac or None,
            "gateway": self.is_a_gateway,
            "streams": list(self.streams),
        }


def seems(device: Device, streams: Mapping[str, Sequence[str]], seen_at: str) -> Seems:
    """Return what a device seems to be.

    Args:
        device: what was found.
        streams: the streams of the configuration by the address that they pull from.
        seen_at: the time of the look, UTC, RFC 3339.
    """
    findings = device.findings(seen_at)

    def told(name: Any) -> str:
        return printable(tell(None, findings, name).value, MAX_SHOWN)

    described = next(((each.path, each.port) for each in device.seen.values() if each.path), ("", 0))
    return Seems(
        address=device.address,
        ports=tuple(sorted(device.seen)),
        wants_login=bool(device.seen) and all(each.wants_login for each in device.seen.values()),
        is_a_gateway=device.is_a_gateway,
        maker=tell(None, findings, "maker"),
        family=told("family"),
        brand=told("brand"),
        model=told("model"),
        name=told("name"),
        mac=told("mac"),
        streams=tuple(streams.get(device.address, ())),
        path=described,
        findings=findings,
    )
