"""Session descriptions: a reader that survives what cameras write, and the writer of our own (RFC 2327, RFC 4566).

A line that can't be read is left out and counted, a media section that can't be read is skipped; only a description
with nothing to play is an error. Nothing read here is ever written again.
"""

import base64
import binascii
import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from transcoder.codecs.mpeg4 import video_object_layers
from transcoder.codecs.nal import Codec, header_size, is_parameter_set, nal_unit_type, split_byte_stream
from transcoder.codecs.picture_codec import PictureCodec, SourceCodec, is_sane_size
from transcoder.errors import LimitExceeded, SdpSyntaxError

MAX_SDP_SIZE = 64 << 10
"""Bytes. Real ones stay below 3 KiB."""
MAX_MEDIA = 32
MAX_LINES = 2048
_MAX_OFFERED = 240
"""Characters of a camera's own words in an error message."""

_STATIC_ENCODINGS = {
    0: ("PCMU", 8000), 3: ("GSM", 8000), 8: ("PCMA", 8000), 10: ("L16", 44100), 11: ("L16", 44100),
    14: ("MPA", 90000), 26: ("JPEG", 90000), 32: ("MPV", 90000), 33: ("MP2T", 90000),
}  # fmt: skip
"""RFC 3551 tables 4 and 5."""

