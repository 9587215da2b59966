"""Tapo-like (TP-Link): timestamps that begin anew at zero, markers on parameter sets, a `smart/1/90000` media."""

from transcoder.lab.cameras.behaviour import CameraBehaviour
from transcoder.lab.cameras.defects.packetization import PacketDefects
from transcoder.lab.cameras.defects.timing import TimingDefects
from transcoder.lab.cameras.families.description import DescriptionContext
from transcoder.lab.cameras.families.plain import TRACKS, plain_description

__all__ = ["BEHAVIOUR", "TRACKS", "describe"]

BEHAVIOUR = CameraBehaviour(
    family="tapo",
    path="/stream1",
    authentication="both",
    marker="parameter_sets",
    max_payload=8000,
    rtp_info="relative",
    audio=True,
    metadata=False,
    idr_nal_units=("sei_user_data",),
    packets=PacketDefects(aggregation=False),
    timing=TimingDefects(timestamp_restart=True, timestamp_defect_every_s=30.0, report_ssrc_foreign=True),
)


def describe(context: DescriptionContext) -> list[str]:
    """Return the lines of the SDP."""
    return plain_description(
        context,
        "RTSP Session",
        session_lines=("a=smart_encoder:virtualIFrame=1",),
        closing_lines=(
            "m=application/TP-LINK 0 RTP/AVP smart/1/90000",
            "a=rtpmap:95 TP-LINK/90000",
            f"a=control:{context.canary('vendor_control')}",
        ),
    )
