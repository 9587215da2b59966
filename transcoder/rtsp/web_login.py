"""The users of RTSP log in to HTTP, too, with the same passwords, nonces and brake (RFC 7616, RFC 7617).

HTTP has no login of a connection: each request proves its user, and what was overheard of one is good for no other. A
client counts its requests with a nonce (RFC 7616 section 3.4, nc), and no count is taken twice. A nonce that is fresh
is asked for again after a wrong answer, so that a client does not take its password for a stale nonce and try it for
ever.
"""

import re
from dataclasses import replace

from transcoder.rtsp.auth import MAX_CHALLENGE, SCHEME, parse_parameters
from transcoder.rtsp.messages import Headers, Request
from transcoder.rtsp.reader_auth import given_count, given_nonce
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
        must_count: whether an answer without a count is taken once, too: a request that may change something. Clients
            that fetch a picture again and again, and count nothing, would have to be asked each time.

    Attributes:
        is_replayed: whether this count of the nonce was used before, so that the client is asked with another nonce.
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
        must_count: bool = False,
    ) -> None:
        fields = [("Authorization", authorization)] if authorization is not None else []
        self._request = Request(method=method, uri=target, headers=Headers(fields))
        given = given_nonce(authorization) if authorization is not None else ""
        count = given_count(authorization) if authorization is not None else 0
        self._nonces = context.nonces
        self._counted = (given, count) if given and (count or must_count) else None
        self.is_replayed = self._counted is not None and context.nonces.is_used(*self._counted)
        is_fresh = not self.is_replayed and context.nonces.is_fresh(given, address, now)
        nonce = given if is_fresh else context.nonces.make(address, now)
        # the gateway's own reader has no business here
        self._login = ReaderLogin(replace(context, own_reader=None), nonce, address, is_secure=is_secure, qop=True)
        self._is_for_target = authorization is None or _signed_target(authorization) in {None, target}

    def due(self, now: float) -> float | None:
        """Return the monotonic second at which the login may be looked at, None where it is refused unseen."""
        return self._login.due(self._request, now)

    def user(self, now: float) -> str | None:
        """Return the user who logged in, None where nobody did."""
        if self.is_replayed or not self._is_for_target or not self._login.admits(self._request, now):
            return None
        # another request with this count may have come while this one waited
        self.is_replayed = self._counted is not None and not self._nonces.use(*self._counted, now)
        return None if self.is_replayed else self._login.user

    def challenges(self) -> list[str]:
        """Return the values of the headers WWW-Authenticate that ask for a login."""
        return [value for _, value in self._login.challenges(self._request)]


def _signed_target(authorization: str) -> str | None:
    """Return path and query that a login by Digest was made for: it opens no other (RFC 7616 section 3.4.6)."""
    match = SCHEME.match(authorization) if len(authorization) <= MAX_CHALLENGE else None
    if match is None or match.group(1).lower() != "digest":
        return None
    return _ORIGIN.sub("", parse_parameters(authorization[match.end() :]).get("uri", ""))