_VIDEO_ENCODINGS: tuple[dict[str, SourceCodec], ...] = (
    {"H264": Codec.H264, "H265": Codec.H265, "HEVC": Codec.H265},
    {"MP4V-ES": PictureCodec.MPEG4},
    {"JPEG": PictureCodec.JPEG},
)
"""In the order of preference; FLIR offers H.264 behind MPEG-4 in one media."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Format:
    """One payload format of a media section.

    Attributes:
        payload_type: 0..127.
        encoding: upper case encoding name, "" where nothing tells it.
        clock_rate: ticks a second, as declared; where rtpmap leaves it out that of the encoding, 0 if it has none.
        channels: of audio.
        parameters: of fmtp; names in lower case. A camera may write them under another media (WebRTC#419).
    """

    payload_type: int
    encoding: str
    clock_rate: int
    channels: int = 1
    parameters: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Media:
    """One media section.

    Attributes:
        kind: "video", "audio", "application" or whatever the camera calls it.
        protocol: "RTP/AVP" and the like.
        formats: in the order of the m= line.
        control: the control attribute, or None.
        direction: "sendonly", "recvonly", "sendrecv", "inactive" or "".
        attributes: every attribute, in order, for fingerprints and reports.
        raw_formats: the format list as written; vendor channels have names there instead of numbers.
        connection: the address of c= without TTL and number of groups, the session's where the media has none, or "".
    """

    kind: str
    port: int
    protocol: str
    formats: tuple[Format, ...]
    control: str | None
    direction: str
    attributes: tuple[tuple[str, str], ...]
    raw_formats: tuple[str, ...]
    connection: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionDescription:
    """A parsed description.

    Attributes:
        lines: session-level lines other than attributes, (type, value), for fingerprints and reports.
        skipped: lines and sections that could not be read.
    """

    media: tuple[Media, ...]
    control: str | None
    attributes: tuple[tuple[str, str], ...]
    lines: tuple[tuple[str, str], ...]
    skipped: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Interleaving:
    """That NAL units come with decoding order numbers, and how far out of order they come; each None where not said.

    Attributes:
        depth: NAL units that may have to wait: sprop-interleaving-depth (H.264, slices only), sprop-depack-buf-nalus.
        max_don_diff: sprop-max-don-diff: by how much the numbers of waiting ones may differ.
        buffer_size: bytes of waiting ones: sprop-deint-buf-req, sprop-depack-buf-bytes.

    Source: RFC 6184 section 8.1, RFC 7798 section 7.1.
    """

    depth: int | None = None
    max_don_diff: int | None = None
    buffer_size: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class VideoSelection:
    """The one media that is set up.

    Attributes:
        codec: by the encoding name.
        suspected: the codec that the parameters belong to, where that is another one.
        index: of the media in the description.
        payload_types: those of the chosen encoding; packets of any other are dropped unread.
        parameter_sets: what the description says; a hint until the stream says better.
        picture_size: (width, height) that the description says, or None; a hint too.
        interleaving: of H.264 in packetization-mode 2 and of H.265 with DONL fields, else None.
    """

    index: int
    media: Media
    codec: SourceCodec
    payload_types: frozenset[int]
    clock_rate: int
    parameter_sets: tuple[bytes, ...]
    picture_size: tuple[int, int] | None = None
    suspected: Codec | None = None
    interleaving: Interleaving | None = None


def parse_sdp(body: bytes) -> SessionDescription:
    """Parse a session description.

    Args:
        body: as received; UTF-8 is tried, any other charset is read byte by byte.

    Raises:
        LimitExceeded: over MAX_SDP_SIZE bytes.
        SdpSyntaxError: no media section in it at all.
    """
    if len(body) > MAX_SDP_SIZE:
        raise LimitExceeded(f"session description of {len(body)} bytes is over {MAX_SDP_SIZE}")
    try:
        text = body.decode()
    except UnicodeDecodeError:
        text = body.decode("latin-1")
    skipped = 0
    session: list[tuple[str, str]] = []
    sections: list[list[tuple[str, str]]] = []
    current = session
    lines = re.split(r"\r\n|\n|\r", _JOINED.sub(r"\1\n", text))
    for line in lines[:MAX_LINES]:
        if len(line) < 2 or line[1] != "=" or not line[0].isalpha():
            skipped += bool(line.strip("\x00 \t"))
            continue
        key, value = line[0], line[2:].strip()
        if key == "m":
            if len(sections) == MAX_MEDIA:
                skipped += 1
                break
            current = []
            sections.append(current)
        current.append((key, value))
    connection = _address(session)
    stray = _stray_parameters(session, sections)
    media = []
    for section in sections:
        parsed = _parse_media(section, connection, stray)
        if parsed is None:
            skipped += 1
        else:
            media.append(parsed)
    if not sections:
        raise SdpSyntaxError("the session description has no media section (m= line)")
    attributes = _attributes(session)
    return SessionDescription(
        media=tuple(media),
        control=_first(attributes, "control"),
        attributes=attributes,
        lines=tuple((key, value) for key, value in session if key != "a"),
        skipped=skipped,
    )


_JOINED = re.compile(r"^(a=(?:sendonly|recvonly|sendrecv|inactive))(?=m=)", re.MULTILINE)
"""A line end left out before the next media (Reolink doorbells)."""


def _attributes(section: list[tuple[str, str]]) -> tuple[tuple[str, str], ...]:
    found = []
    for key, value in section:
        if key == "a":
            name, _, rest = value.partition(":")
            found.append((name.strip(), rest.strip()))
    return tuple(found)


def _first(attributes: Sequence[tuple[str, str]], name: str) -> str | None:
    for key, value in attributes:
        if key.lower() == name:
            return value
    return None


def _address(section: list[tuple[str, str]]) -> str:
    """The address of the first c= line that has one; cameras write `c=IN`, `c=IN c=IN IP4 0.0.0.0`.

    Source: RFC 4566 section 5.7: address, TTL (IPv4 alone) and number of groups, with slashes between them.
    """
    for key, value in section:
        address = value.split()[-1].partition("/")[0] if key == "c" and value.split() else ""
        if "." in address or ":" in address:
            return address
    return ""


def _numbers(raw_formats: Sequence[str]) -> list[int]:
    """Payload types of a format list."""
    return [int(item) for item in raw_formats if re.fullmatch(r"[0-9]{1,3}", item) and int(item) < 128]


def _fmtp(value: str) -> tuple[int, dict[str, str]] | None:
    """Payload type and parameters."""
    match = re.match(r"(\d{1,3})\s*(.*)", value, re.DOTALL)
    return (int(match.group(1)), _parameters(match.group(2))) if match and int(match.group(1)) < 128 else None


def _stray_parameters(
    session: list[tuple[str, str]], sections: list[list[tuple[str, str]]]
) -> dict[int, dict[str, str]]:
    """Parameters by payload type, of fmtp lines under a media that has no such payload type (WebRTC#419)."""
    found: dict[int, dict[str, str]] = {}
    for section in [session, *sections]:
        numbers = set(_numbers(section[0][1].split()[3:]) if section and section[0][0] == "m" else [])
        for name, value in _attributes(section):
            parsed = _fmtp(value) if name.lower() == "fmtp" else None
            if parsed is not None and parsed[0] not in numbers:
                found.setdefault(*parsed)
    return found


def _parse_media(section: list[tuple[str, str]], connection: str, stray: dict[int, dict[str, str]]) -> Media | None:
    fields = section[0][1].split()
    if len(fields) < 3:
        return None
    port = re.match(r"\d{1,5}", fields[1])
    attributes = _attributes(section)
    raw_formats = tuple(fields[3:])
    return Media(
        kind=fields[0].lower(),
        port=int(port.group()) if port else 0,
        protocol=fields[2].upper(),
        formats=_formats(raw_formats, attributes, stray),
        control=_first(attributes, "control"),
        direction=next((key for key, _ in attributes if key in _DIRECTIONS), ""),
        attributes=attributes,
        raw_formats=raw_formats,
        connection=_address(section) or connection,
    )


_DIRECTIONS = frozenset({"sendonly", "recvonly", "sendrecv", "inactive"})
_RTPMAP = re.compile(r"(\d{1,3})\s+([^/\s]+)(?:\s*/\s*(\d{1,9})?(?:\s*/\s*([12])\b)?)?")


def _formats(
    raw_formats: tuple[str, ...], attributes: tuple[tuple[str, str], ...], stray: dict[int, dict[str, str]]
) -> tuple[Format, ...]:
    maps: dict[int, tuple[str, int, int]] = {}
    parameters: dict[int, dict[str, str]] = {}
    for name, value in attributes:
        if name.lower() == "rtpmap":
            match = _RTPMAP.match(value)
            if match and int(match.group(1)) < 128:
                encoding = match.group(2).upper()
                entry = (encoding, int(match.group(3) or 0) or _clock_rate(encoding), int(match.group(4) or 1))
                maps.setdefault(int(match.group(1)), entry)
        elif name.lower() == "fmtp":
            parsed = _fmtp(value)
            if parsed is not None:
                parameters.setdefault(*parsed)
    numbers = _numbers(raw_formats)
    formats = []
    for number in dict.fromkeys(numbers):
        static = (*_STATIC_ENCODINGS.get(number, ("", 0)), 1)
        # one format, one rtpmap of another number (ffcs H265): they mean each other
        only = next(iter(maps.values())) if len(numbers) == len(maps) == 1 else static
        encoding, clock_rate, channels = maps.get(number, only)
        own = parameters.get(number) or stray.get(number)
        if own is None:
            own = next(iter(parameters.values())) if len(numbers) == len(parameters) == 1 else {}
        formats.append(
            Format(payload_type=number, encoding=encoding, clock_rate=clock_rate, channels=channels, parameters=own)
        )
    return tuple(formats)


def _clock_rate(encoding: str) -> int:
    """What an encoding's clock rate is where rtpmap leaves it out; 0 where there is no telling."""
    for encodings in _VIDEO_ENCODINGS:
        if encoding in encodings:
            return 90_000
    if encoding.removeprefix("AAL2-").startswith("G726-"):
        return 8000
    return _AUDIO_CLOCK_RATES.get(encoding, 0)


_AUDIO_CLOCK_RATES = {
    **dict(_STATIC_ENCODINGS[number] for number in (0, 3, 8, 14)),
    "G722": 8000, "G723": 8000, "G728": 8000, "G729": 8000, "OPUS": 48_000,
}  # fmt: skip
"""RFC 3551 table 4; RFC 7587 section 4.1."""


def _parameters(text: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for item in text.split(";"):
        name, equals, value = item.partition("=")
        if equals and name.strip():
            found.setdefault(name.strip().lower(), value.strip().strip('"'))
    return found


def select_video(description: SessionDescription) -> VideoSelection:
    """The video media to set up: the first of the best encoding that we can read.

    Its direction is not looked at: some cameras call their only video "sendonly" (IDS uEye, CV-RTSPHandler).

    Raises:
        SdpSyntaxError: there is none; the message lists what there is.
    """
    offers = [
        (index, media, wanted)
        for index, media in enumerate(description.media)
        if media.kind == "video" and "RTP/" in media.protocol
        for wanted in media.formats
    ]
    for encodings in _VIDEO_ENCODINGS:
        for index, media, wanted in offers:
            codec = encodings.get(wanted.encoding)
            if codec is None:
                continue
            same = [item for item in media.formats if item.encoding == wanted.encoding]
            return VideoSelection(
                index=index,
                media=media,
                codec=codec,
                payload_types=frozenset(item.payload_type for item in same),
                clock_rate=90_000,  # fixed by RFC 6184, RFC 7798, RFC 2435; a camera that says 9000 means it too
                parameter_sets=_configuration(codec, wanted.parameters),
                picture_size=_picture_size(media, wanted.payload_type),
                suspected=_suspected(codec, wanted.parameters),
                interleaving=_interleaving(codec, wanted.parameters),
            )
    offered = ", ".join(f"{media.kind} {'/'.join(_names(media)) or '?'}" for media in description.media) or "nothing"
    shown = "".join(letter if letter.isprintable() else "?" for letter in offered[:_MAX_OFFERED])
    raise SdpSyntaxError(f"no H.264, H.265, MPEG-4 or JPEG video in the session description; it offers {shown}")


def _names(media: Media) -> list[str]:
    return [item.encoding or str(item.payload_type) for item in media.formats] or list(media.raw_formats)


@dataclass(frozen=True, slots=True, kw_only=True)
class AudioSelection:
    """The audio media that is set up where audio is asked for.

    Attributes:
        index: of the media in the description.
        encoding: "PCMU", "PCMA", "G726-16" to "G726-40" (or "AAL2-G726-..."), "MPEG4-GENERIC".
        payload_types: those of the encoding.
        clock_rate: ticks a second.
        channels: 1 or 2.
        config: AudioSpecificConfig of AAC as described, or empty.
        sizes: bits of AU-size and AU-Index in AAC packets.
    """

    index: int
    media: Media
    encoding: str
    payload_types: frozenset[int]
    clock_rate: int
    channels: int
    config: bytes = b""
    sizes: tuple[int, int] = (13, 3)


_AUDIO_ENCODINGS = re.compile(r"PCMU|PCMA|(?:AAL2-)?G726-(?:16|24|32|40)|MPEG4-GENERIC")
_MAX_AUDIO_RATE = 96_000


def select_audio(description: SessionDescription, video: VideoSelection) -> AudioSelection | None:
    """The audio media to set up: the first that can be decoded and is no talk-back channel; None if there is none.

    A talk-back media is "sendonly" beside others; so is the only audio of no camera known.
    """
    for index, media in enumerate(description.media):
        if media.kind != "audio" or "RTP/" not in media.protocol or media.direction == "sendonly":
            continue
        for wanted in media.formats:
            if not _AUDIO_ENCODINGS.fullmatch(wanted.encoding) or not 0 <= wanted.clock_rate <= _MAX_AUDIO_RATE:
                continue
            if index == video.index:
                continue
            parameters = wanted.parameters
            config = parameters.get("config", "")
            return AudioSelection(
                index=index,
                media=media,
                encoding=wanted.encoding,
                payload_types=frozenset(
                    item.payload_type for item in media.formats if item.encoding == wanted.encoding
                ),
                clock_rate=wanted.clock_rate or _aac_rate(config) or 8000,
                channels=wanted.channels,
                config=bytes.fromhex(config) if re.fullmatch(r"(?:[0-9A-Fa-f]{2}){2,64}", config) else b"",
                sizes=(_bits(parameters.get("sizelength"), 13), _bits(parameters.get("indexlength"), 3)),
            )
    return None


SAMPLING_RATES = (96_000, 88_200, 64_000, 48_000, 44_100, 32_000, 24_000, 22_050, 16_000, 12_000, 11_025, 8000, 7350)
"""By sampling_frequency_index (ISO/IEC 14496-3 table 1.18)."""


def _aac_rate(config: str) -> int:
    """Of an AudioSpecificConfig in hexadecimal, or 0: 5 bits object type, 4 bits index (ISO 14496-3, 1.6.2.1)."""
    if not re.fullmatch(r"[0-9A-Fa-f]{4,}", config):
        return 0
    index = int(config[:4], 16) >> 7 & 15
    return SAMPLING_RATES[index] if index < len(SAMPLING_RATES) else 0


def _bits(value: str | None, default: int) -> int:
    return int(value) if value is not None and re.fullmatch(r"[0-9]{1,2}", value) and int(value) <= 32 else default


def _configuration(codec: SourceCodec, parameters: dict[str, str]) -> tuple[bytes, ...]:
    """What a decoder needs before the first picture, as far as fmtp tells it."""
    if isinstance(codec, Codec):
        return parameter_sets(codec, parameters)
    text = parameters.get("config", "")
    if codec is not PictureCodec.MPEG4 or len(text) > _MAX_CONFIG:
        return ()
    try:
        return video_object_layers(bytes.fromhex(text))  # RFC 6416 section 7.1
    except ValueError:
        return ()


def _suspected(codec: SourceCodec, parameters: dict[str, str]) -> Codec | None:
    """H.264 where H265 has the parameters of RFC 6184 section 8.1 and none of RFC 7798 (EZVIZ C6N, go2rtc#264)."""
    return Codec.H264 if codec is Codec.H265 and "sprop-parameter-sets" in parameters else None


def _interleaving(codec: SourceCodec, parameters: dict[str, str]) -> Interleaving | None:
    if codec is Codec.H264 and parameters.get("packetization-mode") == "2":
        return Interleaving(
            depth=_number(parameters, "sprop-interleaving-depth"),
            max_don_diff=_number(parameters, "sprop-max-don-diff"),
            buffer_size=_number(parameters, "sprop-deint-buf-req"),
        )
    if codec is Codec.H265 and _number(parameters, "sprop-max-don-diff"):  # RFC 7798 section 4.4.1: greater than 0
        return Interleaving(
            depth=_number(parameters, "sprop-depack-buf-nalus"),
            max_don_diff=_number(parameters, "sprop-max-don-diff"),
            buffer_size=_number(parameters, "sprop-depack-buf-bytes"),
        )
    return None


def _number(parameters: dict[str, str], name: str) -> int | None:
    value = parameters.get(name, "")
    return int(value) if re.fullmatch(r"[0-9]{1,10}", value) else None


_MAX_CONFIG = 8192
"""Hexadecimal digits; real ones have about 100."""


def _picture_size(media: Media, payload_type: int) -> tuple[int, int] | None:
    """Of a=framesize (3GPP TS 26.234: payload type, width-height) or a=x-dimensions (width,height)."""
    for name, value in media.attributes:
        match = None
        if name.lower() == "framesize":
            match = re.fullmatch(rf"{payload_type}\s+(\d{{1,5}})-(\d{{1,5}})", value)
        elif name.lower() == "x-dimensions":
            match = re.fullmatch(r"(\d{1,5})\s*,\s*(\d{1,5})", value)
        if match and is_sane_size(int(match.group(1)), int(match.group(2))):
            return int(match.group(1)), int(match.group(2))
    return None


_SPROP = {
    Codec.H264: ("sprop-parameter-sets",),
    Codec.H265: ("sprop-vps", "sprop-sps", "sprop-pps"),
}

_PARAMETER_SET_TYPES = {Codec.H264: 2, Codec.H265: 3}
_MAX_PARAMETER_SETS = 16


def parameter_sets(codec: Codec, parameters: dict[str, str]) -> tuple[bytes, ...]:
    """Parameter sets of an fmtp line, without start codes and trailing zeros; none unless there is one of each type.

    Cameras put start codes before (Tenda) or after (GW Security) a set, zeros behind it (Dahua), quotes around
    the comma. They leave out the NAL unit header (VStarcam), the PPS or the VPS (LTS): then nothing is known before the
    stream says it.
    """
    found: list[bytes] = []
    for name in _SPROP[codec]:
        for item in parameters.get(name, "").split(","):
            text = item.strip().strip('"').strip()
            if not text or len(text) > 8192:
                continue
            try:
                data = base64.b64decode(text + "=" * (-len(text) % 4))
            except (binascii.Error, ValueError):
                continue
            found.extend(
                unit
                for unit in split_byte_stream(data)
                if len(unit) > header_size(codec)
                and unit[0] < 0x80
                and is_parameter_set(codec, nal_unit_type(codec, unit))
            )
    types = {nal_unit_type(codec, unit) for unit in found}
    return tuple(found[:_MAX_PARAMETER_SETS]) if len(types) == _PARAMETER_SET_TYPES[codec] else ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ServedVideo:
    """What our own session description says of a stream; every value is ours.

    Attributes:
        parameter_sets: SPS and PPS (H.264) or VPS, SPS and PPS (H.265) of our encoder.
        bitrate_kbps: the cap.
        frame_rate: pictures a second, or None where it is not known.
    """

    codec: Codec
    payload_type: int
    parameter_sets: tuple[bytes, ...]
    bitrate_kbps: int
    frame_rate: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ServedAudio:
    """What our own session description says of a stream's AAC audio; every value is ours.

    Attributes:
        config: AudioSpecificConfig of our encoder.
    """

    payload_type: int
    clock_rate: int
    config: bytes


def serialize_served(video: ServedVideo, *, session_id: int, address: str, audio: ServedAudio | None = None) -> bytes:
    """Our session description of one stream.

    Args:
        video: the first media.
        audio: the second media, where audio is served.
        session_id: of the o= line; changes when the description does.
        address: ours, as the client reached it.

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
        f"m=video 0 RTP/AVP {number}",
        f"b=AS:{video.bitrate_kbps}",
        f"a=rtpmap:{number} {video.codec.value}/90000",
        f"a=fmtp:{number} {_served_parameters(video)}",
    ]
    if video.frame_rate:
        lines.append(f"a=framerate:{video.frame_rate:g}")
    lines += ["a=control:trackID=0", "a=recvonly"]
    if audio is not None:
        number = audio.payload_type
        lines += [
            f"m=audio 0 RTP/AVP {number}",
            f"a=rtpmap:{number} MPEG4-GENERIC/{audio.clock_rate}/1",
            (
                f"a=fmtp:{number} streamtype=5;profile-level-id=1;mode=AAC-hbr;sizelength=13;indexlength=3;"
                f"indexdeltalength=3;config={audio.config.hex().upper()}"
            ),
            "a=control:trackID=1",
            "a=recvonly",
        ]
    return ("\r\n".join(lines) + "\r\n").encode()


def _served_parameters(video: ServedVideo) -> str:
    sets = [base64.b64encode(unit).decode() for unit in video.parameter_sets]
    if video.codec is Codec.H264:
        level = video.parameter_sets[0][1:4].hex().upper()
        return f"packetization-mode=1;profile-level-id={level};sprop-parameter-sets={','.join(sets)}"
    return ";".join(f"{name}={value}" for name, value in zip(_SPROP[Codec.H265], sets, strict=True))
