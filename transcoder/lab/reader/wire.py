"""What came over a connection that carries RTSP and interleaved packets, told apart and counted."""

import re
from dataclasses import dataclass, field

from transcoder.lab.reader.scanner import Scanner

MAX_MESSAGE = 64 << 10
"""Bytes of an RTSP message with its body."""


@dataclass(slots=True)
class WireCounts:
    """What was seen.

    Attributes:
        messages: RTSP responses and requests.
        rtp: packets on even channels.
        rtcp: packets on odd channels.
        payload_types: of RTP packets.
        channels: that packets came on.
        media: kinds in the last session description.
        extensions: RTP packets with a header extension.
        contributors: RTP packets with CSRC entries.
        padded: RTP packets with padding.
        gaps: RTP packets whose sequence number does not follow the one before on their channel.
        unknown: times that the bytes were neither a message nor a packet.
    """

    messages: int = 0
    rtp: int = 0
    rtcp: int = 0
    payload_types: set[int] = field(default_factory=set)
    channels: set[int] = field(default_factory=set)
    media: tuple[str, ...] = ()
    extensions: int = 0
    contributors: int = 0
    padded: int = 0
    gaps: int = 0
    unknown: int = 0

    def oddities(self) -> list[str]:
        """What a stream of nothing but pixels does not have, one phrase each."""
        found = []
        if self.media and self.media != ("video",):
            found.append(f"media {', '.join(self.media)}")
        if len(self.payload_types) > 1:
            found.append(f"payload types {', '.join(map(str, sorted(self.payload_types)))}")
        if self.channels - {0, 1}:
            found.append(f"channels {', '.join(map(str, sorted(self.channels)))}")
        for count, name in (
            (self.extensions, "RTP header extensions"),
            (self.contributors, "RTP packets with CSRC"),
            (self.padded, "padded RTP packets"),
            (self.gaps, "gaps in RTP sequence numbers"),
            (self.unknown, "pieces that are no RTSP"),
        ):
            if count:
                found.append(f"{count} {name}")
        return found


class Wire:
    """One direction of a connection.

    Args:
        counts: where it is counted; a stream's connections share them.
        scanner: gets every byte; a stream's connections share it.
    """

    def __init__(self, counts: WireCounts, scanner: Scanner) -> None:
        self._counts = counts
        self._scanner = scanner
        self._buffer = bytearray()
        self._expected: dict[int, int] = {}

    def feed(self, data: bytes) -> None:
        """See the next piece."""
        self._scanner.feed(data)
        self._buffer += data
        begin = 0
        while size := self._next(begin):
            begin += size
        del self._buffer[:begin]

    def _next(self, begin: int) -> int:
        """Size of the complete message or packet at an offset, counted; 0 if there is none."""
        left = len(self._buffer) - begin
        if left < 4:
            return 0
        if self._buffer[begin] == 0x24:  # RFC 2326 section 10.12: $, channel, length
            size = 4 + int.from_bytes(self._buffer[begin + 2 : begin + 4])
            if left < size:
                return 0
            self._packet(self._buffer[begin + 1], bytes(self._buffer[begin + 4 : begin + 8]))
            return size
        head_end = self._buffer.find(b"\r\n\r\n", begin)
        if head_end < 0:
            return self._give_up(left) if left > MAX_MESSAGE else 0
        head = bytes(self._buffer[begin:head_end])
        if b"RTSP/" not in head.partition(b"\r\n")[0]:
            return self._give_up(left)
        length = re.search(rb"(?im)^content-length:\s*(\d{1,6})", head)
        size = head_end + 4 - begin + (int(length[1]) if length else 0)
        if left < size:
            return 0
        self._counts.messages += 1
        body = bytes(self._buffer[head_end + 4 : begin + size])
        if media := re.findall(rb"(?m)^m=(\w+)", body):
            self._counts.media = tuple(kind.decode() for kind in media)
        return size

    def _packet(self, channel: int, head: bytes) -> None:
        self._counts.channels.add(channel)
        if channel % 2:
            self._counts.rtcp += 1
            return
        self._counts.rtp += 1
        if len(head) == 4:  # RFC 3550 section 5.1
            sequence_number = int.from_bytes(head[2:])
            self._counts.gaps += sequence_number != self._expected.get(channel, sequence_number)
            self._expected[channel] = (sequence_number + 1) & 0xFFFF
            self._counts.payload_types.add(head[1] & 0x7F)
            self._counts.extensions += bool(head[0] & 0x10)
            self._counts.contributors += bool(head[0] & 0x0F)
            self._counts.padded += bool(head[0] & 0x20)

    def _give_up(self, size: int) -> int:
        self._counts.unknown += 1
        return size
