"""Amatek AR-N3222F-like: byte streams in fragments of type 0, parameter sets in the stream alone."""

from transcoder.lab.cameras.behaviour import CameraBehaviour
from transcoder.lab.cameras.defects.packetization import PacketDefects
from transcoder.lab.cameras.defects.pictures import PictureDefects
from transcoder.lab.cameras.families.description import DescriptionContext
from transcoder.lab.cameras.families.plain import TRACKS, plain_description

__all__ = ["BEHAVIOUR", "TRACKS", "describe"]

BEHAVIOUR = CameraBehaviour(
    family="amatek",
    path="/0",
    server_header="Rtsp Server {canary}",
    rtp_info="none",
    idr_nal_units=("sei_user_data",),
    metadata=False,
    packets=PacketDefects(fu_type_zero=True),
    pictures=PictureDefects(parameter_sets="stream"),
)


def describe(context: DescriptionContext) -> list[str]:
    """Return the lines of the SDP."""
    return plain_description(context, "RTSP Session")
