"""One RTP stream of a camera: its numbers, shared by all its readers."""

import random
from collections.abc import Sequence
from dataclasses import dataclass

from transcoder.simulator.packets import RTP_HEADER, Burst, PacketBlock, stamp


@dataclass(slots=True, kw_only=True)
class Track:
    """State of one RTP stream.

    Attributes:
        index: of the media in the session description.
        kind: "video", "audio", "metadata" or "backchannel".
        control: last part of its control URL.
        payload_type: of its packets.
        clock_rate: ticks a second.
        ssrc: random.
        sequence_number: of the next packet.
        timestamp_base: RTP timestamp of the camera's start.
        packets: sent so far.
        octets: of payload sent so far.
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
        """RTP timestamp of a moment, in seconds since the camera's start."""
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


def make_track(*, index: int, kind: str, control: str, payload_type: int, clock_rate: int, rng: random.Random) -> Track:
    """A track with random numbers, as RFC 3550 section 5.1 wants them."""
    return Track(
        index=index,
        kind=kind,
        control=control,
        payload_type=payload_type,
        clock_rate=clock_rate,
        ssrc=rng.getrandbits(32),
        sequence_number=rng.getrandbits(16),
        timestamp_base=rng.getrandbits(32),
    )
