"""This is the RTP payload format for H.265 (RFC 7798).

Single NAL unit packets, AP, FU and PACI are read, with or without DONL fields.
"""

from collections import Counter
from collections.abc import Mapping, Sequence

from typing_extensions import override

from transcoder.codecs.nal import Codec
from transcoder.formats import fmtp, fragments
from transcoder.formats.decoding_order import DecodingOrderDepacketizer, Numbered, NumberedPayloadReader, NumberedUnits
from transcoder.formats.depacketizer import DecodingOrder, Depacketizer, DepacketizerOptions
from transcoder.formats.fragments import NOTHING, Completed, Reassembly
from transcoder.formats.nal_units import NalUnitDepacketizer, PayloadReader
from transcoder.formats.video_format import FormatParameters, Serving, VideoPayloadFormat

AP = 48
FU = 49
PACI = 50
PACI_FLAGS = 0b1000
"""Bits F0, F1, F2, Y of a PACI packet as RFC 7798 defines them."""
TSCI_SIZE = 3
"""Bytes of temporal scalability control information (TSCI)."""


def packetize(nal_units: Sequence[bytes], max_payload: int) -> list[bytes]:
    """Return the RTP payloads of one access unit, in order; the marker belongs on the last.

    Args:
        nal_units: the NAL units without start codes, none shorter than its 2-byte header.
        max_payload: the bytes that an RTP payload may have, at least 64.

    Source: RFC 7798 sections 4.4.1 to 4.4.3; the PayloadHdr of an AP has the lowest LayerId and TID of its units.
    """
    return fragments.packetize(nal_units, max_payload, header_size=2, aggregate=_ap_header, fragment=_fu_header)


def _ap_header(group: Sequence[bytes]) -> bytes:
    layer = min(((unit[0] & 1) << 5) | (unit[1] >> 3) for unit in group)
    temporal = min(unit[1] & 7 for unit in group)
    return bytes(((AP << 1) | (layer >> 5), ((layer & 0x1F) << 3) | temporal))


def _fu_header(unit: bytes) -> tuple[bytes, int]:
    return bytes(((FU << 1) | (unit[0] & 0x81), unit[1])), (unit[0] >> 1) & 0x3F


def unwrap_paci(payload: memoryview, faults: Counter[str]) -> memoryview:
    """Return the NAL unit, AP or FU of a PACI packet; its header extensions (PHES) are dropped and counted.

    Args:
        payload: the payload of a packet of type 50.
        faults: counts the packet.

    Returns:
        The payload that a packet without PACI would have, or an empty one where the packet can't be read.

    A packet counts as PACI only where it carries what PACI packets are for, temporal scalability control information:
    vendor data in NAL units of type 50 (Dahua) must not become slices.

    Source: RFC 7798 sections 4.4.4 and 4.5. Behind the PayloadHdr stand A (1 bit), cType (6), PHSsize (5), F0 (TSCI is
    there, 3 bytes), F1, F2 and Y (0); then PHSsize bytes of PHES; then the wrapped unit without its first two bytes,
    because those are the PayloadHdr with A and cType in it.
    """
    fields = int.from_bytes(payload[2:4])
    size, flags, inner = fields >> 4 & 0x1F, fields & 0x0F, payload[2:3] or b"\0"
    kind = inner[0] >> 1 & 0x3F
    if flags != PACI_FLAGS or size < TSCI_SIZE or len(payload) <= 4 + size or kind >= PACI:
        faults["unreadable PACI packet"] += 1
        return memoryview(b"")
    faults["PACI packet"] += 1
    return memoryview(bytes((inner[0] & 0xFE | payload[0] & 1, payload[1])) + payload[4 + size :])


class InOrderReader(PayloadReader):
    """Reads payloads without DONL fields.

    The reader tolerates, and counts in `faults`: everything that Reassembly names, aggregates padded with zeros,
    aggregates cut short and PACI packets.
    """

    def __init__(self) -> None:
        self.reassembly = Reassembly()

    @override
    def receive(self, payload: memoryview, *, marker: bool) -> Completed:
        # RFC 7798 sections 4.4.1 to 4.4.4
        reassembly = self.reassembly
        if len(payload) < 2:
            reassembly.faults["empty payload"] += 1
            return NOTHING
        kind = (payload[0] >> 1) & 0x3F
        if kind == PACI:
            payload = unwrap_paci(payload, reassembly.faults)
            if not payload:
                return NOTHING
            kind = (payload[0] >> 1) & 0x3F
        if kind == FU:
            if len(payload) < 3:
                reassembly.faults["fragment without header"] += 1
                return NOTHING
            first = _unit_header(payload) if payload[2] >= 0x80 else b""
            return reassembly.fragmentation_unit(payload, 3, first, marker=marker)
        before = reassembly.cut_off()
        if kind == AP:
            return before, reassembly.aggregate(payload[2:], minimum=2)
        if kind < AP:
            return before, reassembly.single(payload)
        reassembly.faults[f"packet type {kind}"] += 1
        return before, ()


