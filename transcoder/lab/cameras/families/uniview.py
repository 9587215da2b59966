"""Uniview-like: payload type 50 repeats a sequence number, cut-off o= and c= lines, no t=, a talk-back media."""

from transcoder.codecs.nal import Codec
from transcoder.lab.cameras.behaviour import CameraBehaviour
from transcoder.lab.cameras.families.description import DescriptionContext

TRACKS = {"video": "video", "audio": "audio1", "metadata": "metadata", "backchannel": "audioback"}

BEHAVIOUR = CameraBehaviour(
    family="uniview",
    codec=Codec.H264,
    path="/media/video1",
    realm="{canary}",
    content_base="plain",
    absolute_control=True,
    rtp_info="absolute",
    video_payload_type=105,
    idr_nal_units=("sei_user_data", "sei_t35", "reserved"),
    private_payload_type=50,
    private_packets="duplicate",
    audio=True,
    audio_payload_type=0,
    backchannel=True,
)


def describe(context: DescriptionContext) -> list[str]:
    """Return the lines of the SDP."""
    payload_type = context.behaviour.video_payload_type
    lines = [
        "v=0",
        f"o=- {context.mint.digits('sdp_origin', 'SDP o=, raw')} 1 IN ",
        f"s=VCP IPC Realtime stream {context.canary('session_name')}",
        f"m=video 0 RTP/AVP {payload_type}",
        "c=IN ",
        f"a=control:{context.control('video')}",
        f"a=rtpmap:{payload_type} {context.encoding()}",
        f"a=fmtp:{payload_type} {context.format_parameters()}",
        "a=recvonly",
    ]
    if "audio" in context.tracks:
        lines += [
            f"m=audio 0 RTP/AVP {context.behaviour.audio_payload_type}",
            "c=IN ",
            f"a=fmtp:{context.behaviour.audio_payload_type} RTCP=0",
            f"a=control:{context.control('audio')}",
            "a=recvonly",
        ]
    if "metadata" in context.tracks:
        lines += [
            "m=application 0 RTP/AVP 107",
            "c=IN ",
            f"a=control:{context.control('metadata')}",
            "a=rtpmap:107 vnd.onvif.metadata/90000",
            f"a=fmtp:107 DecoderTag=h3c-v3 RTCP=0 {context.canary('decoder_tag')}",
            "a=recvonly",
        ]
    if "backchannel" in context.tracks:
        lines += [
            "m=audio 0 RTP/AVP 8",
            "c=IN ",
            f"a=control:{context.control('backchannel')}",
            "a=rtpmap:8 PCMA/8000",
            "a=sendonly",
        ]
    return lines
