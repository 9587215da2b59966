"""HiSilicon Hipcam-like: keep-alives are never answered, one channel id in SETUP, Basic and Digest."""

from transcoder.simulator.behaviour import CameraBehaviour
from transcoder.simulator.cameras.description import DescriptionContext
from transcoder.simulator.cameras.plain import TRACKS, plain_description
from transcoder.simulator.defects.packetization import PacketDefects
from transcoder.simulator.defects.session import SessionDefects

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
    """Lines of the SDP."""
    return plain_description(context, "hipcam")
