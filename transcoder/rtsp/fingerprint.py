"""The fingerprint guesses from a camera's marks the vendor family of the camera and the conduct of its firmware.

It is for the operator's eyes only. Nothing in the product is decided by it: OEMs copy each other's marks (MEDIAINFO
stands in descriptions of cameras that are no Hikvision), and a camera may lie.
"""

import base64
import binascii
import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from transcoder import product
from transcoder.codecs.nal import Codec
from transcoder.sdp import SessionDescription

UNKNOWN = "unknown"
_MAX_EVIDENCE = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class CameraMarks:
    """Holds the marks that a camera showed before and while it played.

    Attributes:
        description: the parsed session description, or None where it never came.
        servers: the values of Server fields.
        realms: the realms of the camera's challenges.
        header_names: the header names of all responses, as written.
        sessions: the Session values, in order.
        content_base: the Content-Base as sent, or "".
        rtp_info: the RTP-Info as sent in the answer to PLAY, or None where there was no such answer.
        payload_types: the payload types on the video channel beside those negotiated.
        extension_profiles: the profiles of RTP header extensions.
        sei_payload_types: the payload types of SEI messages.
        sei_texts: the first bytes of user data SEI.
        profile_level_id: the profile and level of the SPS in the stream, lower-case hexadecimal, "" where unknown.
        size: (width, height) of the SPS in the stream.
    """

    description: SessionDescription | None = None
    servers: tuple[str, ...] = ()
    realms: tuple[str, ...] = ()
    header_names: frozenset[str] = frozenset()
    sessions: tuple[str, ...] = ()
    content_base: str = ""
    rtp_info: str | None = None
    payload_types: frozenset[int] = frozenset()
    extension_profiles: frozenset[int] = frozenset()
    sei_payload_types: frozenset[int] = frozenset()
    sei_texts: tuple[bytes, ...] = ()
    profile_level_id: str = ""
    size: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Guess:
    """A guess is a vendor family and the marks that speak for it.

    Attributes:
        family: a name of FAMILIES, or UNKNOWN.
        evidence: the camera's marks of that family.
        also: the camera's marks of other families; OEMs mix them.
    """

    family: str
    evidence: tuple[str, ...]
    also: tuple[str, ...] = field(default=())


@dataclass(frozen=True, slots=True)
class _Mark:
    family: str
    weight: int
    where: str
    pattern: re.Pattern[str]
    what: str


def _mark(family: str, weight: int, where: str, pattern: str, what: str) -> _Mark:
    return _Mark(family, weight, where, re.compile(pattern, re.IGNORECASE), what)


