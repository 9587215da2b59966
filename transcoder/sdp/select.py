"""This module chooses the media of a session description that are set up, and reads their parameters."""

import re
from dataclasses import dataclass

from transcoder import formats
from transcoder.codecs.nal import Codec
from transcoder.codecs.picture_codec import SourceCodec, is_sane_size
from transcoder.errors import SdpSyntaxError
from transcoder.formats.depacketizer import DecodingOrder
from transcoder.sdp.parse import Media, OfferedFormat, SessionDescription
from transcoder.sdp.words import offer_word
from transcoder.text import printable

_MAX_OFFERED = 240
"""The largest number of characters of a list of media in an error message."""
_MAX_AUDIO_RATE = 96_000


@dataclass(frozen=True, slots=True, kw_only=True)
class VideoSelection:
    """Describes the one video media that is set up.

    Attributes:
        codec: the codec by the encoding name.
        suspected: the codec that the parameters belong to, where that is another codec.
        index: the index of the media in the description.
        payload_types: the payload types of the chosen encoding; packets of any other type are dropped unread.
        parameter_sets: the sets of the description; a hint until the stream brings its own.
        picture_size: (width, height) of the description, or None; a hint too.
        decoding_order: the parameters of H.264 in packetization-mode 2 and of H.265 with DONL fields, else None.
    """

    index: int
    media: Media
    codec: SourceCodec
    payload_types: frozenset[int]
    clock_rate: int
    parameter_sets: tuple[bytes, ...]
    picture_size: tuple[int, int] | None = None
    suspected: Codec | None = None
    decoding_order: DecodingOrder | None = None


def select_video(description: SessionDescription) -> VideoSelection:
    """Return the video media to set up: the first one of the best encoding that we can read.

    Its direction is not looked at: some cameras call their only video "sendonly" (IDS uEye, CV-RTSPHandler).

    Raises:
        SdpSyntaxError: there is no such media; the message lists the media of the description.
    """
    offers = [
        (index, media, wanted)
        for index, media in enumerate(description.media)
        if media.kind == "video" and "RTP/" in media.protocol and not _is_secure(media)
        for wanted in media.formats
    ]
    for rank in formats.VIDEO.ranks:
        for index, media, wanted in offers:
            video = formats.VIDEO.of_encoding(wanted.encoding)
            if video is None or video not in rank:
                continue
            parameters = video.from_fmtp(wanted.parameters)
            return VideoSelection(
                index=index,
                media=media,
                codec=video.codec,
                payload_types=_payload_types(media, wanted),
                clock_rate=video.stated_clock_rate(wanted.clock_rate),
                parameter_sets=parameters.parameter_sets,
                picture_size=_picture_size(media, wanted.payload_type),
                suspected=parameters.suspected,
                decoding_order=parameters.decoding_order,
            )
    if any(media.kind == "video" and _is_secure(media) for media in description.media):
        raise SdpSyntaxError("the camera offers its video as SRTP, which is not supported: turn SRTP off in the camera")
    offered = ", ".join(offer_word(media) for media in description.media) or "nothing"
    shown = printable(offered, _MAX_OFFERED)
    *titles, last = (video.title for video in formats.VIDEO)
    raise SdpSyntaxError(f"no {', '.join(titles)} or {last} video in the session description; it offers {shown}")


def _is_secure(media: Media) -> bool:
    """Return whether a media comes as SRTP (RFC 3711; RFC 4568 section 4, RFC 5764 section 4.2)."""
    return "RTP/SAVP" in media.protocol or "TLS/RTP" in media.protocol


def _payload_types(media: Media, wanted: OfferedFormat) -> frozenset[int]:
    """Return all payload types of a media that have the encoding of the wanted format."""
    return frozenset(item.payload_type for item in media.formats if item.encoding == wanted.encoding)


def _audio_payload_types(media: Media, wanted: OfferedFormat) -> frozenset[int]:
    """Return the payload types whose samples are those of the wanted format: as many a second, in as many channels."""
    return frozenset(
        item.payload_type
        for item in media.formats
        if (item.encoding, item.clock_rate, item.channels) == (wanted.encoding, wanted.clock_rate, wanted.channels)
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class AudioSelection:
    """Describes the audio media that is set up where audio is asked for.

    Attributes:
        index: the index of the media in the description.
        encoding: the encoding name of a format in transcoder.formats.AUDIO.
        payload_types: the payload types of the encoding.
        clock_rate: ticks a second.
        channels: 1 or 2.
        config: the AudioSpecificConfig of AAC as described, or empty.
        sizes: the bits of AU-size and AU-Index in AAC packets.
    """

    index: int
    media: Media
    encoding: str
    payload_types: frozenset[int]
    clock_rate: int
    channels: int
    config: bytes = b""
    sizes: tuple[int, int] = (13, 3)


def select_audio(description: SessionDescription, video: VideoSelection) -> AudioSelection | None:
    """Return the audio media to set up, or None if the description has no such media.

    The media is the first one that can be decoded and is no talk-back channel. A talk-back media is "sendonly" beside
    other audio media; no camera is known whose only audio is "sendonly".
    """
    for index, media in enumerate(description.media):
        if media.kind != "audio" or "RTP/" not in media.protocol or _is_secure(media) or media.direction == "sendonly":
            continue
        for wanted in media.formats:
            audio = formats.AUDIO.of_encoding(wanted.encoding)
            if audio is None or not 0 <= wanted.clock_rate <= _MAX_AUDIO_RATE or index == video.index:
                continue
            if wanted.channels > audio.max_channels:
                continue
            parameters = audio.from_fmtp(wanted.parameters)
            return AudioSelection(
                index=index,
                media=media,
                encoding=wanted.encoding,
                payload_types=_audio_payload_types(media, wanted),
                clock_rate=wanted.clock_rate or parameters.clock_rate or 8000,
                channels=2 if wanted.channels == 2 else 1,
                config=parameters.config,
                sizes=parameters.sizes,
            )
    return None


def _picture_size(media: Media, payload_type: int) -> tuple[int, int] | None:
    """Read the picture size of a=framesize or a=x-dimensions.

    The first is payload type, width-height (3GPP TS 26.234), the second width,height.
    """
    for name, value in media.attributes:
        match = None
        if name.lower() == "framesize":
            match = re.fullmatch(rf"{payload_type}\s+(\d{{1,5}})-(\d{{1,5}})", value)
        elif name.lower() == "x-dimensions":
            match = re.fullmatch(r"(\d{1,5})\s*,\s*(\d{1,5})", value)
        if match and is_sane_size(int(match.group(1)), int(match.group(2))):
            return int(match.group(1)), int(match.group(2))
    return None
