"""The request URIs of readers name a stream and maybe one of its tracks."""

import re
from dataclasses import dataclass

_SEGMENT = "[a-z0-9][a-z0-9_-]{0,62}"
_STREAM = re.compile(f"{_SEGMENT}(/{_SEGMENT})?")
"""The path of a served stream: the stream's id, or the stream's id and the name of one of its outputs."""
_TRACK = re.compile(r"/?trackID=(\d{1,3})/?$", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Target:
    """Holds the parts of a request URI: the path of a served stream and, in SETUP, the number of one of its tracks."""

    path: str
    track: int | None


def parse_target(uri: str) -> Target | None:
    """Return stream and track of a request URI, or None where it can't name a stream.

    One segment or two name a stream: `/front`, `/front/sub`.

    These are accepted: `/front`, `/front/`, `/front/trackID=0`, `/front/trackID=0?query` (GStreamer) and
    `/front?query/trackID=0` (ffmpeg), absolute or as a bare path.
    """
    rest = re.sub(r"^rtsp[su]?://[^/?]*", "", uri[:2048], flags=re.IGNORECASE)
    path, _, query = rest.partition("?")
    track = None
    for part in (path, query):
        match = _TRACK.search(part)
        if match is not None:
            track = int(match.group(1))
            break
    name = _TRACK.sub("", path).strip("/")
    return Target(name, track) if _STREAM.fullmatch(name) else None