def _unit_header(payload: memoryview) -> bytes:
    """Return the NAL unit header that a fragment's PayloadHdr and FU header make."""
    return bytes(((payload[0] & 0x81) | ((payload[2] & 0x3F) << 1), payload[1]))


class NumberedReader(NumberedPayloadReader):
    """Reads payloads with DONL and DOND fields."""

    def __init__(self) -> None:
        self.numbers = NumberedUnits()

    @override
    def receive(self, payload: memoryview, *, marker: bool) -> list[Numbered]:
        # RFC 7798 sections 4.4.1 to 4.4.4: DONL stands behind the header, in fragments in the first one only; DOND
        # stands before each further size.
        numbers = self.numbers
        kind = (payload[0] >> 1) & 0x3F if payload else -1
        if kind == PACI:
            payload = unwrap_paci(payload, numbers.faults)
            kind = (payload[0] >> 1) & 0x3F if payload else -1
        if kind == FU:
            return self._fragment(payload, marker=marker)
        if len(payload) < 4:
            numbers.faults["packet cut short"] += 1
            return []
        found = numbers.cut_off()
        don = payload[2] << 8 | payload[3]
        if kind == AP:
            for index, (fields, units) in enumerate(numbers.aggregated(payload, 4, before=1, minimum=2)):
                don += fields[0] + 1 if index else 0
                found += numbers.number(units, don)
        elif kind < AP:
            found += numbers.number(numbers.reassembly.split(bytes(payload[:2]) + payload[4:]), don)
        else:
            numbers.faults[f"packet type {kind}"] += 1
        return found

    def _fragment(self, payload: memoryview, *, marker: bool) -> list[Numbered]:
        flags = payload[2] if len(payload) > 2 else 0
        at = 5 if flags >= 0x80 else 3
        if len(payload) < at:
            self.numbers.faults["fragment without header"] += 1
            return []
        don = payload[3] << 8 | payload[4] if at == 5 else None
        return self.numbers.fragment(_unit_header(payload), payload[at:], flags=flags, don=don, marker=marker)


SPROP = ("sprop-vps", "sprop-sps", "sprop-pps")


def _from_fmtp(parameters: Mapping[str, str]) -> FormatParameters:
    """Read the fmtp parameters.

    An H265 with the parameters of RFC 6184 section 8.1 and none of RFC 7798 is H.264 (EZVIZ C6N, go2rtc#264).

    Source: RFC 7798 section 7.1.
    """
    order = None
    if fmtp.number(parameters, "sprop-max-don-diff"):  # RFC 7798 section 4.4.1: greater than 0
        order = DecodingOrder(
            depth=fmtp.number(parameters, "sprop-depack-buf-nalus"),
            max_don_diff=fmtp.number(parameters, "sprop-max-don-diff"),
            buffer_size=fmtp.number(parameters, "sprop-depack-buf-bytes"),
        )
    return FormatParameters(
        parameter_sets=fmtp.parameter_sets(Codec.H265, parameters, SPROP, 3),
        decoding_order=order,
        suspected=Codec.H264 if "sprop-parameter-sets" in parameters else None,
    )


def _to_fmtp(sets: Sequence[bytes]) -> str:
    """Return the fmtp parameters that hold these parameter sets.

    Source: RFC 7798 section 7.1.
    """
    if not sets:  # they come with each IDR
        return ""
    return ";".join(f"{name}={value}" for name, value in zip(SPROP, fmtp.serialize_sets(sets), strict=True))


def _depacketizer(options: DepacketizerOptions) -> Depacketizer:
    if options.decoding_order is not None:
        return DecodingOrderDepacketizer(Codec.H265, NumberedReader(), options.decoding_order, options.parameter_sets)
    return NalUnitDepacketizer(Codec.H265, InOrderReader(), options)


FORMAT = VideoPayloadFormat(
    title="H.265",
    codec=Codec.H265,
    number=2,
    encodings=("H265", "HEVC"),
    depacketizer=_depacketizer,
    from_fmtp=_from_fmtp,
    serving=Serving(packetize=packetize, to_fmtp=_to_fmtp),
)
