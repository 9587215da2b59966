"""Amatek AR-N3222F-like: byte streams in fragments of type 0, parameter sets in the stream alone."""

from transcoder.simulator.behaviour import CameraBehaviour
from transcoder.simulator.cameras.description import DescriptionContext
from transcoder.simulator.cameras.plain import TRACKS, plain_description
from transcoder.simulator.defects.packetization import PacketDefects
from transcoder.simulator.defects.pictures import PictureDefects

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
    """Lines of the SDP."""
    return plain_description(context, "RTSP Session")
