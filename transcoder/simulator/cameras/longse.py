"""Longse CMSEKL800-like: the reserved bit of the FU header is set, parameter sets in packets of their own."""

from transcoder.simulator.behaviour import CameraBehaviour
from transcoder.simulator.cameras.description import DescriptionContext
from transcoder.simulator.cameras.plain import TRACKS, plain_description
from transcoder.simulator.defects.packetization import PacketDefects

__all__ = ["BEHAVIOUR", "TRACKS", "describe"]

BEHAVIOUR = CameraBehaviour(
    family="longse",
    path="/profile1",
    realm="LONGSE_{canary}",
    rtp_info="relative",
    idr_nal_units=("sei_240", "filler"),
    packets=PacketDefects(fu_reserved_bit=True, aggregation=False),
)


def describe(context: DescriptionContext) -> list[str]:
    """Lines of the SDP."""
    return plain_description(context, "Streamed by LIVE")
