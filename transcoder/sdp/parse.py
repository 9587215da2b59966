"""This parser survives the session descriptions that cameras write (RFC 2327, RFC 4566).

A line that can't be read is left out and counted, a media section that can't be read is skipped; only a description
with nothing to play is an error. Nothing that is read here is ever written again.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from transcoder import formats
from transcoder.errors import LimitExceeded, SdpSyntaxError

MAX_SDP_SIZE = 64 << 10
"""Bytes: the largest session description. Real ones stay below 3 KiB."""
MAX_MEDIA = 32
MAX_LINES = 2048

_STATIC_ENCODINGS = {
    0: ("PCMU", 8000, 1), 3: ("GSM", 8000, 1), 8: ("PCMA", 8000, 1), 9: ("G722", 8000, 1), 10: ("L16", 44100, 2),
    11: ("L16", 44100, 1), 14: ("MPA", 90000, 1), 26: ("JPEG", 90000, 1), 32: ("MPV", 90000, 1),
    33: ("MP2T", 90000, 1),
}  # fmt: skip
"""The encodings, clock rates and channels of static payload types (RFC 3551 tables 4 and 5)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OfferedFormat:
    """Holds one payload type of a media section, as the description offers it.

    Attributes:
        payload_type: 0..127.
        encoding: the encoding name in upper case, "" where nothing tells it.
        clock_rate: ticks a second, as declared; where rtpmap leaves the clock rate out, that of the encoding, 0 if the
            encoding has none.
        channels: the number of audio channels.
        parameters: the parameters of fmtp; names in lower case. A camera may write them under another media
            (WebRTC#419).
    """

    payload_type: int
    encoding: str
    clock_rate: int
    channels: int = 1
    parameters: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Media:
    """Holds one media section.

    Attributes:
        kind: "video", "audio", "application" or whatever the camera calls it.
        protocol: "RTP/AVP" and the like.
        formats: the formats in the order of the m= line.
        control: the control attribute, or None.
        direction: "sendonly", "recvonly", "sendrecv", "inactive" or "".
        attributes: every attribute, in order, for fingerprints and reports.
        raw_formats: the format list as written; vendor channels have names there instead of numbers.
        connection: the address of c= without TTL and number of groups, the session's where the media has none, or "".
    """

    kind: str
    port: int
    protocol: str
    formats: tuple[OfferedFormat, ...]
    control: str | None
    direction: str
    attributes: tuple[tuple[str, str], ...]
    raw_formats: tuple[str, ...]
    connection: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionDescription:
    """Holds a parsed session description.

    Attributes:
        lines: session-level lines other than attributes, (type, value), for fingerprints and reports.
        skipped: lines and sections that could not be read.
    """

    media: tuple[Media, ...]
    control: str | None
    attributes: tuple[tuple[str, str], ...]
    lines: tuple[tuple[str, str], ...]
    skipped: int


def parse_sdp(body: bytes) -> SessionDescription:
    """Parse a session description.

    Args:
        body: the bytes as received; UTF-8 is tried, any other charset is read byte by byte.

    Raises:
        LimitExceeded: the body has more than MAX_SDP_SIZE bytes.
        SdpSyntaxError: the body has no media section at all.
    """
    if len(body) > MAX_SDP_SIZE:
        raise LimitExceeded(f"session description of {len(body)} bytes is over {MAX_SDP_SIZE}")
    try:
        text = body.decode()
    except UnicodeDecodeError:
        text = body.decode("latin-1")
    skipped = 0
    session: list[tuple[str, str]] = []
    sections: list[list[tuple[str, str]]] = []
    current = session
    lines = re.split(r"\r\n|\n|\r", _JOINED.sub(r"\1\n", text))
    for line in lines[:MAX_LINES]:
        if len(line) < 2 or line[1] != "=" or not line[0].isalpha():
            skipped += bool(line.strip("\x00 \t"))
            continue
        key, value = line[0], line[2:].strip()
        if key == "m":
            if len(sections) == MAX_MEDIA:
                skipped += 1
                break
            current = []
            sections.append(current)
        current.append((key, value))
    connection = _address(session)
    stray = _stray_parameters(session, sections)
    media = []
    for section in sections:
        parsed = _parse_media(section, connection, stray)
        if parsed is None:
            skipped += 1
        else:
            media.append(parsed)
    if not sections:
        raise SdpSyntaxError("the session description has no media section (m= line)")
    attributes = _attributes(session)
    return SessionDescription(
        media=tuple(media),
        control=_first(attributes, "control"),
        attributes=attributes,
        lines=tuple((key, value) for key, value in session if key != "a"),
        skipped=skipped,
    )


_JOINED = re.compile(r"^(a=(?:sendonly|recvonly|sendrecv|inactive))(?=m=)", re.MULTILINE)
"""Matches where the line end before the next media was left out (Reolink doorbells)."""


def _attributes(section: list[tuple[str, str]]) -> tuple[tuple[str, str], ...]:
    found = []
    for key, value in section:
        if key == "a":
            name, _, rest = value.partition(":")
            found.append((name.strip(), rest.strip()))
    return tuple(found)


