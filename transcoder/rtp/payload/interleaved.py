"""NAL units sent in another order than that of decoding: H.264 packetization-mode 2, H.265 with DONL fields.

Each NAL unit has a decoding order number (DON) of 16 bits.

Source: RFC 6184 sections 5.5 to 5.8; RFC 7798 section 4.4.
"""

import math
from collections import Counter
from collections.abc import Iterator

from transcoder.codecs.access_unit import NEVER, AccessUnit, AccessUnitAssembler
from transcoder.codecs.nal import Codec
from transcoder.rtp.packet import RtpPacket
from transcoder.rtp.payload.decoding_order import DON_RANGE, Deinterleaver
from transcoder.rtp.payload.fragments import MAX_AGGREGATED, Reassembly
from transcoder.rtp.payload.h264 import FU_A, STAP_A
from transcoder.rtp.payload.h265 import AP, FU, PACI, unwrap_paci
from transcoder.sdp import Interleaving

STAP_B = 25
MTAP16 = 26
MTAP24 = 27
FU_B = 29

Numbered = tuple[int, int, bytes]
"""DON, ticks to be added to the packet's timestamp, NAL unit."""


class _NumberedUnits(Reassembly):
    """What both formats share. A packet that has no DON where one belongs continues the numbers, counted."""

    def __init__(self) -> None:
        super().__init__()
        self._don = 0
        self._fragmented = 0
        self._gap = 0

    def lose(self) -> None:
        """Packets are missing before the next one; where it has no number, one is left out for them."""
        super().lose()
        self._gap = 1

    def _number(self, units: list[bytes], don: int, offset: int = 0) -> list[Numbered]:
        self._don = don % DON_RANGE
        self._gap = 0
        return [(self._don, offset, unit) for unit in units]

    def _following(self) -> int:
        self.faults["packet without decoding order number"] += 1
        return (self._don + 1 + self._gap) % DON_RANGE

    def _cut_off(self) -> list[Numbered]:
        return [(self._fragmented, 0, unit) for unit in self.cut_off()]

    def _numbered_fragment(
        self, first: bytes, body: memoryview, *, flags: int, don: int | None, marker: bool
    ) -> list[Numbered]:
        """Take a fragment; the DON of the first one is that of the unit."""
        start = flags >= 0x80
        found: list[Numbered] = []
        if start:
            found = self._cut_off()
            self._fragmented = self._don = self._following() if don is None else don
            self._gap = 0
        units = self.fragment(first, body, start=start, end=bool(flags & 0x40), marker=marker)
        found += [(self._fragmented, 0, unit) for unit in units]
        return found

    def _aggregated(
        self, payload: memoryview, position: int, *, before: int = 0, behind: int = 0, minimum: int
    ) -> Iterator[tuple[memoryview, list[bytes]]]:
        """Aggregation units: their fields beside the size, and the NAL unit.

        Args:
            payload: of the packet.
            position: of the first one in it.
            before: bytes before the size of every one but the first.
            behind: bytes between size and NAL unit.
            minimum: bytes of a NAL unit.
        """
        for index in range(MAX_AGGREGATED):
            at = position + (before if index else 0)
            start = at + 2 + behind
            if start > len(payload):
                return
            size = payload[at] << 8 | payload[at + 1]
            if size < minimum:
                self.faults["aggregate padded"] += 1
                return
            if start + size > len(payload):
                self.faults["aggregate cut short"] += 1
                return
            yield (
                payload[at + 2 : start] if behind else payload[position:at],
                self._split(bytes(payload[start : start + size])),
            )
            position = start + size


class H264Units(_NumberedUnits):
    """RTP payloads of packetization-mode 2 in order of arrival in, numbered NAL units out.

    Tolerated, each counted in `faults`: what Reassembly names, and packets of the other modes.
    """

    def receive(self, payload: memoryview, *, marker: bool) -> list[Numbered]:
        """NAL units that this payload completes.

        Source: RFC 6184 section 5.7.1 (STAP-B), 5.7.2 (MTAP), 5.8 (FU-B, then FU-A without DON).
        """
        if not payload:
            self.faults["empty payload"] += 1
            return []
        kind = payload[0] & 0x1F
        if kind in {FU_A, FU_B}:
            return self._fragment(payload, numbered=kind == FU_B, marker=marker)
        found = self._cut_off()
        if kind in {STAP_B, MTAP16, MTAP24}:
            if len(payload) < 3:
                self.faults["aggregate cut short"] += 1
                return found
            don = payload[1] << 8 | payload[2]
            behind = {STAP_B: 0, MTAP16: 3, MTAP24: 4}[kind]
            for index, (fields, units) in enumerate(self._aggregated(payload, 3, behind=behind, minimum=1)):
                if behind:  # DOND and timestamp offset
                    found += self._number(units, don + fields[0], int.from_bytes(fields[1:]))
                else:
                    found += self._number(units, don + index)
        elif kind == STAP_A:
            for _, units in self._aggregated(payload, 1, minimum=1):
                found += self._number(units, self._following())
        elif kind <= 23:
            found += self._number(self.single(payload), self._following())
        else:
            found += self._number([bytes(payload)], self._following())  # counted by the allow-list, which drops it
        return found

    def _fragment(self, payload: memoryview, *, numbered: bool, marker: bool) -> list[Numbered]:
        at = 4 if numbered else 2
        if len(payload) < at:
            self.faults["fragment without header"] += 1
            return []
        flags = payload[1]
        kind = flags & 0x1F
        first = bytes(((payload[0] & 0xE0) | kind,)) if kind else b""
        don = payload[2] << 8 | payload[3] if numbered else None
        return self._numbered_fragment(first, payload[at:], flags=flags, don=don, marker=marker)


