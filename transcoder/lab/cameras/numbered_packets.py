"""This module makes RTP payloads with decoding order numbers.

H.264 is sent in packetization-mode 2, H.265 with DONL and DOND fields.
"""

from transcoder.codecs.nal import Codec, is_vcl, nal_unit_type

H264_PARAMETERS = "packetization-mode=2; sprop-interleaving-depth=1; sprop-deint-buf-req=2000000"
H265_PARAMETERS = "sprop-max-don-diff=8;sprop-depack-buf-bytes=2000000"
"""Parameters of fmtp. A picture's parameter sets come behind its slices, before the next picture."""

_NUMBERS = 1 << 16


def packetize_numbered(
    codec: Codec, nal_units: list[bytes], max_payload: int, *, index: int, total: int
) -> list[bytes]:
    """Return the RTP payloads of one access unit: slices, then the parameter sets that precede them in decoding order.

    Args:
        codec: codec of the units.
        nal_units: the NAL units in decoding order.
        max_payload: bytes of the largest payload.
        index: index of the access unit in its loop.
        total: access units of the loop; the numbers go round once a loop, with gaps (RFC 6184 section 5.5 allows them).

    Source: RFC 6184 sections 5.7.1 (STAP-B), 5.7.2 (MTAP16), 5.8 (FU-B, FU-A); RFC 7798 sections 4.4.1 to 4.4.3.
    """
    first = index * _NUMBERS // total
    numbered = [((first + at) % _NUMBERS, unit) for at, unit in enumerate(nal_units)]
    slices = [(don, unit) for don, unit in numbered if is_vcl(codec, nal_unit_type(codec, unit))]
    others = [each for each in numbered if each not in slices]
    payloads: list[bytes] = []
    for don, unit in slices:
        payloads += (_h264_slice if codec is Codec.H264 else _h265_slice)(don, unit, max_payload)
    if others:
        payloads.append(_stap_b(others) if codec is Codec.H264 else _aggregate(others))
    return payloads


def _stap_b(numbered: list[tuple[int, bytes]]) -> bytes:
    """Return an aggregation packet of units whose numbers follow each other."""
    nri = max(unit[0] & 0x60 for _, unit in numbered)
    units = b"".join(len(unit).to_bytes(2) + unit for _, unit in numbered)
    return bytes((nri | 25,)) + numbered[0][0].to_bytes(2) + units


def _h264_slice(don: int, unit: bytes, max_payload: int) -> list[bytes]:
    nri, kind = unit[0] & 0x60, unit[0] & 0x1F
    if len(unit) + 8 <= max_payload:  # MTAP16 of one unit: DONB, size, DOND 0, offset 0
        return [bytes((nri | 26,)) + don.to_bytes(2) + len(unit).to_bytes(2) + bytes(3) + unit]
    step = max_payload - 4
    bodies = [unit[at : at + step] for at in range(1, len(unit), step)]
    payloads = [bytes((nri | 29, 0x80 | kind)) + don.to_bytes(2) + bodies[0]]
    for at, body in enumerate(bodies[1:], 2):
        payloads.append(bytes((nri | 28, kind | (0x40 if at == len(bodies) else 0))) + body)
    return payloads


def _aggregate(numbered: list[tuple[int, bytes]]) -> bytes:
    don, unit = numbered[0]
    parts = [bytes((48 << 1, 1)), don.to_bytes(2), len(unit).to_bytes(2), unit]
    for _, unit in numbered[1:]:
        parts += [b"\0", len(unit).to_bytes(2), unit]  # DOND 0 means the next number
    return b"".join(parts)


def _h265_slice(don: int, unit: bytes, max_payload: int) -> list[bytes]:
    if len(unit) + 2 <= max_payload:
        return [unit[:2] + don.to_bytes(2) + unit[2:]]
    kind = unit[0] >> 1 & 0x3F
    head = bytes((unit[0] & 0x81 | 49 << 1, unit[1]))
    step = max_payload - 5
    bodies = [unit[at : at + step] for at in range(2, len(unit), step)]
    payloads = [head + bytes((0x80 | kind,)) + don.to_bytes(2) + bodies[0]]
    for at, body in enumerate(bodies[1:], 2):
        payloads.append(head + bytes((kind | (0x40 if at == len(bodies) else 0),)) + body)
    return payloads
