"""JPEG pictures are taken apart here and put together anew from checked numbers alone.

Nothing of a camera's headers is handed on. Everything that a decoder needs is read into a `JpegHeader`: size, sampling,
quantisers, Huffman tables, restart interval. The file that goes to the decoder is written from the `JpegHeader`; from
the camera's bytes only the entropy-coded data is taken, and every marker but the restart markers is cut out of that
data.

Source: ITU-T T.81 Annex B (segments), F.1 and F.2 (baseline).
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from transcoder.codecs.jpeg_tables import AC, HUFFMAN
from transcoder.codecs.picture_codec import is_sane_size
from transcoder.errors import BitstreamError

MAX_SEGMENTS = 256
"""The largest number of marker segments of one picture; a large picture of a camera has about ten."""
MAX_COMPONENTS = 3

SOF0, SOF1, DHT, RST0, RST7, SOI, EOI, SOS, DQT, DRI, COM, TEM = (
    0xC0, 0xC1, 0xC4, 0xD0, 0xD7, 0xD8, 0xD9, 0xDA, 0xDB, 0xDD, 0xFE, 0x01,
)  # fmt: skip

_NAMES = {DHT: "DHT", SOI: "SOI", SOS: "SOS", DQT: "DQT", DRI: "DRI", COM: "COM", 0xDC: "DNL"}
_ALONE = frozenset({TEM, *range(RST0, SOI + 1)})
"""The markers without a segment."""
_MARKER = re.compile(rb"\xff[\x01-\xcf\xd8-\xfe]")
"""Matches a marker that ends entropy-coded data, which is neither a stuffed byte nor RST."""

Count = Callable[[str, bytes], None]
"""The type of a function that is called with the kind and the bytes of everything that is not let through."""


@dataclass(frozen=True, slots=True)
class Component:
    """Holds the sampling factors of a colour component, and the numbers of the tables that it uses."""

    horizontal: int
    vertical: int
    quantiser: int
    dc_table: int
    ac_table: int


def _three(vertical: int) -> tuple[Component, ...]:
    return Component(2, vertical, 0, 0, 0), Component(1, 1, 1, 1, 1), Component(1, 1, 1, 1, 1)


YCBCR_422 = _three(1)
YCBCR_420 = _three(2)


@dataclass(frozen=True, slots=True, kw_only=True)
class JpegHeader:
    """Holds everything that a decoder has to know before the entropy-coded data.

    Attributes:
        width: pixels; 0 where the width is not known.
        height: pixels; 0 where the height is not known.
        components: one (grey) or three (Y, Cb, Cr).
        quantisers: the tables by identifier, in zigzag order, 64 or 128 bytes.
        huffman: the tables by class and identifier: 16 counts and the values.
        restart_interval: MCUs; 0 where there are no restart markers.
        is_field: True for one field of an interlaced picture: its samples are twice as high as wide.
    """

    width: int = 0
    height: int = 0
    components: tuple[Component, ...] = YCBCR_420
    quantisers: dict[int, bytes] = field(default_factory=dict)
    huffman: dict[int, bytes] = field(default_factory=lambda: dict(HUFFMAN))
    restart_interval: int = 0
    is_field: bool = False


def marker_name(marker: int) -> str:
    """Return the name that T.81 table B.1 gives a marker."""
    if 0xE0 <= marker <= 0xEF:
        return f"APP{marker - 0xE0}"
    return _NAMES.get(marker, f"SOF{marker - SOF0}" if SOF0 <= marker <= 0xCF else f"marker {marker:02x}")


def read_segments(data: bytes, header: JpegHeader, count: Count) -> tuple[JpegHeader, int]:
    """Read marker segments up to the entropy-coded data.

    Args:
        data: the segments one after the other, with or without SOI; fill bytes may stand between them.
        header: the numbers that are known before; each segment overrides its part.
        count: told of APPn, COM and every other segment that is not needed.

    Returns:
        The header with the numbers that were read, and the position where the entropy-coded data begins: behind SOS, or
        at the end.

    Raises:
        BitstreamError: a segment is cut off or holds numbers that no baseline decoder takes.
    """
    position = 0
    ids: tuple[int, ...] = ()
    for _ in range(MAX_SEGMENTS):
        while data[position : position + 1] == b"\xff" and data[position + 1 : position + 2] in {b"\xff", b""}:
            position += 1
        if position >= len(data):
            return header, len(data)
        if data[position] != 0xFF:
            raise BitstreamError("a JPEG header has bytes between its segments")
        marker = data[position + 1]
        position += 2
        if marker in _ALONE:
            continue
        if marker == EOI:
            return header, position - 2
        size = int.from_bytes(data[position : position + 2])
        body = data[position + 2 : position + size]
        if size < 2 or len(body) != size - 2:
            raise BitstreamError(f"a JPEG {marker_name(marker)} segment is cut off")
        position += size
        if marker in {SOF0, SOF1}:
            header, ids = _read_frame(body, header)
        elif marker == DQT:
            header = replace(header, quantisers=header.quantisers | _read_quantisers(body))
        elif marker == DHT:
            header = replace(header, huffman=header.huffman | _read_huffman(body))
        elif marker == DRI and len(body) == 2:
            header = replace(header, restart_interval=int.from_bytes(body))
        elif marker == SOS:
            return _read_scan(body, header, ids), position
        elif SOF0 <= marker <= 0xCF:
            raise BitstreamError(f"JPEG {marker_name(marker)} is not baseline")
        else:
            count(marker_name(marker), body)
    raise BitstreamError(f"a JPEG header has more than {MAX_SEGMENTS} segments")


def _read_frame(body: bytes, header: JpegHeader) -> tuple[JpegHeader, tuple[int, ...]]:
    """Read SOF (T.81 B.2.2): the header, and the components' identifiers, which SOS refers to."""
    if len(body) < 6 or len(body) != 6 + 3 * body[5] or body[5] not in {1, MAX_COMPONENTS} or body[0] != 8:
        raise BitstreamError("a JPEG frame is neither grey nor YCbCr of 8 bits")
    ids, components = [], []
    for index in range(body[5]):
        identifier, sampling, quantiser = body[6 + 3 * index : 9 + 3 * index]
        if sampling >> 4 not in {1, 2, 4} or sampling & 15 not in {1, 2, 4} or quantiser > 3:
            raise BitstreamError("a JPEG component has impossible sampling factors")
        table = min(index, 1)
        components.append(Component(sampling >> 4, sampling & 15, quantiser, table, table))
        ids.append(identifier)
    height, width = int.from_bytes(body[1:3]), int.from_bytes(body[3:5])
    return replace(header, width=width, height=height, components=tuple(components)), tuple(ids)


