"""Tiandy-like: H.265, fragments whose type changes and whose end bit is missing."""

from transcoder.codecs.nal import Codec
from transcoder.lab.cameras.behaviour import CameraBehaviour
from transcoder.lab.cameras.defects.packetization import PacketDefects
from transcoder.lab.cameras.families.description import DescriptionContext
from transcoder.lab.cameras.families.plain import TRACKS, plain_description

__all__ = ["BEHAVIOUR", "TRACKS", "describe"]

BEHAVIOUR = CameraBehaviour(
    family="tiandy",
    codec=Codec.H265,
    path="/1/1",
    server_header="Tiandy Server {canary}",
    video_payload_type=98,
    transport_ssrc="lower",
    idr_nal_units=("sei_user_data", "sei_suffix"),
    packets=PacketDefects(fu_wrong_type=True, fu_no_end=True),
)


def describe(context: DescriptionContext) -> list[str]:
    """Return the lines of the SDP."""
    return plain_description(context, "Tiandy")
