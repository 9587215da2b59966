"""This module writes the session description that we serve: every value in it is ours (RFC 2327, RFC 4566)."""

import re
from dataclasses import dataclass

from transcoder import formats
from transcoder.codecs.nal import Codec
from transcoder.formats.served_audio import ServedAudio


@dataclass(frozen=True, slots=True, kw_only=True)
class ServedVideo:
    """Holds the values of a stream's video in our own session description; every value is ours.

    Attributes:
        parameter_sets: the SPS and PPS (H.264) or VPS, SPS and PPS (H.265) of our encoder.
        bitrate_kbps: the cap of the bitrate, kbit/s.
        frame_rate: pictures a second, or None where it is not known.
        size: (width, height) of the pictures, or None where it is not known.
        is_relayed: whether the coded pictures are the camera's, which a checker has to know.
    """

    codec: Codec
    payload_type: int
    parameter_sets: tuple[bytes, ...]
    bitrate_kbps: int
    frame_rate: float | None = None
    size: tuple[int, int] | None = None
    is_relayed: bool = False


def serialize_served(video: ServedVideo, *, session_id: int, address: str, audio: ServedAudio | None = None) -> bytes:
    """Return our session description of one stream.

    Args:
        video: the first media.
        audio: the second media, where audio is served.
        session_id: the id of the o= line; it changes when the description does.
        address: our own address, as the client reached it.

    Source: RFC 2327; RFC 6184 section 8.2.1; RFC 7798 section 7.2. The session name is one blank, as
    RFC 4566 section 5.3 asks of a session without a name.
    """
    version = "IP6" if ":" in address else "IP4"
    anywhere = "::" if version == "IP6" else "0.0.0.0"
    number = video.payload_type
    lines = [
        "v=0",
        f"o=- {session_id} 1 IN {version} {address}",
        "s= ",
        f"c=IN {version} {anywhere}",
        "t=0 0",
        "a=control:*",
        "a=range:npt=now-",
        *(["a=x-relayed"] if video.is_relayed else []),
        f"m=video 0 RTP/AVP {number}",
        f"b=AS:{video.bitrate_kbps}",
        f"a=rtpmap:{number} {video.codec.value}/90000",
    ]
    if parameters := formats.VIDEO.serving(video.codec).to_fmtp(video.parameter_sets):
        lines.append(f"a=fmtp:{number} {parameters}")
    if video.size is not None:  # recorders that open a file before the first picture (ONVIF Streaming, RFC 6064)
        width, height = video.size
        lines += [f"a=x-dimensions:{width},{height}", f"a=framesize:{number} {width}-{height}"]
    if video.frame_rate:
        lines.append(f"a=framerate:{video.frame_rate:g}")
    lines += ["a=control:trackID=0", "a=recvonly"]
    if audio is not None:
        lines += [f"m=audio 0 RTP/AVP {audio.payload_type}", *audio.to_attributes()]
        lines += ["a=control:trackID=1", "a=recvonly"]
    return ("\r\n".join(lines) + "\r\n").encode()


_ONE_WAY = re.compile(rb"a=recvonly\r\n")
_RANGE = re.compile(rb"a=range:[^\r\n]*\r\n")
_MEDIA = re.compile(rb"^m=(video|audio) .*?^a=control:(\S+)", re.MULTILINE | re.DOTALL)
_NUMBERS = {b"video": 0, b"audio": 1}


def announced(description: bytes) -> tuple[bytes, dict[int, str]]:
    """Return a description of ours as it is announced to a server that a stream is sent to.

    Args:
        description: what serialize_served() wrote: readers only receive, and a sender only sends.

    Returns:
        The description, and the control attribute of each track by the track's number.

    Source: RFC 2326 sections 10.3 and C.1.1; RFC 4566 section 6 (sendonly).
    """
    text = _RANGE.sub(b"", _ONE_WAY.sub(b"a=sendonly\r\n", description))
    return text, {_NUMBERS[match[1]]: match[2].decode() for match in _MEDIA.finditer(text)}
