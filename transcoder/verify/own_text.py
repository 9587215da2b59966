"""This is the text that the product writes into session descriptions and RTSP responses; any other text is a finding.

The text is written from the contract, not taken from the code that writes it: whoever adds text there has to name it
here too.
"""

import base64
import binascii
import re
from dataclasses import dataclass, field

from transcoder import product
from transcoder.text import printable
from transcoder.verify.codec import Codec

_MAX_TEXT = 240
"""The largest number of characters of a finding that are shown."""

_SESSION = (
    r"v=0",
    r"o=- [0-9]{1,20} 1 IN IP[46] [0-9A-Fa-f.:]{2,45}",
    r"s= ",
    r"c=IN (?:IP4 0\.0\.0\.0|IP6 ::)",
    r"t=0 0",
    r"a=control:\*",
    r"a=range:npt=now-",
    r"a=x-relayed",
)
_VIDEO = (
    r"m=video 0 RTP/AVP [0-9]{1,3}",
    r"b=AS:[0-9]{1,7}",
    r"a=rtpmap:[0-9]{1,3} H26[45]/90000",
    r"a=fmtp:[0-9]{1,3} [^ ]+",
    r"a=x-dimensions:[0-9]{1,5},[0-9]{1,5}",
    r"a=framesize:[0-9]{1,3} [0-9]{1,5}-[0-9]{1,5}",
    r"a=framerate:[0-9]{1,3}(?:\.[0-9]{1,6})?",
    r"a=control:trackID=0",
    r"a=recvonly",
)
_AUDIO = (
    r"m=audio 0 RTP/AVP [0-9]{1,3}",
    r"a=rtpmap:[0-9]{1,3} MPEG4-GENERIC/[0-9]{4,6}/1",
    r"a=rtpmap:8 PCMA/8000",
    r"a=rtpmap:0 PCMU/8000",
    (
        r"a=fmtp:[0-9]{1,3} streamtype=5;profile-level-id=1;mode=AAC-hbr;sizelength=13;indexlength=3;"
        r"indexdeltalength=3;config=[0-9A-F]{4,16}"
    ),
    r"a=control:trackID=1",
    r"a=recvonly",
)
_KINDS = (["video"], ["video", "audio"])
_FORMAT_PARAMETERS = {
    "packetization-mode": r"1",
    "profile-level-id": r"[0-9A-F]{6}",
    "sprop-parameter-sets": r"[A-Za-z0-9+/=,]+",
    "sprop-vps": r"[A-Za-z0-9+/=]+",
    "sprop-sps": r"[A-Za-z0-9+/=]+",
    "sprop-pps": r"[A-Za-z0-9+/=]+",
}
_TRACK_INFO = r"url=rtsps?://[^/@]+/[a-z0-9_/-]+/trackID=[01];seq=[0-9]{1,5}(?:;rtptime=[0-9]{1,10})?"
_FIELDS = {
    "CSeq": r"[0-9]{1,9}",
    "Server": re.escape(product.NAME),
    "Public": r"[A-Z_, ]+",
    "Allow": r"[A-Z_, ]+",
    "Content-Base": r"rtsps?://[^/@]+/[a-z0-9_/-]+/",
    "Content-Type": r"application/sdp",
    "Content-Length": r"[0-9]{1,6}",
    "Transport": (
        r"RTP/AVP(?:/TCP)?;unicast(?:;(?:interleaved|client_port|server_port)=[0-9]+-[0-9]+|;ssrc=[0-9A-F]{8})*"
    ),
    "Session": r"[A-Za-z0-9]{1,64}(?:;timeout=[0-9]{1,4})?",
    "Range": r"npt=now-",
    "RTP-Info": rf"{_TRACK_INFO}(?:,{_TRACK_INFO})?",
    "WWW-Authenticate": rf'Digest realm="{re.escape(product.NAME)}", nonce="[0-9A-Za-z]+"(?:, stale=true)?',
    "Unsupported": r".*",  # the reader's own word, sent back
}


def shown(text: str) -> str:
    """Return a peer's text as a finding shows it."""
    return printable(text, _MAX_TEXT)


def foreign_fields(fields: tuple[tuple[str, str], ...]) -> list[str]:
    """Return the header fields of a response that this product does not write."""
    found = []
    for name, value in fields:
        pattern = _FIELDS.get(name)
        if pattern is None or re.fullmatch(pattern, value) is None:
            found.append(f"{name}: {value}")
    return found


