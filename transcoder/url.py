"""URLs with credentials, split without changing a character of the rest: the product's only parser of URLs.

`urllib.parse` isn't used for it: it drops an empty query, which some cameras insist on (`…/stream=0.sdp?`).

Source: RFC 3986, 3.2 (authority); RFC 2326, 3.2 (rtsp URL).
"""

import ipaddress
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import unquote

from transcoder.text import CONTROL_CHARACTER

_HOST_NAME: Final = re.compile(r"(?!-)[A-Za-z0-9_-]{1,63}(\.[A-Za-z0-9_-]{1,63})*\.?")
_NUMERIC_LABEL: Final = re.compile(r"[0-9]+|0[xX][0-9a-fA-F]*")
_PORT: Final = re.compile(r"[0-9]{1,5}")
MAX_HOST: Final = 253
"""Characters of a host name (RFC 1035, 2.3.4, as text)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Url:
    """A URL in its parts; credentials are decoded, everything else is as written."""

    scheme: str
    host: str
    """Without brackets."""
    port: int
    username: str | None = field(repr=False)
    password: str | None = field(repr=False)
    rest: str = field(repr=False)
    """Path, query and fragment."""
    text: str = field(repr=False)
    """The URL without its credentials."""


def split_host_port(text: str) -> tuple[str, int | None]:
    """Split `host`, `host:port` or `[v6]:port`.

    Returns:
        The host without brackets, and the port where there is one.

    Raises:
        ValueError: no such host or port can be; the message is fit for the operator and repeats nothing.
    """
    host, colon, port = text, "", ""
    if text.startswith("["):
        host, bracket, tail = text[1:].partition("]")
        try:
            ipaddress.IPv6Address(host)
        except ValueError:
            raise ValueError("has no valid IPv6 address between [ and ]") from None
        if not bracket or (tail and not tail.startswith(":")):
            raise ValueError("has a [ without its ]")
        colon, port = tail[:1], tail[1:]
    else:
        host, colon, port = text.partition(":")
        if ":" in port:
            raise ValueError("has more than one : in host and port (an IPv6 address goes in [ ])")
        _check_name(host)
    if not colon:
        return host, None
    if not _PORT.fullmatch(port) or int(port) > 65535:
        raise ValueError("has no valid port after its host (0 to 65535)")
    return host, int(port)


def split_url(text: str, default_ports: Mapping[str, int]) -> Url:
    """Split a URL.

    Args:
        text: the URL.
        default_ports: the schemes that are allowed, and the port of each.

    Raises:
        ValueError: it is no such URL; the message repeats nothing of it, since it may hold a password.
    """
    scheme, separator, after = text.partition("://")
    scheme = scheme.lower()
    if not separator or scheme not in default_ports:
        raise ValueError(f"must start with {' or '.join(f'{name}://' for name in default_ports)}")
    end = next((index for index, char in enumerate(after) if char in "/?#"), len(after))
    authority, rest = after[:end], after[end:]
    userinfo, at, host_port = authority.rpartition("@")
    if not (host_port + rest).isascii() or re.search(r"\s", text):
        raise ValueError("must be ASCII without spaces; write other characters percent-encoded")
    try:
        host, port = split_host_port(host_port)
    except ValueError as error:
        hint = "" if "@" not in rest else "; / ? # in a password must be percent-encoded, or given apart from the URL"
        raise ValueError(f"{error}{hint}") from None
    if port == 0:
        raise ValueError("has no valid port after its host (1 to 65535)")
    username, colon, password = userinfo.partition(":")
    return Url(
        scheme=scheme,
        host=host,
        port=port or default_ports[scheme],
        username=_decode(username) if at else None,
        password=_decode(password) if colon else None,
        rest=rest,
        text=f"{scheme}://{host_port}{rest}",
    )


def _check_name(host: str) -> None:
    if not host:
        raise ValueError("has no host")
    if len(host) > MAX_HOST or not _HOST_NAME.fullmatch(host):
        raise ValueError("has no valid host name or address")
    # 127.1 and 0x7f000001 are addresses to the resolver: only the plain form may pass for one
    if _NUMERIC_LABEL.fullmatch(host.rstrip(".").rpartition(".")[2]):
        try:
            ipaddress.IPv4Address(host)
        except ValueError:
            raise ValueError("has no valid IPv4 address") from None


def _decode(text: str) -> str:
    try:
        decoded = unquote(text, errors="strict")
    except UnicodeDecodeError:
        raise ValueError("has credentials that aren't UTF-8 once percent-decoded") from None
    if CONTROL_CHARACTER.search(decoded):
        raise ValueError("has a control character in its credentials")
    return decoded
