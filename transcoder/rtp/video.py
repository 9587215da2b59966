"""The video receiver takes packets and RTCP of one media and gives access units and receiver reports.

The fast path. Most packets of a camera are fragments (FU-A, FU) from the middle of a large NAL unit: there is nothing
to decide about them, and a thousand of them a second and camera would each cost a parse, a queue and an object. So the
packets of one read are taken together (`InterleavedFrames`). As soon as a fragment has left its NAL unit open, it is
known how the next fragment has to begin: version and payload type, then its sequence number, then timestamp, SSRC and
the fragment's two or three header bytes without start and end bit (`continuation`). `_receive_run` compares those
bytes; as long as they match and the number goes up by one, only the rest of the packet is kept, as a view. The run is
counted once (`RtpReceiver.receive_run`) and appended once (`receive_middles`, `Reassembly.middles`). A packet that
differs by marker and end bit, and by nothing else, ends the run and its picture (`receive_end`). A packet that differs
otherwise by one bit ends the run and goes the ordinary way, `_receive`: loss, reordering, another SSRC, an extension,
padding. `RtpReceiver.next_number` is None, and there is no run, while anything is unsettled.
`tests/rtp/test_runs.py` tests that both ways give the same access units, ledger and statistics.
"""

import struct
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from itertools import islice

from transcoder import formats
from transcoder.codecs.nal import Codec
from transcoder.codecs.picture_codec import SourceCodec
from transcoder.codecs.recognition import CodecRecognition
from transcoder.formats.depacketizer import DecodingOrder, DepacketizerOptions, RtpPacket, RunDepacketizer
from transcoder.ledger import Ledger
from transcoder.rtp.packet import Buffer, peek_payload_type
from transcoder.rtp.reception import RtpReceiver
from transcoder.rtp.rtcp import SenderReport, serialize_receiver_report
from transcoder.rtp.sender_reports import SenderReports
from transcoder.rtp.undescribed import UndescribedType

_MARKER = 0x80_0000
"""The marker in the first word of a packet."""
MAX_EVIDENCE_BYTES = 4 << 20
"""Bytes of packets that seem to be of another codec and are kept until that is certain: its first IDR is among them."""
_BEGINNINGS = {size: struct.Struct(f"!I{size}s").unpack_from for size in (10, 11)}
"""Functions that read the beginning of a packet: its first word, and so many bytes from the timestamp to the header of
the fragment, which is two bytes long in H.264 and three in H.265."""
REPORT_INTERVAL_S = 5.0
"""The seconds between receiver reports (RFC 3550 section 6.2); the reports keep sessions of cameras alive that ignore
requests."""


