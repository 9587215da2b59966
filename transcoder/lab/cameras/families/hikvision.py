"""Hikvision-like: MEDIAINFO, absolute control URLs with a query behind the track, private payload type 112."""

from transcoder.codecs.nal import Codec
from transcoder.lab.cameras.behaviour import CameraBehaviour
from transcoder.lab.cameras.families.description import DescriptionContext

TRACKS = {"video": "trackID=1", "audio": "trackID=2", "metadata": "trackID=3"}

BEHAVIOUR = CameraBehaviour(
    family="hikvision",
    codec=Codec.H264,
    path="/Streaming/Channels/101",
    realm="IP Camera({canary})",
    session_prefix="        ",
    content_base="slash",
    absolute_control=True,
    control_query="?transportmode=unicast&profile=Profile_1",
    rtp_info="absolute",
    transport_ssrc="lower",
    idr_nal_units=("sei_captions", "sei_user_data", "sei_t35", "sei_240", "filler", "reserved"),
    picture_nal_units=("sei_128",),
    video_extension=0x4000,
    private_payload_type=112,
    private_packets="extension",
    wrong_profile_level_id=True,
)


def describe(context: DescriptionContext) -> list[str]:
    """Return the lines of the SDP.

    The MEDIAINFO header is IMKH and 36 bytes in hexadecimal; the second half is a canary.
    """
    content = context.content
    payload_type = context.behaviour.video_payload_type
    media_info = context.mint.text("sdp_media_header", "SDP a=Media_header, hex")
    header = b"IMKH" + bytes.fromhex("0102000004000001") + bytes(12) + media_info.encode()
    lines = [
        "v=0",
        f"o=- {context.mint.digits('sdp_origin', 'SDP o=, raw')} 1 IN IP4 {context.host}",
        f"s=Media Presentation {context.canary('session_name')}",
        f"i={context.canary('information')}",
        f"u=http://{context.host}/{context.canary('uri')}",
        f"e={context.canary('email')}@localhost",
        "b=AS:5050",
        "t=0 0",
        f"a=control:{context.base}/{context.behaviour.control_query}",
        f"m=video 0 RTP/AVP {payload_type}",
        "c=IN IP4 0.0.0.0",
        "b=AS:5000",
        "a=recvonly",
        f"a=x-dimensions:{content.width},{content.height}",
        f"a=control:{context.control('video')}",
        f"a=rtpmap:{payload_type} {context.encoding()}",
    ]
    if content.codec is Codec.H264:
        lines.append(f"a=fmtp:{payload_type} {context.format_parameters()}")
    if "audio" in context.tracks:
        lines += [
            f"m=audio 0 RTP/AVP {context.behaviour.audio_payload_type}",
            "c=IN IP4 0.0.0.0",
            "a=recvonly",
            f"a=control:{context.control('audio')}",
        ]
    if "metadata" in context.tracks:
        lines += [
            "m=application 0 RTP/AVP 107",
            "c=IN IP4 0.0.0.0",
            "b=AS:50",
            "a=recvonly",
            f"a=control:{context.control('metadata')}",
            "a=rtpmap:107 vnd.onvif.metadata/90000",
        ]
    return [
        *lines,
        f"a=Media_header:MEDIAINFO={header.hex().upper()};",
        f"a=appversion:1.0-{context.canary('appversion')}",
    ]
