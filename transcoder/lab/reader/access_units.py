"""Access units of a served stream, put together from its RTP packets by the checker's readers."""

from collections import Counter
from dataclasses import dataclass

from transcoder.verify.codec import Codec
from transcoder.verify.payload import Depacketizer
from transcoder.verify.rtp import Packet


@dataclass(frozen=True, slots=True)
class AccessUnit:
    """The NAL units of one coded picture.

    Attributes:
        at: monotonic seconds at which its last packet came.
        timestamp: timestamp of its packets.
        nal_units: in decoding order, without start codes.
        lost_before: a sequence number is missing before its first packet, or within it.
    """

    at: float
    timestamp: int
    nal_units: list[bytes]
    lost_before: bool

    def types(self, codec: Codec) -> list[int]:
        """The nal_unit_type of each NAL unit."""
        return [codec.nal_unit_type(unit) for unit in self.nal_units]

    def is_random_access(self, codec: Codec) -> bool:
        """Whether decoding can start at it."""
        return not codec.random_access_types.isdisjoint(self.types(codec))


class AccessUnits:
    """Packets in, access units out: an access unit is complete with the packet that has the marker.

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
        """Everything in the payloads that no sender may send."""
        return self._depacketizer.faults

    def receive(self, packet: Packet, at: float) -> AccessUnit | None:
        """Take a packet that came at `at`; the access unit that it completes."""
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
