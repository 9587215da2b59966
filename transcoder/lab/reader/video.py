"""This module plays the video of a server and nothing else, over the RTSP connection."""

from transcoder.errors import TransportError
from transcoder.verify.client import RtspClient
from transcoder.verify.messages import Message
from transcoder.verify.own_text import DescribedMedia, read_description


async def play_video(client: RtspClient) -> DescribedMedia:
    """Describe, set up the first video on channels 0 and 1, and play.

    Args:
        client: a connected client.

    Returns:
        The description of the video by the server.

    Raises:
        TransportError: the video can't be played.
    """
    answer = checked("DESCRIBE", await client.request("DESCRIBE", Accept="application/sdp"))
    video = next((media for media in read_description(answer.body).media if media.kind == "video"), None)
    if video is None:
        raise TransportError("the answer to DESCRIBE describes no video")
    checked("SETUP", await client.set_up(client.dialog.control_uri(video.control), 0))
    checked("PLAY", await client.request("PLAY", Range="npt=0.000-"))
    return video


def checked(method: str, answer: Message) -> Message:
    """Return the answer if its status is 200.

    Raises:
        TransportError: the answer has another status.
    """
    if answer.status != 200:
        raise TransportError(f"{method} was answered {answer.start}")
    return answer