def _first(attributes: Sequence[tuple[str, str]], name: str) -> str | None:
    for key, value in attributes:
        if key.lower() == name:
            return value
    return None


def _address(section: list[tuple[str, str]]) -> str:
    """Return the address of the first c= line that has one; cameras write `c=IN`, `c=IN c=IN IP4 0.0.0.0`.

    Source: RFC 4566 section 5.7: address, TTL (IPv4 alone) and number of groups, with slashes between them.
    """
    for key, value in section:
        address = value.split()[-1].partition("/")[0] if key == "c" and value.split() else ""
        if "." in address or ":" in address:
            return address
    return ""


def _numbers(raw_formats: Sequence[str]) -> list[int]:
    """Return the payload types of a format list."""
    return [int(item) for item in raw_formats if re.fullmatch(r"[0-9]{1,3}", item) and int(item) < 128]


def _fmtp(value: str) -> tuple[int, dict[str, str]] | None:
    """Return the payload type and the parameters."""
    match = re.match(r"(\d{1,3})\s*(.*)", value, re.DOTALL)
    return (int(match.group(1)), _parameters(match.group(2))) if match and int(match.group(1)) < 128 else None


def _stray_parameters(
    session: list[tuple[str, str]], sections: list[list[tuple[str, str]]]
) -> dict[int, dict[str, str]]:
    """Return the parameters by payload type of fmtp lines under a media without such a payload type (WebRTC#419)."""
    found: dict[int, dict[str, str]] = {}
    for section in [session, *sections]:
        numbers = set(_numbers(section[0][1].split()[3:]) if section and section[0][0] == "m" else [])
        for name, value in _attributes(section):
            parsed = _fmtp(value) if name.lower() == "fmtp" else None
            if parsed is not None and parsed[0] not in numbers:
                found.setdefault(*parsed)
    return found


def _parse_media(section: list[tuple[str, str]], connection: str, stray: dict[int, dict[str, str]]) -> Media | None:
    fields = section[0][1].split()
    if len(fields) < 3:
        return None
    port = re.match(r"\d{1,5}", fields[1])
    attributes = _attributes(section)
    raw_formats = tuple(fields[3:])
    return Media(
        kind=fields[0].lower(),
        port=int(port.group()) if port else 0,
        protocol=fields[2].upper(),
        formats=_formats(raw_formats, attributes, stray),
        control=_first(attributes, "control"),
        direction=next((key for key, _ in attributes if key in _DIRECTIONS), ""),
        attributes=attributes,
        raw_formats=raw_formats,
        connection=_address(section) or connection,
    )


_DIRECTIONS = frozenset({"sendonly", "recvonly", "sendrecv", "inactive"})
_RTPMAP = re.compile(r"(\d{1,3})\s+([^/\s]+)(?:\s*/\s*(\d{1,9})?(?:\s*/\s*(\d{1,2})\b)?)?")


def _formats(
    raw_formats: tuple[str, ...], attributes: tuple[tuple[str, str], ...], stray: dict[int, dict[str, str]]
) -> tuple[OfferedFormat, ...]:
    maps: dict[int, tuple[str, int, int]] = {}
    parameters: dict[int, dict[str, str]] = {}
    for name, value in attributes:
        if name.lower() == "rtpmap":
            match = _RTPMAP.match(value)
            if match and int(match.group(1)) < 128:
                encoding = match.group(2).upper()
                entry = (encoding, int(match.group(3) or 0) or _clock_rate(encoding), int(match.group(4) or 1))
                maps.setdefault(int(match.group(1)), entry)
        elif name.lower() == "fmtp":
            parsed = _fmtp(value)
            if parsed is not None:
                parameters.setdefault(*parsed)
    numbers = _numbers(raw_formats)
    offered = []
    for number in dict.fromkeys(numbers):
        static = _STATIC_ENCODINGS.get(number, ("", 0, 1))
        # one format, one rtpmap of another number (ffcs H265): they mean each other
        only = next(iter(maps.values())) if len(numbers) == len(maps) == 1 else static
        encoding, clock_rate, channels = maps.get(number, only)
        own = parameters.get(number) or stray.get(number)
        if own is None:
            own = next(iter(parameters.values())) if len(numbers) == len(parameters) == 1 else {}
        offered.append(
            OfferedFormat(
                payload_type=number, encoding=encoding, clock_rate=clock_rate, channels=channels, parameters=own
            )
        )
    return tuple(offered)


def _clock_rate(encoding: str) -> int:
    """Return the clock rate of an encoding whose rtpmap leaves it out; 0 where nothing tells the clock rate."""
    known = formats.VIDEO.of_encoding(encoding) or formats.AUDIO.of_encoding(encoding)
    return known.clock_rate if known is not None else _OTHER_CLOCK_RATES.get(encoding, 0)


_OTHER_CLOCK_RATES = {
    "GSM": 8000, "MPA": 90_000, "G723": 8000, "G728": 8000, "G729": 8000,
}  # fmt: skip
"""The clock rates of encodings that are not received, for reports (RFC 3551 table 4)."""


def _parameters(text: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for item in text.split(";"):
        name, equals, value = item.partition("=")
        if equals and name.strip():
            found.setdefault(name.strip().lower(), value.strip().strip('"'))
    return found
