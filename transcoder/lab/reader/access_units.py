"""This module puts access units of a served stream together from RTP packets, with the checker's readers."""

from collections import Counter
from dataclasses import dataclass

from transcoder.verify.codec import Codec
from transcoder.verify.payload import Depacketizer
from transcoder.verify.rtp import Packet


@dataclass(frozen=True, slots=True)
class AccessUnit:
    """Holds the NAL units of one coded picture.

    Attributes:
        at: monotonic seconds at which the last packet came.
        timestamp: timestamp of its packets.
        nal_units: the NAL units in decoding order, without start codes.
        lost_before: whether a sequence number is missing before the first packet, or within the access unit.
    """

    at: float
    timestamp: int
    nal_units: list[bytes]
    lost_before: bool

    def types(self, codec: Codec) -> list[int]:
        """Return the nal_unit_type of each NAL unit."""
        return [codec.nal_unit_type(unit) for unit in self.nal_units]

    def is_random_access(self, codec: Codec) -> bool:
        """Return whether decoding can start at this access unit."""
        return not codec.random_access_types.isdisjoint(self.types(codec))


class AccessUnits:
    """Takes packets and gives access units: an access unit is complete with the packet that has the marker.

    Args:
        codec: codec of the stream.

    Attributes:
        codec: codec of the stream.
    """

    def __init__(self, codec: Codec) -> None:
        self.codec = codec
        self._depacketizer = Depacketizer(codec)
        self._nal_units: list[bytes] = []
        self._expected: int | None = None
        self._lost = False

    @property
    def faults(self) -> Counter[str]:
        """Return everything in the payloads that no sender may send."""
        return self._depacketizer.faults

    def receive(self, packet: Packet, at: float) -> AccessUnit | None:
        """Take a packet that came at `at`; return the access unit that the packet completes."""
        if self._expected is not None and packet.sequence_number != self._expected:
            self._lost = True
            self._depacketizer.lose()
        self._expected = (packet.sequence_number + 1) & 0xFFFF
        self._nal_units += self._depacketizer.receive(packet.payload, marker=packet.marker)
        if not packet.marker:
            return None
        unit = AccessUnit(at, packet.timestamp, self._nal_units, self._lost)
        self._nal_units, self._lost = [], False
        return unit
