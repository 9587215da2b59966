"""One received video media: packets and RTCP in, access units and receiver reports out."""

from collections import Counter
from collections.abc import Sequence
from itertools import islice

from transcoder.codecs.access_unit import AccessUnit, AccessUnitAssembler
from transcoder.codecs.nal import Codec
from transcoder.codecs.picture_codec import PictureCodec, SourceCodec
from transcoder.ledger import Ledger
from transcoder.rtp.packet import Buffer, RtpPacket
from transcoder.rtp.payload import h264, h265, interleaved, jpeg, mpeg4
from transcoder.rtp.reception import RtpReceiver
from transcoder.rtp.rtcp import SenderReport, serialize_receiver_report
from transcoder.rtp.sender_reports import SenderReports
from transcoder.sdp import Interleaving

REPORT_INTERVAL_S = 5.0
"""Between receiver reports (RFC 3550 section 6.2); they keep sessions of cameras alive that ignore requests."""


class NalUnitPath:
    """From the packet to the access unit where NAL units are sent."""

    def __init__(self, codec: Codec, proofs: int = 0, parameter_sets: tuple[bytes, ...] = ()) -> None:
        self._assembler = AccessUnitAssembler(codec, proofs=proofs, parameter_sets=parameter_sets)
        self._depacketizer: h264.Depacketizer | h265.Depacketizer = (
            h264.Depacketizer() if codec is Codec.H264 else h265.Depacketizer()
        )
        self._timestamp = 0

    @property
    def faults(self) -> Counter[str]:
        """Everything tolerated so far, by kind."""
        return self._depacketizer.faults + self._assembler.faults

    @property
    def continuation(self) -> bytes:
        """What the payload of a fragment in the middle of the open NAL unit begins with; empty without one."""
        return self._depacketizer.continuation

    def receive_middles(self, bodies: list[memoryview], size: int) -> None:
        """Take such fragments, behind what they begin with; size: bytes of all of them."""
        self._depacketizer.middles(bodies, size)

    def receive(self, packet: RtpPacket, now: float) -> None:
        """Take one packet."""
        assembler, marker, timestamp = self._assembler, packet.marker, packet.timestamp
        depacketizer = self._depacketizer
        for unit in depacketizer.receive(packet.payload, marker=marker):
            if len(unit) >= 2:
                assembler.add(unit, self._timestamp if depacketizer.cut > 0 else timestamp, now)
            depacketizer.cut -= 1
        depacketizer.cut = 0
        self._timestamp = timestamp
        if marker:
            assembler.end_of_packet(marker=True)

    def lose(self, *, restart: bool) -> None:
        """Packets are missing before the next one, or the source begins anew."""
        self._depacketizer.lose()
        if restart:
            self._assembler.restart()
        else:
            self._assembler.lose()

    def next_access_unit(self) -> AccessUnit | None:
        """The next complete access unit, or None."""
        return self._assembler.next_access_unit()

    def flush(self) -> None:
        """End the access unit that is open: nothing follows."""
        self._assembler.flush()


