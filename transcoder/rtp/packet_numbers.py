"""Whether sequence numbers count packets is told here, over TCP, where no packet is lost or late on the way.

The numbers of some senders stand still, count pictures, share their counter with another media, or have their bytes
swapped; a decoder that reads no numbers plays on. The packets of one picture tell: they come in a row, so that one
pair of them at least is numbered in a row whatever a camera drops in between.
"""

from dataclasses import replace

from transcoder.formats.depacketizer import RtpPacket

PAIRS = 12
"""The number of pairs of packets of one picture, in a row, of which none is numbered in a row, after which numbers tell
nothing. A camera that drops packets for want of room drops many in a row, and others follow each other. IDR pictures of
legacy cameras have 10 to 100 packets, so that one group of pictures is lost at most."""


class PacketNumbers:
    """Compares the numbers of the packets of one picture.

    Attributes:
        are_believed: False once the numbers do not count packets.
    """

    def __init__(self) -> None:
        self._number = self._timestamp = self._pairs = 0
        self.are_believed = True

    def correct(self, packet: RtpPacket, expected: int | None) -> RtpPacket:
        """Take note of a packet, in the order of arrival, and give it the expected number where its own tells nothing.

        Args:
            packet: the packet.
            expected: the number that continues the stream, or None before the first packet.
        """
        number = packet.sequence_number
        if packet.timestamp == self._timestamp:
            self._pairs = 0 if number == (self._number + 1) & 0xFFFF else self._pairs + 1
            if self._pairs >= PAIRS:
                self.are_believed = False
        self._number, self._timestamp = number, packet.timestamp
        return packet if self.are_believed or expected is None else replace(packet, sequence_number=expected)

    def note_run(self, last: int) -> None:
        """Take note of packets of the picture of the packet before, which are numbered in a row up to `last`."""
        self._number, self._pairs = last, 0
