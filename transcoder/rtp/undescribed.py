"""Packets of a payload type that the session description does not have are recognised here as the video.

What a source is, is told by what it sends: a camera whose description says 96 and whose packets all say 97 is readable.
Private packets stay dropped: they come beside the described type, or do not have the shape of a coded picture.
"""

from collections.abc import Iterable
from typing import Final

from transcoder.codecs.nal import H264_SPS, H265_SPS, Codec, is_random_access, nal_unit_type
from transcoder.codecs.recognition import CERTAIN_PACKETS, fits
from transcoder.errors import PayloadError
from transcoder.formats.h264 import FU_A, STAP_A
from transcoder.formats.h265 import AP, FU
from transcoder.rtp.packet import Buffer, parse_rtp

ALONE_S: Final = 2.0
"""Seconds without a packet of the described type after which the undescribed one is believed; private packets were seen
to begin before the video does."""
EARLY_S: Final = 0.5
"""Seconds without a packet of the described type for which the others are only kept: private packets beside a video
are forgotten with its next packet, and cost little until then."""
MAX_KEPT_BYTES: Final = 4 << 20
"""Bytes of packets that are kept until they are believed: the first IDR is among them."""
MAX_TYPES: Final = 4
"""The number of payload types that are looked at at the same time."""
_UNASSIGNED: Final = frozenset({*range(35, 72), *range(77, 128)})
"""The payload types that a description may give a meaning (RFC 3551 section 6)."""


class _Candidate:
    """Holds the packets of one payload type, all of which have the shape of a codec."""

    def __init__(self) -> None:
        self.packets: list[tuple[bytes, float]] = []
        self.size = 0
        self.scores = dict.fromkeys(Codec, 0)
        self.beginnings: set[Codec] = set()

    def take(self, data: Buffer, payload: memoryview, now: float) -> None:
        """Take the next packet; whatever came before one that fits no codec is no evidence."""
        for codec in Codec:
            if not fits(codec, payload):
                self.scores[codec] = 0
                self.beginnings.discard(codec)
                continue
            self.scores[codec] += 1
            if begins(codec, payload):
                self.beginnings.add(codec)
        if not any(self.scores.values()) or self.size + len(data) > MAX_KEPT_BYTES:
            self.packets.clear()
            self.size = 0
        if any(self.scores.values()):
            self.packets.append((bytes(data), now))
            self.size += len(data)

    @property
    def is_certain(self) -> bool:
        """Return whether the packets are surely coded pictures, with one among them at which a decoder begins."""
        return any(self.scores[codec] >= CERTAIN_PACKETS for codec in self.beginnings)


class UndescribedType:
    """Looks for the payload type of the video among the packets of the undescribed ones."""

    def __init__(self) -> None:
        self._candidates: dict[int, _Candidate] = {}
        self._early: list[tuple[bytes, float]] = []
        self._early_bytes = 0
        self._described = 0
        self._since: float | None = None

    def look(self, data: Buffer, now: float, described: int) -> Iterable[tuple[bytes, float]]:
        """Look at a packet that was dropped.

        Args:
            data: the packet.
            now: monotonic seconds.
            described: the number of packets of the described type so far.

        Returns:
            All packets of the type and their arrivals, where it is the video's; else none.
        """
        if described != self._described or self._since is None:
            self._described, self._since = described, now
            self._candidates.clear()
            self._early, self._early_bytes = [], 0
        if now - self._since < EARLY_S and self._early_bytes <= MAX_KEPT_BYTES:
            self._early.append((bytes(data), now))
            self._early_bytes += len(data)
            return ()
        if self._early:
            early, self._early = self._early, []
            for packet, arrival in early:
                self._take(packet, arrival, self._since)
        return self._take(data, now, self._since)

    def _take(self, data: Buffer, now: float, since: float) -> Iterable[tuple[bytes, float]]:
        """Take a packet for one of its payload type; return all of them where the type is the video's."""
        try:
            packet = parse_rtp(data)
        except PayloadError:
            return ()
        kind = packet.payload_type
        if kind not in _UNASSIGNED or (kind not in self._candidates and len(self._candidates) >= MAX_TYPES):
            return ()
        candidate = self._candidates.setdefault(kind, _Candidate())
        candidate.take(data, packet.payload, now)
        if now - since < ALONE_S or not candidate.is_certain:
            return ()
        self._candidates.clear()
        self._since = None
        return candidate.packets


def begins(codec: Codec, payload: memoryview) -> bool:
    """Return whether a decoder can begin at the first NAL unit of a payload, or the first one is an SPS.

    Source: RFC 6184 sections 5.7.1, 5.8; RFC 7798 sections 4.4.2, 4.4.3.
    """
    kind = nal_unit_type(codec, payload)
    if codec is Codec.H264:
        if kind == FU_A:
            kind = payload[1] & 0x1F if payload[1] >= 0x80 else 0
        elif kind == STAP_A and len(payload) > 3:
            kind = payload[3] & 0x1F
        return kind == H264_SPS or is_random_access(codec, kind)
    if kind == FU and len(payload) > 2:
        kind = payload[2] & 0x3F if payload[2] >= 0x80 else 0
    elif kind == AP and len(payload) > 4:
        kind = payload[4] >> 1 & 0x3F
    return kind == H265_SPS or is_random_access(codec, kind)
