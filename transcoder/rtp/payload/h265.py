"""RTP payload format for H.265 (RFC 7798): single NAL unit packets, AP, FU and PACI, without DONL."""

from collections import Counter
from collections.abc import Sequence

from transcoder.rtp.payload import fragments
from transcoder.rtp.payload.fragments import Reassembly

AP = 48
FU = 49
PACI = 50
PACI_FLAGS = 0b1000
"""F0, F1, F2, Y of a PACI packet as RFC 7798 defines it."""
TSCI_SIZE = 3
"""Bytes."""


def packetize(nal_units: Sequence[bytes], max_payload: int) -> list[bytes]:
    """RTP payloads of one access unit, in order; the marker belongs on the last.

    Args:
        nal_units: without start codes, none shorter than its 2-byte header.
        max_payload: bytes an RTP payload may have, at least 64.

    Source: RFC 7798 sections 4.4.1 to 4.4.3; a PayloadHdr of an AP has the lowest LayerId and TID of its units.
    """
    return fragments.packetize(nal_units, max_payload, header_size=2, aggregate=_ap_header, fragment=_fu_header)


def _ap_header(group: Sequence[bytes]) -> bytes:
    layer = min(((unit[0] & 1) << 5) | (unit[1] >> 3) for unit in group)
    temporal = min(unit[1] & 7 for unit in group)
    return bytes(((AP << 1) | (layer >> 5), ((layer & 0x1F) << 3) | temporal))


def _fu_header(unit: bytes) -> tuple[bytes, int]:
    return bytes(((FU << 1) | (unit[0] & 0x81), unit[1])), (unit[0] >> 1) & 0x3F


def unwrap_paci(payload: memoryview, faults: Counter[str]) -> memoryview:
    """The NAL unit, AP or FU of a PACI packet; its header extensions (PHES) are dropped, counted.

    Args:
        payload: of a packet of type 50.
        faults: where it is counted.

    Returns:
        The payload that a packet without PACI would have, or an empty one where it can't be read.

    Only one that carries what PACI packets are for, temporal scalability control information, is taken for one: vendor
    data in NAL units of type 50 (Dahua) must not become slices.

    Source: RFC 7798 sections 4.4.4 and 4.5: behind the PayloadHdr A (1 bit), cType (6), PHSsize (5), F0 (TSCI is there,
    3 bytes), F1, F2 and Y (0); then PHSsize bytes of PHES, then what is wrapped, without its first two bytes: those are
    PayloadHdr with A and cType in it.
    """
    fields = int.from_bytes(payload[2:4])
    size, flags, inner = fields >> 4 & 0x1F, fields & 0x0F, payload[2:3] or b"\0"
    kind = inner[0] >> 1 & 0x3F
    if flags != PACI_FLAGS or size < TSCI_SIZE or len(payload) <= 4 + size or kind >= PACI:
        faults["unreadable PACI packet"] += 1
        return memoryview(b"")
    faults["PACI packet"] += 1
    return memoryview(bytes((inner[0] & 0xFE | payload[0] & 1, payload[1])) + payload[4 + size :])


class Depacketizer(Reassembly):
    """RTP payloads in order in, NAL units out.

    Tolerated, each counted in `faults`: what Reassembly names, aggregates padded with zeros, aggregates cut short and
    PACI packets.
    """

    def receive(self, payload: memoryview, *, marker: bool) -> list[bytes]:
        """NAL units that this payload completes, in order.

        Args:
            payload: of one packet, in sequence order.
            marker: of the packet; it ends a fragmented unit whose end bit is missing.

        Source: RFC 7798 sections 4.4.1 to 4.4.4. DONL fields, which sprop-max-don-diff announces, are read elsewhere.
        """
        if len(payload) < 2:
            self.faults["empty payload"] += 1
            return []
        kind = (payload[0] >> 1) & 0x3F
        if kind == PACI:
            payload = unwrap_paci(payload, self.faults)
            if not payload:
                return []
            kind = (payload[0] >> 1) & 0x3F
        if kind == FU:
            return self._fragment(payload, marker=marker)
        units: list[bytes] = self.cut_off()
        if kind == AP:
            units.extend(self.aggregate(payload[2:], minimum=2))
        elif kind < AP:
            units.extend(self.single(payload))
        else:
            self.faults[f"packet type {kind}"] += 1
        return units

    def _fragment(self, payload: memoryview, *, marker: bool) -> list[bytes]:
        if len(payload) < 3:
            self.faults["fragment without header"] += 1
            return []
        header = payload[2]
        first = bytes(((payload[0] & 0x81) | ((header & 0x3F) << 1), payload[1]))
        units = self.fragment(first, payload[3:], start=header >= 0x80, end=bool(header & 0x40), marker=marker)
        if header >= 0x80 and self.is_open:
            self.continuation = bytes((payload[0], payload[1], header & 0x3F))
        return units
