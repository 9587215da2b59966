"""RTP payload format for H.264 (RFC 6184): single NAL unit packets, STAP-A and FU-A, packetization-mode 1."""

from collections.abc import Sequence

STAP_A = 24
FU_A = 28

_STAP_A_OVERHEAD = 1
_AGGREGATE_BELOW = 256
"""Bytes. Parameter sets and the like share a packet; a slice gains nothing by it."""


def packetize(nal_units: Sequence[bytes], max_payload: int) -> list[bytes]:
    """RTP payloads of one access unit, in order; the marker belongs on the last.

    Small neighbours are put into one STAP-A, large NAL units into FU-As of nearly equal size, so that no packet is a
    stub.

    Args:
        nal_units: without start codes, none empty.
        max_payload: bytes an RTP payload may have, at least 64.

    Source: RFC 6184 sections 5.6, 5.7.1, 5.8.
    """
    payloads: list[bytes] = []
    group: list[bytes] = []
    group_size = _STAP_A_OVERHEAD

    def flush() -> None:
        nonlocal group, group_size
        if len(group) == 1:
            payloads.append(group[0])
        elif group:
            header = max(unit[0] & 0x60 for unit in group) | STAP_A
            parts = [bytes((header,))]
            for unit in group:
                parts.append(len(unit).to_bytes(2))
                parts.append(unit)
            payloads.append(b"".join(parts))
        group, group_size = [], _STAP_A_OVERHEAD

    for unit in nal_units:
        size = len(unit)
        if size < _AGGREGATE_BELOW:
            if group_size + 2 + size > max_payload:
                flush()
            group.append(unit)
            group_size += 2 + size
            continue
        flush()
        if size <= max_payload:
            payloads.append(unit)
        else:
            payloads.extend(_fragment(unit, max_payload))
    flush()
    return payloads


def _fragment(unit: bytes, max_payload: int) -> list[bytes]:
    indicator = (unit[0] & 0xE0) | FU_A
    unit_type = unit[0] & 0x1F
    body = len(unit) - 1
    count = -(-body // (max_payload - 2))
    step = -(-body // count)
    fragments = []
    for start in range(1, len(unit), step):
        end = min(start + step, len(unit))
        flags = (0x80 if start == 1 else 0) | (0x40 if end == len(unit) else 0)
        fragments.append(bytes((indicator, flags | unit_type)) + unit[start:end])
    return fragments
