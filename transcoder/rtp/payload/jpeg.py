"""RTP payload format for JPEG (RFC 2435), with ONVIF's extension for what its headers can't say.

Of a picture RTP carries only the entropy-coded data; the headers are made from a few numbers in each packet. ONVIF
(Streaming Specification, "JPEG over RTP") adds JPEG segments in RTP header extensions of profile 0xFFD8, in a picture's
first packet, and 0xFFFF: pictures over 2040 pixels have their size there.
"""

from collections import Counter, deque
from dataclasses import dataclass, replace

from transcoder.codecs.access_unit import AccessUnit
from transcoder.codecs.jpeg import (
    YCBCR_420,
    YCBCR_422,
    JpegHeader,
    entropy_data,
    read_segments,
    serialize_jpeg,
)
from transcoder.codecs.jpeg_tables import quantisers
from transcoder.codecs.nal import MAX_ACCESS_UNIT_SIZE
from transcoder.codecs.picture_codec import PictureCodec
from transcoder.errors import BitstreamError, PayloadError
from transcoder.ledger import Ledger
from transcoder.rtp.packet import RtpPacket

MAX_PICTURE_SIZE = MAX_ACCESS_UNIT_SIZE
"""Bytes; the fragment offset ends there too."""
MAX_HEADER_SIZE = 64 << 10
"""Bytes of segments in header extensions; tables of a real picture take less than 1 KiB."""
EXTENSIONS = frozenset({0xFFD8, 0xFFFF})
"""Profiles of the header extensions that are read."""
LAYER = "picture_in"
"""The ledger's name of what a picture carries beside itself."""

