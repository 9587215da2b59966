"""Reolink-like: data before the PLAY reply, parameter sets with a marker and the previous timestamp, stale data."""

from transcoder.simulator.behaviour import CameraBehaviour
from transcoder.simulator.cameras.description import DescriptionContext
from transcoder.simulator.cameras.plain import TRACKS, plain_description
from transcoder.simulator.defects.delivery import DeliveryDefects
from transcoder.simulator.defects.packetization import PacketDefects
from transcoder.simulator.defects.pictures import PictureDefects

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
    """Lines of the SDP."""
    return plain_description(
        context,
        "Session streamed by live555",
        closing_lines=("m=audio 0 RTP/AVP 8", f"a=control:{context.control('backchannel')}", "a=sendonly"),
    )
