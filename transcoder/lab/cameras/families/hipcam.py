"""HiSilicon Hipcam-like: keep-alives are never answered, one channel id in SETUP, Basic and Digest."""

from transcoder.lab.cameras.behaviour import CameraBehaviour
from transcoder.lab.cameras.defects.packetization import PacketDefects
from transcoder.lab.cameras.defects.session import SessionDefects
from transcoder.lab.cameras.families.description import DescriptionContext
from transcoder.lab.cameras.families.plain import TRACKS, plain_description

__all__ = ["BEHAVIOUR", "TRACKS", "describe"]

BEHAVIOUR = CameraBehaviour(
    family="hipcam",
    path="/11",
    server_header="Hipcam RealServer/V1.0 {canary}",
    realm="Hipcam RealServer {canary}",
    authentication="both",
    rtp_info="none",
    audio=True,
    metadata=False,
    idr_nal_units=("sei_240",),
    packets=PacketDefects(aggregation=False),
    session=SessionDefects(keep_alive="ignored", interleaved="single"),
)


def describe(context: DescriptionContext) -> list[str]:
    """Return the lines of the SDP."""
    return plain_description(context, "hipcam")
