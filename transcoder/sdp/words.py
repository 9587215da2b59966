"""This module names media in words of our own, for pages that outlive a session: ledger, metrics, events, log.

A camera may write its model or its serial number into any name of a description (`m=application/MODEL-SERIAL`), and a
database of metrics never forgets a label. So nothing that is returned here was written by a camera, but for payload
types, which are numbers below 128.
"""

from collections.abc import Iterator, Sequence

from transcoder import formats
from transcoder.sdp.parse import Media, SessionDescription

METADATA = "metadata media"
TALK_BACK = "talk-back"
PRIVATE = "private media"
UNKNOWN_ENCODING = "of an unknown encoding"

_PLAIN = frozenset({"video", "audio", "text"})
"""The kinds of media that are their own word (RFC 4566 section 5.14; `application` may be anything)."""
_METADATA_KINDS = frozenset({"metadata", "meta"})
"""The kinds that cameras write for ONVIF's metadata in the place of `application` (gortsplib#474)."""
_METADATA_ENCODING = "VND.ONVIF.METADATA"
"""The beginning of the encoding names of metadata (ONVIF Streaming, 5.2.1.1: plain, .GZIP, .EXI.ONVIF)."""
_REGISTERED = frozenset(
    {
        "AC3", "AMR", "AMR-WB", "AV1", "DV", "FCAM", "G723", "G728", "G729", "GSM", "H261", "H263", "H263-1998",
        "H263-2000", "H266", "JPEG2000", "L24", "L8", "MP1S", "MP2P", "MP2T", "MP4A-LATM", "MPA", "MPV",
        "RAW", "SPEEX", "THEORA", "VC1", "VORBIS", "VP8", "VP9",
    }
)  # fmt: skip
"""Encoding names that are registered with IANA, and FLIR's raw thermal FCAM, beside those of the formats that are
received."""


def media_word(media: Media, *, video: Media | None = None) -> str:
    """Return our own word for a media that is not set up.

    Args:
        media: the media.
        video: the video that is set up. A camera that calls its own video "sendonly" writes the directions as it sees
            them itself (IDS uEye), so its "sendonly" audio is no talk-back.
    """
    if media.kind == "audio" and media.direction == "sendonly" and (video is None or video.direction != "sendonly"):
        return TALK_BACK
    if media.kind in _PLAIN:
        return media.kind
    names = {item.encoding for item in media.formats}
    if media.kind in _METADATA_KINDS or any(name.startswith(_METADATA_ENCODING) for name in names):
        return METADATA
    return PRIVATE


def offer_word(media: Media) -> str:
    """Return our own words for a media and its encodings, for the reason why none of a description was taken."""
    word = media_word(media)
    if word not in _PLAIN:
        return word
    known = [_encoding_word(item.encoding) or str(item.payload_type) for item in media.formats]
    return f"{word} {'/'.join(dict.fromkeys(known)) or '?'}"


def _encoding_word(encoding: str) -> str:
    """Return an encoding name that is known, "" for none, or words for a name that the camera made up."""
    is_known = encoding in _REGISTERED or formats.VIDEO.of_encoding(encoding) or formats.AUDIO.of_encoding(encoding)
    return encoding if is_known or not encoding else UNKNOWN_ENCODING


def left_out(description: SessionDescription, taken: Sequence[int]) -> Iterator[tuple[str, bytes]]:
    """Yield our own word and the camera's name of each media that is not set up; the name is an example for the ledger.

    Args:
        description: the description.
        taken: the indices of the media that are set up, the video first.
    """
    video = description.media[taken[0]]
    for index, media in enumerate(description.media):
        if index not in taken:
            names = "/".join([item.encoding for item in media.formats if item.encoding] or media.raw_formats)
            yield media_word(media, video=video), f"{media.kind} {names}".encode("utf-8", "replace")
