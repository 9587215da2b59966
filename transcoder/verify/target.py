"""The target of a reader is an RTSP URL that the checker's own parser has taken apart."""

import re
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

PORTS = {"rtsp": 554, "rtsps": 322}
"""The port of each scheme where the URL names none (RFC 2326 section 3.2, RFC 7826 section 4.2)."""
_SECRET = re.compile(r"((?:pass|pwd|user|token|auth|key)[a-z]*)=[^&/;]*", re.IGNORECASE)
"""Matches a parameter of a path or query that holds a secret: several makers put the password there."""


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Target:
    """Names the stream to read, and the user to read it as.

    Attributes:
        host: the name or address, without brackets.
        path: the path and query as written.
        uri: the URL without user and password, as requests name it.
        username: the user; None: nobody logs in.
        is_secure: whether the connection is one over TLS.
    """

    host: str
    port: int
    path: str
    uri: str
    username: str | None
    password: str
    is_secure: bool = False

    @property
    def shown(self) -> str:
        """Return the URL as a report may show it: without user and password, and without those in its path."""
        return self.uri[: len(self.uri) - len(self.path)] + _SECRET.sub(r"\1=***", self.path)


def parse_target(url: str, username: str | None = None, password: str | None = None) -> Target:
    """Take a URL apart; user and password in the URL are used and never sent in a URI.

    Args:
        url: the URL to read.
        username: the user; goes before the user in the URL.
        password: the password; goes before the password in the URL.

    Raises:
        ValueError: the URL is no rtsp:// or rtsps:// URL with a host.
    """
    try:
        parts = urlsplit(url)
        scheme, host = parts.scheme.lower(), parts.hostname
        (host or "").encode("idna")  # whatever can be no name in DNS is told here, and not by the resolver
        port = parts.port or PORTS.get(scheme, 0)
    except ValueError:
        raise ValueError("no valid host or port in the URL") from None
    if scheme not in PORTS or not host:
        raise ValueError("an rtsp:// or rtsps:// URL with a host is needed")
    path = url[url.index("//") + 2 + len(parts.netloc) :]  # as it is: urlsplit forgets an empty query
    own_password = unquote(parts.password) if parts.password is not None else None
    return Target(
        host=host,
        port=port,
        path=path,
        uri=f"{scheme}://{f'[{host}]' if ':' in host else host}:{port}{path}",
        username=username if username is not None else (unquote(parts.username) if parts.username else None),
        password=(password if password is not None else own_password) or "",
        is_secure=scheme == "rtsps",
    )
