"""Old MJPEG cameras (Y-Cam, live555 OEMs): payload type 26 without rtpmap, private segments in ONVIF's extension."""

from transcoder.codecs.picture_codec import PictureCodec
from transcoder.lab.cameras.behaviour import CameraBehaviour
from transcoder.lab.cameras.families.description import DescriptionContext

TRACKS = {"video": "track1", "audio": "track2", "metadata": "track3"}

BEHAVIOUR = CameraBehaviour(
    family="mjpeg",
    codec=PictureCodec.JPEG,
    path="/live_mjpeg.sdp",
    server_header="Media Server {canary}",
    video_payload_type=26,
    transport_ssrc="none",
    idr_nal_units=("jpeg_com", "jpeg_app1", "jpeg_app4"),
    video_extension=0xFFD8,
    metadata=False,
)


def describe(context: DescriptionContext) -> list[str]:
    """Return the lines of the SDP."""
    tool = f"Streaming Media {context.canary('tool')}"
    lines = [
        "v=0",
        f"o=- {context.mint.digits('sdp_origin', 'SDP o=, raw')} 1 IN IP4 {context.host}",
        f"s={tool}",
        f"i={context.canary('information')}",
        "t=0 0",
        f"a=tool:{tool}",
        "a=type:broadcast",
        "a=control:*",
        "a=range:npt=0-",
        f"a=x-qt-text-nam:{context.canary('name')}",
        f"m=video 0 RTP/AVP {context.behaviour.video_payload_type}",
        "c=IN IP4 0.0.0.0",
        "b=AS:0",
        f"a=control:{context.control('video')}",
    ]
    if "audio" in context.tracks:
        number = context.behaviour.audio_payload_type
        lines += [f"m=audio 0 RTP/AVP {number}", f"a=control:{context.control('audio')}"]
    if "metadata" in context.tracks:
        lines += [
            "m=application 0 RTP/AVP 107",
            "a=rtpmap:107 vnd.onvif.metadata/90000",
            f"a=control:{context.control('metadata')}",
        ]
    return lines
