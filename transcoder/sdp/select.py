"""Which media of a session description are set up, and what it says of them."""

import base64
import binascii
import re
from dataclasses import dataclass

from transcoder.codecs.mpeg4 import video_object_layers
from transcoder.codecs.nal import Codec, header_size, is_parameter_set, nal_unit_type, split_byte_stream
from transcoder.codecs.picture_codec import PictureCodec, SourceCodec, is_sane_size
from transcoder.errors import SdpSyntaxError
from transcoder.sdp.parse import VIDEO_ENCODINGS, Media, SessionDescription
from transcoder.text import printable

_MAX_OFFERED = 240
"""Characters of a camera's own words in an error message."""


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
    for encodings in VIDEO_ENCODINGS:
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
    shown = printable(offered, _MAX_OFFERED)
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


SPROP = {
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
    for name in SPROP[codec]:
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
