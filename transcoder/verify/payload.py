"""NAL units are read strictly out of RTP payloads and byte streams.

Source: RFC 6184, RFC 7798, H.264 and H.265 Annex B.
"""

from collections import Counter

from transcoder.verify.codec import Codec

_H264_FU_A, _H264_STAP_A = 28, 24
_H265_FU, _H265_AP = 49, 48
MAX_UNIT = 16 << 20
"""Bytes of a NAL unit at most; a picture of 8192x4320 has far less."""


class Depacketizer:
    """Takes payloads in sequence order and gives NAL units.

    Attributes:
        faults: the number of each thing that a sender that keeps to the standard does not send.
        aggregates: True once several NAL units came in one packet.
    """

    def __init__(self, codec: Codec) -> None:
        self._codec = codec
        self._header = codec.nal_header_size
        self._parts: list[bytes] | None = None
        self._size = 0
        self.faults: Counter[str] = Counter()

    def lose(self) -> None:
        """Take note that packets before the next one are missing, so that a unit that was begun can't be finished."""
        self._parts = None

    def receive(self, payload: bytes, *, marker: bool) -> list[bytes]:
        """Return the NAL units that end with this payload."""
        if len(payload) <= self._header:
            self.faults["a payload without a NAL unit"] += 1
            return []
        first = payload[0]
        if self._codec is Codec.H264:
            kind, aggregate, fragment, highest = first & 31, _H264_STAP_A, _H264_FU_A, 23
        else:
            kind, aggregate, fragment, highest = first >> 1 & 63, _H265_AP, _H265_FU, 47
        if kind == fragment:
            return self._fragment(payload, marker=marker)
        if self._parts is not None:
            self.faults["a fragmented NAL unit without its end"] += 1
            self._parts = None
        if kind == aggregate:
            return self._aggregate(payload)
        if kind > highest or (kind == 0 and self._codec is Codec.H264):
            self.faults[f"packets of type {kind}, which the payload format has no use for"] += 1
            return [payload]  # looked at all the same: something may be hidden in it
        return [payload]

    def _aggregate(self, payload: bytes) -> list[bytes]:
        units = []
        position = self._header
        while position + 2 <= len(payload):
            size = int.from_bytes(payload[position : position + 2])
            unit = payload[position + 2 : position + 2 + size]
            if len(unit) < size or not size:
                self.faults["an aggregation packet that does not add up"] += 1
                if unit:
                    units.append(unit)
                return units
            units.append(unit)
            position += 2 + size
        if position != len(payload):
            self.faults["an aggregation packet that does not add up"] += 1
        return units

    def _fragment(self, payload: bytes, *, marker: bool) -> list[bytes]:
        size = self._header
        flags = payload[size]
        start, end = flags & 0x80, flags & 0x40
        body = payload[size + 1 :]
        if not body:
            self.faults["an empty fragment"] += 1
        if start and end:
            self.faults["a fragment that is start and end"] += 1
        if self._codec is Codec.H264:
            if flags & 0x20:
                self.faults["the reserved bit of a fragment is set"] += 1
            header = bytes((payload[0] & 0xE0 | flags & 31,))
        else:
            header = bytes((payload[0] & 0x81 | (flags & 63) << 1, payload[1]))
        if start:
            if self._parts is not None:
                self.faults["a fragmented NAL unit without its end"] += 1
            self._parts, self._size = [header, body], len(body)
        elif self._parts is not None:
            if self._parts[0] != header:
                self.faults["fragments of one NAL unit that name different types"] += 1
            self._parts.append(body)
            self._size += len(body)
            if self._size > MAX_UNIT:
                self.faults["a NAL unit without end"] += 1
                self._parts = None
        if not end:
            if marker:
                self.faults["a marker inside a fragmented NAL unit"] += 1
            return []
        parts, self._parts = self._parts, None
        return [b"".join(parts)] if parts is not None else []


def split_annex_b(data: bytes) -> list[bytes]:
    """Return the NAL units of a byte stream; bytes before the first start code are returned first, if there are any."""
    units = []
    start = 0
    while True:
        found = data.find(b"\x00\x00\x01", start)
        unit = (data[start:found] if found >= 0 else data[start:]).rstrip(b"\x00")
        if unit:
            units.append(unit)
        if found < 0:
            return units
        start = found + 3