_MARKS = (
    _mark("hikvision", 2, "attribute", r"^media_header:MEDIAINFO=494D4B48", "a=Media_header begins with IMKH"),
    _mark("hikvision", 1, "attribute", r"^appversion:", "a=appversion"),
    _mark("hikvision", 2, "line", r"^s=(?:Media Presentation|HIK Media Server)", "session name of Hikvision"),
    _mark("hikvision", 3, "realm", r"^IP Camera\(\w+\)|^hikvision", "realm of Hikvision"),
    _mark("hikvision", 2, "control", r"/(?:ISAPI/)?Streaming/(?:channels|tracks)/\d", "control URL of Hikvision"),
    _mark("hikvision", 3, "payload type", r"^112$", "private payload type 112"),
    _mark("dahua", 3, "attribute", r"^(?:x-)?(?:packetization|rtppayload)-supported:(?:DH|IV)", "attribute of Dahua"),
    _mark("dahua", 3, "realm", r"^Login to ", "realm of Dahua"),
    _mark("dahua", 2, "control", r"/cam/(?:realmonitor|playback)\?", "control URL of Dahua"),
    _mark("dahua", 1, "server", r"^Rtsp Server/[23]\.", "Server of Dahua"),
    _mark("dahua", 1, "line", r"^s=Media Server\b", "session name of Dahua"),
    _mark("dahua", 3, "sei", r"DahuaTechnology", "user data SEI of Dahua"),
    _mark("dahua", 1, "format", r"^stream-assist-frame", "assist frames of Dahua"),
    _mark("uniview", 2, "line", r"^s=VCP IPC Realtime stream", "session name of Uniview"),
    _mark("uniview", 2, "attribute", r"^fmtp:\d+ DecoderTag=h3c", "DecoderTag of H3C"),
    _mark("uniview", 1, "control", r"/media/video\d", "control URL of Uniview"),
    _mark("uniview", 2, "payload type", r"^50$", "private payload type 50"),
    _mark("xiongmai", 4, "server", r"^H264DVR\b", "Server H264DVR"),
    _mark("xiongmai", 1, "header", r"^x-Accept-Retransmit$", "x-Accept-Retransmit"),
    _mark("xiongmai", 1, "attribute", r"^framerate:0S$", "a=framerate:0S"),
    _mark("xiongmai", 2, "sei type", r"^229$", "SEI type 229"),
    _mark("tp-link", 4, "kind", r"^application/(?:tp-link|mercury)$", "media of TP-Link"),
    _mark("tp-link", 3, "line", r"^s=.*TP-LINK", "session name of TP-Link"),
    _mark("tp-link", 1, "attribute", r"^smart_encoder:", "a=smart_encoder"),
    _mark("vstarcam", 4, "line", r"^(?:s=.*VSTARCAM|o=VSTC )", "session name of VStarcam"),
    _mark("reolink", 3, "line", r"^i=(?:h264)?Preview_\d+_(?:main|sub)", "description of Reolink"),
    _mark("foscam", 2, "line", r"^i=video(?:Main|Sub)", "description of Foscam"),
    _mark("hisilicon oem", 4, "server", r"^(?:Hipcam RealServer|HiIpcam/)", "Server of HiSilicon OEMs"),
    _mark("axis", 3, "line", r"^s=.*\bAXIS\b", "session name of Axis"),
    _mark("axis", 3, "realm", r"^AXIS_", "realm of Axis"),
    _mark("axis", 3, "sei", r"^Signed Video\.\.\.0", "signed video SEI of Axis"),
    _mark("bosch", 2, "payload type", r"^35$", "private payload type 35"),
    _mark("anjvision oem", 1, "sei type", r"^240$", "SEI type 240"),
    _mark("live555 server", 1, "attribute", r"^tool:LIVE555", "a=tool of live555"),
    _mark("gstreamer server", 2, "attribute", r"^tool:GStreamer", "a=tool of GStreamer"),
    _mark("gstreamer server", 2, "server", r"GStreamer RTSP server", "Server of GStreamer"),
    _mark("ffmpeg", 2, "attribute", r"^tool:libavformat", "a=tool of FFmpeg"),
    _mark("mediamtx", 3, "server", r"^(?:gortsplib|mediamtx)", "Server of MediaMTX"),
    _mark(product.NAME, 2, "server", f"^{product.NAME}$", "Server of this product"),
)

FAMILIES = tuple(dict.fromkeys(mark.family for mark in _MARKS))


def guess_family(marks: CameraMarks) -> Guess:
    """Guess the family with the heaviest marks.

    Returns:
        UNKNOWN where there is no mark at all. Ties go to the family that is named first in the table.
    """
    texts = _texts(marks)
    weights: dict[str, int] = {}
    evidence: dict[str, list[str]] = {}
    for mark in _MARKS:
        if any(mark.pattern.search(text) for text in texts.get(mark.where, ())):
            weights[mark.family] = weights.get(mark.family, 0) + mark.weight
            evidence.setdefault(mark.family, []).append(mark.what)
    if not weights:
        return Guess(family=UNKNOWN, evidence=())
    family = max(weights, key=lambda name: weights[name])
    also = [f"{what} ({name})" for name, found in evidence.items() if name != family for what in found]
    return Guess(family=family, evidence=tuple(evidence[family]), also=tuple(also[:_MAX_EVIDENCE]))


def _texts(marks: CameraMarks) -> dict[str, list[str]]:
    texts: dict[str, list[str]] = {
        "server": list(marks.servers),
        "realm": list(marks.realms),
        "header": list(marks.header_names),
        "control": [marks.content_base],
        "payload type": [str(number) for number in marks.payload_types],
        "sei type": [str(number) for number in marks.sei_payload_types],
        "sei": [text.decode("latin-1") for text in marks.sei_texts],
    }
    description = marks.description
    if description is None:
        return texts
    texts["line"] = [f"{key}={value}" for key, value in description.lines]
    texts["kind"] = [media.kind for media in description.media]
    texts["format"] = [item.encoding for media in description.media for item in media.formats]
    pairs = [*description.attributes, *(pair for media in description.media for pair in media.attributes)]
    texts["attribute"] = [f"{name}:{value}" for name, value in pairs]
    texts["control"] += [value for name, value in pairs if name.lower() == "control"]
    return texts


