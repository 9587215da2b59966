"""This is the RTP payload format for JPEG (RFC 2435), with ONVIF's extension for what its headers can't say.

RTP carries only the entropy-coded data of a picture; the headers are made from a few numbers in each packet. ONVIF
(Streaming Specification, "JPEG over RTP") adds JPEG segments in RTP header extensions of profile 0xFFD8, in a picture's
first packet, and 0xFFFF: pictures over 2040 pixels have their size there.
"""

from dataclasses import dataclass, replace

from typing_extensions import override

from transcoder.codecs.jpeg import (
    YCBCR_420,
    YCBCR_422,
    JpegHeader,
    entropy_data,
    read_segments,
    serialize_jpeg,
)
from transcoder.codecs.jpeg_tables import quantisers
from transcoder.codecs.picture_codec import PictureCodec
from transcoder.errors import BitstreamError, PayloadError
from transcoder.formats.depacketizer import RtpPacket
from transcoder.formats.jpeg_size import JpegSize
from transcoder.formats.pictures import LAYER, MAX_PICTURE_SIZE, PictureDepacketizer
from transcoder.formats.video_format import VideoPayloadFormat
from transcoder.ledger import Ledger

MAX_HEADER_SIZE = 64 << 10
"""Bytes of segments in header extensions at most; the tables of a real picture take less than 1 KiB."""
EXTENSIONS = frozenset({0xFFD8, 0xFFFF})
"""The profiles of the header extensions that are read."""

_HEADER_SIZE = 8
_RESTART = 0x40
"""The bit of the type that announces a restart marker header."""
_COMPONENTS = {0: YCBCR_422, 1: YCBCR_420}
_ODD_FIELD, _EVEN_FIELD, _SINGLE_FIELD = 1, 2, 3
_ONE_TABLE_Q = 128
"""The Q from which on tables come in the packet; with Q 255 they come in every picture."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fragment:
    """Holds one RTP payload, taken apart (RFC 2435 section 3.1).

    Attributes:
        type_specific: 0: progressive, 1 and 2: odd and even field, 3: a single field.
        offset: the position of the data in the picture, bytes.
        kind: the type without its restart bit.
        quality: the quality factor Q.
        width, height: pixels, multiples of 8; 0 stands for more than 2040.
        restart_interval: MCUs, 0 without a restart marker header.
        tables: the quantisers in the packet, by identifier; None where the packet has no place for them.
        data: the entropy-coded data.
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
        PayloadError: the payload is shorter than its headers.
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
    """Read quantisers that stand one after the other; their numbers have 16 bits where the precision bit is set.

    Source: RFC 2435 section 3.1.8.
    """
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


