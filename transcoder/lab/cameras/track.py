"""This module numbers one RTP stream of a camera for all its readers."""

from collections.abc import Sequence
from dataclasses import dataclass

from transcoder.lab.cameras.packets import RTP_HEADER, Burst, PacketBlock, stamp


@dataclass(slots=True, kw_only=True)
class Track:
    """Holds the state of one RTP stream.

    Attributes:
        index: index of the media in the session description.
        kind: "video", "audio", "metadata" or "backchannel".
        control: last part of its control URL.
        payload_type: RTP payload type of its packets.
        clock_rate: ticks a second.
        ssrc: the SSRC, random.
        sequence_number: sequence number of the next packet.
        timestamp_base: RTP timestamp of the camera's start.
        packets: packets sent so far.
        octets: octets of payload sent so far.
    """

    index: int
    kind: str
    control: str
    payload_type: int
    clock_rate: int
    ssrc: int
    sequence_number: int
    timestamp_base: int
    packets: int = 0
    octets: int = 0

    def timestamp(self, elapsed_s: float) -> int:
        """Return the RTP timestamp of a moment, in seconds since the camera's start."""
        return (self.timestamp_base + round(elapsed_s * self.clock_rate)) & 0xFFFFFFFF

    def burst(
        self, blocks: Sequence[PacketBlock], timestamp: int, *, marker: str = "last", random_access: bool = False
    ) -> Burst:
        """Stamp blocks with this track's next numbers."""
        data, packets = stamp(
            blocks,
            payload_type=self.payload_type,
            sequence_number=self.sequence_number,
            timestamp=timestamp,
            ssrc=self.ssrc,
            marker=marker,
        )
        self.sequence_number = (self.sequence_number + len(packets)) & 0xFFFF
        self.packets += len(packets)
        self.octets += sum(size for _, size in packets) - RTP_HEADER * len(packets)
        return Burst(self.index, data, tuple(packets), random_access=random_access)
