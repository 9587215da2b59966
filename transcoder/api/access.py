"""Access is decided here: bearer tokens have roles, and without tokens a client on this machine may do everything.

Source: RFC 6750, 2.1 (bearer tokens), 3 (WWW-Authenticate).
"""

import hashlib
import hmac
import ipaddress
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Final

from transcoder.config import TokenConfig
from transcoder.url import split_host_port

MAX_TOKEN: Final = 4096
"""The largest number of characters of a token that are looked at."""


class Role(IntEnum):
    """Names the rights of an identity; each role includes the roles below it."""

    READ = 1
    CONTROL = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """Says who sent a request."""

    name: str
    role: Role


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Holds the facts about a request's sender.

    Attributes:
        address: the address that the request comes from, "" where unknown.
        authorization, host, origin, fetch_site: the headers of the request, None where absent.
    """

    address: str
    authorization: str | None = None
    host: str | None = None
    origin: str | None = None
    fetch_site: str | None = None


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

    def identify(self, caller: Caller, wanted: Role) -> Identity:
        """Return the identity of a caller who has the wanted role.

        Raises:
            Denied: the caller does not have the role.
        """
        identity = self._by_token(caller) if caller.authorization is not None else self._local(caller)
        if identity.role < wanted:
            raise Denied(403, f"token {identity.name} has the role read; control is needed")
        return identity

    def name_of(self, caller: Caller) -> str | None:
        """Return the name of a caller's token, None where the caller has none that is known."""
        try:
            return self._by_token(caller).name
        except Denied:
            return None

    def _by_token(self, caller: Caller) -> Identity:
        scheme, _, token = (caller.authorization or "").partition(" ")
        if scheme.lower() != "bearer":
            raise Denied(401, "a bearer token is needed")
        given = _digest(token.strip()[:MAX_TOKEN])
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
        if caller.fetch_site not in {None, "same-origin", "none"} or not _same_origin(caller):
            raise Denied(403, "without a token, no page of another site may send this")
        return Identity(name="local", role=Role.CONTROL)


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", "surrogateescape")).digest()


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