def _read_quantisers(body: bytes) -> dict[int, bytes]:
    """Read DQT (T.81 B.2.4.1)."""
    found = {}
    position = 0
    while position < len(body):
        precision, identifier = body[position] >> 4, body[position] & 15
        size = 64 << precision
        table = body[position + 1 : position + 1 + size]
        if precision > 1 or identifier > 3 or len(table) != size:
            raise BitstreamError("a JPEG quantiser is cut off or impossible")
        found[identifier] = table
        position += 1 + size
    return found


def _read_huffman(body: bytes) -> dict[int, bytes]:
    """Read DHT (T.81 B.2.4.2)."""
    found = {}
    position = 0
    while position < len(body):
        identifier, counts = body[position], body[position + 1 : position + 17]
        size = 16 + sum(counts)
        table = body[position + 1 : position + 1 + size]
        codes = sum(number << (16 - length) for length, number in enumerate(counts, 1))
        if identifier & 0xEC or len(table) != size or size > 16 + 256 or codes > 1 << 16:
            raise BitstreamError("a JPEG Huffman table is cut off or impossible")
        found[identifier] = table
        position += 1 + size
    return found


def _read_scan(body: bytes, header: JpegHeader, ids: tuple[int, ...]) -> JpegHeader:
    """Read SOS (T.81 B.2.3), which must announce one scan with all components."""
    number = len(header.components)
    if len(body) != 4 + 2 * number or body[0] != number:
        raise BitstreamError("a JPEG scan does not have all components")
    components = []
    for index, component in enumerate(header.components):
        identifier, tables = body[1 + 2 * index : 3 + 2 * index]
        if (ids and identifier != ids[index]) or tables & 0xCC:
            raise BitstreamError("a JPEG scan does not fit its frame")
        components.append(replace(component, dc_table=tables >> 4, ac_table=tables & 15))
    return replace(header, components=tuple(components))


