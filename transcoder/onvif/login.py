"""Clients log in with a user name token of WS-Security, which is checked here, or by HTTP Digest like anywhere else.

A token is good once: it is remembered for as long as its time would be taken.

Source: WS-Security UsernameToken Profile 1.1, ONVIF Core Specification section 5.9.
"""

import base64
import binascii
import hashlib
import hmac
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final
from xml.etree.ElementTree import Element

from transcoder.onvif.faults import Fault, not_authorized
from transcoder.onvif.namespaces import SECURITY, UTILITY
from transcoder.onvif.soap import MAX_VALUE

SKEW_S: Final = 300.0
"""Seconds by which the clock of a client may be off; clients read our clock first, and sign with it."""
MAX_TOKENS: Final = 65_536
"""Tokens that are remembered at most, the oldest is forgotten first: 109 logins a second for as long as one is good."""
MAX_NONCE: Final = 128
"""Characters of a nonce at most; clients send 24 to 32."""
_NOBODYS: Final = "made-up password"


class WrongPassword(Fault):
    """A token has a wrong name or password."""

    def __init__(self) -> None:
        super().__init__("the user name or the password is wrong", "ter:NotAuthorized")


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class UsernameToken:
    """Holds a user name token as it came.

    Attributes:
        username: the name.
        password: the digest of the password, or the password itself.
        is_digest: whether it is a digest.
        nonce: the nonce, in base64 as it came.
        created: the time of the token as it came.
    """

    username: str
    password: str
    is_digest: bool
    nonce: str
    created: str


def username_token(security: Element | None) -> UsernameToken | None:
    """Return the token of a header of WS-Security, None where it has none."""
    token = security.find(f"{{{SECURITY}}}UsernameToken") if security is not None else None
    if token is None:
        return None
    password = token.find(f"{{{SECURITY}}}Password")
    kind = password.get("Type", "") if password is not None else ""
    return UsernameToken(
        username=token.findtext(f"{{{SECURITY}}}Username", "")[:MAX_VALUE],
        password=(password.text or "")[:MAX_VALUE] if password is not None else "",
        is_digest=kind.endswith("#PasswordDigest"),
        nonce=token.findtext(f"{{{SECURITY}}}Nonce", "").strip(),
        created=token.findtext(f"{{{UTILITY}}}Created", "").strip(),
    )


@dataclass(slots=True)
class LoginCounts:
    """Counts the logins that were refused.

    Attributes:
        wrong: with a wrong name or password.
        skewed: with a time that is too far off.
        replayed: with a token that was used before.
    """

    wrong: int = 0
    skewed: int = 0
    replayed: int = 0


class TokenLogin:
    """Says who sends a request, by its token.

    Attributes:
        counts: counts the logins that were refused.
    """

    def __init__(self) -> None:
        self._used: OrderedDict[str, float] = OrderedDict()
        self.counts = LoginCounts()

    def user(self, token: UsernameToken, passwords: Mapping[str, str], wall: float, *, takes_text: bool = False) -> str:
        """Return the user that a token proves.

        Args:
            token: the token.
            passwords: the password of each user.
            wall: UTC seconds.
            takes_text: whether a token may hold the password itself.

        Raises:
            WrongPassword: the name or the password is wrong.
            Fault: the token proves nobody for another reason, and says nothing of the password.
        """
        expected = passwords.get(token.username, _NOBODYS)
        if not token.is_digest:
            if not takes_text:
                raise not_authorized("a password is taken as a digest (PasswordDigest) alone")
            return self._known(token.username, passwords, is_right=_equal(expected, token.password))
        created = _created(token.created)
        if abs(created - wall) > SKEW_S:
            self.counts.skewed += 1
            way = "behind" if created < wall else "ahead"
            raise not_authorized(
                f"the clock of the client is {abs(created - wall):.0f} s {way}, and {SKEW_S:.0f} s are taken: it is "
                f"{_written(wall)} here, see GetSystemDateAndTime"
            )
        try:
            nonce = base64.b64decode(token.nonce[:MAX_NONCE], validate=True)
        except (binascii.Error, ValueError):
            raise not_authorized("the nonce is no base64") from None
        signed = hashlib.sha1(nonce + f"{token.created}{expected}".encode("utf-8", "surrogateescape")).digest()  # noqa: S324  # as the profile has it
        digest = base64.b64encode(signed).decode()
        user = self._known(token.username, passwords, is_right=bool(nonce) and _equal(digest, token.password))
        # the digest as it is made here: base64 writes the same nonce in several ways
        self._use(f"{user} {digest}", created + 2 * SKEW_S, wall)
        return user

    def _known(self, user: str, passwords: Mapping[str, str], *, is_right: bool) -> str:
        if not is_right or user not in passwords:
            self.counts.wrong += 1
            raise WrongPassword
        return user

    def _use(self, token: str, until: float, wall: float) -> None:
        """Use a token that proved right; only those are remembered, so that strangers can't push others out."""
        if token in self._used:
            self.counts.replayed += 1
            raise not_authorized("this login was used before: each request needs another nonce")
        while self._used and (len(self._used) >= MAX_TOKENS or next(iter(self._used.values())) < wall):
            self._used.popitem(last=False)
        self._used[token] = until


def _created(text: str) -> float:
    """Return the time of a token, UTC seconds; Home Assistant writes +00:00, others Z, some no zone."""
    try:
        moment = datetime.fromisoformat(text[:64])
        return (moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        raise not_authorized("the token has no time (Created), or none that can be read") from None


def _written(wall: float) -> str:
    return datetime.fromtimestamp(wall, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _equal(expected: str, given: str) -> bool:
    return hmac.compare_digest(expected.encode("utf-8", "surrogateescape"), given.encode("utf-8", "surrogateescape"))
