"""Reolink-like: data before the PLAY reply, parameter sets with a marker and the previous timestamp, stale data."""

from transcoder.lab.cameras.behaviour import CameraBehaviour
from transcoder.lab.cameras.defects.delivery import DeliveryDefects
from transcoder.lab.cameras.defects.packetization import PacketDefects
from transcoder.lab.cameras.defects.pictures import PictureDefects
from transcoder.lab.cameras.families.description import DescriptionContext
from transcoder.lab.cameras.families.plain import TRACKS, plain_description

__all__ = ["BEHAVIOUR", "TRACKS", "describe"]

BEHAVIOUR = CameraBehaviour(
    family="reolink",
    path="/h264Preview_01_main",
    server_header="live555 {canary}",
    session_format="{canary}",
    marker="parameter_sets",
    transport_ssrc="none",
    audio=True,
    metadata=False,
    backchannel=True,
    access_unit_delimiter=True,
    idr_nal_units=("sei_user_data",),
    packets=PacketDefects(aggregation=False),
    pictures=PictureDefects(parameter_sets_old_timestamp=True),
    delivery=DeliveryDefects(early_data=True, stale_session_s=65.0),
)


def describe(context: DescriptionContext) -> list[str]:
    """Return the lines of the SDP."""
    return plain_description(
        context,
        "Session streamed by live555",
        closing_lines=("m=audio 0 RTP/AVP 8", f"a=control:{context.control('backchannel')}", "a=sendonly"),
    )
