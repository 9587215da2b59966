"""This is the RTP payload format for H.264 (RFC 6184): all three packetization modes are read, mode 1 is written."""

from collections.abc import Mapping, Sequence

from typing_extensions import override

from transcoder.codecs.nal import Codec
from transcoder.formats import fmtp, fragments
from transcoder.formats.decoding_order import DecodingOrderDepacketizer, Numbered, NumberedPayloadReader, NumberedUnits
from transcoder.formats.depacketizer import DecodingOrder, Depacketizer, DepacketizerOptions
from transcoder.formats.fragments import NOTHING, Completed, Reassembly
from transcoder.formats.nal_units import NalUnitDepacketizer, PayloadReader
from transcoder.formats.video_format import FormatParameters, Serving, VideoPayloadFormat

STAP_A = 24
STAP_B = 25
MTAP16 = 26
MTAP24 = 27
FU_A = 28
FU_B = 29


def packetize(nal_units: Sequence[bytes], max_payload: int) -> list[bytes]:
    """Return the RTP payloads of one access unit, in order; the marker belongs on the last.

    Small neighbours are put into one STAP-A, large NAL units into FU-As of nearly equal size, so that no packet is a
    stub.

    Args:
        nal_units: the NAL units without start codes, none empty.
        max_payload: the bytes that an RTP payload may have, at least 64.

    Source: RFC 6184 sections 5.6, 5.7.1, 5.8.
    """
    return fragments.packetize(nal_units, max_payload, header_size=1, aggregate=_stap_a_header, fragment=_fu_header)


def _stap_a_header(group: Sequence[bytes]) -> bytes:
    return bytes((max(unit[0] & 0x60 for unit in group) | STAP_A,))


def _fu_header(unit: bytes) -> tuple[bytes, int]:
    return bytes(((unit[0] & 0xE0) | FU_A,)), unit[0] & 0x1F


class InOrderReader(PayloadReader):
    """Reads payloads of packetization-mode 0 and 1: single NAL unit packets, STAP-A and FU-A.

    The reader tolerates, and counts in `faults`: everything that Reassembly names, aggregates padded with zeros (RFC
    6184 5.7.1 has no padding) and aggregates cut short.
    """

    def __init__(self) -> None:
        self.reassembly = Reassembly()

    @override
    def receive(self, payload: memoryview, *, marker: bool) -> Completed:
        # RFC 6184 sections 5.6 to 5.8; STAP-B, MTAP and FU-B belong to packetization-mode 2.
        reassembly = self.reassembly
        if not payload:
            reassembly.faults["empty payload"] += 1
            return NOTHING
        kind = payload[0] & 0x1F
        if kind == FU_A:
            if len(payload) < 2:
                reassembly.faults["fragment without header"] += 1
                return NOTHING
            first = _unit_header(payload) if payload[1] >= 0x80 else b""
            return reassembly.fragmentation_unit(payload, 2, first, marker=marker)
        before = reassembly.cut_off()
        if kind == STAP_A:
            return before, reassembly.aggregate(payload[1:], minimum=1)
        if kind <= 23:  # type 0 is a byte stream that begins with its start code
            return before, reassembly.single(payload)
        if kind >= 30:  # VStarcam sends type 31; such units are dropped by the allow-list, where they count
            return before, [bytes(payload)]
        reassembly.faults[f"packet type {kind}"] += 1
        return before, ()


def _unit_header(payload: memoryview) -> bytes:
    """Return the NAL unit header that a fragment's FU indicator and FU header make."""
    unit_type = payload[1] & 0x1F  # the reserved bit 0x20 is set by Longse and ignored, RFC 6184 section 5.8
    # type 0 wraps a byte stream with units of its own (Amatek): no header is put before it
    return bytes(((payload[0] & 0xE0) | unit_type,)) if unit_type else b""


