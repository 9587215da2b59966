"""Access is decided here: bearer tokens have roles, and without tokens a client on this machine may do everything.

A browser shows a token once and has a cookie from then on (`api/login_cookie.py`). A browser sends its cookie whoever
asks it to: so what comes with a cookie must come from the gateway's own page.

Sources: RFC 6750, 2.1 (bearer tokens), 3 (WWW-Authenticate); RFC 6455, 10.2 (Origin of WebSockets).
"""

import hashlib
import hmac
import ipaddress
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Final

from transcoder.api import login_cookie
from transcoder.api.login_cookie import CSRF_HEADER, LoginCookie
from transcoder.config import TokenConfig
from transcoder.url import split_host_port

MAX_TOKEN: Final = 4096
"""The largest number of characters of a token that are looked at."""
SAFE_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS"})
"""The methods that change nothing (RFC 9110, 9.2.1)."""


class Role(IntEnum):
    """Names the rights of an identity; each role includes the roles below it."""

    READ = 1
    CONTROL = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """Says who sent a request.

    Attributes:
        name: the name of the token.
        role: the rights of the token.
        csrf: the text that a page sends with every change, None for whoever has no cookie.
        expires: the Unix second at which the login ends, None where it does not.
    """

    name: str
    role: Role
    csrf: str | None = None
    expires: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Holds the facts about a request's sender.

    Attributes:
        address: the address that the request comes from, "" where unknown.
        authorization, host, origin, fetch_site, csrf: the headers of the request, None where absent.
        cookie: the value of the cookie of a login, None where absent.
        method: the method of the request.
        is_web_socket: whether the request opens a WebSocket.
        now: the Unix second at which the request came; cookies are of use with it alone.
    """

    address: str
    authorization: str | None = None
    host: str | None = None
    origin: str | None = None
    fetch_site: str | None = None
    csrf: str | None = None
    cookie: str | None = None
    method: str = "GET"
    is_web_socket: bool = False
    now: float = math.inf


class Denied(Exception):  # noqa: N818  # it reads as the answer it is
    """A request is not carried out, because its sender may not make it.

    Args:
        status: 401, 403 or 429.
        reason: the reason for the sender.
        challenges: the logins that would do besides a token, as values of WWW-Authenticate.
    """

    def __init__(self, status: int, reason: str, challenges: Sequence[str] = ()) -> None:
        super().__init__(reason)
        self.status = status
        self.reason = reason
        self.challenges = challenges


class Access:
    """Knows the tokens.

    Args:
        tokens: the tokens by name.
    """

    def __init__(self, tokens: Mapping[str, TokenConfig]) -> None:
        self._tokens = [
            (name, _digest(token.token.get_secret_value()), Role[token.role.upper()]) for name, token in tokens.items()
        ]
        self._keys = {name: login_cookie.key_of(digest) for name, digest, _ in self._tokens}

    def identify(self, caller: Caller, wanted: Role) -> Identity:
        """Return the identity of a caller who has the wanted role.

        Raises:
            Denied: the caller does not have the role.
        """
        if self._has_cookie(caller):
            identity = self._by_cookie(caller)
        else:
            identity = self._by_token(caller) if caller.authorization is not None else self._local(caller)
        if identity.role < wanted:
            raise Denied(403, f"token {identity.name} has the role read; control is needed")
        return identity

    def has_role(self, caller: Caller, wanted: Role) -> bool:
        """Return whether a caller has the wanted role; nobody waits for the answer, which no guess is told by."""
        try:
            self.identify(caller, wanted)
        except Denied:
            return False
        return True

    def may_guess(self, caller: Caller) -> bool:
        """Return whether a caller shows a token or a cookie, which could be a guess."""
        return caller.authorization is not None or self._has_cookie(caller)

    def name_of(self, caller: Caller) -> str | None:
        """Return the name of a caller's token, None where the caller has none that is known.

        A cookie that is too old was made with the token all the same, and is no guess.
        """
        if self._has_cookie(caller):
            cookie = self._cookie(caller)
            return cookie.name if cookie is not None else None
        try:
            return self._by_token(caller).name
        except Denied:
            return None

    def log_in(self, caller: Caller) -> tuple[LoginCookie, Identity]:
        """Return a cookie for a caller's token, and the identity of whoever sends it.

        Raises:
            Denied: the token is not known, or a page of another site sent it.
        """
        _refuse_other_sites(caller)
        identity = self._by_token(caller)
        key = self._keys[identity.name]
        cookie = login_cookie.make(identity.name, key, caller.now)
        return cookie, self._of_cookie(cookie, identity.role)

    def _has_cookie(self, caller: Caller) -> bool:
        # a proxy may ask for a login of its own, which browsers then send us, too
        return bool(self._tokens) and caller.cookie is not None and not _is_bearer(caller.authorization)

    def _cookie(self, caller: Caller) -> LoginCookie | None:
        """Return a caller's cookie where it was made with a token that is known, however old it is."""
        cookie = login_cookie.parse(caller.cookie or "")
        key = self._keys.get(cookie.name) if cookie is not None else None
        return cookie if cookie is not None and key is not None and cookie.is_of(key) else None

    def _of_cookie(self, cookie: LoginCookie, role: Role) -> Identity:
        csrf = cookie.csrf(self._keys[cookie.name])
        return Identity(name=cookie.name, role=role, csrf=csrf, expires=cookie.expires)

    def _by_cookie(self, caller: Caller) -> Identity:
        cookie = self._cookie(caller)
        if cookie is None or not cookie.is_current(caller.now):
            raise Denied(401, "this login has ended")
        _refuse_other_sites(caller)
        if caller.is_web_socket and caller.origin is None:  # no header of ours can be asked for here
            raise Denied(403, "a WebSocket with a cookie needs an Origin")
        [role] = [role for name, _, role in self._tokens if name == cookie.name]
        identity = self._of_cookie(cookie, role)
        given = (caller.csrf or "").encode("utf-8", "surrogateescape")
        if caller.method not in SAFE_METHODS and not hmac.compare_digest(given, (identity.csrf or "").encode()):
            raise Denied(403, f"a change with a cookie needs the header {CSRF_HEADER}")
        return identity

    def _by_token(self, caller: Caller) -> Identity:
        if not _is_bearer(caller.authorization):
            raise Denied(401, "a bearer token is needed")
        given = _digest((caller.authorization or "").partition(" ")[2].strip()[:MAX_TOKEN])
        found: Identity | None = None
        for name, known, role in self._tokens:  # all of them are compared, so that the time says nothing
            if hmac.compare_digest(given, known):
                found = Identity(name=name, role=role)
        if found is None:
            raise Denied(401, "this token is not known")
        return found

    def _local(self, caller: Caller) -> Identity:
        """Return the identity of a caller on this machine, who needs no token where there are no tokens.

        A page in that machine's browser that was sent from elsewhere is denied.
        """
        if self._tokens or not _is_loopback(caller.address):
            raise Denied(401, "a bearer token is needed")
        if not _names_loopback(caller.host):
            raise Denied(403, "without a token, this machine is reached as localhost or by a loopback address only")
        _refuse_other_sites(caller)
        return Identity(name="local", role=Role.CONTROL)


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()  # JSON may write lone surrogates


def _is_bearer(authorization: str | None) -> bool:
    return authorization is not None and authorization.partition(" ")[0].lower() == "bearer"


def _refuse_other_sites(caller: Caller) -> None:
    """Refuse what a page of another site has a browser send, which needs no token or adds its cookie by itself.

    Raises:
        Denied: a page of another site sent it.
    """
    if caller.fetch_site not in {None, "same-origin", "none"} or not _same_origin(caller):
        raise Denied(403, "without a token, no page of another site may send this")


def _is_loopback(address: str) -> bool:
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return False
    mapped = parsed.ipv4_mapped if isinstance(parsed, ipaddress.IPv6Address) else None
    return (mapped or parsed).is_loopback


def _names_loopback(host: str | None) -> bool:
    # a name that an attacker's DNS server points to 127.0.0.1 is none of ours
    if host is None:
        return False
    try:
        name, _ = split_host_port(host)
    except ValueError:
        return False
    return name.lower() == "localhost" or _is_loopback(name)


def _same_origin(caller: Caller) -> bool:
    return caller.origin is None or caller.origin.partition("://")[2] == caller.host
