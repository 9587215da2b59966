"""The sender reports of one received media are read; all other RTCP is counted and forgotten."""

from transcoder.errors import PayloadError
from transcoder.ledger import Ledger
from transcoder.rtp.packet import Buffer
from transcoder.rtp.reception import RtpReceiver
from transcoder.rtp.rtcp import Other, SenderReport, parse_rtcp

_KINDS = {202: "SDES", 203: "BYE", 204: "APP"}


class SenderReports:
    """Keeps the latest sender report of a media's current source.

    Args:
        receiver: the receiver of the media, which knows the current source; it counts the packets that can't be read.
        ledger: the ledger of the stream.
    """

    def __init__(self, receiver: RtpReceiver, ledger: Ledger) -> None:
        self._receiver = receiver
        self._ledger = ledger
        self._latest: SenderReport | None = None
        self._received_at = 0.0

    @property
    def latest(self) -> SenderReport | None:
        """Return the latest report of the current source."""
        report = self._latest
        return report if report is not None and report.ssrc == self._receiver.ssrc else None

    def age_s(self, now: float) -> float:
        """Return the seconds since the latest report came."""
        return now - self._received_at

    def receive(self, data: Buffer, now: float) -> None:
        """Take an RTCP packet."""
        try:
            packets = parse_rtcp(bytes(data))
        except PayloadError:
            self._receiver.malformed += 1
            return
        for packet in packets:
            if isinstance(packet, SenderReport):
                if packet.ssrc == self._receiver.ssrc:  # Tapo sends reports of an SSRC that sends no media
                    self._latest = packet
                    self._received_at = now
            elif isinstance(packet, Other):
                kind = _KINDS.get(packet.packet_type, f"type {packet.packet_type}")
                self._ledger.count("rtcp", kind, size=len(packet.body), example=packet.body)
