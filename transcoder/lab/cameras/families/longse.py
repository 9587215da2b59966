"""Longse CMSEKL800-like: the reserved bit of the FU header is set, parameter sets in packets of their own."""

from transcoder.lab.cameras.behaviour import CameraBehaviour
from transcoder.lab.cameras.defects.packetization import PacketDefects
from transcoder.lab.cameras.families.description import DescriptionContext
from transcoder.lab.cameras.families.plain import TRACKS, plain_description

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
    """Return the lines of the SDP."""
    return plain_description(context, "Streamed by LIVE")
