"""Session descriptions: what cameras write is parsed and chosen from, and ours is written."""

from transcoder.sdp.parse import MAX_MEDIA, MAX_SDP_SIZE, Media, OfferedFormat, SessionDescription, parse_sdp
from transcoder.sdp.select import (
    SAMPLING_RATES,
    AudioSelection,
    Interleaving,
    VideoSelection,
    parameter_sets,
    select_audio,
    select_video,
)
from transcoder.sdp.served import ServedAudio, ServedVideo, serialize_served

__all__ = [
    "MAX_MEDIA",
    "MAX_SDP_SIZE",
    "SAMPLING_RATES",
    "AudioSelection",
    "Interleaving",
    "Media",
    "OfferedFormat",
    "ServedAudio",
    "ServedVideo",
    "SessionDescription",
    "VideoSelection",
    "parameter_sets",
    "parse_sdp",
    "select_audio",
    "select_video",
    "serialize_served",
]
