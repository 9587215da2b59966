"""RTP payload format for AAC (RFC 3640, mode AAC-hbr), received with all its header sizes, sent with the usual ones."""

from collections import Counter

MAX_AUDIO_UNIT = 8192
"""Bytes of an AAC frame: 6144 bits a channel, eight channels (ISO/IEC 14496-3)."""
MAX_AUDIO_UNITS = 64
"""AAC frames of one packet."""
SAMPLES = 1024
"""Samples of an AAC-LC frame."""


class Depacketizer:
    """RTP payloads in order in, AAC frames out.

    Args:
        size_length: bits of AU-size.
        index_length: bits of AU-Index and AU-Index-delta.

    Attributes:
        faults: counted by kind.
    """

    def __init__(self, size_length: int, index_length: int) -> None:
        self._size_length = size_length
        self._header_length = size_length + index_length
        self._partial = b""
        self.faults: Counter[str] = Counter()

    def lose(self) -> None:
        """Packets are missing before the next one."""
        self._partial = b""

    def receive(self, payload: memoryview, *, marker: bool) -> list[bytes]:
        """AAC frames that this payload completes.

        Source: RFC 3640 sections 3.2.1, 3.2.3, 3.3.6.
        """
        if len(payload) < 2 or self._header_length == 0 or self._size_length == 0:
            self.faults["cut short"] += 1
            return []
        bits = (payload[0] << 8) | payload[1]
        position = 2 + (bits + 7) // 8
        count = bits // self._header_length
        if position > len(payload) or not 1 <= count <= MAX_AUDIO_UNITS:
            self.faults["impossible AU headers"] += 1
            return []
        headers = int.from_bytes(payload[2:position]) >> (8 * (position - 2) - count * self._header_length)
        sizes = []
        for index in range(count):
            header = headers >> ((count - 1 - index) * self._header_length)
            sizes.append((header >> (self._header_length - self._size_length)) & ((1 << self._size_length) - 1))
        if count == 1 and sizes[0] > len(payload) - position:
            return self._fragment(payload[position:], sizes[0], marker=marker)
        self._partial = b""
        units = []
        for size in sizes:
            if size == 0 or size > MAX_AUDIO_UNIT or position + size > len(payload):
                self.faults["impossible AU size"] += 1
                break
            units.append(bytes(payload[position : position + size]))
            position += size
        return units

    def _fragment(self, data: memoryview, size: int, *, marker: bool) -> list[bytes]:
        """A part of a frame that has more than one packet; the marker is on the last."""
        if size > MAX_AUDIO_UNIT or len(self._partial) + len(data) > size:
            self._partial = b""
            self.faults["impossible AU size"] += 1
            return []
        self._partial += data
        if not marker and len(self._partial) < size:
            return []
        unit, self._partial = self._partial, b""
        if len(unit) != size:
            self.faults["fragment lost"] += 1
            return []
        return [unit]


def packetize(unit: bytes) -> bytes:
    """RTP payload of one AAC frame: sizelength 13, indexlength 3."""
    return b"\x00\x10" + (len(unit) << 3).to_bytes(2) + unit
