"""The request URIs of readers name a stream and maybe one of its tracks."""

import re
from dataclasses import dataclass

from transcoder.rtsp.server_events import DescribeRequested, Directory

MAX_URI = 2048
"""Characters of a request URI that are looked at."""
_SEGMENT = "[a-z0-9][a-z0-9_-]{0,62}"
_STREAM = re.compile(f"{_SEGMENT}(/{_SEGMENT})?")
"""The path of a served stream: the stream's id, or the stream's id and the name of one of its outputs."""
_AUTHORITY = re.compile(r"[a-z][a-z0-9+.-]{0,15}://[^/?]*", re.IGNORECASE)
_BASE = re.compile(
    r"(?P<scheme>[a-z][a-z0-9+.-]{0,15})://(?:[^/?@]*@)?"
    r"(?P<host>[a-z0-9._-]{1,253}|\[[0-9a-f:.]{2,45}\])(?P<port>:[0-9]{1,5})?(?=[/?]|$)",
    re.IGNORECASE,
)
_WITHOUT_AUDIO = re.compile(r"(?:.*&)?audio=0/?(?:&.*)?", re.IGNORECASE)
"""The query of a reader that can't take sound: a description without it, whatever the stream has."""
_TRACK = re.compile(r"/?trackID=(\d{1,3})/?$", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Target:
    """Holds the parts of a request URI.

    Attributes:
        path: the path of a served stream.
        track: the number of one of its tracks, in SETUP.
        audio: whether the reader takes sound; a query with `audio=0` says that it does not.
    """

    path: str
    track: int | None
    audio: bool = True

    def describe_request(self, base: str) -> DescribeRequested:
        """Return the event that asks for the description of what the reader takes."""
        return DescribeRequested(path=self.path, base=base, audio=self.audio)


def parse_target(uri: str) -> Target | None:
    """Return stream and track of a request URI, or None where it can't name a stream.

    One segment or two name a stream: `/front`, `/front/sub`.

    The scheme is no part of the name: `rtsps://` and `rtspt://` lead here through whatever ends TLS before.

    These are accepted: `/front`, `/front/`, `/front/trackID=0`, `/front/trackID=0?query` (GStreamer) and
    `/front?query/trackID=0` (ffmpeg), absolute or as a bare path.
    """
    name, query, track = _parts(uri)
    return Target(name, track, not _WITHOUT_AUDIO.fullmatch(query)) if _STREAM.fullmatch(name) else None


def target_of(uri: str, directory: Directory) -> Target | None:
    """Return stream and track of a request URI, whose path may be another name of a stream.

    Args:
        uri: the request URI.
        directory: knows the streams and their other names.
    """
    target = parse_target(uri)
    if target is not None and directory.tracks(target.path):
        return target
    name, query, track = _parts(uri)
    path = directory.aliased(f"/{name}?{query}" if query else f"/{name}") if name else None
    return Target(path, track, not _WITHOUT_AUDIO.fullmatch(query)) if path is not None else target


def tracks_of(target: Target | None, directory: Directory) -> int:
    """Return how many tracks a reader can set up: 0 for no stream, 1 for video, 2 for video and audio."""
    tracks = directory.tracks(target.path) if target is not None else 0
    return tracks if target is None or target.audio else min(tracks, 1)


def _parts(uri: str) -> tuple[str, str, int | None]:
    """Return the path without slashes at its ends, the query, and the number of the track, which ends either."""
    match = _AUTHORITY.match(uri[:MAX_URI])
    path, _, query = uri[match.end() if match is not None else 0 : MAX_URI].partition("?")
    found = _TRACK.search(path) or _TRACK.search(query)
    return _TRACK.sub("", path).strip("/"), _TRACK.sub("", query), int(found[1]) if found is not None else None


def asks_for_group(uri: str) -> bool:
    """Return whether a request URI has the query `multicast`, by which a reader asks for a description of the group."""
    _, query, _ = _parts(uri)
    return "multicast" in query.lower().split("&")


def base_of(uri: str, base: str) -> str:
    """Return scheme, host and port as the reader wrote them: it may have come through a proxy, or by another name.

    Args:
        uri: the request URI; a user in it is left out.
        base: scheme, host and port of the connection, which hold where the URI tells none that can be told again.
    """
    match = _BASE.match(uri[:MAX_URI])
    if match is None:
        return base
    scheme = match["scheme"].lower()
    return f"{scheme if scheme in {'rtsp', 'rtsps'} else base.partition(':')[0]}://{match['host']}{match['port'] or ''}"