class VideoReceiver:
    """Receives one media, from the packet to the access unit.

    Args:
        codec: the codec of the media.
        payload_types: the payload types that were negotiated.
        clock_rate: ticks a second.
        ledger: the ledger of the stream.
        reorder: True over UDP.
        ssrc: our own SSRC, in receiver reports.
        cname: our own CNAME.
        parameter_sets: the parameter sets of the session description; cameras may send them nowhere else.
        picture_size: (width, height) of the session description; only JPEG over 2040 pixels needs it.
        marker_proofs: pictures that the marker of H.264 and H.265 has to end rightly before it is believed.
        decoding_order: the parameters of the session description, where NAL units come with decoding order numbers.

    Attributes:
        next_access_unit: returns the next complete access unit, or None; the depacketizer's own method, because it is
            called after every run.
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
        decoding_order: DecodingOrder | None = None,
    ) -> None:
        extensions = formats.VIDEO.of_codec(codec).extensions
        self.receiver = RtpReceiver(payload_types, clock_rate, ledger, reorder=reorder, extensions=extensions)
        self._options = DepacketizerOptions(
            ledger=ledger,
            parameter_sets=parameter_sets,
            picture_size=picture_size,
            marker_proofs=marker_proofs,
            decoding_order=decoding_order,
        )
        self._expect(codec)
        self._ledger = ledger
        self._ssrc = ssrc
        self._cname = cname
        self._reports = SenderReports(self.receiver, ledger)
        self._next_report: float | None = None
        self._own_faults: Counter[str] = Counter()
        self._undescribed = UndescribedType() if isinstance(codec, Codec) else None
        self.restarts = 0

    def _expect(self, codec: SourceCodec) -> None:
        """Read the packets as those of a codec from now on."""
        self._depacketizer = formats.VIDEO.of_codec(codec).depacketizer(self._options)
        self.next_access_unit = self._depacketizer.next_access_unit
        self._runs = self._depacketizer if isinstance(self._depacketizer, RunDepacketizer) else None
        self._continuation: tuple[int, bytes, bytes] | None = None
        self._recognition = CodecRecognition(codec)
        self._evidence: list[tuple[RtpPacket, float]] = []
        self._evidence_bytes = 0

    @property
    def other_codec(self) -> Codec | None:
        """Return the codec that the packets have, where it is surely not the expected one, else None."""
        return self._recognition.other

    def read_as(self, codec: SourceCodec) -> None:
        """Read the packets as those of another codec, from the first one on that seemed to be of it.

        Call next_access_unit() until it returns None afterwards.
        """
        evidence = self._evidence
        self._options = replace(self._options, parameter_sets=(), decoding_order=None)
        self._expect(codec)
        for packet, arrival in evidence:
            self._depacketizer.receive(packet, arrival)

    @property
    def faults(self) -> Counter[str]:
        """Return the number of faults that were tolerated so far, by kind."""
        return self._depacketizer.faults + self._own_faults

    @property
    def sender_report(self) -> SenderReport | None:
        """Return the latest sender report of the current source."""
        return self._reports.latest

    def receive_rtp(self, data: Buffer, now: float) -> None:
        """Take an RTP packet; call next_access_unit() until it returns None afterwards."""
        self._receive(data, now)

    def _receive(self, data: Buffer, now: float) -> bool:
        """Take an RTP packet; return whether it was one of the video's, or told that others are."""
        receiver = self.receiver
        received = receiver.received
        receiver.receive(data, now)
        if receiver.received == received:
            if self._undescribed is not None:
                self._look_for_the_video(self._undescribed, data, now)
            if receiver.received == received:
                return False
        self._drain()
        return True

    def _look_for_the_video(self, undescribed: UndescribedType, data: Buffer, now: float) -> None:
        """Look whether a packet of another payload type is the video's, where none of the described type comes."""
        for packet, arrival in undescribed.look(data, now, self.receiver.received):
            self.receiver.payload_types |= {peek_payload_type(packet)}
            self.receiver.receive(packet, arrival)
            self._own_faults["undescribed payload type"] = 1

    def receive_packets(self, buffer: bytes, spans: Sequence[tuple[int, int]], start: int, now: float) -> int:
        """Take RTP packets of one receive buffer, up to one that may complete an access unit.

        Args:
            buffer: the buffer that the packets were received in.
            spans: (start, end) of each packet in the buffer.
            start: the index of the first packet to take.
            now: monotonic seconds.

        Returns:
            The index of the first packet that was not taken. Call next_access_unit() until it returns None, then call
            this method again from that index.
        """
        if self._continuation is not None:
            count = self._receive_run(buffer, spans, start, now, *self._continuation)
            if count:
                return start + count
        view = memoryview(buffer)
        for first, end in islice(spans, start, None):
            start += 1
            if self._receive(view[first:end], now):
                break
        return start

    def _receive_run(
        self,
        buffer: bytes,
        spans: Sequence[tuple[int, int]],
        start: int,
        now: float,
        word: int,
        tail: bytes,
        last: bytes,
    ) -> int:
        """Take the fast path for fragments that stand in a row, and return how many were taken.

        Such a packet begins with `word` with its sequence number, and `tail`; the one that ends unit and picture
        begins with the marker in the word, and `last`. 0 means that the first packet has to go the ordinary way.
        """
        number = self.receiver.next_number
        if number is None or self._runs is None:
            return 0
        view = memoryview(buffer)
        skip = 4 + len(tail)
        beginning = _BEGINNINGS[len(tail)]
        bodies: list[memoryview] = []
        size = 0
        for first, end in islice(spans, start, None):
            body = first + skip
            begins = beginning(buffer, first) if end > body else None
            if begins != (word | number, tail):
                if begins == (word | _MARKER | number, last) and not bodies:
                    return self._receive_end(view[body:end], skip, int.from_bytes(tail[:4]), now)
                break
            bodies.append(view[body:end])
            size += end - body
            number = (number + 1) & 0xFFFF
        count = len(bodies)
        if count:
            self.receiver.receive_run(count, size + skip * count, int.from_bytes(tail[:4]), now)
            if not self._runs.receive_middles(bodies, size):
                self._continuation = None
        return count

    def _receive_end(self, body: memoryview, skip: int, timestamp: int, now: float) -> int:
        """Take the fragment that ends a unit and a picture, and return 1; 0 where it has to go the ordinary way."""
        if self._recognition.doubts or self._evidence or self._runs is None:
            return 0
        self.receiver.receive_run(1, len(body) + skip, timestamp, now)
        self._runs.receive_end(body, timestamp, now)
        self._continuation = None
        return 1

    def _drain(self) -> None:
        receiver, depacketizer, recognition = self.receiver, self._depacketizer, self._recognition
        packet, ready = None, receiver.ready
        while ready:
            packet, lost, now = ready.popleft()
            if lost:
                self.restarts += lost < 0
                depacketizer.lose(restart=lost < 0)
            recognition.look(packet.payload)
            if recognition.doubts or self._evidence:
                self._keep_evidence(packet, now)
            depacketizer.receive(packet, now)
        if packet is not None and self._runs is not None:
            prefix = self._runs.continuation
            settled = prefix and packet.ssrc == receiver.ssrc  # the packet before the one that came may be of another
            self._continuation = _continuation(packet, prefix) if settled else None

    def _keep_evidence(self, packet: RtpPacket, now: float) -> None:
        if not self._recognition.doubts or self._evidence_bytes > MAX_EVIDENCE_BYTES:
            self._evidence.clear()
            self._evidence_bytes = 0
        else:
            self._evidence.append((replace(packet, payload=memoryview(bytes(packet.payload))), now))
            self._evidence_bytes += len(packet.payload)

    def receive_rtcp(self, data: Buffer, now: float) -> None:
        """Take an RTCP packet: sender reports are read, everything else is counted and forgotten."""
        self._reports.receive(data, now)

    @property
    def held_since(self) -> float | None:
        """Return when the last packet came of a picture that nothing but time can tell to be complete, or None."""
        since = self._depacketizer.held_since  # nearly always None, so nothing else is asked then
        return None if since is None or self.receiver.next_timeout() is not None else since

    def release_picture(self) -> None:
        """Take the picture that is held back for complete, because nothing came after it for a while."""
        self._depacketizer.release_picture()

    def next_timeout(self) -> float | None:
        """Return when handle_timeout wants to be called, or None."""
        return self.receiver.next_timeout()

    def handle_timeout(self, now: float) -> None:
        """Stop waiting for packets that did not come."""
        self.receiver.handle_timeout(now)
        self._drain()

    def report_due(self, now: float) -> bytes | None:
        """Return a receiver report if it is time for one, else None."""
        if self._next_report is None:
            self._next_report = now + 1.0  # the first report is due soon, because it opens the way through NAT
            return None
        if now < self._next_report:
            return None
        self._next_report = now + REPORT_INTERVAL_S
        report = self.sender_report
        last = (report.ntp >> 16) & 0xFFFF_FFFF if report is not None else 0
        block = self.receiver.report(last, self._reports.age_s(now))
        return serialize_receiver_report(self._ssrc, self._cname, block)


def _continuation(packet: RtpPacket, prefix: bytes) -> tuple[int, bytes, bytes]:
    """Return the first word, without the sequence number, and the bytes behind it with which a later fragment begins.

    The marker is not set in the word, because it would end the fragments. The third item are the bytes behind the word
    where the fragment is the last one: the end bit is set.
    """
    tail = packet.timestamp.to_bytes(4) + packet.ssrc.to_bytes(4) + prefix
    return 0x8000_0000 | packet.payload_type << 16, tail, tail[:-1] + bytes((tail[-1] | 0x40,))
