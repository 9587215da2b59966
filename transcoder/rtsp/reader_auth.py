"""Readers are asked to log in, and their answers are checked (RFC 2617, RFC 7616, RFC 7617).

Digest MD5 without qop is what ffmpeg, GStreamer and live555 all answer rightly. ffmpeg knows no SHA-256 and answers the
last Digest that it sees, so SHA-256 goes before MD5, where it is offered at all, and Basic before both.
"""

import base64
import binascii
import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

from transcoder.rtsp.auth import MAX_CHALLENGE, SCHEME, Challenge, Credentials, digest_response, parse_parameters

_WRITTEN_NAME: Final = re.compile(r'\busername="([^"]*)"', re.IGNORECASE)
_NOBODYS: Final = "made-up password"
"""Stands in for the password of a user who does not exist; whoever signs with it is nobody all the same."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LoginWays:
    """Says how readers may log in, besides by Digest MD5.

    Attributes:
        sha256: whether SHA-256 is offered, too.
        basic: whether a password is taken as it is: over TLS alone, always or never.
    """

    sha256: bool = False
    basic: Literal["tls", "always", "never"] = "tls"

    def takes_basic(self, *, is_secure: bool) -> bool:
        """Return whether a password is taken as it is on a connection."""
        return self.basic == "always" or (self.basic == "tls" and is_secure)


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """Holds what a connection asks of a reader.

    Attributes:
        realm: our own realm.
        nonce: the nonce that the reader signs with.
        ways: how the reader may log in.
        is_secure: whether the connection is encrypted.
        qop: whether the reader is asked to count its requests (qop=auth), as HTTP has it.
    """

    realm: str
    nonce: str
    ways: LoginWays = LoginWays()
    is_secure: bool = False
    qop: bool = False

    def challenges(self, *, is_stale: bool = False) -> list[str]:
        """Return the values of the headers WWW-Authenticate, in the order in which every client tested reads them."""
        stale = ", stale=true" if is_stale else ""
        basic = [f'Basic realm="{self.realm}"'] if self.ways.takes_basic(is_secure=self.is_secure) else []
        qop = ', qop="auth"' if self.qop else ""
        digest = f'Digest realm="{self.realm}", nonce="{self.nonce}"{qop}'
        sha256 = [f"{digest}, algorithm=SHA-256{stale}"] if self.ways.sha256 else []
        return [*basic, *sha256, digest + stale]


def given_nonce(value: str) -> str:
    """Return the nonce of an Authorization value, "" where it has none."""
    match = SCHEME.match(value) if len(value) <= MAX_CHALLENGE else None
    return parse_parameters(value[match.end() :]).get("nonce", "") if match is not None else ""


def given_count(value: str) -> int:
    """Return how often the nonce of an Authorization value was used with it, 0 where the reader does not count."""
    match = SCHEME.match(value) if len(value) <= MAX_CHALLENGE else None
    given = parse_parameters(value[match.end() :]) if match is not None else {}
    return _hex(given.get("nc", "")) if given.get("qop") == "auth" else 0


def claimed_user(value: str, asked: Asked) -> str | None:
    """Return the user name of an Authorization value that answers our challenge, None where it answers none of ours.

    Args:
        value: the value of the header Authorization.
        asked: what the connection asks.
    """
    match = SCHEME.match(value) if len(value) <= MAX_CHALLENGE else None
    if match is None:
        return None
    if match.group(1).lower() == "basic":
        login = _basic_login(value[match.end() :])
        return login[0] if login is not None and asked.ways.takes_basic(is_secure=asked.is_secure) else None
    given = parse_parameters(value[match.end() :])
    is_ours = (given.get("nonce"), given.get("realm")) == (asked.nonce, asked.realm)
    return given.get("username", "") if is_ours else None


def authorized_user(
    value: str | None, *, method: str, uri: str, asked: Asked, passwords: Mapping[str, str]
) -> str | None:
    """Return the configured user that an Authorization value proves, or None.

    The digest `uri` may be the base URL, the track URL or a bare path (VLC, HappyTime, Bosch BVMS), so the URI that the
    client signed is taken, as long as it names the same stream.

    Args:
        value: the value of the header Authorization.
        method: the method of the request.
        uri: the URI of the request.
        asked: what the connection asks.
        passwords: the password of each user name.

    Source: RFC 2617 section 3.2.2, RFC 7617 section 2.
    """
    if value is None or len(value) > MAX_CHALLENGE:
        return None
    match = SCHEME.match(value)
    if match is None:
        return None
    if match.group(1).lower() == "basic":
        return _basic_user(value[match.end() :], asked, passwords)
    given = parse_parameters(value[match.end() :])
    written = _WRITTEN_NAME.search(value)
    if written is not None and written[1] in passwords:  # ffmpeg writes a backslash as it is, others before another
        given["username"] = written[1]
    return _digest_user(given, method, uri, asked, passwords)


def _digest_user(
    given: Mapping[str, str], method: str, uri: str, asked: Asked, passwords: Mapping[str, str]
) -> str | None:
    username = given.get("username", "")
    # an unknown user costs the same work as a known one, so that the time does not tell which users there are
    password = passwords.get(username, _NOBODYS)
    if given.get("nonce") != asked.nonce or given.get("realm") != asked.realm:
        return None
    signed = given.get("uri", "")
    if not _same_stream(signed, uri):
        return None
    is_sha256 = given.get("algorithm", "").upper().replace("-", "") == "SHA256"
    if is_sha256 and not asked.ways.sha256:
        return None
    challenge = Challenge(
        scheme="Digest",
        realm=asked.realm,
        nonce=asked.nonce,
        algorithm="SHA-256" if is_sha256 else "MD5",
        qop=given.get("qop") == "auth",
    )
    expected = digest_response(
        challenge,
        Credentials(username=username, password=password),
        method=method,
        uri=signed,
        nonce_count=_hex(given.get("nc", "")),
        cnonce=given.get("cnonce", ""),
    )
    response = given.get("response", "").lower().encode("utf-8", "surrogateescape")
    is_right = hmac.compare_digest(expected.encode(), response)
    return username if is_right and username in passwords else None


def _basic_user(text: str, asked: Asked, passwords: Mapping[str, str]) -> str | None:
    login = _basic_login(text)
    if login is None or not asked.ways.takes_basic(is_secure=asked.is_secure):
        return None
    username, password = login
    expected = passwords.get(username, _NOBODYS)
    is_right = hmac.compare_digest(
        expected.encode("utf-8", "surrogateescape"), password.encode("utf-8", "surrogateescape")
    )
    return username if is_right and username in passwords else None


def _basic_login(text: str) -> tuple[str, str] | None:
    """Return name and password of credentials; the name has no colon (RFC 7617 section 2)."""
    try:
        plain = base64.b64decode(text.strip().encode("ascii"), validate=True)
    except (binascii.Error, UnicodeEncodeError):
        return None
    name, colon, password = plain.decode("utf-8", "surrogateescape").partition(":")
    return (name, password) if colon else None


def _hex(text: str) -> int:
    return int(text, 16) if re.fullmatch(r"[0-9A-Fa-f]{1,8}", text) else 0


def _same_stream(signed: str, requested: str) -> bool:
    def name(uri: str) -> str:
        path = re.sub(r"^[A-Za-z][A-Za-z0-9+.-]*://[^/?]*", "", uri).partition("?")[0]
        return path.strip("/").partition("/")[0]

    return name(signed) == name(requested)
