"""The fingerprint guesses from a camera's marks whose RTSP software it runs, and the conduct of its firmware.

It is for the operator's eyes and for the inventory, where the operator's word stands above it. Nothing that a stream
does is decided by it: OEMs copy each other's marks (MEDIAINFO stands in descriptions of cameras that are no Hikvision),
and a camera may lie.
"""

import base64
import binascii
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from transcoder.codecs.nal import Codec
from transcoder.rtsp.vendor_marks import MARKS, VendorMark
from transcoder.sdp import SessionDescription

UNKNOWN: Final = "unknown"
HIGH: Final = "high"
MEDIUM: Final = "medium"
NEEDED: Final = 3
"""The weight of marks at which a maker is named: one that nobody else has, or several that few have."""
CLEAR: Final = 5
"""The weight at which a guess is HIGH where no other family is near: a mark that is enough, and more beside it."""
_MAX_EVIDENCE: Final = 16


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
        url: the path and the query of the configured URL, "" where that is not known.
        guessed: the path that was asked for where none is configured, or ""; a control URL that repeats it is no mark.
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
    url: str = ""
    guessed: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Guess:
    """A guess is a family of RTSP software, its maker, and the marks that speak for it.

    Attributes:
        family: a name of FAMILIES, or UNKNOWN.
        maker: the maker of the software, "" where it is unknown, or a server that many build into their products. The
            box may have another one: whose code runs is what the guess is about.
        confidence: HIGH or MEDIUM, "" for UNKNOWN.
        because: the camera's marks of that family.
        also: the camera's marks of other families; OEMs mix them.
    """

    family: str
    maker: str = ""
    confidence: str = ""
    because: tuple[str, ...] = ()
    also: tuple[str, ...] = field(default=())


FAMILIES: Final = tuple(MARKS.makers)


def guess_family(marks: CameraMarks) -> Guess:
    """Guess the family with the heaviest marks.

    Returns:
        UNKNOWN where no maker's family has NEEDED in all, or two have the same weight: `s=Media Presentation` and
        `a=appversion` are defaults of a kit that many use. A server that many build in is named where no maker is.
    """
    found = _found(marks)
    weights = {family: _weight(items) for family, items in found.items()}
    family = _heaviest({name: weight for name, weight in weights.items() if MARKS.makers[name]}, NEEDED)
    if family == UNKNOWN and not any(weight >= NEEDED for name, weight in weights.items() if MARKS.makers[name]):
        family = _heaviest({name: weight for name, weight in weights.items() if not MARKS.makers[name]}, 1)
    also = tuple(f"{mark.what} ({name})" for name, items in found.items() if name != family for mark in items)
    if family == UNKNOWN:
        return Guess(family=UNKNOWN, also=also[:_MAX_EVIDENCE])
    lead = weights[family] - max((weight for name, weight in weights.items() if name != family), default=0)
    return Guess(
        family=family,
        maker=MARKS.makers[family],
        confidence=HIGH if weights[family] >= CLEAR and lead >= NEEDED else MEDIUM,
        because=tuple(mark.what for mark in found[family]),
        also=also[:_MAX_EVIDENCE],
    )


def _found(marks: CameraMarks) -> dict[str, list[VendorMark]]:
    texts = _texts(marks)
    found: dict[str, list[VendorMark]] = {}
    for mark in MARKS.items:
        if any(mark.pattern.search(text) for text in texts.get(mark.where, ())):
            found.setdefault(mark.family, []).append(mark)
    return found


def _weight(items: list[VendorMark]) -> int:
    """Return the weight of a family's marks; a control URL that repeats the configured one is no second mark."""
    places = {mark.where for mark in items}
    return sum(mark.weight for mark in items if mark.where != "url" or "control" not in places)


def _heaviest(weights: dict[str, int], needed: int) -> str:
    heaviest = max(weights.values(), default=0)
    names = [name for name, weight in weights.items() if weight == heaviest]
    return names[0] if heaviest >= needed and len(names) == 1 else UNKNOWN


def _texts(marks: CameraMarks) -> dict[str, list[str]]:
    texts: dict[str, list[str]] = {
        "server": list(marks.servers),
        "realm": list(marks.realms),
        "header": list(marks.header_names),
        "control": [marks.content_base],
        "url": [marks.url],
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
    if marks.guessed:
        texts["control"] = [value for value in texts["control"] if marks.guessed.lower() not in value.lower()]
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
