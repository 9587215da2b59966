"""The packets of another source wait here until it is known whether they are the stream or a dead session's."""

from transcoder.formats.depacketizer import RtpPacket
from transcoder.ledger import Ledger

MAX_PACKETS = 2048
MAX_BYTES = 4 << 20
"""Packets that wait, and their bytes, at most: two pictures of more than a megabyte."""


class WaitingSource:
    """Holds the latest packets of a source that is not the current one, within bounds.

    Args:
        ledger: counts the packets that turn out to be of a foreign source.

    Attributes:
        packets: the packets that wait, with their arrivals, in order. The list is read in place, because every run
            asks whether any packet waits.
    """

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self.packets: list[tuple[RtpPacket, float]] = []
        self._size = 0

    def __len__(self) -> int:
        """Return the number of packets that wait."""
        return len(self.packets)

    @property
    def has_two_pictures(self) -> bool:
        """Return whether packets of more than one picture wait."""
        return len(self.packets) > 1 and self.packets[0][0].timestamp != self.packets[-1][0].timestamp

    def add(self, packet: RtpPacket, now: float) -> None:
        """Have a packet wait; the packets of any other source, or too many of this one, are foreign."""
        packets = self.packets
        if packets and (packets[0][0].ssrc != packet.ssrc or len(packets) >= MAX_PACKETS or self._size > MAX_BYTES):
            self.drop()
        packets.append((packet, now))
        self._size += len(packet.payload)

    def take(self) -> list[tuple[RtpPacket, float]]:
        """Return the packets with their arrivals, in order; none wait afterwards."""
        taken, self.packets, self._size = self.packets, [], 0
        return taken

    def drop(self) -> None:
        """Count the packets as foreign; none wait afterwards."""
        for packet, _ in self.packets:
            self._ledger.count("rtp_ssrc", "foreign", size=len(packet.payload), example=packet.payload)
        self.packets.clear()
        self._size = 0
