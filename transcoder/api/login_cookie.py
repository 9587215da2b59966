"""A browser that has shown a token keeps a cookie instead, which is no token and says nothing of it.

The cookie holds the token's name, the second at which it ends, and a code over both, whose key is made of the token:
nothing is kept here, a cookie outlasts a restart, and it ends with its token. Whoever makes a cookie up guesses a token
by it, no more. Sans-IO.

Sources: RFC 6265 and its revision, draft-ietf-httpbis-rfc6265bis (SameSite, the prefix `__Host-`); RFC 2104 (HMAC).
"""

import base64
import hmac
from dataclasses import dataclass
from typing import Final

NAME: Final = "transcoder-login"
SECURE_NAME: Final = f"__Host-{NAME}"
"""The name over TLS: browsers take a cookie of that prefix from this very host alone, and over TLS alone."""
NAMES: Final = (SECURE_NAME, NAME)
"""The names in the order in which a request is searched for them."""
LIFE_S: Final = 12 * 3600
"""Seconds that a login lasts: a shift, and what comes before and after it."""
MAX_COOKIE: Final = 512
"""Characters of a cookie at most: a name of 64 characters of four bytes takes 342, a time and a code take 55."""
CSRF_HEADER: Final = "X-CSRF-Token"

_KEY: Final = b"transcoder login cookie"
_CODE, _CSRF = b"code:", b"csrf:"


@dataclass(frozen=True, slots=True, kw_only=True)
class LoginCookie:
    """Holds the parts of a cookie, which anybody could have written.

    Attributes:
        name: the name of the token.
        expires: the Unix second at which the login ends.
        signed: the text that the code is over.
        code: the code that the cookie came with.
    """

    name: str
    expires: int
    signed: str
    code: str

    @property
    def value(self) -> str:
        """Return the text of the cookie."""
        return f"{self.signed}.{self.code}"

    def is_of(self, key: bytes) -> bool:
        """Return whether the cookie was made with a key, in a time that does not tell how nearly it was."""
        return hmac.compare_digest(self.code.encode(), _code(key, _CODE, self.signed).encode())

    def is_current(self, now: float) -> bool:
        """Return whether the login has begun and not ended; a clock that is set back may put it in the future."""
        return now < self.expires <= now + LIFE_S + 1

    def csrf(self, key: bytes) -> str:
        """Return the text that a page sends with every change: only a page that may read our answers knows it."""
        return _code(key, _CSRF, self.signed)


def key_of(digest: bytes) -> bytes:
    """Return the key of the cookies of a token, made of the token's digest."""
    return hmac.digest(digest, _KEY, "sha256")


def make(name: str, key: bytes, now: float) -> LoginCookie:
    """Return a cookie for whoever has shown the token of a name.

    Args:
        name: the name of the token.
        key: the key of the token's cookies.
        now: Unix seconds.
    """
    expires = int(now) + LIFE_S
    signed = f"{_text(name.encode())}.{expires}"
    return LoginCookie(name=name, expires=expires, signed=signed, code=_code(key, _CODE, signed))


def parse(value: str) -> LoginCookie | None:
    """Return the parts of a cookie, None where it is none of ours."""
    if len(value) > MAX_COOKIE or not value.isascii():
        return None
    signed, _, code = value.rpartition(".")
    name, _, expires = signed.partition(".")
    if not (expires.isdigit() and len(expires) < 12):
        return None
    try:
        text = base64.b64decode(name + "=" * (-len(name) % 4), b"-_", validate=True).decode()
    except ValueError:
        return None
    return LoginCookie(name=text, expires=int(expires), signed=signed, code=code)


def _code(key: bytes, purpose: bytes, text: str) -> str:
    return _text(hmac.digest(key, purpose + text.encode(), "sha256"))


def _text(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")