_HEADER_SIZE = 8
_RESTART = 0x40
"""Bit of the type that announces a restart marker header."""
_COMPONENTS = {0: YCBCR_422, 1: YCBCR_420}
_ODD_FIELD, _EVEN_FIELD, _SINGLE_FIELD = 1, 2, 3
_ONE_TABLE_Q = 128
"""Q from which on tables come in the packet; 255: in every picture."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fragment:
    """One RTP payload, taken apart (RFC 2435 section 3.1).

    Attributes:
        type_specific: 0: progressive, 1 and 2: odd and even field, 3: a single field.
        offset: of the data in the picture, bytes.
        kind: the type without its restart bit.
        quality: Q.
        width, height: pixels, multiples of 8; 0: over 2040.
        restart_interval: MCUs, 0 without a restart marker header.
        tables: quantisers in the packet, by identifier; None where it has no place for them.
        data: entropy-coded.
    """

    type_specific: int
    offset: int
    kind: int
    quality: int
    width: int
    height: int
    restart_interval: int
    tables: dict[int, bytes] | None
    data: memoryview


def parse_fragment(payload: memoryview) -> Fragment:
    """Take one payload apart.

    Raises:
        PayloadError: it is shorter than its headers.
    """
    if len(payload) < _HEADER_SIZE:
        raise PayloadError("packet shorter than its header")
    kind, quality = payload[4], payload[5]
    offset = int.from_bytes(payload[1:4])
    position = _HEADER_SIZE
    restart_interval = 0
    if kind & _RESTART and kind < 0x80:
        if len(payload) < position + 4:
            raise PayloadError("packet shorter than its restart marker header")
        restart_interval = int.from_bytes(payload[position : position + 2])
        position += 4
    tables = None
    if offset == 0 and quality >= _ONE_TABLE_Q:
        precision, size = payload[position + 1 : position + 2], payload[position + 2 : position + 4]
        position += 4
        end = position + int.from_bytes(size)
        if len(size) < 2 or end > len(payload):
            raise PayloadError("packet shorter than its quantisers")
        tables = _read_tables(bytes(payload[position:end]), precision[0])
        position = end
    return Fragment(
        type_specific=payload[0],
        offset=offset,
        kind=kind & ~_RESTART if kind < 0x80 else kind,
        quality=quality,
        width=8 * payload[6],
        height=8 * payload[7],
        restart_interval=restart_interval,
        tables=tables,
        data=payload[position:],
    )


def _read_tables(data: bytes, precision: int) -> dict[int, bytes]:
    """Quantisers one after the other, 16 bits a number where the precision bit is set (RFC 2435 section 3.1.8)."""
    found = {}
    position = 0
    for identifier in (0, 1):
        size = 128 if precision >> identifier & 1 else 64
        table = data[position : position + size]
        if len(table) == size:
            found[identifier] = table
        position += size
    if 0 in found:
        found.setdefault(1, found[0])
    return found


class PictureAssembler:
    """RTP packets in order in, JPEG pictures out; each is an access unit of one element.

    A picture that a packet of is missing, or that can't be put together, leaves as a damaged access unit without
    elements: the next one refers to nothing, so nothing else is lost.

    Tolerated, each counted in `faults`: pictures without marker, fragment offsets that contradict the sequence numbers,
    whole JPEG files in the payload.

    Args:
        ledger: of the stream.
        size: (width, height) of the session description, for pictures over 2040 pixels without ONVIF's extension.
    """

    def __init__(self, ledger: Ledger, size: tuple[int, int] | None = None) -> None:
        self._ledger = ledger
        self._size = size
        self._tables: dict[int, dict[int, bytes]] = {}
        """Quantisers by Q, for packets that leave them out."""
        self._before = JpegHeader()
        """Of the last picture with ONVIF's extension, which later ones may refer to."""
        self._first: Fragment | None = None
        self._extended = False
        self._head = bytearray()
        self._data = bytearray()
        self._next_offset = 0
        self._damaged = False
        self._timestamp = 0
        self._arrival = 0.0
        self._last = 0.0
        self._ready: deque[AccessUnit] = deque()
        self.faults: Counter[str] = Counter()

    def receive(self, packet: RtpPacket, now: float) -> None:
        """Take one packet."""
        has_extension = packet.extension_profile in EXTENSIONS
        if self._first is not None and packet.timestamp != self._timestamp:
            self.faults["picture without marker"] += 1
            self._close()
        try:
            fragment = parse_fragment(packet.payload)
        except PayloadError as error:
            if not (has_extension and self._first is not None and not packet.payload):
                self.faults[str(error)] += 1
                self._damaged = True
            fragment = None
        if fragment is not None:
            if self._first is not None and self._data and fragment.offset == 0 and fragment.data:
                self.faults["picture without marker"] += 1
                self._close()
            if self._first is None:
                self._begin(fragment, packet, now)
            self._last = now
        if self._first is None:
            return
        if has_extension:
            self._extend(packet.extension)
        if fragment is not None:
            self._append(fragment)
        if packet.marker:
            self._close()

    def lose(self, *, restart: bool) -> None:
        """Packets are missing before the next one, or the source begins anew."""
        if self._first is None:
            return
        self._damaged = True
        if restart:
            self.faults["cut off by a restart"] += 1
            self._close()

    def next_access_unit(self) -> AccessUnit | None:
        """The next complete picture, or None."""
        return self._ready.popleft() if self._ready else None

    def flush(self) -> None:
        """End the picture that is open: nothing follows."""
        if self._first is not None:
            self._close()

    # -- one picture ---------------------------------------------------------------------------------------------

    def _begin(self, fragment: Fragment, packet: RtpPacket, now: float) -> None:
        self._first = fragment
        self._extended = packet.extension_profile == 0xFFD8
        self._timestamp = packet.timestamp
        self._arrival = now
        self._damaged = False
        if fragment.offset and not self._extended:
            self.faults["picture without its beginning"] += 1
            self._damaged = True

    def _append(self, fragment: Fragment) -> None:
        if fragment.tables and fragment.quality != 0xFF:
            self._tables[fragment.quality] = fragment.tables
        if not fragment.data:
            return
        if fragment.offset != self._next_offset and self._data and not self._damaged:
            self.faults["fragment offset"] += 1  # nothing was lost, so the order of the packets holds
        self._next_offset = fragment.offset + len(fragment.data)
        if len(self._data) + len(fragment.data) > MAX_PICTURE_SIZE:
            self.faults["picture over the size limit"] += 1
            self._damaged = True
        if not self._damaged:
            self._data += fragment.data

    def _extend(self, extension: bytes) -> None:
        """Extensions up to the first data are headers, later ones are data (ONVIF, "Logical decoding")."""
        in_head = self._extended and not self._data
        target, limit = (self._head, MAX_HEADER_SIZE) if in_head else (self._data, MAX_PICTURE_SIZE)
        if len(target) + len(extension) > limit:
            self.faults["picture over the size limit"] += 1
            self._damaged = True
        elif not self._damaged:
            target += extension

    def _close(self) -> None:
        elements = []
        if self._first is not None and not self._damaged:
            try:
                elements = self._picture(self._first)
            except BitstreamError as error:
                self.faults[str(error)] += 1
                self._damaged = True
        if elements or self._damaged:
            self._ready.append(
                AccessUnit(
                    codec=PictureCodec.JPEG,
                    timestamp=self._timestamp,
                    nal_units=elements,
                    random_access=bool(elements),
                    damaged=self._damaged,
                    arrival=self._arrival,
                    completed=self._last,
                )
            )
        self._first = None
        self._damaged = False
        self._head = bytearray()
        self._data = bytearray()
        self._next_offset = 0

    def _picture(self, first: Fragment) -> list[bytes]:
        """The picture as a file, or nothing where it is not shown.

        Raises:
            BitstreamError: it can't be put together.
        """
        if first.type_specific == _EVEN_FIELD:
            self._count("even field", bytes(self._data))  # the odd one is shown
            return []
        header, data = self._header(first), bytes(self._data)
        if self._extended:
            head = bytes(self._head)
            header, end = read_segments(head, header, self._count)
            self._before = header
            data = head[end:] + data
        if data.startswith(b"\xff\xd8"):
            self.faults["headers in the payload"] += 1
            header, end = read_segments(data, header, self._count)
            data = data[end:]
        scan = entropy_data(data, self._count)
        if not scan:
            raise BitstreamError("a JPEG picture is empty")
        return [serialize_jpeg(header, scan)]

    def _header(self, first: Fragment) -> JpegHeader:
        """What the RTP payload says (RFC 2435 section 4), and what an extended picture takes from the one before."""
        width, height = first.width, first.height
        if not (width and height) and self._size is not None:
            width, height = self._size
        header = JpegHeader(
            width=width,
            height=height,
            components=_COMPONENTS.get(first.kind, ()),
            restart_interval=first.restart_interval,
            is_field=first.type_specific in {_ODD_FIELD, _SINGLE_FIELD},
        )
        if self._extended:
            before = self._before
            header = replace(header, huffman=before.huffman)
            if not (first.width and first.height) and before.width:
                header = replace(header, width=before.width, height=before.height, components=before.components)
        return replace(header, quantisers=self._quantisers(first))

    def _quantisers(self, first: Fragment) -> dict[int, bytes]:
        if first.tables:
            return first.tables
        if first.quality >= _ONE_TABLE_Q:
            return self._tables.get(first.quality, {})
        if 1 <= first.quality <= 99:
            return dict(enumerate(quantisers(first.quality)))
        return self._before.quantisers if self._extended else {}

    def _count(self, kind: str, data: bytes) -> None:
        self._ledger.count(LAYER, f"jpeg {kind}", size=len(data), example=data)
