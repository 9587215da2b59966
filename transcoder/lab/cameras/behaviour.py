"""This module holds the switches that make a simulated camera like one of a family.

A family (`transcoder.lab.cameras.families`) presets the switches; a caller overrides single ones by name, so that
one defect can be studied alone: `override(behaviour, ["private_payload_type=50", "marker=none"])`. The switches of one
kind of defect are a part of their own (`transcoder.lab.cameras.defects`); the caller names them like the others.
"""

import types
from collections.abc import Iterable
from dataclasses import dataclass, field, fields, replace
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from transcoder.codecs.nal import Codec
from transcoder.codecs.picture_codec import SourceCodec, source_codec
from transcoder.errors import ConfigError
from transcoder.lab.cameras.defects.delivery import DeliveryDefects
from transcoder.lab.cameras.defects.description import DescriptionDefects
from transcoder.lab.cameras.defects.numbering import NumberingDefects
from transcoder.lab.cameras.defects.packetization import PacketDefects
from transcoder.lab.cameras.defects.patience import PatienceDefects
from transcoder.lab.cameras.defects.pictures import PictureDefects
from transcoder.lab.cameras.defects.session import SessionDefects
from transcoder.lab.cameras.defects.timing import TimingDefects


@dataclass(frozen=True, slots=True, kw_only=True)
class CameraBehaviour:
    """Describes the behaviour of a camera. Texts may hold `{canary}`, which is replaced by a canary of that field.

    Attributes:
        family: the family whose SDP is written; a key of `families.FAMILIES`.
        codec: codec of the content that fits it.
        path: request path and query of the live stream.
        any_path: other paths are the live stream too; else they are answered 404.
        server_header: value of Server; empty: none.
        realm: realm of the challenges.
        authentication: the challenges that are sent if the camera has a password; "both" in two header fields, Digest
            first; "several": Digest SHA-256 with a parameter of its own, Digest MD5 and Basic.
        challenge_options: OPTIONS needs a login as well.
        password_in_path: `user=..&password=..` in the path is a login too.
        cseq_name: the camera's spelling of CSeq.
        session_prefix: blanks before the session id.
        session_format: the session id; `{canary}` is 16 digits.
        session_timeout_s: silence after which a session ends.
        content_base: "slash": the URL asked for, query included, and a slash; "plain": without query or slash; "none".
        absolute_control: control attributes are whole URLs.
        control_query: appended to absolute control URLs.
        rtp_info: URLs in RTP-Info: "absolute", "relative" or "none" (no RTP-Info at all).
        transport_ssrc: the form of ssrc= in Transport: "lower", "upper", "padded" or "none".
        extra_headers: further header fields of DESCRIBE responses.
        video_payload_type: RTP payload type of the video.
        max_payload: bytes of an RTP payload.
        marker: on the "last" packet of an access unit, on parameter sets too ("parameter_sets": Tapo TC70, Reolink Duo
            2, RLC-822A), on "all" packets, or on "none" (FLIR M400).
        start_at_idr: the first reader's stream starts with an IDR; False: in the middle of a GOP.
        access_unit_delimiter: on every access unit.
        idr_nal_units: private NAL units beside each IDR, names of `private_nal.KINDS`.
        picture_nal_units: the same, beside every picture.
        video_extension: profile of a header extension on the first video packet of each IDR; None: no extension.
        private_payload_type: RTP payload type of private packets on the video track; None: none are sent.
        private_packets: "extension": empty packets with header extensions and their own sequence counter, before each
            access unit; "duplicate": one packet after each IDR that repeats the last video packet's sequence number.
        metadata: an ONVIF metadata media is offered, and sent when it is set up.
        audio: a G.711 media is offered, and sent when it is set up.
        audio_payload_type: 8 for A-law, 0 for u-law.
        backchannel: a talk-back media is offered; nothing is sent on it.
        rtcp: sender reports are sent.
        rtcp_app: APP packets are sent with them.
        cname: CNAME of the source description.
        wrong_profile_level_id: the SDP contradicts the SPS.
        sprop: the form of the parameter sets in the SDP: correct ("plain"), with a start code before
            ("start_code": Tenda) or zeros behind each ("zeros": Dahua), with the last one left out ("no_pps": some
            OEMs), or without NAL unit headers ("no_header": VStarcam); H.264 only, but for zeros.
        timing, packets, numbering, pictures, delivery, session, description, patience: defects of one kind each.
    """

    family: str
    codec: SourceCodec = Codec.H264
    path: str = "/live"
    any_path: bool = False
    server_header: str = ""
    realm: str = "{canary}"
    authentication: Literal["digest", "basic", "both", "several"] = "digest"
    challenge_options: bool = False
    password_in_path: bool = False
    cseq_name: str = "CSeq"
    session_prefix: str = ""
    session_format: str = "{canary}"
    session_timeout_s: int = 60
    content_base: Literal["slash", "plain", "none"] = "slash"
    absolute_control: bool = False
    control_query: str = ""
    rtp_info: Literal["absolute", "relative", "none"] = "relative"
    transport_ssrc: Literal["lower", "upper", "padded", "none"] = "upper"
    extra_headers: tuple[tuple[str, str], ...] = ()
    video_payload_type: int = 96
    max_payload: int = 1400
    marker: Literal["last", "parameter_sets", "all", "none"] = "last"
    start_at_idr: bool = True
    access_unit_delimiter: bool = False
    idr_nal_units: tuple[str, ...] = ()
    picture_nal_units: tuple[str, ...] = ()
    video_extension: int | None = None
    private_payload_type: int | None = None
    private_packets: Literal["extension", "duplicate"] = "extension"
    metadata: bool = True
    audio: bool = False
    audio_payload_type: int = 8
    backchannel: bool = False
    rtcp: bool = True
    rtcp_app: bool = True
    cname: str = "{canary}"
    wrong_profile_level_id: bool = False
    sprop: Literal["plain", "start_code", "zeros", "no_pps", "no_header"] = "plain"
    timing: TimingDefects = field(default_factory=TimingDefects)
    packets: PacketDefects = field(default_factory=PacketDefects)
    numbering: NumberingDefects = field(default_factory=NumberingDefects)
    pictures: PictureDefects = field(default_factory=PictureDefects)
    delivery: DeliveryDefects = field(default_factory=DeliveryDefects)
    session: SessionDefects = field(default_factory=SessionDefects)
    description: DescriptionDefects = field(default_factory=DescriptionDefects)
    patience: PatienceDefects = field(default_factory=PatienceDefects)


