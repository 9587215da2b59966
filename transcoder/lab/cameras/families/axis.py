"""Axis-like: nonces that expire, GOPs of 20 s and a frame rate that falls (Zipstream), absolute control URLs."""

from transcoder.lab.cameras.behaviour import CameraBehaviour
from transcoder.lab.cameras.defects.pictures import PictureDefects
from transcoder.lab.cameras.defects.session import SessionDefects
from transcoder.lab.cameras.defects.timing import TimingDefects
from transcoder.lab.cameras.families.description import DescriptionContext
from transcoder.lab.cameras.families.plain import TRACKS, plain_description

__all__ = ["BEHAVIOUR", "TRACKS", "describe"]

BEHAVIOUR = CameraBehaviour(
    family="axis",
    path="/axis-media/media.amp",
    server_header="GStreamer RTSP server {canary}",
    realm="AXIS_{canary}",
    absolute_control=True,
    rtp_info="absolute",
    idr_nal_units=("sei_user_data",),
    metadata=True,
    timing=TimingDefects(slow_fps=2.0),
    pictures=PictureDefects(gop_s=20.0),
    session=SessionDefects(nonce_lifetime_s=20.0),
)


def describe(context: DescriptionContext) -> list[str]:
    """Return the lines of the SDP."""
    return plain_description(context, "Session streamed with GStreamer")