@dataclass(slots=True, kw_only=True)
class DescribedMedia:
    """Describes a media section.

    Attributes:
        kind: the kind, from the m= line.
        codec: the codec of the first format that names one.
        payload_types: the payload types of the m= line.
        control: the value of a=control, "" where it is missing.
        talk_back: True where the media is for sound towards the device.
        parameter_sets: the parameter sets of the fmtp line.
        frame_rate: pictures a second that a=framerate names, None where it is missing.
    """

    kind: str
    codec: Codec | None = None
    payload_types: tuple[int, ...] = ()
    control: str = ""
    talk_back: bool = False
    parameter_sets: list[bytes] = field(default_factory=list)
    frame_rate: float | None = None


@dataclass(slots=True)
class Description:
    """Holds a session description, read strictly.

    Attributes:
        control: the control attribute of the session.
        lines: every line.
        problems: the lines that this product would not write, in its own words.
    """

    media: list[DescribedMedia] = field(default_factory=list)
    control: str = ""
    lines: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


def read_description(body: bytes) -> Description:
    """Read a session description (RFC 4566); every line that is not ours is a problem, no line is an error."""
    result = Description()
    if not body.endswith(b"\r\n"):
        result.problems.append("the SDP does not end with CRLF")
    text = body.decode("utf-8", "replace")
    if "\n" in text.replace("\r\n", ""):
        result.problems.append("the SDP has lines that don't end with CRLF")
    result.lines = [line for line in re.split(r"\r?\n", text) if line][:2048]
    for line in result.lines:
        if line.startswith("m="):
            parts = line[2:].split()
            numbers = tuple(int(item) for item in parts[3:] if re.fullmatch("[0-9]{1,3}", item))
            result.media.append(DescribedMedia(kind=shown(parts[0]) if parts else "?", payload_types=numbers))
        patterns: tuple[str, ...] = _SESSION
        if result.media:
            patterns = _VIDEO if result.media[-1].kind == "video" else _AUDIO
        if not any(re.fullmatch(pattern, line) for pattern in patterns):
            result.problems.append(f"SDP line that is not ours: {shown(line)}")
        if result.media:
            _read_attribute(line, result.media[-1], result.problems)
        elif line.startswith("a=control:"):
            result.control = line[10:].strip()
    kinds = [media.kind for media in result.media]
    if kinds not in _KINDS:
        offered = ", ".join(kinds) or "none"
        result.problems.append(f"the SDP offers other media than one video, or one video and one audio: {offered}")
    return result


def _read_attribute(line: str, media: DescribedMedia, problems: list[str]) -> None:
    if line.startswith("a=control:"):
        media.control = line[10:].strip()
    elif match := re.fullmatch(r"a=framerate: ?([0-9]{1,3}(?:\.[0-9]{1,6})?)", line):
        media.frame_rate = float(match.group(1)) or None
    elif line == "a=sendonly" and media.kind == "audio":
        media.talk_back = True
    elif match := re.match(r"a=rtpmap:[0-9]{1,3} +(H264|H265|HEVC)/", line, re.IGNORECASE):
        media.codec = media.codec or (Codec.H264 if match.group(1).upper() == "H264" else Codec.H265)
    elif line.startswith("a=fmtp:") and media.kind == "video":
        _read_format(line.partition(" ")[2], media, problems)


def _read_format(text: str, media: DescribedMedia, problems: list[str]) -> None:
    told = ""
    for item in text.split(";"):
        name, _, value = item.strip().partition("=")
        pattern = _FORMAT_PARAMETERS.get(name)
        if pattern is None or re.fullmatch(pattern, value) is None:
            problems.append(f"fmtp parameter that is not ours: {shown(item.strip())}")
        if name == "profile-level-id":
            told = value
        if name.startswith("sprop-"):
            for encoded in value.split(","):
                try:
                    media.parameter_sets.append(base64.b64decode(encoded, validate=True))
                except (binascii.Error, ValueError):
                    problems.append(f"{shown(name)} is no base64")
    sequence_sets = [unit for unit in media.parameter_sets if media.codec is Codec.H264 and unit[:1] == b"\x67"]
    if told and sequence_sets and sequence_sets[0][1:4].hex() != told.lower():
        problems.append(f"profile-level-id {shown(told)} contradicts the SPS")
