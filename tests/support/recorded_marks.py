"""The marks of a camera out of a recorded answer or description."""

import re

from transcoder.errors import SdpSyntaxError
from transcoder.rtsp.fingerprint import CameraMarks
from transcoder.sdp import SessionDescription, parse_sdp


def recorded_marks(data: bytes) -> CameraMarks:
    """Return the marks in a recording: an answer with its header lines, or a bare description.

    Args:
        data: the recording.
    """
    head, _, body = data.partition(b"\r\n\r\n") if data.startswith(b"RTSP/") else (b"", b"", data)
    lines = [line.partition(":") for line in head.decode("latin-1").split("\r\n")[1:]]
    fields = [(name, value.strip()) for name, _, value in lines]
    challenges = [value for name, value in fields if name.lower() == "www-authenticate"]
    return CameraMarks(
        description=_description(body),
        servers=tuple(value for name, value in fields if name.lower() == "server"),
        realms=tuple(realm for value in challenges for realm in re.findall(r'realm="([^"]*)"', value)),
        header_names=frozenset(name for name, _ in fields),
        content_base=next((value for name, value in fields if name.lower() == "content-base"), ""),
    )


def _description(body: bytes) -> SessionDescription | None:
    try:
        return parse_sdp(body)
    except SdpSyntaxError:
        return None
