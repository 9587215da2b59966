"""The number of MCUs in the entropy-coded data of a JPEG picture is counted here: it tells which sizes are possible.

RFC 2435 has one byte for a width in units of 8 pixels, and cameras let it wrap (2560 is sent as 512). Every code is
looked at, but no picture is made. That takes long, so that a caller counts a bit at a time.

Source: ITU-T T.81 annex C, F.1.2, F.2.2.
"""

import re

from transcoder.codecs.jpeg import JpegHeader
from transcoder.codecs.jpeg_tables import AC
from transcoder.errors import BitstreamError

_RESTART = re.compile(rb"\xff[\xd0-\xd7]")
_PEEK = 16
"""Bits of the longest Huffman code."""
_REFILL = 6
"""Bytes that are taken into the buffer at once: a code and its value have 27 bits at most, 16 more are looked at."""
_END_OF_BLOCK = 64
"""The number of coefficients that end a block wherever it is."""

_Table = list[int]
"""By the next 16 bits: bits of code and value << 8 | coefficients that the code stands for; 0 for no code."""


def _table(huffman: bytes, *, is_dc: bool) -> _Table:
    table: _Table = []
    symbols = iter(huffman[16:])
    for length, count in enumerate(huffman[:16], 1):
        for _ in range(count):
            symbol = next(symbols)
            size = symbol & 15
            if is_dc:
                steps = 1
            elif size:
                steps = (symbol >> 4) + 1
            else:
                steps = 16 if symbol == 0xF0 else _END_OF_BLOCK
            table += [(length + size) << 8 | steps] * (1 << (_PEEK - length))
    return table + [0] * ((1 << _PEEK) - len(table))


class McuCount:
    """Counts the MCUs of one picture.

    Args:
        header: the complete header of the picture; its size does not count.
        scan: the entropy-coded data, with restart markers and without any other.

    Attributes:
        mcus: the number of MCUs found so far.
        is_complete: whether the data is at its end.

    Raises:
        BitstreamError: the components or a table are missing.
    """

    def __init__(self, header: JpegHeader, scan: bytes) -> None:
        if not header.components:
            raise BitstreamError("a JPEG picture is of unknown type")
        blocks: list[tuple[_Table, _Table]] = []
        tables: dict[int, _Table] = {}
        for component in header.components:
            for key in (component.dc_table, AC | component.ac_table):
                if key not in tables:
                    if key not in header.huffman:
                        raise BitstreamError("a JPEG picture came without its Huffman tables")
                    tables[key] = _table(header.huffman[key], is_dc=key < AC)
            pair = tables[component.dc_table], tables[AC | component.ac_table]
            interleaved = component.horizontal * component.vertical if len(header.components) > 1 else 1
            blocks += [pair] * interleaved
        self._blocks = blocks
        ends = [match.span() for match in _RESTART.finditer(scan)]
        starts = [0, *(end for _, end in ends)]
        self._parts = [
            scan[start:end].replace(b"\xff\x00", b"\xff")
            for start, end in zip(starts, [*(begin for begin, _ in ends), len(scan)], strict=True)
        ]
        self.mcus = 0
        if header.restart_interval and len(self._parts) > 1:  # each part but the last is an interval
            self.mcus = header.restart_interval * (len(self._parts) - 1)
            self._parts = self._parts[-1:]
        self._parts.reverse()
        self._position = self._bits = self._value = 0
        self.is_complete = False

    def advance(self, mcus: int) -> None:
        """Count so many more MCUs at most."""
        for _ in range(mcus):
            while self._parts and not self._read_mcu(self._parts[-1]):
                self._parts.pop()
                self._position = self._bits = self._value = 0
            if not self._parts:
                self.is_complete = True
                return
            self.mcus += 1

    def _read_mcu(self, data: bytes) -> bool:
        """Pass over an MCU; return False where the data ends before it does, or holds no code."""
        position, bits, value = self._position, self._bits, self._value
        size = len(data)
        for dc, ac in self._blocks:
            coefficients = 0
            table = dc
            while coefficients < _END_OF_BLOCK:
                if bits < 48:
                    value = (value & ((1 << bits) - 1)) << 8 * _REFILL | int.from_bytes(
                        data[position : position + _REFILL].ljust(_REFILL, b"\xff")
                    )
                    position += _REFILL
                    bits += 8 * _REFILL
                entry = table[value >> (bits - _PEEK) & 0xFFFF]
                if not entry:
                    return False
                bits -= entry >> 8
                coefficients += entry & 0xFF
                table = ac
            if 8 * (position - size) > bits:  # more bits were used than there are
                return False
        self._position, self._bits, self._value = position, bits, value
        return True


def mcus_of(header: JpegHeader, width: int, height: int) -> int:
    """Return the number of MCUs of a picture of this size."""
    alone = len(header.components) == 1
    across = 8 * (1 if alone else max(component.horizontal for component in header.components))
    down = 8 * (1 if alone else max(component.vertical for component in header.components))
    return -(-width // across) * -(-height // down)
