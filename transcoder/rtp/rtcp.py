"""This module reads the RTCP packets of cameras, and writes the few that we send (RFC 3550 section 6).

A camera's SDES and APP packets are counted and thrown away: they carry names and vendor data.
"""

import struct
from dataclasses import dataclass

from transcoder.errors import PayloadError

SENDER_REPORT = 200
RECEIVER_REPORT = 201
SOURCE_DESCRIPTION = 202
GOODBYE = 203
APPLICATION = 204

MAX_PACKETS = 32
"""The largest number of packets that are read of one compound packet."""

_SENDER_INFO = struct.Struct("!IQIII")
_REPORT_BLOCK = struct.Struct("!IIIIII")


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportBlock:
    """Holds one reception report block (RFC 3550 section 6.4.1).

    Attributes:
        fraction_lost: 0..255, of 256.
        cumulative_lost: packets, signed 24 bits.
        highest_sequence: extended, 32 bits.
        jitter: ticks.
        last_sender_report: the middle 32 bits of the sender report's NTP timestamp.
        delay_since_last: 1/65536 s.
    """

    ssrc: int
    fraction_lost: int = 0
    cumulative_lost: int = 0
    highest_sequence: int = 0
    jitter: int = 0
    last_sender_report: int = 0
    delay_since_last: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class SenderReport:
    """Says that at NTP time `ntp` the sender's RTP clock read `rtp_timestamp`."""

    ssrc: int
    ntp: int
    rtp_timestamp: int
    packet_count: int = 0
    octet_count: int = 0
    reports: tuple[ReportBlock, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceiverReport:
    """Holds a receiver report, which keeps a session alive."""

    ssrc: int
    reports: tuple[ReportBlock, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Other:
    """Holds a packet of which only the type and the body matter: SDES, BYE, APP and any other type."""

    packet_type: int
    body: bytes


RtcpPacket = SenderReport | ReceiverReport | Other


def parse_rtcp(data: bytes | memoryview) -> list[RtcpPacket]:
    """Parse a compound packet; everything behind a packet that can't be read is left out.

    Raises:
        PayloadError: not even the first packet can be read.

    Source: RFC 3550 section 6.4; the rules for compound packets are not enforced, because cameras break them.
    """
    packets: list[RtcpPacket] = []
    position = 0
    while position + 4 <= len(data) and len(packets) < MAX_PACKETS:
        first, packet_type, length = struct.unpack_from("!BBH", data, position)
        end = position + 4 + 4 * length
        if first >> 6 != 2 or end > len(data):
            break
        body = bytes(data[position + 4 : end])
        packets.append(_parse(packet_type, first & 0x1F, body))
        position = end
    if not packets:
        raise PayloadError(f"no RTCP packet in {len(data)} bytes")
    return packets


def _parse(packet_type: int, count: int, body: bytes) -> RtcpPacket:
    if packet_type == SENDER_REPORT and len(body) >= _SENDER_INFO.size:
        ssrc, ntp, rtp_timestamp, packets, octets = _SENDER_INFO.unpack_from(body)
        return SenderReport(
            ssrc=ssrc,
            ntp=ntp,
            rtp_timestamp=rtp_timestamp,
            packet_count=packets,
            octet_count=octets,
            reports=_blocks(body, _SENDER_INFO.size, count),
        )
    if packet_type == RECEIVER_REPORT and len(body) >= 4:
        return ReceiverReport(ssrc=int.from_bytes(body[:4]), reports=_blocks(body, 4, count))
    return Other(packet_type=packet_type, body=body)


def _blocks(body: bytes, start: int, count: int) -> tuple[ReportBlock, ...]:
    blocks = []
    for index in range(count):
        offset = start + index * _REPORT_BLOCK.size
        if offset + _REPORT_BLOCK.size > len(body):
            break
        ssrc, loss, highest, jitter, last, delay = _REPORT_BLOCK.unpack_from(body, offset)
        lost = loss & 0xFF_FFFF
        blocks.append(
            ReportBlock(
                ssrc=ssrc,
                fraction_lost=loss >> 24,
                cumulative_lost=lost - (1 << 24) if lost & 0x80_0000 else lost,
                highest_sequence=highest,
                jitter=jitter,
                last_sender_report=last,
                delay_since_last=delay,
            )
        )
    return tuple(blocks)


def serialize_receiver_report(ssrc: int, cname: str, block: ReportBlock | None) -> bytes:
    """Return a compound of RR and SDES CNAME."""
    body = ssrc.to_bytes(4)
    if block is not None:
        body += _REPORT_BLOCK.pack(
            block.ssrc,
            (block.fraction_lost << 24) | (block.cumulative_lost & 0xFF_FFFF),
            block.highest_sequence,
            block.jitter,
            block.last_sender_report,
            block.delay_since_last,
        )
    return _packet(RECEIVER_REPORT, 0 if block is None else 1, body) + _source_description(ssrc, cname)


def serialize_sender_report(report: SenderReport, cname: str) -> bytes:
    """Return a compound of SR without report blocks and SDES CNAME."""
    body = _SENDER_INFO.pack(
        report.ssrc,
        report.ntp,
        report.rtp_timestamp & 0xFFFF_FFFF,
        report.packet_count & 0xFFFF_FFFF,
        report.octet_count & 0xFFFF_FFFF,
    )
    return _packet(SENDER_REPORT, 0, body) + _source_description(report.ssrc, cname)


def serialize_goodbye(ssrc: int, cname: str) -> bytes:
    """Return an empty RR, SDES CNAME and BYE, by which a sender leaves.

    Source: RFC 3550 section 6.1: a compound begins with a report.
    """
    return (
        _packet(RECEIVER_REPORT, 0, ssrc.to_bytes(4))
        + _source_description(ssrc, cname)
        + _packet(GOODBYE, 1, ssrc.to_bytes(4))
    )


def _source_description(ssrc: int, cname: str) -> bytes:
    item = cname.encode()[:255]
    chunk = ssrc.to_bytes(4) + bytes((1, len(item))) + item
    chunk += b"\0" * (4 - len(chunk) % 4)
    return _packet(SOURCE_DESCRIPTION, 1, chunk)


def _packet(packet_type: int, count: int, body: bytes) -> bytes:
    return bytes((0x80 | count, packet_type)) + (len(body) // 4).to_bytes(2) + body
