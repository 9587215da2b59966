"""What a camera adds to its pictures of its own: NAL units around them and packets beside them."""

from transcoder.codecs.nal import Codec
from transcoder.simulator.behaviour import CameraBehaviour
from transcoder.simulator.canary import CanaryMint
from transcoder.simulator.defects.packetization import packetize
from transcoder.simulator.packets import EMPTY, PacketBlock, block
from transcoder.simulator.private_nal import AFTER_PICTURE, access_unit_delimiter, private_nal_unit
from transcoder.simulator.private_packets import duplicate_packet, extension_packets, video_extension

_ONLY = {"sei_suffix": Codec.H265, "svc_slice": Codec.H264}
"""Kinds that one codec alone has."""


class Surroundings:
    """Packets around and beside each picture, made once.

    Args:
        behaviour: of the camera.
        codec: of its content.
        mint: makes their canaries.

    Attributes:
        private: packets of the private payload type.
    """

    def __init__(self, behaviour: CameraBehaviour, codec: Codec, mint: CanaryMint) -> None:
        kinds = behaviour.picture_nal_units + (("svc_slice",) if behaviour.pictures.svc else ())
        kinds = tuple(kind for kind in kinds if _ONLY.get(kind, codec) is codec)
        idr_kinds = tuple(kind for kind in behaviour.idr_nal_units if _ONLY.get(kind, codec) is codec) + kinds
        self._idr = _around(behaviour, codec, mint, idr_kinds, behaviour.video_extension)
        self._other = _around(behaviour, codec, mint, kinds, None)
        self.private = EMPTY
        if behaviour.private_payload_type is not None:
            extension = behaviour.private_packets == "extension"
            self.private = extension_packets(mint) if extension else duplicate_packet(mint)

    def around(self, *, random_access: bool) -> tuple[PacketBlock, PacketBlock]:
        """Packets before and after a picture."""
        return self._idr if random_access else self._other


def _around(
    behaviour: CameraBehaviour, codec: Codec, mint: CanaryMint, kinds: tuple[str, ...], profile: int | None
) -> tuple[PacketBlock, PacketBlock]:
    before = [access_unit_delimiter(codec)] if behaviour.access_unit_delimiter else []
    before += [private_nal_unit(codec, kind, mint) for kind in kinds if kind not in AFTER_PICTURE]
    after = [private_nal_unit(codec, kind, mint) for kind in kinds if kind in AFTER_PICTURE]
    extension = b"" if profile is None or not before else video_extension(mint, profile)
    size, defects = behaviour.max_payload, behaviour.packets
    return (
        block(packetize(codec, before, size, defects), extension),
        block(packetize(codec, after, size, defects)),
    )
