"""FLIR M400-like: the marker is never set, `t=now-`, no sender reports."""

from transcoder.lab.cameras.behaviour import CameraBehaviour
from transcoder.lab.cameras.families.description import DescriptionContext
from transcoder.lab.cameras.families.plain import TRACKS, plain_description

__all__ = ["BEHAVIOUR", "TRACKS", "describe"]

BEHAVIOUR = CameraBehaviour(
    family="flir",
    path="/ch0",
    rtp_info="none",
    marker="none",
    metadata=False,
    rtcp=False,
    idr_nal_units=("sei_user_data",),
)


def describe(context: DescriptionContext) -> list[str]:
    """Return the lines of the SDP."""
    return ["t=now-" if line == "t=0 0" else line for line in plain_description(context, "FLIR")]