def firmware_traits(marks: CameraMarks) -> tuple[str, ...]:
    """Return the firmware's habits and defects, each in one line: a reader of this camera has to put up with them."""
    traits = list(_description_traits(marks)) if marks.description is not None else []
    traits += _session_traits(marks)
    if marks.payload_types:
        traits.append(f"private payload types {_numbers(marks.payload_types)} on the video channel")
    if marks.extension_profiles:
        names = ", ".join(f"0x{profile:04x}" for profile in sorted(marks.extension_profiles))
        traits.append(f"RTP header extensions of profile {names}")
        if 0x4000 in marks.extension_profiles:
            traits.append("extension 0x4000: Hikvision firmware uses it with stream encryption")
    return tuple(traits)


def _session_traits(marks: CameraMarks) -> Iterable[str]:
    identifiers = list(dict.fromkeys(value.partition(";")[0].strip() for value in marks.sessions))
    if len(identifiers) > 1:
        yield "the session id changes"
    if marks.sessions and not any("timeout" in value.lower() for value in marks.sessions):
        yield "the session timeout is not told"
    if "?" in marks.content_base and marks.content_base.endswith("/"):
        yield "Content-Base has a slash behind its query"
    if marks.rtp_info == "":
        yield "PLAY is answered without RTP-Info"
    if any(name.lower() == "cseq" and name != "CSeq" for name in marks.header_names):
        yield "CSeq is written in another case"


def _description_traits(marks: CameraMarks) -> Iterable[str]:
    description = marks.description
    if description is None:
        return
    if description.skipped:
        yield f"{description.skipped} lines or sections of the SDP can't be read"
    present = {key for key, _ in description.lines}
    missing = [f"{key}=" for key in "ost" if key not in present]
    if missing:
        yield f"the SDP has no {', '.join(missing)}"
    for media in description.media:
        names = {item.encoding for item in media.formats}
        if "VND.ONVIF.METADATA" in names:
            yield "an ONVIF metadata media is offered"
        if media.kind == "audio" and media.direction == "sendonly":
            yield "a talk-back media is offered"
        if any("://" in value for name, value in media.attributes if name.lower() == "control"):
            yield f"the control of its {media.kind} media is an absolute URL"
        if any(name.lower() == "smart_encoder" for name, _ in media.attributes):
            yield "a smart codec is announced (virtual I pictures)"
        if media.kind == "video":
            yield from _video_traits(media.attributes, [item.parameters for item in media.formats], names, marks)


def _video_traits(
    attributes: tuple[tuple[str, str], ...], formats: list[dict[str, str]], names: set[str], marks: CameraMarks
) -> Iterable[str]:
    codec = Codec.H264 if "H264" in names else Codec.H265 if names & {"H265", "HEVC"} else None
    if codec is None:
        return
    parameters: dict[str, str] = {}
    for item in formats:
        parameters = {**item, **parameters}
    wanted = ["sprop-parameter-sets"] if codec is Codec.H264 else ["sprop-vps", "sprop-sps", "sprop-pps"]
    missing = [name for name in wanted if not parameters.get(name)]
    if missing:
        yield f"the SDP has no {', '.join(missing)}"
    if any(_has_trailing_zeros(parameters.get(name, "")) for name in wanted):
        yield "parameter sets in the SDP end with zeros"
    told = parameters.get("profile-level-id", "").lower()
    if codec is Codec.H264 and told and marks.profile_level_id and told != marks.profile_level_id:
        yield f"profile-level-id {told[:16]} contradicts the SPS ({marks.profile_level_id})"
    for name, value in attributes:
        if name.lower() == "x-dimensions" and marks.size is not None:
            numbers = tuple(int(item) for item in re.findall(r"\d{1,6}", value)[:2])
            if numbers != marks.size:
                yield f"x-dimensions {value[:24]} contradicts the SPS ({marks.size[0]}x{marks.size[1]})"


def _has_trailing_zeros(value: str) -> bool:
    for item in value[:8192].split(","):
        text = item.strip()
        try:
            if base64.b64decode(text + "=" * (-len(text) % 4)).endswith(b"\x00"):
                return True
        except (binascii.Error, ValueError):
            continue
    return False


def _numbers(values: Iterable[int]) -> str:
    return ", ".join(str(value) for value in sorted(values))
