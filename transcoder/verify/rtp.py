"""RTP and RTCP packets are read strictly: everything unusual is named, and nothing is put up with.

Source: RFC 3550 sections 5.1, 6.
"""

import struct
from dataclasses import dataclass

_RTCP_NAMES = {
    200: "SR", 201: "RR", 202: "SDES", 203: "BYE", 204: "APP", 205: "transport feedback", 206: "payload feedback",
    207: "XR",
}  # fmt: skip
_SDES_NAMES = {1: "CNAME", 2: "NAME", 3: "EMAIL", 4: "PHONE", 5: "LOC", 6: "TOOL", 7: "NOTE", 8: "PRIV"}

_SENDER_FIELDS = "SSRC, NTP time, RTP timestamp, packet count, octet count"
REPORT_BLOCKS = "report blocks"
_MAX_ITEMS = 64
"""The number of items of a source description whose names are counted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Packet:
    """Holds one RTP packet.

    Attributes:
        extension: the profile and the words of its header extension, or None.
        padding: the bytes at its end, their count included.
    """

    payload_type: int
    marker: bool
    sequence_number: int
    timestamp: int
    ssrc: int
    csrcs: tuple[int, ...]
    extension: tuple[int, bytes] | None
    padding: bytes
    payload: bytes


def is_rtcp(data: bytes) -> bool:
    """Return whether a packet on a shared port is RTCP (RFC 5761 section 4)."""
    return len(data) >= 4 and 192 <= data[1] <= 223


def read_rtp(data: bytes) -> Packet | str:
    """Read a packet, or return a text that says why the bytes are no packet."""
    if len(data) < 12:
        return f"{len(data)} bytes are no RTP packet"
    first, second, number, timestamp, ssrc = struct.unpack_from("!BBHII", data)
    if first >> 6 != 2:
        return f"RTP version {first >> 6}"
    position = 12 + 4 * (first & 15)
    if len(data) < position:
        return "the CSRC list is cut off"
    csrcs = struct.unpack_from(f"!{first & 15}I", data, 12)
    extension = None
    if first & 0x10:
        if len(data) < position + 4:
            return "the header extension is cut off"
        profile, words = struct.unpack_from("!HH", data, position)
        start, position = position + 4, position + 4 + 4 * words
        if len(data) < position:
            return "the header extension is cut off"
        extension = (profile, data[start:position])
    end = len(data)
    if first & 0x20:
        end -= data[-1]
        if data[-1] == 0 or end < position:
            return "the padding is longer than the packet"
    return Packet(
        payload_type=second & 0x7F,
        marker=second >= 0x80,
        sequence_number=number,
        timestamp=timestamp,
        ssrc=ssrc,
        csrcs=csrcs,
        extension=extension,
        padding=data[end:],
        payload=data[position:end],
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """Describes one packet of an RTCP compound.

    Attributes:
        name: the name of its type.
        texts: (place, text) of everything readable in the packet.
        rest: bytes that the type has no place for: extensions, or the whole body of a type that is not read.
        ntp: (ntp, rtp_timestamp) of a sender report.
        fields: the name and the number of every field or item in the packet.
    """

    name: str
    texts: tuple[tuple[str, bytes], ...] = ()
    rest: bytes = b""
    ntp: tuple[int, int] | None = None
    fields: tuple[tuple[str, int], ...] = ()


def read_rtcp(data: bytes) -> list[Report] | str:
    """Read a compound packet, or return a text that says why the bytes are none."""
    reports: list[Report] = []
    position = 0
    while position < len(data):
        if len(data) - position < 4:
            return f"{len(data) - position} bytes behind the last RTCP packet"
        first, kind, words = struct.unpack_from("!BBH", data, position)
        end = position + 4 + 4 * words
        if first >> 6 != 2 or end > len(data):
            return "an RTCP packet is cut off or of another version"
        body = data[position + 4 : end]
        if first & 0x20:
            return "RTCP padding"
        reports.append(_read(kind, first & 31, body))
        position = end
    return reports or "an empty RTCP packet"


def _read(kind: int, count: int, body: bytes) -> Report:
    name = _RTCP_NAMES.get(kind, f"RTCP type {kind}")
    if kind == 200 and len(body) >= 24:
        ntp, timestamp = struct.unpack_from("!QI", body, 4)
        fields = ((_SENDER_FIELDS, 1), (REPORT_BLOCKS, count))
        return Report(name=name, rest=body[24 + 24 * count :], ntp=(ntp, timestamp), fields=fields)
    if kind == 201 and len(body) >= 4:
        return Report(name=name, rest=body[4 + 24 * count :], fields=(("SSRC", 1), (REPORT_BLOCKS, count)))
    if kind == 202:
        return _read_source_description(name, count, body)
    if kind == 203 and len(body) >= 4 * count:
        reason = body[4 * count :]
        texts = (("BYE reason", reason[1 : 1 + reason[0]]),) if reason else ()
        return Report(name=name, texts=texts, fields=(("SSRC", count), ("reason", len(texts))))
    if kind == 204 and len(body) >= 8:
        told = (("APP name", body[4:8]), ("APP data", body[8:]))
        return Report(name=name, texts=told, fields=(("SSRC, name, data", 1),))
    return Report(name=name, rest=body)


def _read_source_description(name: str, count: int, body: bytes) -> Report:
    texts: list[tuple[str, bytes]] = []
    position = 0
    for _ in range(count):
        position += 4
        while position + 2 <= len(body) and body[position]:
            item, size = body[position], body[position + 1]
            texts.append((_SDES_NAMES.get(item, f"SDES item {item}"), body[position + 2 : position + 2 + size]))
            position += 2 + size
        position += 4 - position % 4  # a zero ends the items, zeros fill the word
    fields = (("SSRC", count), *((item, 1) for item, _ in texts[:_MAX_ITEMS]))
    return Report(name=name, texts=tuple(texts), rest=body[position:], fields=fields)
