"""This module makes the private data of a camera: NAL units around its pictures and packets beside them."""

from transcoder.codecs.nal import Codec
from transcoder.codecs.picture_codec import PictureCodec, SourceCodec
from transcoder.lab.cameras.access_units import Content
from transcoder.lab.cameras.behaviour import CameraBehaviour
from transcoder.lab.cameras.canary import CanaryMint
from transcoder.lab.cameras.defects.packetization import packetize
from transcoder.lab.cameras.packets import EMPTY, PacketBlock, block
from transcoder.lab.cameras.picture_packets import jpeg_extension
from transcoder.lab.cameras.private_nal import AFTER_PICTURE, PICTURE_KINDS, access_unit_delimiter, private_nal_unit
from transcoder.lab.cameras.private_packets import duplicate_packet, extension_packets, video_extension

_ONLY = {"sei_suffix": Codec.H265, "svc_slice": Codec.H264}
"""Kinds of private NAL units that only one codec has, with the codec."""


class Surroundings:
    """Makes the packets around and beside each picture, made once.

    Args:
        behaviour: behaviour of the camera.
        content: the pictures that the camera shows.
        mint: makes the canaries of the packets.

    Attributes:
        private: the packets of the private payload type.
        jpeg_extension: header extension of the first packet of each JPEG picture, or empty.
    """

    def __init__(self, behaviour: CameraBehaviour, content: Content, mint: CanaryMint) -> None:
        codec = content.codec
        kinds = behaviour.picture_nal_units + (("svc_slice",) if behaviour.pictures.svc else ())
        kinds = tuple(kind for kind in kinds if _fits(kind, codec))
        idr_kinds = tuple(kind for kind in behaviour.idr_nal_units if _fits(kind, codec)) + kinds
        self.jpeg_extension = b""
        if behaviour.packets.decoding_order_numbers or codec is PictureCodec.JPEG:
            self._idr = self._other = EMPTY, EMPTY
            if behaviour.video_extension is not None and isinstance(codec, PictureCodec):
                segments = [private_nal_unit(codec, kind, mint) for kind in idr_kinds]
                self.jpeg_extension = jpeg_extension(behaviour.video_extension, content.width, content.height, segments)
        else:
            self._idr = _around(behaviour, codec, mint, idr_kinds, behaviour.video_extension)
            self._other = _around(behaviour, codec, mint, kinds, None)
        self.private = EMPTY
        if behaviour.private_payload_type is not None:
            extension = behaviour.private_packets == "extension"
            self.private = extension_packets(mint) if extension else duplicate_packet(mint)

    def around(self, *, random_access: bool) -> tuple[PacketBlock, PacketBlock]:
        """Return the packets before and after a picture."""
        return self._idr if random_access else self._other


def _fits(kind: str, codec: SourceCodec) -> bool:
    return kind in PICTURE_KINDS[codec] if isinstance(codec, PictureCodec) else _ONLY.get(kind, codec) is codec


def _around(
    behaviour: CameraBehaviour, codec: SourceCodec, mint: CanaryMint, kinds: tuple[str, ...], profile: int | None
) -> tuple[PacketBlock, PacketBlock]:
    before = [access_unit_delimiter(codec)] if behaviour.access_unit_delimiter and isinstance(codec, Codec) else []
    before += [private_nal_unit(codec, kind, mint) for kind in kinds if kind not in AFTER_PICTURE]
    after = [private_nal_unit(codec, kind, mint) for kind in kinds if kind in AFTER_PICTURE]
    extension = b"" if profile is None or not before else video_extension(mint, profile)
    size, defects = behaviour.max_payload, behaviour.packets
    return (
        block(packetize(codec, before, size, defects), extension),
        block(packetize(codec, after, size, defects)),
    )
