"""Old MPEG-4 Part 2 cameras (Hikvision /mpeg4/, FLIR): user data in every header, private payload type 112."""

from transcoder.codecs.picture_codec import PictureCodec
from transcoder.lab.cameras.behaviour import CameraBehaviour
from transcoder.lab.cameras.families.description import DescriptionContext
from transcoder.lab.cameras.picture_packets import is_configuration

TRACKS = {"video": "trackID=1", "audio": "trackID=2", "metadata": "trackID=3"}

BEHAVIOUR = CameraBehaviour(
    family="mpeg4",
    codec=PictureCodec.MPEG4,
    path="/mpeg4/ch1/main/av_stream",
    realm="IP Camera({canary})",
    session_prefix="        ",
    absolute_control=True,
    rtp_info="absolute",
    transport_ssrc="lower",
    idr_nal_units=("user_data", "mpeg4_reserved"),
    picture_nal_units=("user_data_picture",),
    private_payload_type=112,
    private_packets="extension",
)


def describe(context: DescriptionContext) -> list[str]:
    """Lines of the SDP; the configuration carries user data too."""
    content = context.content
    number = context.behaviour.video_payload_type
    parameters = "profile-level-id=1"
    if context.behaviour.pictures.in_description:
        canary = context.mint.text("sdp_config", "SDP, config=, hex of its letters")
        elements = content.access_units[0].nal_units
        config = b"".join(element for element in elements if is_configuration(PictureCodec.MPEG4, element))
        config += b"\x00\x00\x01\xb2" + canary.encode()
        parameters += f";config={config.hex().upper()}"
    lines = [
        "v=0",
        f"o=- {context.mint.digits('sdp_origin', 'SDP o=, raw')} 1 IN IP4 {context.host}",
        f"s=Media Presentation {context.canary('session_name')}",
        "e=NONE",
        "t=0 0",
        f"a=control:{context.base}/",
        f"m=video 0 RTP/AVP {number}",
        f"a=control:{context.control('video')}",
        f"a=rtpmap:{number} MP4V-ES/{context.behaviour.timing.video_clock_rate}",
        f"a=framesize:{number} {content.width}-{content.height}",
        f"a=fmtp:{number} {parameters}",
    ]
    if "audio" in context.tracks:
        audio = context.behaviour.audio_payload_type
        lines += [f"m=audio 0 RTP/AVP {audio}", f"a=control:{context.control('audio')}"]
    if "metadata" in context.tracks:
        lines += [
            "m=application 0 RTP/AVP 107",
            f"a=control:{context.control('metadata')}",
            "a=rtpmap:107 vnd.onvif.metadata/90000",
        ]
    return [*lines, f"a=appversion:1.0-{context.canary('appversion')}"]