def entropy_data(data: bytes, count: Count) -> bytes:
    """Return the entropy-coded data of a picture up to its end, with restart markers and without any other marker.

    Args:
        data: the bytes that stand behind SOS.
        count: told of every segment that is cut out, and of the bytes that stand behind the end of the picture.

    Raises:
        BitstreamError: the data holds more than MAX_SEGMENTS markers.
    """
    parts = []
    position = 0
    for _ in range(MAX_SEGMENTS):
        match = _MARKER.search(data, position)
        if match is None:
            parts.append(data[position:])
            return b"".join(parts)
        parts.append(data[position : match.start()].rstrip(b"\xff"))
        marker = data[match.start() + 1]
        position = match.end()
        if marker == EOI:
            rest = data[position:].strip(b"\x00\xff")
            if rest:
                count("data behind the picture", rest)
            return b"".join(parts)
        if marker in _ALONE:
            count(marker_name(marker), b"")
            continue
        size = int.from_bytes(data[position : position + 2])
        count(marker_name(marker), data[position + 2 : position + size])
        position += max(size, 2)
    raise BitstreamError(f"JPEG data has more than {MAX_SEGMENTS} markers in it")


def serialize_jpeg(header: JpegHeader, data: bytes) -> bytes:
    """Return a JPEG file that holds nothing but the numbers of the header and the entropy-coded data.

    Args:
        header: a complete header.
        data: the data that entropy_data returned.

    Raises:
        BitstreamError: the size or a table is missing or impossible.
    """
    width, height, components = header.width, header.height, header.components
    if not is_sane_size(width, height):
        raise BitstreamError("a JPEG picture came without its size or is over the size limit")
    if not components:
        raise BitstreamError("a JPEG picture is of unknown type")
    parts = [b"\xff\xd8"]
    if header.is_field:  # JFIF, aspect ratio 1:2
        parts.append(b"\xff\xe0\x00\x10JFIF\x00\x01\x02\x00\x00\x01\x00\x02\x00\x00")
    for identifier in sorted({component.quantiser for component in components}):
        table = header.quantisers.get(identifier)
        if table is None:
            raise BitstreamError("a JPEG picture came without its quantisers")
        parts.append(_segment(DQT, bytes(((len(table) > 64) << 4 | identifier,)) + table))
    if header.restart_interval:
        parts.append(_segment(DRI, header.restart_interval.to_bytes(2)))
    frame = b"".join(
        bytes((index, component.horizontal << 4 | component.vertical, component.quantiser))
        for index, component in enumerate(components, 1)
    )
    shape = b"\x08" + height.to_bytes(2) + width.to_bytes(2) + bytes((len(components),))
    tables = {component.dc_table for component in components} | {AC | item.ac_table for item in components}
    baseline = all(table & 15 <= 1 for table in tables) and all(
        len(table) == 64 for table in header.quantisers.values()
    )
    parts.append(_segment(SOF0 if baseline else SOF1, shape + frame))
    for identifier in sorted(tables):
        table = header.huffman.get(identifier)
        if table is None:
            raise BitstreamError("a JPEG picture came without its Huffman tables")
        parts.append(_segment(DHT, bytes((identifier,)) + table))
    scan = b"".join(
        bytes((index, component.dc_table << 4 | component.ac_table)) for index, component in enumerate(components, 1)
    )
    parts += (_segment(SOS, bytes((len(components),)) + scan + b"\x00\x3f\x00"), data, b"\xff\xd9")
    return b"".join(parts)


def _segment(marker: int, body: bytes) -> bytes:
    return bytes((0xFF, marker)) + (len(body) + 2).to_bytes(2) + body
