"""This module tells apart and counts the messages and packets of a connection with RTSP and interleaved packets."""

import re
from dataclasses import dataclass, field

from transcoder.lab.reader.scanner import Scanner
from transcoder.verify.messages import Frame, Message, Splitter, Stray


@dataclass(slots=True)
class WireCounts:
    """Counts the messages and packets that were seen.

    Attributes:
        messages: RTSP responses and requests.
        rtp: packets on even channels.
        rtcp: packets on odd channels.
        payload_types: payload types of RTP packets.
        channels: channels that packets came on.
        media: kinds of media in the last session description.
        extensions: RTP packets with a header extension.
        contributors: RTP packets with CSRC entries.
        padded: RTP packets with padding.
        gaps: RTP packets whose sequence number does not follow the one before on their channel.
        unknown: runs of bytes that were neither a message nor a packet.
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
        """List everything that a stream of nothing but pixels does not have, one phrase each."""
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
    """Reads one direction of a connection.

    Args:
        counts: the counts to add to; a stream's connections share them.
        scanner: the scanner that gets every byte; a stream's connections share it.
    """

    def __init__(self, counts: WireCounts, scanner: Scanner) -> None:
        self._counts = counts
        self._scanner = scanner
        self._splitter = Splitter()
        self._expected: dict[int, int] = {}
        self._is_lost = False

    def feed(self, data: bytes) -> None:
        """Take the next piece of the byte stream."""
        self._scanner.feed(data)
        for item in self._splitter.feed(data):
            if isinstance(item, Stray):
                self._counts.unknown += not self._is_lost
            elif isinstance(item, Frame):
                self._packet(item.channel, item.data)
            else:
                self._message(item)
            self._is_lost = isinstance(item, Stray)

    def _message(self, message: Message) -> None:
        self._counts.messages += 1
        if media := re.findall(rb"(?m)^m=(\w+)", message.body):
            self._counts.media = tuple(kind.decode() for kind in media)

    def _packet(self, channel: int, packet: bytes) -> None:
        self._counts.channels.add(channel)
        if channel % 2:
            self._counts.rtcp += 1
            return
        self._counts.rtp += 1
        if len(packet) >= 4:  # RFC 3550 section 5.1
            sequence_number = int.from_bytes(packet[2:4])
            self._counts.gaps += sequence_number != self._expected.get(channel, sequence_number)
            self._expected[channel] = (sequence_number + 1) & 0xFFFF
            self._counts.payload_types.add(packet[1] & 0x7F)
            self._counts.extensions += bool(packet[0] & 0x10)
            self._counts.contributors += bool(packet[0] & 0x0F)
            self._counts.padded += bool(packet[0] & 0x20)
