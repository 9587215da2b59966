"""V380-like (Macro-video): whole IDR access units with start codes in one packet, no o= line."""

from transcoder.lab.cameras.behaviour import CameraBehaviour
from transcoder.lab.cameras.defects.packetization import PacketDefects
from transcoder.lab.cameras.families.description import DescriptionContext
from transcoder.lab.cameras.families.plain import TRACKS, plain_description

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
    """Return the lines of the SDP."""
    return plain_description(context, "streamed by the Macro-video", origin=False)
