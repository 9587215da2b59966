"""RTSP URLs: the configured one is completed by the path and query that a camera names.

Cameras name them in Content-Base and control attributes. Whatever host a camera names, requests go to the configured
host: only path and query are taken from the camera.
"""

import re
from dataclasses import dataclass, replace
from typing import Final

from transcoder.errors import RemoteProtocolError
from transcoder.url import split_url

DEFAULT_PORT = 554
SECURE_PORT = 322
"""The port of RTSP over TLS (RFC 7826 section 19)."""
PORTS: Final = {"rtsp": DEFAULT_PORT, "rtsps": SECURE_PORT}
MAX_URL_LENGTH = 2048

_SCHEMES = re.compile(r"^(?:rtsps?://|rtspu://)+", re.IGNORECASE)
_UNSAFE = re.compile(r"[\x00-\x20\x7f-\U0010ffff]")


@dataclass(frozen=True, slots=True, kw_only=True)
class RtspUrl:
    """Holds the parts of a stream's URL.

    Attributes:
        host: the name or address, without brackets.
        port: 1..65535.
        is_secure: whether the connection is one over TLS.
        target: path and query exactly as configured, empty or starting with "/" or "?".
    """

    host: str
    port: int = DEFAULT_PORT
    target: str = ""
    is_secure: bool = False

    def __str__(self) -> str:
        return f"{'rtsps' if self.is_secure else 'rtsp'}://{self.authority}{self.target}"

    @property
    def authority(self) -> str:
        """Return host and port, as in a URL; there is no userinfo."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"

    def with_target(self, target: str) -> "RtspUrl":
        """Return a URL with the same server and another path and query."""
        return replace(self, target=target)


def parse_url(url: str) -> RtspUrl:
    """Parse an `rtsp://` or `rtsps://` URL; a user and a password in it are dropped.

    Raises:
        ValueError: the scheme is another one, or there is no host, or the port is no port.
    """
    parts = split_url(url, PORTS)
    is_secure = parts.scheme == "rtsps"
    return RtspUrl(host=parts.host.lower(), port=parts.port, target=parts.rest, is_secure=is_secure)


def target_of(reference: str) -> str:
    """Return path and query of the text that a camera calls a URL.

    It survives a missing or doubled scheme, IPv6 addresses without brackets, user info and blanks (Anjvision,
    go2rtc#208, WebRTC#395, Hikvision's echo of credentials).
    """
    text = _UNSAFE.sub("", reference.strip()[:MAX_URL_LENGTH])
    rest = _SCHEMES.sub("", text)
    if rest == text and text[:1] in {"/", "?", ""}:
        return text
    starts = [index for index in (rest.find("/"), rest.find("?")) if index >= 0]
    return rest[min(starts) :] if starts else ""


def is_absolute(reference: str) -> bool:
    """Return whether a control attribute is a URL of its own, and not something to append."""
    return _SCHEMES.match(reference.strip()) is not None


def base_target(content_base: str | None, content_location: str | None, request_target: str) -> str:
    """Return path and query that control attributes are relative to (RFC 2326 section C.1.1)."""
    for value in (content_base, content_location):
        if value:
            target = target_of(value)
            if target:
                return target
    return request_target


def session_target(base: str, control: str | None) -> str:
    """Return path and query of the session's URL: of PLAY, keep-alives and TEARDOWN, and the base of relative controls.

    A control that names no stream, such as the root of the server, is passed over for the base.

    Source: RFC 2326 section C.1.1.
    """
    control = (control or "").strip()
    target = target_of(control) if control.startswith("/") else join_control(base, control)
    return target if target.strip("/") else base


def join_control(base: str, control: str | None) -> str:
    """Return path and query of a media's control URI.

    RFC 3986 merging breaks cameras that put a query into Content-Base (Dahua ends it with a slash after the query, GW
    Security does not), so a relative control is appended to the base, with one slash between.

    Source: RFC 2326 section C.1.1; devices in the comments.
    """
    control = (control or "").strip()
    if control in {"", "*"}:
        return base
    if is_absolute(control):
        return target_of(control)
    control = _UNSAFE.sub("", control[:MAX_URL_LENGTH])
    if control.startswith("?"):
        return base + control
    return f"{base.rstrip('/')}/{control.lstrip('/')}"


def absolute_location(location: str | None, requested: RtspUrl) -> str | None:
    """Return the URL that a Location field means; a relative reference is resolved against the URL of the request.

    RFC 2326 section 12.25 knows absolute URLs alone; cameras write paths.

    Source: RFC 3986 sections 4.2, 5.2.
    """
    text = _UNSAFE.sub("", (location or "").strip()[:MAX_URL_LENGTH])
    if not text or ":" in re.split("[/?#]", text, maxsplit=1)[0]:
        return location
    if text.startswith("//"):
        return f"{'rtsps' if requested.is_secure else 'rtsp'}:{text}"
    path = requested.target.partition("?")[0]
    if text.startswith("?"):
        return str(requested.with_target((path or "/") + text))
    reference, mark, query = text.partition("?")
    merged = reference if reference.startswith("/") else f"{path.rpartition('/')[0]}/{reference}"
    return str(requested.with_target(_without_dots(merged) + mark + query))


def _without_dots(path: str) -> str:
    """Return a path without its segments "." and ".." (RFC 3986 section 5.2.4)."""
    segments = path.split("/")
    kept: list[str] = []
    for segment in segments:
        if segment == "..":
            del kept[max(len(kept) - 1, 1) :]
        elif segment != ".":
            kept.append(segment)
    return "/".join([*kept, ""] if segments[-1] in {".", ".."} else kept)


def redirect_url(location: str | None, requested: RtspUrl) -> RtspUrl:
    """Return the URL that a redirect leads to, if it stays on the host of the request.

    Raises:
        RemoteProtocolError: there is no location, or it is on another host.
    """
    return redirect_target(absolute_location(location, requested), requested.host)


def redirect_target(location: str | None, host: str) -> RtspUrl:
    """Return the URL that a redirect leads to, if it stays on the configured host.

    Raises:
        RemoteProtocolError: there is no location, or it is on another host: a camera does not choose where we connect.
    """
    if not location:
        raise RemoteProtocolError("the camera redirects without saying where")
    try:
        url = parse_url(_UNSAFE.sub("", location.strip()[:MAX_URL_LENGTH]))
    except ValueError as error:
        raise RemoteProtocolError(f"the camera redirects to what is no rtsp URL: {error}") from None
    if url.host.lower() != host.lower():
        raise RemoteProtocolError("the camera redirects to another host; only the configured host is connected to")
    return url.with_target(target_of(location))  # its path is read as any other that a camera writes