class JpegDepacketizer(PictureDepacketizer):
    """Takes RTP packets in order and gives JPEG pictures; each is an access unit of one element.

    Where a packet of a picture is missing, or the picture can't be put together, the picture leaves as a damaged access
    unit without elements: the next picture refers to nothing, so nothing else is lost.

    The depacketizer tolerates, and counts in `faults`: pictures without marker, fragment offsets that contradict the
    sequence numbers, whole JPEG files in the payload.

    Args:
        ledger: the ledger of the stream.
        size: (width, height) of the session description, for pictures over 2040 pixels without ONVIF's extension.
    """

    def __init__(self, ledger: Ledger, size: tuple[int, int] | None = None) -> None:
        super().__init__(PictureCodec.JPEG)
        self._ledger = ledger
        self._size = JpegSize(size)
        self._tables: dict[int, dict[int, bytes]] = {}
        """The quantisers by Q, for packets that leave them out."""
        self._before = JpegHeader()
        """The header of the last picture with ONVIF's extension, which later pictures may refer to."""
        self._first: Fragment | None = None
        """The first fragment of the open picture."""
        self._extended = False
        self._head = bytearray()
        self._next_offset = 0

    @override
    def receive(self, packet: RtpPacket, now: float) -> None:
        picture = self._picture
        has_extension = packet.extension_profile in EXTENSIONS
        if picture.lacks_marker(packet):
            self._close()
        try:
            fragment = parse_fragment(packet.payload)
        except PayloadError as error:
            if not (has_extension and picture.is_open and not packet.payload):
                picture.faults[str(error)] += 1
                picture.is_damaged = True
            fragment = None
        if fragment is not None:
            if picture.is_open and picture.data and fragment.offset == 0 and fragment.data:
                picture.faults["picture without marker"] += 1
                self._close()
            if not picture.is_open:
                self._begin(fragment, packet, now)
            picture.last = now
        if not picture.is_open:
            return
        if has_extension:
            self._extend(packet.extension)
        if fragment is not None:
            self._append(fragment)
        if picture.is_ended_by(packet):
            self._close()

    # -- one picture ---------------------------------------------------------------------------------------------

    def _begin(self, fragment: Fragment, packet: RtpPacket, now: float) -> None:
        self._first = fragment
        self._extended = packet.extension_profile == 0xFFD8
        lacks_beginning = fragment.offset > 0 and not self._extended
        if lacks_beginning:
            self._picture.faults["picture without its beginning"] += 1
        self._picture.begin(packet, now, damaged=lacks_beginning)

    def _append(self, fragment: Fragment) -> None:
        picture = self._picture
        if fragment.tables and fragment.quality != 0xFF:
            self._tables[fragment.quality] = fragment.tables
        if not fragment.data:
            return
        if fragment.offset != self._next_offset and picture.data and not picture.is_damaged:
            picture.faults["fragment offset"] += 1  # nothing was lost, so the order of the packets holds
        self._next_offset = fragment.offset + len(fragment.data)
        self._add(fragment.data, picture.data, MAX_PICTURE_SIZE)

    def _extend(self, extension: bytes) -> None:
        """Take a header extension, which holds headers before the first data and data later.

        Source: ONVIF, "Logical decoding".
        """
        if self._extended and not self._picture.data:
            self._add(extension, self._head, MAX_HEADER_SIZE)
        else:
            self._add(extension, self._picture.data, MAX_PICTURE_SIZE)

    def _add(self, data: bytes | memoryview, target: bytearray, limit: int) -> None:
        if len(target) + len(data) > limit:
            self._picture.faults["picture over the size limit"] += 1
            self._picture.is_damaged = True
        elif not self._picture.is_damaged:
            target += data

    @override
    def _close(self) -> None:
        picture = self._picture
        elements = []
        if self._first is not None and not picture.is_damaged:
            try:
                elements = self._elements(self._first)
            except BitstreamError as error:
                picture.faults[str(error)] += 1
                picture.is_damaged = True
        if elements or picture.is_damaged:
            picture.put(elements, random_access=bool(elements), damaged=picture.is_damaged)
        picture.end()
        self._first = None
        self._head = bytearray()
        self._next_offset = 0

    def _elements(self, first: Fragment) -> list[bytes]:
        """Return the picture as a file, or nothing where the picture is not shown.

        Raises:
            BitstreamError: the picture can't be put together.
        """
        data = bytes(self._picture.data)
        if first.type_specific == _EVEN_FIELD:
            self._count("even field", data)  # the odd one is shown
            return []
        header = self._header(first)
        if self._extended:
            head = bytes(self._head)
            header, end = read_segments(head, header, self._count)
            self._before = header
            data = head[end:] + data
        if data.startswith(b"\xff\xd8"):
            self._picture.faults["headers in the payload"] += 1
            header, end = read_segments(data, header, self._count)
            data = data[end:]
        scan = entropy_data(data, self._count)
        if not scan:
            raise BitstreamError("a JPEG picture is empty")
        if not (header.width and header.height):
            size = self._size.decide((first.width, first.height), header, scan)
            if size is None:
                self._picture.faults["size not known yet"] += 1
                return []
            header = replace(header, width=size[0], height=size[1])
        return [serialize_jpeg(header, scan)]

    def _header(self, first: Fragment) -> JpegHeader:
        """Return the header that the RTP payload describes (RFC 2435 section 4), without the size.

        An extended picture takes the rest of its header from the picture before it.
        """
        header = JpegHeader(
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


FORMAT = VideoPayloadFormat(
    title="JPEG",
    codec=PictureCodec.JPEG,
    number=3,
    encodings=("JPEG",),
    depacketizer=lambda options: JpegDepacketizer(options.ledger, options.picture_size),
    extensions=EXTENSIONS,
)
