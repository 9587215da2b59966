"""This module makes RTP packets once and stamps them often.

A block is a run of packets in the form that interleaved TCP needs, with room for the headers. Stamping writes 16 bytes
in each packet: `$`, channel, length, and the RTP header. UDP sends the same bytes without the first four.
"""

import struct
from collections.abc import Sequence
from dataclasses import dataclass

FRAME_HEADER = 4
"""Bytes of an interleaved frame's header (RFC 2326 section 10.12)."""
RTP_HEADER = 12

_STAMP = struct.Struct("!BBHBBHII")
_VERSION_2, _EXTENSION = 0x80, 0x10


@dataclass(frozen=True, slots=True)
class PacketBlock:
    """Holds packets in a row.

    Attributes:
        data: the frames: 4 bytes for the frame header, 12 for the RTP header, the rest of the packet.
        packets: (offset of the frame, RTP packet size, first RTP byte) of each packet.
    """

    data: bytes
    packets: tuple[tuple[int, int, int], ...]


EMPTY = PacketBlock(b"", ())


def block(payloads: Sequence[bytes], extension: bytes = b"") -> PacketBlock:
    """Return a block of these payloads.

    Args:
        payloads: the RTP payloads.
        extension: a header extension, profile and length included, for the first packet; empty: none.
    """
    parts, packets = [], []
    offset = 0
    for index, payload in enumerate(payloads):
        before = extension if index == 0 else b""
        size = RTP_HEADER + len(before) + len(payload)
        parts.append(bytes(FRAME_HEADER + RTP_HEADER) + before + payload)
        packets.append((offset, size, _VERSION_2 | (_EXTENSION if before else 0)))
        offset += FRAME_HEADER + size
    return PacketBlock(b"".join(parts), tuple(packets))


def with_extension(part: PacketBlock, extension: bytes) -> PacketBlock:
    """Return the block with this extension, profile and length included, in the first packet, which has had none."""
    if not extension:
        return part
    at = FRAME_HEADER + RTP_HEADER
    (_, size, first), *rest = part.packets
    grown = len(extension)
    return PacketBlock(
        part.data[:at] + extension + part.data[at:],
        ((0, size + grown, first | _EXTENSION), *((offset + grown, length, byte) for offset, length, byte in rest)),
    )


def header_extension(profile: int, data: bytes) -> bytes:
    """Return a header extension, padded with zeros to whole words (RFC 3550 section 5.3.1)."""
    words = -(-len(data) // 4)
    return struct.pack("!HH", profile, words) + data.ljust(4 * words, b"\0")


@dataclass(frozen=True, slots=True)
class Burst:
    """Holds packets that are ready to be sent on one track.

    Attributes:
        track: index of the track.
        data: stamped frames; the channel byte of each is 0.
        packets: (offset of the frame, packet size) of each packet.
        rtcp: whether the burst belongs on the control channel or port.
        random_access: whether the burst begins an access unit that a decoder can start with.
    """

    track: int
    data: bytearray
    packets: tuple[tuple[int, int], ...]
    rtcp: bool = False
    random_access: bool = False

    def on_channel(self, channel: int) -> bytes:
        """Return the bytes for interleaved TCP on this channel."""
        if channel == 0:
            return bytes(self.data)
        data = bytearray(self.data)
        for offset, _ in self.packets:
            data[offset + 1] = channel
        return bytes(data)


def payload_offset(data: bytes | bytearray, offset: int) -> int:
    """Return the offset at which the payload of a packet begins.

    Args:
        data: the frames.
        offset: offset of the packet's frame.
    """
    start = offset + FRAME_HEADER + RTP_HEADER
    if data[offset + FRAME_HEADER] & _EXTENSION:
        start += 4 + 4 * int.from_bytes(data[start + 2 : start + 4])
    return start


def without_packet(burst: Burst, index: int) -> Burst:
    """Return the same burst after one of its packets was lost."""
    lost, size = burst.packets[index]
    size += FRAME_HEADER
    data = burst.data[:lost] + burst.data[lost + size :]
    packets = burst.packets[:index] + tuple((at - size, length) for at, length in burst.packets[index + 1 :])
    return Burst(burst.track, data, packets, rtcp=burst.rtcp, random_access=burst.random_access)


def stamp(
    blocks: Sequence[PacketBlock],
    *,
    payload_type: int,
    sequence_number: int,
    timestamp: int,
    ssrc: int,
    marker: str = "last",
) -> tuple[bytearray, list[tuple[int, int]]]:
    """Join blocks and write the headers.

    Args:
        blocks: the blocks, in order.
        payload_type: RTP payload type of every packet.
        sequence_number: sequence number of the first packet.
        timestamp: timestamp of every packet, 32 bits.
        ssrc: SSRC of every packet.
        marker: "last" packet, "all" or "none".

    Returns:
        The frames, and (offset, packet size) of each packet.
    """
    data = bytearray().join([part.data for part in blocks])
    packets: list[tuple[int, int]] = []
    base = 0
    m_bit = 0x80 if marker == "all" else 0
    second = payload_type | m_bit
    pack_into = _STAMP.pack_into
    for part in blocks:
        for offset, size, first in part.packets:
            at = base + offset
            pack_into(data, at, 0x24, 0, size, first, second, sequence_number & 0xFFFF, timestamp, ssrc)
            packets.append((at, size))
            sequence_number += 1
        base += len(part.data)
    if marker == "last" and packets:
        data[packets[-1][0] + FRAME_HEADER + 1] |= 0x80
    return data, packets


def frame(packets: Sequence[bytes]) -> tuple[bytearray, tuple[tuple[int, int], ...]]:
    """Return whole packets (RTCP) as frames on channel 0."""
    data = bytearray()
    places = []
    for packet in packets:
        places.append((len(data), len(packet)))
        data += struct.pack("!BBH", 0x24, 0, len(packet)) + packet
    return data, tuple(places)
