"""The users of RTSP log in to HTTP, too, with the same passwords, nonces and brake (RFC 7616, RFC 7617).

HTTP has no login of a connection: each request proves its user. A nonce that is fresh is asked for again after a wrong
answer, so that a client does not take its password for a stale nonce and try it for ever.
"""

import re
from dataclasses import replace

from transcoder.rtsp.auth import MAX_CHALLENGE, SCHEME, parse_parameters
from transcoder.rtsp.messages import Headers, Request
from transcoder.rtsp.reader_auth import given_nonce
from transcoder.rtsp.reader_login import ReaderLogin
from transcoder.rtsp.server_events import ServerContext

_ORIGIN = re.compile(r"^https?://[^/?]*", re.IGNORECASE)


def has_users(context: ServerContext) -> bool:
    """Return whether there are users who can log in."""
    return bool(context.directory.passwords())


def is_reader_login(authorization: str | None) -> bool:
    """Return whether a header Authorization holds a login by Digest or Basic, and not a token."""
    return authorization is not None and authorization.partition(" ")[0].lower() in {"digest", "basic"}


class WebLogin:
    """Says which user of RTSP sends one HTTP request.

    Args:
        context: the context of the RTSP server.
        method: the method of the request.
        target: path and query of the request, as they were sent.
        authorization: the header Authorization, None where there is none.
        address: the address that the request comes from.
        is_secure: whether the connection is encrypted.
        now: monotonic seconds.
    """

    def __init__(
        self,
        context: ServerContext,
        *,
        method: str,
        target: str,
        authorization: str | None,
        address: str,
        is_secure: bool,
        now: float,
    ) -> None:
        fields = [("Authorization", authorization)] if authorization is not None else []
        self._request = Request(method=method, uri=target, headers=Headers(fields))
        given = given_nonce(authorization) if authorization is not None else ""
        is_fresh = context.nonces.is_fresh(given, address, now)
        nonce = given if is_fresh else context.nonces.make(address, now)
        # the gateway's own reader has no business here
        self._login = ReaderLogin(replace(context, own_reader=None), nonce, address, is_secure=is_secure)
        self._is_for_target = authorization is None or _signed_target(authorization) in {None, target}

    def due(self, now: float) -> float | None:
        """Return the monotonic second at which the login may be looked at, None where it is refused unseen."""
        return self._login.due(self._request, now)

    def user(self, now: float) -> str | None:
        """Return the user who logged in, None where nobody did."""
        if not self._is_for_target or not self._login.admits(self._request, now):
            return None
        return self._login.user

    def challenges(self) -> list[str]:
        """Return the values of the headers WWW-Authenticate that ask for a login."""
        return [value for _, value in self._login.challenges(self._request)]


def _signed_target(authorization: str) -> str | None:
    """Return path and query that a login by Digest was made for: it opens no other (RFC 7616 section 3.4.6)."""
    match = SCHEME.match(authorization) if len(authorization) <= MAX_CHALLENGE else None
    if match is None or match.group(1).lower() != "digest":
        return None
    return _ORIGIN.sub("", parse_parameters(authorization[match.end() :]).get("uri", ""))
