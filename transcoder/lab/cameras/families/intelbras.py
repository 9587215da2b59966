"""Intelbras DVR-like: single timestamps off by hours, Dahua dialect, zeros behind the parameter sets of the SDP."""

from transcoder.lab.cameras.behaviour import CameraBehaviour
from transcoder.lab.cameras.defects.timing import TimingDefects
from transcoder.lab.cameras.families.description import DescriptionContext
from transcoder.lab.cameras.families.plain import TRACKS, plain_description

__all__ = ["BEHAVIOUR", "TRACKS", "describe"]

BEHAVIOUR = CameraBehaviour(
    family="intelbras",
    path="/cam/realmonitor?channel=1&subtype=0",
    server_header="Rtsp Server/3.0 {canary}",
    realm="Login to {canary}",
    challenge_options=True,
    transport_ssrc="padded",
    sprop="zeros",
    idr_nal_units=("sei_user_data",),
    picture_nal_units=("sei_malformed",),
    audio=True,
    timing=TimingDefects(timestamp_jump_s=-9800.0),
)


def describe(context: DescriptionContext) -> list[str]:
    """Return the lines of the SDP."""
    return plain_description(context, "Media Server", session_lines=("a=packetization-supported:DH",))
