"""Tenda CP3PRO-like: H.265, start codes in the SDP, media that nobody set up on channels of their own."""

from transcoder.codecs.nal import Codec
from transcoder.lab.cameras.behaviour import CameraBehaviour
from transcoder.lab.cameras.defects.delivery import DeliveryDefects
from transcoder.lab.cameras.families.description import DescriptionContext
from transcoder.lab.cameras.families.plain import TRACKS, plain_description

__all__ = ["BEHAVIOUR", "TRACKS", "describe"]

BEHAVIOUR = CameraBehaviour(
    family="tenda",
    codec=Codec.H265,
    path="/tenda",
    transport_ssrc="none",
    sprop="start_code",
    audio=True,
    idr_nal_units=("sei_user_data", "sei_suffix"),
    delivery=DeliveryDefects(push_unrequested=True),
)


def describe(context: DescriptionContext) -> list[str]:
    """Return the lines of the SDP."""
    return plain_description(context, "Tenda")
