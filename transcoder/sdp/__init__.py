"""Session descriptions of cameras are parsed and chosen from here, and our own are written."""

from transcoder.formats.served_audio import ServedAudio
from transcoder.sdp.group import with_group
from transcoder.sdp.parse import MAX_MEDIA, MAX_SDP_SIZE, Media, OfferedFormat, SessionDescription, parse_sdp
from transcoder.sdp.select import AudioSelection, VideoSelection, select_audio, select_video
from transcoder.sdp.served import ServedVideo, announced, serialize_served
from transcoder.sdp.words import left_out

__all__ = [
    "MAX_MEDIA",
    "MAX_SDP_SIZE",
    "AudioSelection",
    "Media",
    "OfferedFormat",
    "ServedAudio",
    "ServedVideo",
    "SessionDescription",
    "VideoSelection",
    "announced",
    "left_out",
    "parse_sdp",
    "select_audio",
    "select_video",
    "serialize_served",
    "with_group",
]
