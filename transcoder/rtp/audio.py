"""One received audio media: packets in, dated audio units out."""

from collections import Counter, deque
from dataclasses import dataclass

from transcoder.ledger import Ledger
from transcoder.rtp.packet import Buffer
from transcoder.rtp.payload import mpeg4_generic
from transcoder.rtp.reception import RtpReceiver
from transcoder.rtp.rtcp import SenderReport
from transcoder.rtp.sender_reports import SenderReports
from transcoder.sdp import SAMPLING_RATES, AudioSelection

MAX_SAMPLES_SIZE = 4096
"""Bytes of G.711 or G.726 in a packet: half a second."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AudioUnit:
    """Coded audio of one packet (G.711, G.726) or one frame (AAC).

    Attributes:
        timestamp: RTP timestamp of its first sample.
        duration: of it, ticks.
        arrival: monotonic seconds.
    """

    timestamp: int
    duration: int
    data: bytes
    arrival: float


class AudioReceiver:
    """The reception path of one audio media.

    Args:
        selection: the media.
        ledger: of the stream.
        reorder: True over UDP.
    """

    def __init__(self, selection: AudioSelection, ledger: Ledger, *, reorder: bool) -> None:
        self.receiver = RtpReceiver(selection.payload_types, selection.clock_rate, ledger, reorder=reorder)
        self._reports = SenderReports(self.receiver, ledger)
        self._faults: Counter[str] = Counter()
        self.restarts = 0
        self._selection = selection
        self._bits = _bits_per_sample(selection.encoding) * selection.channels
        self._aac = mpeg4_generic.Depacketizer(*selection.sizes) if self._bits == 0 else None
        self._ready: deque[AudioUnit] = deque()

    def receive_rtp(self, data: Buffer, now: float) -> None:
        """Take an RTP packet; call next_unit() until it returns None afterwards."""
        self.receiver.receive(data, now)
        self._drain()

    def receive_rtcp(self, data: Buffer, now: float) -> None:
        """Take an RTCP packet."""
        self._reports.receive(data, now)

    @property
    def faults(self) -> Counter[str]:
        """Everything tolerated so far, by kind."""
        return self._faults + (self._aac.faults if self._aac is not None else Counter())

    @property
    def sender_report(self) -> SenderReport | None:
        """The latest sender report of the current source."""
        return self._reports.latest

    def handle_timeout(self, now: float) -> None:
        """Stop waiting for packets that did not come."""
        self.receiver.handle_timeout(now)
        self._drain()

    def next_unit(self) -> AudioUnit | None:
        """The next audio unit, or None."""
        return self._ready.popleft() if self._ready else None

    def _drain(self) -> None:
        while (item := self.receiver.next_packet()) is not None:
            packet, lost, now = item
            self.restarts += lost < 0
            payload = packet.payload
            if self._aac is None:
                if 0 < len(payload) <= MAX_SAMPLES_SIZE:
                    samples = _adts_samples(payload, self._selection.clock_rate)
                    if samples:
                        self._faults["AAC in its place"] += 1
                    self._add(packet.timestamp, samples or len(payload) * 8 // self._bits, bytes(payload), now)
                else:
                    self._faults["impossible size"] += 1
                continue
            if lost:
                self._aac.lose()
            for index, unit in enumerate(self._aac.receive(payload, marker=packet.marker)):
                self._add(packet.timestamp + index * mpeg4_generic.SAMPLES, mpeg4_generic.SAMPLES, unit, now)

    def _add(self, timestamp: int, duration: int, data: bytes, now: float) -> None:
        self._ready.append(AudioUnit(timestamp=timestamp & 0xFFFF_FFFF, duration=duration, data=data, arrival=now))


def _adts_samples(payload: memoryview, clock_rate: int) -> int:
    """Ticks of an AAC frame with its ADTS header, which Dahua puts into its G.711 stream; 0 where it is none.

    Source: ISO/IEC 13818-7 section 6.2.
    """
    if len(payload) < 9 or payload[0] != 0xFF or payload[1] & 0xF6 != 0xF0:
        return 0
    length = (payload[3] & 3) << 11 | payload[4] << 3 | payload[5] >> 5
    rate = payload[2] >> 2 & 15
    if length != len(payload) or rate >= len(SAMPLING_RATES):
        return 0
    return mpeg4_generic.SAMPLES * clock_rate // SAMPLING_RATES[rate]


def _bits_per_sample(encoding: str) -> int:
    """Bits of a coded sample, 0 for AAC."""
    if encoding in {"PCMU", "PCMA"}:
        return 8
    return int(encoding.rpartition("-")[2]) // 8 if "G726" in encoding else 0
