"""The audio receiver takes the packets of one audio media and gives dated audio units."""

from collections import Counter, deque
from dataclasses import dataclass

from transcoder import formats
from transcoder.formats.audio_format import AudioMedia
from transcoder.ledger import Ledger
from transcoder.rtp.packet import Buffer
from transcoder.rtp.reception import RtpReceiver
from transcoder.rtp.rtcp import SenderReport
from transcoder.rtp.sender_reports import SenderReports
from transcoder.sdp import AudioSelection


@dataclass(frozen=True, slots=True, kw_only=True)
class AudioUnit:
    """Holds coded audio of one packet (sampled audio, Opus) or one frame (AAC).

    Attributes:
        timestamp: the RTP timestamp of the first sample.
        duration: the duration in ticks.
        arrival: monotonic seconds at the packet's arrival.
    """

    timestamp: int
    duration: int
    data: bytes
    arrival: float


class AudioReceiver:
    """Receives one audio media, from the packet to the audio unit.

    Args:
        selection: the media.
        ledger: the ledger of the stream.
        reorder: True over UDP.
    """

    def __init__(self, selection: AudioSelection, ledger: Ledger, *, reorder: bool) -> None:
        self.receiver = RtpReceiver(selection.payload_types, selection.clock_rate, ledger, reorder=reorder)
        self._reports = SenderReports(self.receiver, ledger)
        self.restarts = 0
        self._depacketizer = formats.AUDIO.depacketizer(
            AudioMedia(
                encoding=selection.encoding,
                clock_rate=selection.clock_rate,
                channels=selection.channels,
                sizes=selection.sizes,
            )
        )
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
        """Return the number of faults that were tolerated so far, by kind."""
        return +self._depacketizer.faults

    @property
    def sender_report(self) -> SenderReport | None:
        """Return the latest sender report of the current source."""
        return self._reports.latest

    def next_timeout(self) -> float | None:
        """Return when handle_timeout wants to be called, or None."""
        return self.receiver.next_timeout()

    def handle_timeout(self, now: float) -> None:
        """Stop waiting for packets that did not come."""
        self.receiver.handle_timeout(now)
        self._drain()

    def next_unit(self) -> AudioUnit | None:
        """Return the next audio unit, or None."""
        return self._ready.popleft() if self._ready else None

    def _drain(self) -> None:
        while (item := self.receiver.next_packet()) is not None:
            packet, lost, now = item
            self.restarts += lost < 0
            if lost:
                self._depacketizer.lose()
            for offset, duration, data in self._depacketizer.receive(packet):
                timestamp = (packet.timestamp + offset) & 0xFFFF_FFFF
                self._ready.append(AudioUnit(timestamp=timestamp, duration=duration, data=data, arrival=now))
