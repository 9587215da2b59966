"""RTP payload format for H.264 (RFC 6184): single NAL unit packets, STAP-A and FU-A, packetization-mode 1."""

from collections.abc import Sequence

from transcoder.rtp.payload import fragments
from transcoder.rtp.payload.fragments import Reassembly

STAP_A = 24
FU_A = 28


def packetize(nal_units: Sequence[bytes], max_payload: int) -> list[bytes]:
    """RTP payloads of one access unit, in order; the marker belongs on the last.

    Small neighbours are put into one STAP-A, large NAL units into FU-As of nearly equal size, so that no packet is a
    stub.

    Args:
        nal_units: without start codes, none empty.
        max_payload: bytes an RTP payload may have, at least 64.

    Source: RFC 6184 sections 5.6, 5.7.1, 5.8.
    """
    return fragments.packetize(nal_units, max_payload, header_size=1, aggregate=_stap_a_header, fragment=_fu_header)


def _stap_a_header(group: Sequence[bytes]) -> bytes:
    return bytes((max(unit[0] & 0x60 for unit in group) | STAP_A,))


def _fu_header(unit: bytes) -> tuple[bytes, int]:
    return bytes(((unit[0] & 0xE0) | FU_A,)), unit[0] & 0x1F


class Depacketizer(Reassembly):
    """RTP payloads in order in, NAL units out.

    Tolerated, each counted in `faults`: what Reassembly names, aggregates padded with zeros (RFC 6184 5.7.1 has no
    padding) and aggregates cut short.
    """

    def receive(self, payload: memoryview, *, marker: bool) -> list[bytes]:
        """NAL units that this payload completes, in order.

        Args:
            payload: of one packet, in sequence order.
            marker: of the packet; it ends a fragmented unit whose end bit is missing.

        Source: RFC 6184 sections 5.6 to 5.8. STAP-B, MTAP and FU-B belong to packetization-mode 2, which is
        read elsewhere.
        """
        if not payload:
            self.faults["empty payload"] += 1
            return []
        kind = payload[0] & 0x1F
        if kind == FU_A:
            return self._fragment(payload, marker=marker)
        units: list[bytes] = self.cut_off()
        if kind == STAP_A:
            units.extend(self.aggregate(payload[1:], minimum=1))
        elif kind <= 23:  # type 0 is a byte stream that begins with its start code
            units.extend(self.single(payload))
        elif kind >= 30:  # VStarcam sends type 31; such units are dropped by the allow-list, where they count
            units.append(bytes(payload))
        else:
            self.faults[f"packet type {kind}"] += 1
        return units

    def _fragment(self, payload: memoryview, *, marker: bool) -> list[bytes]:
        if len(payload) < 2:
            self.faults["fragment without header"] += 1
            return []
        header = payload[1]
        unit_type = header & 0x1F  # the reserved bit 0x20 is set by Longse and ignored, RFC 6184 section 5.8
        # type 0 wraps a byte stream with units of its own (Amatek): no header is put before it
        first = bytes(((payload[0] & 0xE0) | unit_type,)) if unit_type else b""
        units = self.fragment(first, payload[2:], start=header >= 0x80, end=bool(header & 0x40), marker=marker)
        if header >= 0x80 and self.is_open:
            self.continuation = bytes((payload[0], header & 0x3F))
        return units
