"""H264DVR-like (Xiongmai and OEMs): the session id changes, `Cseq`, no s=, no RTP-Info, the password in the path."""

from transcoder.codecs.nal import Codec
from transcoder.lab.cameras.behaviour import CameraBehaviour
from transcoder.lab.cameras.defects.session import SessionDefects
from transcoder.lab.cameras.families.description import DescriptionContext

TRACKS = {"video": "trackID=3", "audio": "trackID=4", "metadata": "trackID=5"}

BEHAVIOUR = CameraBehaviour(
    family="h264dvr",
    codec=Codec.H264,
    path="/user=admin&password=&channel=1&stream=0.sdp?",
    any_path=True,
    server_header="H264DVR 1.0 {canary}",
    realm="{canary}",
    authentication="basic",
    password_in_path=True,
    cseq_name="Cseq",
    session=SessionDefects(session_changes=True),
    content_base="plain",
    rtp_info="none",
    transport_ssrc="none",
    extra_headers=(("Cache-Control", "private"), ("x-Accept-Retransmit", "our-retransmit")),
    picture_nal_units=("sei_229",),
    idr_nal_units=("sei_240", "filler"),
    metadata=False,
    audio=True,
    cname="{canary}",
)


def describe(context: DescriptionContext) -> list[str]:
    """Return the lines of the SDP."""
    payload_type = context.behaviour.video_payload_type
    origin = context.mint.digits("sdp_origin", "SDP o=, raw")
    lines = [
        "v=0",
        f"o=- {origin} {origin} IN IP4 {context.host}",
        f"c=IN IP4 {context.host}",
        "t=0 0",
        "a=control:*",
        "a=range:npt=0-",
        f"a=etag:{context.canary('etag')}",
        f"m=video 0 RTP/AVP {payload_type}",
        f"a=rtpmap:{payload_type} {context.encoding()} ",
        "a=range:npt=0-",
        "a=framerate:0S",
        f"a=fmtp:{payload_type} {context.format_parameters()};",
        f"a=framerate:{round(context.content.fps)}",
        f"a=control:{context.control('video')}",
    ]
    if "audio" in context.tracks:
        lines += [f"m=audio 0 RTP/AVP {context.behaviour.audio_payload_type}", f"a=control:{context.control('audio')}"]
    if "metadata" in context.tracks:
        lines += [
            "m=application 0 RTP/AVP 107",
            "a=rtpmap:107 vnd.onvif.metadata/90000",
            f"a=control:{context.control('metadata')}",
        ]
    return lines
