"""This module writes a plain session description, close to live555's, which several families share."""

from transcoder.lab.cameras.families.description import DescriptionContext

TRACKS = {"video": "track1", "audio": "track2", "metadata": "track3", "backchannel": "track4"}


def plain_description(
    context: DescriptionContext,
    session_name: str,
    *,
    origin: bool = True,
    session_lines: tuple[str, ...] = (),
    video_lines: tuple[str, ...] = (),
    closing_lines: tuple[str, ...] = (),
) -> list[str]:
    """Return the lines of an SDP.

    Args:
        context: facts of the camera.
        session_name: the text before the canary in s=.
        origin: whether there is an o= line.
        session_lines: lines that are added before the media.
        video_lines: lines that are added to the video media.
        closing_lines: lines that are added at the end: media that nobody can set up.
    """
    payload_type = context.behaviour.video_payload_type
    lines = ["v=0"]
    if origin:
        lines.append(f"o=- {context.mint.digits('sdp_origin', 'SDP o=, raw')} 1 IN IP4 {context.host}")
    lines += [
        f"s={session_name} {context.canary('session_name')}",
        f"i={context.canary('information')}",
        "t=0 0",
        f"a=tool:{context.canary('tool')}",
        "a=control:*",
        "a=range:npt=0-",
        *session_lines,
        f"m=video 0 RTP/AVP {payload_type}",
        "c=IN IP4 0.0.0.0",
        f"a=rtpmap:{payload_type} {context.encoding()}",
        f"a=fmtp:{payload_type} {context.format_parameters()}",
        *video_lines,
        f"a=control:{context.control('video')}",
    ]
    if "audio" in context.tracks:
        lines += [
            f"m=audio 0 RTP/AVP {context.behaviour.audio_payload_type}",
            "c=IN IP4 0.0.0.0",
            f"a=control:{context.control('audio')}",
        ]
    if "metadata" in context.tracks:
        lines += [
            "m=application 0 RTP/AVP 107",
            "a=rtpmap:107 vnd.onvif.metadata/90000",
            f"a=control:{context.control('metadata')}",
        ]
    return [*lines, *closing_lines]
