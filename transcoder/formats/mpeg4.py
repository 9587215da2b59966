"""This is the RTP payload format for MPEG-4 Part 2 video (RFC 6416, before it RFC 3016).

The format carries the bitstream as it is, cut anywhere.

A packet holds a part of one VOP, or headers and the first part; the marker stands on a VOP's last packet, and all its
packets have its timestamp.
"""

from collections.abc import Mapping

from typing_extensions import override

from transcoder.codecs.mpeg4 import (
    I_PLANE,
    MAX_ELEMENTS,
    PLANE,
    coding_type,
    element_name,
    is_layer,
    parse_layer,
    split_elements,
    video_object_layers,
)
from transcoder.codecs.picture_codec import PictureCodec
from transcoder.errors import BitstreamError
from transcoder.formats.depacketizer import RtpPacket
from transcoder.formats.pictures import LAYER, MAX_PICTURE_SIZE, PictureDepacketizer
from transcoder.formats.video_format import FormatParameters, VideoPayloadFormat
from transcoder.ledger import Ledger

_MAX_CONFIG = 8192
"""The largest number of hexadecimal digits; real configurations have about 100."""


class Mpeg4Depacketizer(PictureDepacketizer):
    """Takes RTP packets in order and gives VOPs.

    Each access unit is one VOP, behind a video object layer where one came. An I-VOP always has the layer before it,
    from the stream or else from the session description, so that a decoder can begin there; it is a random access point
    only then. Everything else is dropped and counted: visual object sequence and visual object (profile and signal
    type), groups of VOP (time of day), user data.

    The depacketizer tolerates, and counts in `faults`: VOPs without marker (FLIR), several VOPs in one packet.

    Args:
        ledger: the ledger of the stream.
        layers: the layers of the session description; none where the camera tells them in the stream only.
    """

    def __init__(self, ledger: Ledger, layers: tuple[bytes, ...] = ()) -> None:
        super().__init__(PictureCodec.MPEG4)
        self._ledger = ledger
        self._layer = layers[0] if layers else b""
        self._overflow = False
        self._lost = False

    @override
    def receive(self, packet: RtpPacket, now: float) -> None:
        picture = self._picture
        if picture.lacks_marker(packet):
            self._close()
        if not picture.is_open:
            damaged = self._lost and bytes(packet.payload[:3]) != b"\x00\x00\x01"
            picture.begin(packet, now, damaged=damaged)
        self._lost = False
        picture.last = now
        if len(picture.data) + len(packet.payload) > MAX_PICTURE_SIZE:
            self._overflow = True
        else:
            picture.data += packet.payload
        if picture.is_ended_by(packet):
            self._close()

    @override
    def lose(self, *, restart: bool) -> None:
        self._lost = True
        super().lose(restart=restart)

    @override
    def _close(self) -> None:
        picture = self._picture
        data, damaged = bytes(picture.data), picture.is_damaged
        if self._overflow:
            picture.faults["picture over the size limit"] += 1
            data, damaged = b"", True
        picture.end()
        self._overflow = False
        planes = self._pictures(data, damaged=damaged)
        if damaged and not planes:
            picture.put([], random_access=False, damaged=True)
        if planes > 1:
            picture.faults["several pictures in one unit"] += planes - 1

    def _pictures(self, data: bytes, *, damaged: bool) -> int:
        """Hand on every VOP in the data, and return how many VOPs the data held."""
        planes = 0
        fresh: list[bytes] = []
        for count, (code, element) in enumerate(split_elements(data)):
            if count == MAX_ELEMENTS:
                self._picture.faults["too many elements in a unit"] += 1
                break
            if is_layer(code):
                fresh = self._read_layer(element)
            elif code == PLANE and coding_type(element) >= 0:
                planes += 1
                intra = coding_type(element) == I_PLANE
                before = [self._layer] if intra and self._layer else fresh
                self._picture.put([*before, element], random_access=intra and bool(self._layer), damaged=damaged)
                fresh = []
            elif code < 0:
                self._picture.faults["bytes before the first start code"] += 1
            elif len(element) > 4:
                self._ledger.count(LAYER, f"mpeg4 {element_name(code)}", size=len(element), example=element)
        return planes

    def _read_layer(self, element: bytes) -> list[bytes]:
        try:
            parse_layer(element)
        except BitstreamError as error:
            self._picture.faults[str(error)] += 1
            return []
        self._layer = element
        return [element]


def _from_fmtp(parameters: Mapping[str, str]) -> FormatParameters:
    """Read the fmtp parameters.

    Source: RFC 6416 section 7.1: config is the video object layer and what stands before it, in hexadecimal.
    """
    text = parameters.get("config", "")
    if len(text) > _MAX_CONFIG:
        return FormatParameters()
    try:
        return FormatParameters(parameter_sets=video_object_layers(bytes.fromhex(text)))
    except ValueError:
        return FormatParameters()


FORMAT = VideoPayloadFormat(
    title="MPEG-4",
    codec=PictureCodec.MPEG4,
    number=4,
    states_clock_rate=True,  # RFC 6416 section 7.1: rate, 90 kHz where it is left out
    encodings=("MP4V-ES",),
    depacketizer=lambda options: Mpeg4Depacketizer(options.ledger, options.parameter_sets),
    from_fmtp=_from_fmtp,
)