def override(behaviour: CameraBehaviour, settings: Iterable[str]) -> CameraBehaviour:
    """Return a behaviour with single switches changed.

    Args:
        behaviour: a family's preset.
        settings: `name=value`; lists are separated by commas, an empty value is None or an empty list, booleans are
            true or false, numbers may be hexadecimal with 0x.

    Raises:
        ConfigError: unknown names and values that don't fit, all of them.
    """
    problems = []
    changes: dict[str, dict[str, Any]] = {}
    for setting in settings:
        name, equals, text = setting.partition("=")
        where = _PLACES.get(name)
        if not equals or where is None:
            problems.append(f"{name}: no such switch; there are {', '.join(sorted(_PLACES))}")
            continue
        part, kind = where
        try:
            changes.setdefault(part, {})[name] = _parse(kind, text)
        except ValueError as error:
            problems.append(f"{name}: {error}")
    if problems:
        raise ConfigError(problems)
    own = changes.pop("", {})
    return replace(
        behaviour, **own, **{part: replace(getattr(behaviour, part), **values) for part, values in changes.items()}
    )


_PARTS: dict[str, type] = {
    "timing": TimingDefects,
    "packets": PacketDefects,
    "numbering": NumberingDefects,
    "pictures": PictureDefects,
    "delivery": DeliveryDefects,
    "session": SessionDefects,
    "description": DescriptionDefects,
    "patience": PatienceDefects,
}


def _places() -> dict[str, tuple[str, Any]]:
    """Return the part that holds each switch ("": none) and the type of the switch; no two parts share a name."""
    own = get_type_hints(CameraBehaviour)
    places = {
        each.name: ("", own[each.name])
        for each in fields(CameraBehaviour)
        if each.name not in {"family", "extra_headers", *_PARTS}
    }
    for part, kind in _PARTS.items():
        places |= {name: (part, hint) for name, hint in get_type_hints(kind).items() if not name.startswith("_")}
    return places


_PLACES = _places()
SWITCHES = frozenset(_PLACES)
"""Names that `override` knows."""


def _parse(kind: Any, text: str) -> Any:
    if kind == SourceCodec:
        return source_codec(text.upper())
    origin = get_origin(kind)
    if origin is Literal:
        if text not in get_args(kind):
            raise ValueError(f"{text!r} is none of {', '.join(get_args(kind))}")
        return text
    if origin in {Union, types.UnionType}:
        return None if text in {"", "none"} else _parse(get_args(kind)[0], text)
    if origin is tuple:
        return tuple(item for item in text.split(",") if item)
    if kind is bool:
        if text not in {"true", "false"}:
            raise ValueError(f"{text!r} is neither true nor false")
        return text == "true"
    if kind is int:
        return int(text, 0)
    if kind is float:
        return float(text)
    return text