class VideoReceiver:
    """The reception path of one media, from the packet to the access unit.

    Args:
        codec: of the media.
        payload_types: those negotiated.
        clock_rate: ticks a second.
        ledger: of the stream.
        reorder: True over UDP.
        ssrc: our own, in receiver reports.
        cname: our own.
        parameter_sets: of the session description; cameras may send them nowhere else.
        picture_size: of the session description, (width, height); only JPEG over 2040 pixels needs it.
        marker_proofs: pictures that the marker of H.264 and H.265 has to end rightly before it is believed.
        interleaving: of the session description, where NAL units come with decoding order numbers.

    Attributes:
        restarts: how often the source began anew; whoever keeps a timeline resets it then.
    """

    def __init__(
        self,
        *,
        codec: SourceCodec,
        payload_types: frozenset[int],
        clock_rate: int,
        ledger: Ledger,
        reorder: bool,
        ssrc: int,
        cname: str,
        parameter_sets: tuple[bytes, ...] = (),
        picture_size: tuple[int, int] | None = None,
        marker_proofs: int = 0,
        interleaving: Interleaving | None = None,
    ) -> None:
        extensions = jpeg.EXTENSIONS if codec is PictureCodec.JPEG else frozenset()
        self.receiver = RtpReceiver(payload_types, clock_rate, ledger, reorder=reorder, extensions=extensions)
        self._fragments: NalUnitPath | None = None
        self._continuation: tuple[bytes, bytes] | None = None
        self._path: NalUnitPath | interleaved.PictureAssembler | jpeg.PictureAssembler | mpeg4.PictureAssembler
        if codec is PictureCodec.JPEG:
            self._path = jpeg.PictureAssembler(ledger, picture_size)
        elif codec is PictureCodec.MPEG4:
            self._path = mpeg4.PictureAssembler(ledger, parameter_sets)
        elif interleaving is not None:
            self._path = interleaved.PictureAssembler(codec, interleaving, parameter_sets)
        else:
            self._path = self._fragments = NalUnitPath(codec, marker_proofs, parameter_sets)
        self._ledger = ledger
        self._ssrc = ssrc
        self._cname = cname
        self._reports = SenderReports(self.receiver, ledger)
        self._next_report: float | None = None
        self.restarts = 0

    @property
    def faults(self) -> Counter[str]:
        """Everything tolerated so far, by kind."""
        return self._path.faults

    @property
    def sender_report(self) -> SenderReport | None:
        """The latest sender report of the current source."""
        return self._reports.latest

    def receive_rtp(self, data: Buffer, now: float) -> None:
        """Take an RTP packet; call next_access_unit() until it returns None afterwards."""
        self.receiver.receive(data, now)
        self._drain()

    def receive_packets(self, buffer: bytes, spans: Sequence[tuple[int, int]], start: int, now: float) -> int:
        """Take RTP packets of one receive buffer, up to one that may complete an access unit.

        Args:
            buffer: what they were received in.
            spans: (start, end) of each in it.
            start: index of the first one to take.
            now: monotonic seconds.

        Returns:
            Index of the first one not taken. Call next_access_unit() until it returns None, then again from there.
        """
        if self._continuation is not None:
            count = self._receive_run(buffer, spans, start, now, *self._continuation)
            if count:
                return start + count
        first, end = spans[start]
        self.receive_rtp(memoryview(buffer)[first:end], now)
        return start + 1

    def _receive_run(
        self, buffer: bytes, spans: Sequence[tuple[int, int]], start: int, now: float, head: bytes, tail: bytes
    ) -> int:
        """Take the fragments in the middle of a NAL unit that stand in a row: most packets, with nothing to decide.

        All that such a packet begins with is known but its number: `head` before it, `tail` behind.
        """
        expected = number = self.receiver.next_number
        if number is None or self._fragments is None:
            return 0
        view = memoryview(buffer)
        skip = 4 + len(tail)
        bodies: list[memoryview] = []
        size = 0
        for first, end in islice(spans, start, None):
            body = first + skip
            if (
                end <= body
                or buffer[first + 2] << 8 | buffer[first + 3] != number
                or not buffer.startswith(tail, first + 4)
                or not buffer.startswith(head, first)
            ):
                break
            bodies.append(view[body:end])
            size += end - body
            number = (number + 1) & 0xFFFF
        if number == expected:
            return 0
        self.receiver.receive_run(len(bodies), size + skip * len(bodies), int.from_bytes(tail[:4]), now)
        self._fragments.receive_middles(bodies, size)
        return len(bodies)

    def _drain(self) -> None:
        receiver, path = self.receiver, self._path
        packet = None
        while (item := receiver.next_packet()) is not None:
            packet, lost, now = item
            if lost:
                self.restarts += lost < 0
                path.lose(restart=lost < 0)
            path.receive(packet, now)
        if packet is not None and self._fragments is not None:
            prefix = self._fragments.continuation
            self._continuation = _continuation(packet, prefix) if prefix else None

    def receive_rtcp(self, data: Buffer, now: float) -> None:
        """Take an RTCP packet: sender reports are read, everything else is counted and forgotten."""
        self._reports.receive(data, now)

    def next_access_unit(self) -> AccessUnit | None:
        """The next complete access unit, or None."""
        return self._path.next_access_unit()

    def flush(self) -> None:
        """End the access unit that is open: nothing follows."""
        self._path.flush()

    def next_timeout(self) -> float | None:
        """When handle_timeout wants to be called."""
        return self.receiver.next_timeout()

    def handle_timeout(self, now: float) -> None:
        """Stop waiting for packets that did not come."""
        self.receiver.handle_timeout(now)
        self._drain()

    def report_due(self, now: float) -> bytes | None:
        """A receiver report if it is time for one, else None."""
        if self._next_report is None:
            self._next_report = now + 1.0  # the first one soon: it opens the way through NAT
            return None
        if now < self._next_report:
            return None
        self._next_report = now + REPORT_INTERVAL_S
        report = self.sender_report
        last = (report.ntp >> 16) & 0xFFFF_FFFF if report is not None else 0
        block = self.receiver.report(last, self._reports.age_s(now))
        return serialize_receiver_report(self._ssrc, self._cname, block)


def _continuation(packet: RtpPacket, prefix: bytes) -> tuple[bytes, bytes]:
    """What a fragment after this one begins with, before and behind its sequence number; the marker would end it."""
    return bytes((0x80, packet.payload_type)), packet.timestamp.to_bytes(4) + packet.ssrc.to_bytes(4) + prefix
