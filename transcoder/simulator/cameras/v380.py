"""V380-like (Macro-video): whole IDR access units with start codes in one packet, no o= line."""

from transcoder.simulator.behaviour import CameraBehaviour
from transcoder.simulator.cameras.description import DescriptionContext
from transcoder.simulator.cameras.plain import TRACKS, plain_description
from transcoder.simulator.defects.packetization import PacketDefects

__all__ = ["BEHAVIOUR", "TRACKS", "describe"]

BEHAVIOUR = CameraBehaviour(
    family="v380",
    path="/live/ch00_0",
    transport_ssrc="none",
    rtp_info="none",
    metadata=False,
    audio=True,
    idr_nal_units=("sei_240",),
    packets=PacketDefects(byte_stream="single"),
)


def describe(context: DescriptionContext) -> list[str]:
    """Lines of the SDP."""
    return plain_description(context, "streamed by the Macro-video", origin=False)