class H265Units(_NumberedUnits):
    """RTP payloads with DONL and DOND fields in order of arrival in, numbered NAL units out."""

    def receive(self, payload: memoryview, *, marker: bool) -> list[Numbered]:
        """NAL units that this payload completes.

        Source: RFC 7798 section 4.4.1 (DONL behind the header), 4.4.2 (DONL, then DOND before each size), 4.4.3 (DONL
        in the first fragment), 4.4.4.
        """
        kind = (payload[0] >> 1) & 0x3F if payload else -1
        if kind == PACI:
            payload = unwrap_paci(payload, self.faults)
            kind = (payload[0] >> 1) & 0x3F if payload else -1
        if kind == FU:
            return self._fragment(payload, marker=marker)
        if len(payload) < 4:
            self.faults["packet cut short"] += 1
            return []
        found = self._cut_off()
        don = payload[2] << 8 | payload[3]
        if kind == AP:
            for index, (fields, units) in enumerate(self._aggregated(payload, 4, before=1, minimum=2)):
                don += fields[0] + 1 if index else 0
                found += self._number(units, don)
        elif kind < AP:
            found += self._number(self._split(bytes(payload[:2]) + payload[4:]), don)
        else:
            self.faults[f"packet type {kind}"] += 1
        return found

    def _fragment(self, payload: memoryview, *, marker: bool) -> list[Numbered]:
        flags = payload[2] if len(payload) > 2 else 0
        at = 5 if flags >= 0x80 else 3
        if len(payload) < at:
            self.faults["fragment without header"] += 1
            return []
        first = bytes(((payload[0] & 0x81) | ((flags & 0x3F) << 1), payload[1]))
        don = payload[3] << 8 | payload[4] if at == 5 else None
        return self._numbered_fragment(first, payload[at:], flags=flags, don=don, marker=marker)


class PictureAssembler:
    """RTP packets in, access units in decoding order out; the marker says nothing of that order and is not believed.

    Units are dated by when they leave: what waited is late for all of them alike.

    Args:
        codec: of the stream.
        interleaving: what the session description says.
        parameter_sets: of the session description.
    """

    def __init__(self, codec: Codec, interleaving: Interleaving, parameter_sets: tuple[bytes, ...] = ()) -> None:
        self._units: H264Units | H265Units = H264Units() if codec is Codec.H264 else H265Units()
        self._order = Deinterleaver(codec, interleaving, self._units.faults)
        self._assembler = AccessUnitAssembler(codec, proofs=NEVER, parameter_sets=parameter_sets)
        self._now = 0.0

    @property
    def faults(self) -> Counter[str]:
        """Everything tolerated so far, by kind."""
        return self._units.faults + self._assembler.faults

    def receive(self, packet: RtpPacket, now: float) -> None:
        """Take one packet."""
        self._now = now
        for don, offset, unit in self._units.receive(packet.payload, marker=packet.marker):
            if len(unit) >= 2:
                # NALU-time, RFC 6184 section 5.7.2
                self._order.add(don, (packet.timestamp + offset) & 0xFFFF_FFFF, unit, now)
                self._pass_on(now)
        self._pass_on(now)

    def lose(self, *, restart: bool) -> None:
        """Packets are missing before the next one, or the source begins anew."""
        self._units.lose()
        if restart:
            self._pass_on(math.inf)
            self._order.restart()
            self._assembler.restart()
        else:
            self._order.lose()

    def next_access_unit(self) -> AccessUnit | None:
        """The next complete access unit, or None."""
        return self._assembler.next_access_unit()

    def flush(self) -> None:
        """End what waits: nothing follows."""
        self._pass_on(math.inf)
        self._assembler.flush()

    def _pass_on(self, until: float) -> None:
        while (item := self._order.next_unit(until)) is not None:
            timestamp, unit, lost = item
            if lost:
                self._assembler.lose()
            self._assembler.add(unit, timestamp, self._now)
