"""Packets are read out of pcap and pcapng files: Ethernet, Linux cooked, raw IP; IPv4, IPv6, UDP and TCP.

Source: draft-ietf-opsawg-pcap, draft-ietf-opsawg-pcapng, RFC 791, RFC 8200, RFC 768, RFC 9293.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field

Flow = tuple[str, int, str, int]
"""The source address and port, then the destination address and port."""

PCAP_MAGICS = {
    b"\xa1\xb2\xc3\xd4": (">", 1e6), b"\xd4\xc3\xb2\xa1": ("<", 1e6),
    b"\xa1\xb2\x3c\x4d": (">", 1e9), b"\x4d\x3c\xb2\xa1": ("<", 1e9),
}  # fmt: skip
PCAPNG_MAGIC = b"\x0a\x0d\x0d\x0a"
_MAX_PACKET = 1 << 20


@dataclass(slots=True)
class Capture:
    """Holds the packets of a file.

    Attributes:
        datagrams: (flow, payload, seconds) of each UDP datagram, in order.
        segments: the TCP payloads by flow, in order: (sequence number, payload, seconds).
        skipped: the number of packets that were not understood, by reason.
    """

    datagrams: list[tuple[Flow, bytes, float]] = field(default_factory=list)
    segments: dict[Flow, list[tuple[int, bytes, float]]] = field(default_factory=dict)
    skipped: dict[str, int] = field(default_factory=dict)

    def skip(self, reason: str) -> None:
        """Count a packet that was not understood."""
        self.skipped[reason] = self.skipped.get(reason, 0) + 1

    def byte_streams(self) -> Iterator[tuple[Flow, list[tuple[bytes, float]]]]:
        """Yield each TCP flow's bytes in order, in pieces with their times; bytes that were sent twice come once."""
        for flow, segments in self.segments.items():
            first = segments[0][0]
            pieces: list[tuple[bytes, float]] = []
            position = 0
            for number, payload, at in sorted(
                ((item[0] - first + (1 << 31)) % (1 << 32) - (1 << 31), item[1], item[2]) for item in segments
            ):
                fresh = payload[max(position - number, 0) :] if pieces else payload
                if fresh:
                    pieces.append((fresh, at))
                    position = number + len(payload)
            yield flow, pieces


def is_capture(data: bytes) -> bool:
    """Return whether a file begins like pcap or pcapng."""
    return data[:4] in PCAP_MAGICS or data[:4] == PCAPNG_MAGIC


def read_capture(data: bytes) -> Capture:
    """Read a pcap or pcapng file; a packet that is cut off at the end is left out."""
    capture = Capture()
    records = _pcapng(data) if data[:4] == PCAPNG_MAGIC else _pcap(data)
    for link, at, frame in records:
        _link(capture, link, at, frame)
    return capture


def _pcap(data: bytes) -> Iterator[tuple[int, float, bytes]]:
    order, ticks = PCAP_MAGICS[data[:4]]
    if len(data) < 24:
        return
    link = struct.unpack_from(order + "I", data, 20)[0] & 0xFFFF
    position = 24
    while position + 16 <= len(data):
        seconds, fraction, size, _ = struct.unpack_from(order + "IIII", data, position)
        if size > _MAX_PACKET:
            return
        yield link, seconds + fraction / ticks, data[position + 16 : position + 16 + size]
        position += 16 + size


def _pcapng(data: bytes) -> Iterator[tuple[int, float, bytes]]:
    position, order = 0, "<"
    links: list[tuple[int, float]] = []
    while position + 12 <= len(data):
        if data[position : position + 4] == PCAPNG_MAGIC:
            order = "<" if data[position + 8 : position + 12] == b"\x4d\x3c\x2b\x1a" else ">"
            links = []
        kind, size = struct.unpack_from(order + "II", data, position)
        body = data[position + 8 : position + size - 4]
        if size < 12 or size % 4 or position + size > len(data):
            return
        if kind == 1 and len(body) >= 8:
            links.append((struct.unpack_from(order + "H", body)[0], _resolution(order, body[8:])))
        elif kind == 6 and len(body) >= 20:
            interface, high, low, captured, _ = struct.unpack_from(order + "IIIII", body)
            if interface < len(links):
                link, ticks = links[interface]
                yield link, ((high << 32) + low) / ticks, body[20 : 20 + captured]
        elif kind == 3 and links and len(body) >= 4:
            yield links[0][0], 0.0, body[4:]
        position += size


def _resolution(order: str, options: bytes) -> float:
    """Return the ticks a second of an interface, which option 9, if_tsresol, gives."""
    position = 0
    while position + 4 <= len(options):
        code, size = struct.unpack_from(order + "HH", options, position)
        if code == 9 and size == 1 and position + 4 < len(options):
            value = options[position + 4]
            return float(2 ** (value & 0x7F) if value & 0x80 else 10 ** min(value, 18))
        if code == 0:
            break
        position += 4 + (size + 3) // 4 * 4
    return 1e6


def _link(capture: Capture, link: int, at: float, frame: bytes) -> None:
    if link == 1:
        position = 12
        while frame[position : position + 2] in {b"\x81\x00", b"\x88\xa8"}:
            position += 4
        kind, packet = frame[position : position + 2], frame[position + 2 :]
    elif link == 113:
        kind, packet = frame[14:16], frame[16:]
    elif link == 276:
        kind, packet = frame[0:2], frame[20:]
    elif link in {0, 108}:
        kind, packet = b"", frame[4:]
    elif link in {12, 14, 101, 228, 229}:
        kind, packet = b"", frame
    else:
        capture.skip(f"link type {link}")
        return
    version = packet[0] >> 4 if packet else 0
    if version == 4 and kind in {b"", b"\x08\x00"}:
        _ipv4(capture, at, packet)
    elif version == 6 and kind in {b"", b"\x86\xdd"}:
        _ipv6(capture, at, packet)
    else:
        capture.skip("no IP")


def _ipv4(capture: Capture, at: float, packet: bytes) -> None:
    if len(packet) < 20:
        capture.skip("cut off")
        return
    size = 4 * (packet[0] & 15)
    total = int.from_bytes(packet[2:4]) or len(packet)  # 0 where the network card segments
    if int.from_bytes(packet[6:8]) & 0x3FFF:
        capture.skip("IP fragment")
        return
    source, target = (".".join(map(str, part)) for part in (packet[12:16], packet[16:20]))
    _transport(capture, at, packet[9], source, target, packet[size:total])


def _ipv6(capture: Capture, at: float, packet: bytes) -> None:
    if len(packet) < 40:
        capture.skip("cut off")
        return
    source, target = packet[8:24].hex(":", 2), packet[24:40].hex(":", 2)
    end = 40 + int.from_bytes(packet[4:6])
    _transport(capture, at, packet[6], source, target, packet[40:end])


def _transport(capture: Capture, at: float, protocol: int, source: str, target: str, data: bytes) -> None:
    if protocol == 17 and len(data) >= 8:
        ports = struct.unpack_from("!HH", data)
        capture.datagrams.append(((source, ports[0], target, ports[1]), data[8:], at))
    elif protocol == 6 and len(data) >= 20:
        ports = struct.unpack_from("!HH", data)
        payload = data[4 * (data[12] >> 4) :]
        if payload:
            flow = (source, ports[0], target, ports[1])
            capture.segments.setdefault(flow, []).append((int.from_bytes(data[4:8]), payload, at))
    else:
        capture.skip(f"IP protocol {protocol}")
