"""Foscam-like (live555 of 2014): packets of an earlier session for 65 s, a session timeout of 65 s."""

from transcoder.lab.cameras.behaviour import CameraBehaviour
from transcoder.lab.cameras.defects.delivery import DeliveryDefects
from transcoder.lab.cameras.families.description import DescriptionContext
from transcoder.lab.cameras.families.plain import TRACKS, plain_description

__all__ = ["BEHAVIOUR", "TRACKS", "describe"]

BEHAVIOUR = CameraBehaviour(
    family="foscam",
    path="/videoMain",
    server_header="live555 {canary}",
    content_base="slash",
    session_timeout_s=65,
    transport_ssrc="none",
    audio=True,
    audio_payload_type=0,
    metadata=False,
    idr_nal_units=("sei_user_data",),
    delivery=DeliveryDefects(stale_session_s=65.0),
)


def describe(context: DescriptionContext) -> list[str]:
    """Return the lines of the SDP."""
    return plain_description(context, "IP Camera Video")
