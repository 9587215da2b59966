"""Dahua-like: H.265, DH attributes, a slash behind the query of Content-Base, malformed SEI on every picture."""

from transcoder.codecs.nal import Codec
from transcoder.lab.cameras.behaviour import CameraBehaviour
from transcoder.lab.cameras.families.description import DescriptionContext

TRACKS = {"video": "trackID=0", "audio": "trackID=1", "metadata": "trackID=4", "backchannel": "trackID=5"}

BEHAVIOUR = CameraBehaviour(
    family="dahua",
    codec=Codec.H265,
    path="/cam/realmonitor?channel=1&subtype=0&unicast=true&proto=Onvif",
    server_header="Rtsp Server/3.0 ({canary})",
    realm="Login to {canary}",
    challenge_options=True,
    content_base="slash",
    rtp_info="relative",
    transport_ssrc="padded",
    extra_headers=(("x-Accept-Dynamic-Rate", "1"), ("Cache-Control", "must-revalidate")),
    video_payload_type=98,
    access_unit_delimiter=True,
    idr_nal_units=("sei_captions", "sei_user_data", "sei_suffix", "filler", "reserved"),
    picture_nal_units=("sei_malformed",),
    audio=True,
    cname="(none){canary}",
)


def describe(context: DescriptionContext) -> list[str]:
    """Return the lines of the SDP."""
    content = context.content
    payload_type = context.behaviour.video_payload_type
    origin = context.mint.digits("sdp_origin", "SDP o=, raw")
    lines = [
        "v=0",
        f"o=- {origin} {origin} IN IP4 0.0.0.0",
        f"s=Media Server {context.canary('session_name')}",
        "c=IN IP4 0.0.0.0",
        "t=0 0",
        "a=control:*",
        "a=packetization-supported:DH",
        "a=rtppayload-supported:DH",
        f"a=tool:{context.canary('tool')}",
        "a=range:npt=now-",
        f"m=video 0 RTP/AVP {payload_type}",
        f"a=control:{context.control('video')}",
        f"a=framerate:{content.fps:.6f}",
        f"a=rtpmap:{payload_type} {context.encoding()}",
        f"a=fmtp:{payload_type} {context.format_parameters()}",
        "a=recvonly",
    ]
    if "audio" in context.tracks:
        name = "PCMA" if context.behaviour.audio_payload_type == 8 else "PCMU"
        lines += [
            f"m=audio 0 RTP/AVP {context.behaviour.audio_payload_type}",
            f"a=control:{context.control('audio')}",
            f"a=rtpmap:{context.behaviour.audio_payload_type} {name}/8000",
            "a=recvonly",
        ]
    if "metadata" in context.tracks:
        lines += [
            "m=application 0 RTP/AVP 107",
            f"a=control:{context.control('metadata')}",
            "a=rtpmap:107 vnd.onvif.metadata/90000",
            "a=recvonly",
        ]
    if "backchannel" in context.tracks:
        lines += [
            "m=audio 0 RTP/AVP 8",
            f"a=control:{context.control('backchannel')}",
            "a=rtpmap:8 PCMA/8000",
            "a=sendonly",
        ]
    return lines
