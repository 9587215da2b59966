"""This module numbers one RTP stream of a camera for all its readers."""

import random
from collections.abc import Sequence
from dataclasses import dataclass

from transcoder.lab.cameras import side_media
from transcoder.lab.cameras.access_units import CLOCK_RATE
from transcoder.lab.cameras.behaviour import CameraBehaviour
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


def offered_tracks(behaviour: CameraBehaviour, controls: dict[str, str], rng: random.Random) -> list[Track]:
    """Return the media of a camera, video first; a track's index is its place in this list and in the SDP.

    Args:
        behaviour: the switches that say which media the camera offers.
        controls: control names by kind.
        rng: source of the random numbers that RFC 3550 section 5.1 wants.
    """
    offered = [
        ("video", True, behaviour.video_payload_type, behaviour.timing.video_clock_rate),
        ("audio", behaviour.audio, behaviour.audio_payload_type, side_media.AUDIO_CLOCK_RATE),
        ("metadata", behaviour.metadata, 107, CLOCK_RATE),
        ("backchannel", behaviour.backchannel, 8, side_media.AUDIO_CLOCK_RATE),
    ]
    tracks: list[Track] = []
    for kind, wanted, payload_type, clock_rate in offered:
        if wanted:
            tracks.append(
                Track(
                    index=len(tracks),
                    kind=kind,
                    control=controls[kind],
                    payload_type=payload_type,
                    clock_rate=clock_rate,
                    ssrc=rng.getrandbits(32),
                    sequence_number=rng.getrandbits(16),
                    timestamp_base=rng.getrandbits(32),
                )
            )
    return tracks