class NumberedReader(NumberedPayloadReader):
    """Reads payloads of packetization-mode 2: STAP-B, MTAP, FU-B and FU-A.

    The reader tolerates, and counts in `faults`: everything that Reassembly names, and packets of the other modes.
    """

    def __init__(self) -> None:
        self.numbers = NumberedUnits()

    @override
    def receive(self, payload: memoryview, *, marker: bool) -> list[Numbered]:
        # RFC 6184 sections 5.7.1 (STAP-B), 5.7.2 (MTAP), 5.8 (FU-B, then FU-A without DON)
        numbers = self.numbers
        if not payload:
            numbers.faults["empty payload"] += 1
            return []
        kind = payload[0] & 0x1F
        if kind in {FU_A, FU_B}:
            return self._fragment(payload, has_don=kind == FU_B, marker=marker)
        found = numbers.cut_off()
        if kind in {STAP_B, MTAP16, MTAP24}:
            return found + self._aggregate(payload, kind)
        if kind == STAP_A:
            for _, units in numbers.aggregated(payload, 1, minimum=1):
                found += numbers.number(units, numbers.following())
        elif kind <= 23:
            found += numbers.number(numbers.reassembly.single(payload), numbers.following())
        else:
            found += numbers.number([bytes(payload)], numbers.following())  # counted by the allow-list, which drops it
        return found

    def _aggregate(self, payload: memoryview, kind: int) -> list[Numbered]:
        numbers = self.numbers
        if len(payload) < 3:
            numbers.faults["aggregate cut short"] += 1
            return []
        found: list[Numbered] = []
        don = payload[1] << 8 | payload[2]
        behind = {STAP_B: 0, MTAP16: 3, MTAP24: 4}[kind]
        for index, (fields, units) in enumerate(numbers.aggregated(payload, 3, behind=behind, minimum=1)):
            if behind:  # DOND and timestamp offset
                found += numbers.number(units, don + fields[0], int.from_bytes(fields[1:]))
            else:
                found += numbers.number(units, don + index)
        return found

    def _fragment(self, payload: memoryview, *, has_don: bool, marker: bool) -> list[Numbered]:
        at = 4 if has_don else 2
        if len(payload) < at:
            self.numbers.faults["fragment without header"] += 1
            return []
        flags = payload[1]
        don = payload[2] << 8 | payload[3] if has_don else None
        return self.numbers.fragment(_unit_header(payload), payload[at:], flags=flags, don=don, marker=marker)


def _from_fmtp(parameters: Mapping[str, str]) -> FormatParameters:
    """Read the fmtp parameters.

    Source: RFC 6184 section 8.1.
    """
    order = None
    if parameters.get("packetization-mode") == "2":
        order = DecodingOrder(
            depth=fmtp.number(parameters, "sprop-interleaving-depth"),
            max_don_diff=fmtp.number(parameters, "sprop-max-don-diff"),
            buffer_size=fmtp.number(parameters, "sprop-deint-buf-req"),
        )
    return FormatParameters(
        parameter_sets=fmtp.parameter_sets(Codec.H264, parameters, ("sprop-parameter-sets",), 2), decoding_order=order
    )


def _to_fmtp(sets: Sequence[bytes]) -> str:
    """Return the fmtp parameters that hold these parameter sets.

    Source: RFC 6184 section 8.1: profile-level-id is the three bytes behind the header of the SPS.
    """
    if not sets:  # they come with each IDR
        return "packetization-mode=1"
    level = sets[0][1:4].hex().upper()
    sprop = ",".join(fmtp.serialize_sets(sets))
    return f"packetization-mode=1;profile-level-id={level};sprop-parameter-sets={sprop}"


def _depacketizer(options: DepacketizerOptions) -> Depacketizer:
    if options.decoding_order is not None:
        return DecodingOrderDepacketizer(Codec.H264, NumberedReader(), options.decoding_order, options.parameter_sets)
    return NalUnitDepacketizer(Codec.H264, InOrderReader(), options)


FORMAT = VideoPayloadFormat(
    title="H.264",
    codec=Codec.H264,
    number=1,
    encodings=("H264",),
    depacketizer=_depacketizer,
    from_fmtp=_from_fmtp,
    serving=Serving(packetize=packetize, to_fmtp=_to_fmtp),
)
