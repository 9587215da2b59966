"""This module makes payloads that break RFC 6184 and RFC 7798 as cameras break them."""

from dataclasses import dataclass
from typing import Literal

from transcoder.codecs.nal import START_CODE, Codec, header_size, is_parameter_set, nal_unit_type
from transcoder.codecs.picture_codec import PictureCodec, SourceCodec
from transcoder.formats import h264, h265
from transcoder.lab.cameras.picture_packets import packetize_pictures

MAX_BLOB = 60_000
"""Bytes of a byte stream put into one packet: a UDP datagram and an interleaved frame hold 65535 with their headers."""
_PADDING = bytes(20)


@dataclass(frozen=True, slots=True, kw_only=True)
class PacketDefects:
    """Lists the defects of payloads.

    Attributes:
        aggregation: whether parameter sets share a packet; False: each has a packet of its own, as with most cameras.
        fu_start_and_end: a unit that fits one packet is one fragment with both bits set (CostarHD).
        fu_empty: the second fragment of each unit is empty (retina#115).
        fu_wrong_type: later fragments say another type than the first (Tiandy).
        fu_no_end: the end bit is never set (Tiandy).
        fu_type_zero: fragments of type 0 hold a byte stream, all NAL units of the access unit (Amatek AR-N3222F).
        fu_reserved_bit: the reserved bit of the FU header is set (Longse CMSEKL800); H.264 only.
        byte_stream: NAL units of an IDR access unit with start codes between them in one "single" NAL unit packet, or
            in one "fragmented" unit of the first one's type (V380); above 60000 bytes it is fragmented.
        stap_padding: zeros behind the last unit of an aggregation packet (gortsplib's unnamed camera).
        declared_mode: packetization-mode in the SDP (HIK Media Server, Anpviz: 0, and fragments all the same).
        decoding_order_numbers: NAL units have them (packetization-mode 2, DONL fields) and the SDP says so; parameter
            sets come behind the slices that need them. Nothing private stands around pictures then.
        jpeg_size_wraps: a JPEG side of over 2040 pixels wraps in its byte: 2560 is sent as 512 (Reolink, go2rtc#83).
        end_lost_every_s: the last fragment of a picture is lost so often, its sequence number with it.
    """

    aggregation: bool = True
    fu_start_and_end: bool = False
    fu_empty: bool = False
    fu_wrong_type: bool = False
    fu_no_end: bool = False
    fu_type_zero: bool = False
    fu_reserved_bit: bool = False
    byte_stream: Literal["none", "single", "fragmented"] = "none"
    stap_padding: bool = False
    declared_mode: int = 1
    decoding_order_numbers: bool = False
    jpeg_size_wraps: bool = False
    end_lost_every_s: float | None = None


def packetize(codec: SourceCodec, nal_units: list[bytes], max_payload: int, defects: PacketDefects) -> list[bytes]:
    """Return the RTP payloads of one access unit, in order; JPEG and MPEG-4 have no defects yet."""
    if not nal_units:
        return []
    if isinstance(codec, PictureCodec):
        return packetize_pictures(codec, nal_units, max_payload, wraps=defects.jpeg_size_wraps)
    if defects.byte_stream != "none" and len(nal_units) > 1:
        stream = START_CODE.join(nal_units)
        if defects.byte_stream == "single" and len(stream) <= MAX_BLOB:
            return [stream]
        return _fragments(codec, stream, max_payload, defects)
    if defects.fu_type_zero and sum(map(len, nal_units)) > max_payload:
        stream = b"".join(START_CODE + unit for unit in nal_units)
        return _fragments(codec, nal_units[0][: header_size(codec)] + stream, max_payload, defects, of_type=0)
    module = h264 if codec is Codec.H264 else h265
    groups = [nal_units] if defects.aggregation else [[unit] for unit in nal_units]
    payloads: list[bytes] = []
    for group in groups:
        if len(group) == 1 and (len(group[0]) > max_payload or defects.fu_start_and_end):
            payloads += _fragments(codec, group[0], max_payload, defects)
            continue
        for payload in module.packetize(group, max_payload):
            kind = _payload_kind(codec, payload)
            if kind == "aggregate" and defects.stap_padding:
                payloads.append(payload + _PADDING)
            elif kind == "fragment":
                payloads += _spoil(codec, payload, defects)
            elif kind == "single" and defects.fu_start_and_end:
                payloads += _fragments(codec, payload, max_payload, defects)
            else:
                payloads.append(payload)
    return payloads


def carries_parameter_set(codec: SourceCodec, payload: bytes | memoryview) -> bool:
    """Return whether a payload is a parameter set, or an aggregate that begins with one."""
    if isinstance(codec, PictureCodec):
        return False
    if _payload_kind(codec, payload) == "aggregate":
        payload = payload[header_size(codec) + 2 :]
    return bool(payload) and is_parameter_set(codec, nal_unit_type(codec, payload))


def _payload_kind(codec: Codec, payload: bytes | memoryview) -> str:
    aggregate, fragment = (h264.STAP_A, h264.FU_A) if codec is Codec.H264 else (h265.AP, h265.FU)
    kind = nal_unit_type(codec, payload)
    return "aggregate" if kind == aggregate else "fragment" if kind == fragment else "single"


def _fragments(
    codec: Codec, unit: bytes, max_payload: int, defects: PacketDefects, of_type: int | None = None
) -> list[bytes]:
    """Return the fragments of one unit, of its own type or of another."""
    size = header_size(codec)
    kind = nal_unit_type(codec, unit) if of_type is None else of_type
    if codec is Codec.H264:
        head = bytes(((unit[0] & 0xE0) | h264.FU_A,))
    else:
        head = bytes(((unit[0] & 0x81) | h265.FU << 1, unit[1]))
    step = max_payload - size - 1
    payloads: list[bytes] = []
    for start in range(size, len(unit), step):
        flags = (0x80 if start == size else 0) | (0x40 if start + step >= len(unit) else 0)
        payloads += _spoil(codec, head + bytes((flags | kind,)) + unit[start : start + step], defects)
    return payloads


def _spoil(codec: Codec, fragment: bytes, defects: PacketDefects) -> list[bytes]:
    """Return one fragment as the camera sends it, and the empty fragment that follows, if any."""
    at = header_size(codec)
    header = fragment[at]
    start = bool(header & 0x80)
    if defects.fu_no_end:
        header &= ~0x40
    if defects.fu_wrong_type and not start:
        header = (header & 0xC0) | 1
    if defects.fu_reserved_bit and codec is Codec.H264:
        header |= 0x20
    sent = [fragment[:at] + bytes((header,)) + fragment[at + 1 :]]
    if defects.fu_empty and start and not header & 0x40:
        sent.append(fragment[:at] + bytes((header & ~0xC0,)))
    return sent
