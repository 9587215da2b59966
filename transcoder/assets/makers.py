"""Findings about an asset's maker and brand: from its stream, its MAC address, its brand, and its answers over ONVIF.

A brand is never taken for a maker. ONVIF answers with the name on the box, so that its manufacturer is a brand; who
made the box follows from the table of brands, where the brand has one known maker.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from transcoder.assets.findings import Field, Finding, FindingBy
from transcoder.assets.tables import (
    Brand,
    brand_rows,
    holder_of,
    mac_address,
    maker_named,
    maker_of_brand,
    onvif_marks,
    table_date,
)
from transcoder.rtsp.fingerprint import UNKNOWN, CameraMarks, guess_family
from transcoder.text import printable

MAX_VALUE: Final = 64
"""Characters of a name that a device tells of itself; ONVIF's own limits for a name are of this size."""
SCOPE: Final = "onvif://www.onvif.org/"
_REALM: Final = re.compile(r"[0-9a-fA-F]{12}")
_NOTHING: Final = frozenset(
    {"", "general", "generic", "ipcamera", "ipc", "camera", "unknown", "onvif", "null", "none", "na"}
)
"""Names that firmware has before anybody gave it one: Dahua's OEM builds say `General` and `IP_Camera`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceInformation:
    """Holds what a device tells of itself over ONVIF (GetDeviceInformation); "" for what it does not tell.

    Attributes:
        manufacturer: the name on the box.
        model: the type.
        firmware: the version of the firmware.
        serial: the serial number.
        hardware: the id of the hardware, which is nearer to the maker than the name on the box.
        server: the Server field of its answers.
        name, location: those of its scopes, which people set.
        mac: the MAC address of its scopes: some devices tell it there.
    """

    manufacturer: str = ""
    model: str = ""
    firmware: str = ""
    serial: str = ""
    hardware: str = ""
    server: str = ""
    name: str = ""
    location: str = ""
    mac: str = ""


def stream_findings(marks: CameraMarks, seen: str) -> tuple[Finding, ...]:
    """Return what a camera's marks tell: the family and the maker of its software, and a MAC address in its realm.

    Args:
        marks: the marks of the camera.
        seen: the time at which it showed them, UTC, RFC 3339.
    """
    found = []
    guess = guess_family(marks)
    if guess.family != UNKNOWN:
        found.append(_finding("family", guess.family, "stream", guess.because, seen))
    if guess.maker:
        found.append(_finding("maker", guess.maker, "stream", guess.because, seen))
    mac = realm_mac(marks.realms)
    if mac:
        found.append(_finding("mac", _with_colons(mac), "stream", ("the realm of its login is a MAC address",), seen))
        found += prefix_findings(mac, seen)
    return tuple(found)


def realm_mac(realms: Iterable[str]) -> str:
    """Return the MAC address that a camera has for a realm, "" where none of its realms is one.

    Twelve hexadecimal digits can be a serial number as well: a prefix that nobody is known to hold is no address.
    """
    return next((realm.upper() for realm in realms if _REALM.fullmatch(realm) and holder_of(realm) is not None), "")


def neighbour_findings(mac: str, seen: str) -> tuple[Finding, ...]:
    """Return what the MAC address of a camera on a network of the gateway tells.

    Args:
        mac: the address, as the neighbour table of the gateway has it.
        seen: the time at which it was read, UTC, RFC 3339.
    """
    digits = mac_address(mac)
    if not digits or not int(digits, 16):
        return ()
    address = _finding("mac", _with_colons(digits), "registry", ("the neighbour table of the gateway",), seen)
    return (address, *prefix_findings(digits, seen))


def prefix_findings(mac: str, seen: str) -> tuple[Finding, ...]:
    """Return who holds the prefix of a MAC address: a maker, a brand, or both."""
    holder = holder_of(mac)
    if holder is None:
        return ()
    day = table_date("mac_prefixes")
    because = (f"MAC prefix {holder.prefix} is registered to {holder.registered} (table of {day})",)
    found = []
    if holder.maker:
        found.append(_finding("maker", holder.maker, "registry", because, seen))
    if holder.brand:
        found.append(_finding("brand", holder.brand, "registry", because, seen))
    return tuple(found)


def brand_findings(brand: str, seen: str, *, is_told: bool = False) -> tuple[Finding, ...]:
    """Return the maker of a brand, where the table of brands knows one; () where it is for the operator to say.

    Args:
        brand: the brand, "" for unknown.
        seen: the time of the finding, UTC, RFC 3339; "" for a finding that is made anew each time.
        is_told: whether the operator says so. Then a maker's own name tells the maker. A device that gives that name
            tells none: those that are made for others answer with any.
    """
    row = maker_of_brand(brand)
    if row is not None:
        return (_finding("maker", row.maker, "registry", (_row_text(row),), seen),)
    own = maker_named(brand) if is_told and not brand_rows(brand) else None
    if own is None:
        return ()
    because = f"{own.name} is the name of a maker: table of makers of {table_date('makers')}"
    return (_finding("maker", own.name, "registry", (because,), seen),)


def brand_questions(brand: str) -> tuple[str, ...]:
    """Return what the table of brands says of a brand that does not tell its maker, one line a row, to be asked."""
    return () if maker_of_brand(brand) is not None else tuple(_row_text(row) for row in brand_rows(brand))


def onvif_findings(information: DeviceInformation, seen: str) -> tuple[Finding, ...]:
    """Return what a device's answers over ONVIF tell.

    Args:
        information: the answers.
        seen: the time at which they came, UTC, RFC 3339.
    """
    told: Sequence[tuple[Field, str, str]] = (
        ("brand", information.manufacturer, "Manufacturer of GetDeviceInformation"),
        ("model", information.model, "Model of GetDeviceInformation"),
        ("firmware", information.firmware, "FirmwareVersion of GetDeviceInformation"),
        ("serial", information.serial, "SerialNumber of GetDeviceInformation"),
        ("name", information.name, "a scope of the category name, which people set"),
        ("location", information.location, "a scope of the category location, which people set"),
    )
    found = [
        _finding(field, value, "onvif", (where,), seen)
        for field, value, where in told
        if re.sub(r"[^\w]|_", "", value.casefold()) not in _NOTHING
    ]
    mac = mac_address(information.mac)
    if mac:
        found.append(_finding("mac", _with_colons(mac), "onvif", ("a scope of the category MAC",), seen))
        found += prefix_findings(mac, seen)
    texts = {"firmware": information.firmware, "serial": information.serial, "server": information.server}
    named = {finding.field for finding in found}
    for where, text in texts.items():
        mark = next((mark for mark in onvif_marks() if mark.where == where and mark.pattern.search(text)), None)
        if mark is None:
            continue
        because = (f"{mark.mark} ({mark.source})",)
        if mark.maker:
            found.append(_finding("maker", mark.maker, "onvif", because, seen))
        if mark.brand and "brand" not in named:  # the name on the box goes before a letter in a version
            found.append(_finding("brand", mark.brand, "onvif", because, seen))
            named.add("brand")
    return tuple(found)


def scope_value(scopes: Iterable[str], category: str) -> str:
    """Return the value of the first scope of a category, "" where there is none.

    Args:
        scopes: the scopes, such as `onvif://www.onvif.org/location/harbour`, with their escapes resolved.
        category: the category, such as "location".

    Source: ONVIF Core Specification section 7.3.2.2.
    """
    for scope in scopes:
        if scope.lower().startswith(f"{SCOPE}{category}/"):
            return scope[len(SCOPE) + len(category) + 1 :].strip("/")
    return ""


def _row_text(row: Brand) -> str:
    part = f" ({row.note})" if row.note else ""
    verb = "was" if row.former else "is"
    told = f"table of brands of {table_date('brands')}, {row.confidence} confidence, {', '.join(row.sources)}"
    return f"{row.name} {verb} made by {row.maker}{part}: {told}"


def _finding(field: Field, value: str, by: FindingBy, evidence: Sequence[str], seen: str) -> Finding:
    found = Finding(field=field, value=printable(value.strip(), MAX_VALUE), by=by, evidence=tuple(evidence), seen=seen)
    return found.bounded()


def _with_colons(digits: str) -> str:
    """Return a MAC address as the configuration writes it."""
    return ":".join(digits[index : index + 2] for index in range(0, 12, 2)).lower()
