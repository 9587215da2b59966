"""RTP payload format for MPEG-4 Part 2 video (RFC 6416, before it RFC 3016): the bitstream as it is, cut anywhere.

A packet holds a part of one VOP, or headers and the first part; the marker stands on a VOP's last packet, and all its
packets have its timestamp.
"""

from collections import Counter, deque

from transcoder.codecs.access_unit import AccessUnit
from transcoder.codecs.mpeg4 import (
    I_PLANE,
    MAX_ELEMENTS,
    PLANE,
    coding_type,
    element_name,
    is_layer,
    parse_layer,
    split_elements,
)
from transcoder.codecs.nal import MAX_ACCESS_UNIT_SIZE
from transcoder.codecs.picture_codec import PictureCodec
from transcoder.errors import BitstreamError
from transcoder.ledger import Ledger
from transcoder.rtp.packet import RtpPacket

MAX_PICTURE_SIZE = MAX_ACCESS_UNIT_SIZE
LAYER = "picture_in"
"""The ledger's name of what a picture carries beside itself."""


class PictureAssembler:
    """RTP packets in order in, VOPs out; each access unit is one VOP, behind a video object layer where one came.

    An I-VOP always has the layer before it, from the stream or else from the session description, so that a decoder can
    begin there; it is a random access point only then. Everything else is dropped and counted: visual object sequence
    and visual object (profile and signal type), groups of VOP (time of day), user data.

    Tolerated, each counted in `faults`: VOPs without marker (FLIR), several in one packet.

    Args:
        ledger: of the stream.
        layers: of the session description; none where the camera tells them in the stream only.
    """

    def __init__(self, ledger: Ledger, layers: tuple[bytes, ...] = ()) -> None:
        self._ledger = ledger
        self._layer = layers[0] if layers else b""
        self._data = bytearray()
        self._open = False
        self._damaged = False
        self._overflow = False
        self._lost = False
        self._timestamp = 0
        self._arrival = 0.0
        self._last = 0.0
        self._ready: deque[AccessUnit] = deque()
        self.faults: Counter[str] = Counter()

    def receive(self, packet: RtpPacket, now: float) -> None:
        """Take one packet."""
        if self._open and packet.timestamp != self._timestamp:
            self.faults["picture without marker"] += 1
            self._close()
        if not self._open:
            self._open = True
            self._timestamp = packet.timestamp
            self._arrival = now
            self._damaged = self._lost and bytes(packet.payload[:3]) != b"\x00\x00\x01"
        self._lost = False
        self._last = now
        if len(self._data) + len(packet.payload) > MAX_PICTURE_SIZE:
            self._overflow = True
        else:
            self._data += packet.payload
        if packet.marker:
            self._close()

    def lose(self, *, restart: bool) -> None:
        """Packets are missing before the next one, or the source begins anew."""
        self._lost = True
        if not self._open:
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
        if self._open:
            self._close()

    def _close(self) -> None:
        data, damaged = bytes(self._data), self._damaged
        if self._overflow:
            self.faults["picture over the size limit"] += 1
            data, damaged = b"", True
        self._data = bytearray()
        self._open = self._overflow = self._damaged = False
        planes = self._pictures(data, damaged=damaged)
        if damaged and not planes:
            self._emit([], random_access=False, damaged=True)
        if planes > 1:
            self.faults["several pictures in one unit"] += planes - 1

    def _pictures(self, data: bytes, *, damaged: bool) -> int:
        """Hand on every VOP in it; how many there were."""
        planes = 0
        fresh: list[bytes] = []
        for count, (code, element) in enumerate(split_elements(data)):
            if count == MAX_ELEMENTS:
                self.faults["too many elements in a unit"] += 1
                break
            if is_layer(code):
                fresh = self._read_layer(element)
            elif code == PLANE and coding_type(element) >= 0:
                planes += 1
                intra = coding_type(element) == I_PLANE
                before = [self._layer] if intra and self._layer else fresh
                self._emit([*before, element], random_access=intra and bool(self._layer), damaged=damaged)
                fresh = []
            elif code < 0:
                self.faults["bytes before the first start code"] += 1
            elif len(element) > 4:
                self._ledger.count(LAYER, f"mpeg4 {element_name(code)}", size=len(element), example=element)
        return planes

    def _read_layer(self, element: bytes) -> list[bytes]:
        try:
            parse_layer(element)
        except BitstreamError as error:
            self.faults[str(error)] += 1
            return []
        self._layer = element
        return [element]

    def _emit(self, elements: list[bytes], *, random_access: bool, damaged: bool) -> None:
        self._ready.append(
            AccessUnit(
                codec=PictureCodec.MPEG4,
                timestamp=self._timestamp,
                nal_units=elements,
                random_access=random_access,
                damaged=damaged,
                arrival=self._arrival,
                completed=self._last,
            )
        )
