"""What H.264 and H.265 payloads share: putting fragments together and taking aggregates apart."""

from collections import Counter

from transcoder.codecs.nal import MAX_NAL_UNIT_SIZE, split_byte_stream

MAX_FRAGMENTS = 16_384
"""Fragments of one NAL unit: MAX_NAL_UNIT_SIZE in packets of 512 bytes."""
MAX_AGGREGATED = 128
"""NAL units of one aggregation packet."""

_SHORT_START_CODE = b"\x00\x00\x01"


class Reassembly:
    """Fragments and aggregates to NAL units.

    Tolerated, each counted in `faults` under its name: start and end in one fragment (CostarHD), empty fragments
    (retina#115), another type in later fragments (Tiandy: the first one holds), no end bit, byte streams with start
    codes where one NAL unit belongs (V380, Amatek).
    """

    def __init__(self) -> None:
        self._parts: list[bytes | memoryview] = []
        self._size = 0
        self._lost = False
        self.faults: Counter[str] = Counter()

    def lose(self) -> None:
        """Packets are missing before the next one: a unit that is half there can't be completed."""
        if self._parts:
            self.faults["unit lost with a packet"] += 1
        self._drop()
        self._lost = True

    def fragment(self, header: bytes, body: memoryview, *, start: bool, end: bool) -> list[bytes]:
        """Take a fragment.

        Args:
            header: NAL unit header rebuilt from it; used of the first fragment only.
            body: its part of the unit.
            start: the start bit.
            end: the end bit, or the marker.

        Returns:
            The units completed.
        """
        units: list[bytes] = []
        if start:
            units = self.cut_off()
            self._parts = [header]
            self._size = len(header)
        elif not self._parts:
            if not self._lost:
                self.faults["fragment without start"] += 1
            return units
        if not body:
            self.faults["empty fragment"] += 1
        self._parts.append(body)
        self._size += len(body)
        if self._size > MAX_NAL_UNIT_SIZE or len(self._parts) > MAX_FRAGMENTS:
            self.faults["unit over the size limit"] += 1
            self._drop()
        elif end:
            if start:
                self.faults["start and end in one fragment"] += 1
            units.extend(self._complete())
        return units

    def cut_off(self) -> list[bytes]:
        """A unit whose end bit never came, now that the next one begins: nothing is missing, so it is complete."""
        self._lost = False
        if not self._parts:
            return []
        self.faults["fragments without end"] += 1
        return self._complete()

    def single(self, payload: memoryview) -> list[bytes]:
        """The unit of a single NAL unit packet; more of them where a byte stream was put there (V380)."""
        return self._split(bytes(payload))

    def aggregate(self, payload: memoryview, *, minimum: int) -> list[bytes]:
        """Units of an aggregation packet after its header: 16-bit size and unit, repeated."""
        units: list[bytes] = []
        position = 0
        while position + 2 <= len(payload) and len(units) < MAX_AGGREGATED:
            size = (payload[position] << 8) | payload[position + 1]
            position += 2
            if size < minimum:
                self.faults["aggregate padded"] += 1
                break
            if position + size > len(payload):
                self.faults["aggregate cut short"] += 1
                break
            units.append(bytes(payload[position : position + size]))
            position += size
        return units

    def _complete(self) -> list[bytes]:
        unit = b"".join(self._parts)
        self._drop()
        return self._split(unit)

    def _split(self, unit: bytes) -> list[bytes]:
        if _SHORT_START_CODE not in unit:
            # a unit never ends in zeros (trailing_zero_8bits belong to the byte stream)
            unit = unit.rstrip(b"\x00") if unit.endswith(b"\x00") else unit
            return [unit] if unit else []
        self.faults["byte stream in a unit"] += 1
        return list(split_byte_stream(unit))

    def _drop(self) -> None:
        self._parts = []
        self._size = 0
