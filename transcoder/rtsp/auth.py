"""Basic and Digest authentication (RFC 2617, RFC 7616, RFC 2326 section D.1.2), as a camera asks for it.

A camera may offer several challenges; the strongest that we can answer is taken. What readers are asked stands in
`reader_auth.py`.
"""

import base64
import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

from transcoder.errors import LoginDowngraded

# a name is tried from its first letter only, and nothing is given back: a long run of letters costs one pass
_PARAMETER = re.compile(r'(?<![A-Za-z0-9_*-])([A-Za-z0-9_*-]++)\s*+=\s*+(?:"((?:[^"\\]|\\.)*+)"|([^\s,"]*+))')
SCHEME = re.compile(r"^\s*(Digest|Basic)\b", re.IGNORECASE)
_NEXT_SCHEME = re.compile(r",\s*(?=(?:Digest|Basic)\s)", re.IGNORECASE)
_ALGORITHM = re.compile(r"(MD5|SHA-?256)(-SESS)?", re.IGNORECASE)
MAX_CHALLENGE = 4096
_HASHES = {"MD5": hashlib.md5, "SHA-256": hashlib.sha256}
_STRENGTH = {"BASIC": 0, "MD5": 1, "SHA-256": 2}


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Credentials:
    """Holds a user name and a password; the password never shows in a repr."""

    username: str
    password: str

    def __repr__(self) -> str:
        return f"Credentials(username={self.username!r}, password=***)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Challenge:
    """A challenge is one way to log in that a server offers.

    Attributes:
        scheme: "Basic" or "Digest".
        algorithm: "MD5" or "SHA-256"; "BASIC" for Basic.
        spelling: the algorithm's name as the camera wrote it; the answer repeats it, because a camera that writes
            `SHA256` looks for its own word. Empty where the answer names no algorithm, which means MD5 (RFC 2617,
            3.2.1).
        session: whether the algorithm is the -sess variant.
        qop: whether qop=auth is offered.
        stale: whether the nonce was too old, and the credentials were not wrong.
    """

    scheme: str
    realm: str
    nonce: str = ""
    opaque: str | None = None
    algorithm: str = "MD5"
    spelling: str = ""
    session: bool = False
    qop: bool = False
    stale: bool = False

    @property
    def strength(self) -> int:
        """Return how strong the challenge is; a larger number is stronger."""
        return _STRENGTH[self.algorithm]


def parse_challenges(values: Iterable[str]) -> list[Challenge]:
    """Return the challenges that can be answered, strongest first; unreadable challenges are left out.

    Args:
        values: every WWW-Authenticate value of a response; one value may hold several challenges.

    Source: RFC 7235 section 4.1. Parameters unknown to us (Hikvision's `random`) are ignored.
    """
    challenges: list[Challenge] = []
    for value in values:
        for text in _NEXT_SCHEME.split(value[:MAX_CHALLENGE]):
            challenges += _parse_challenge(text)
    return sorted(challenges, key=lambda item: -item.strength)


def _parse_challenge(text: str) -> list[Challenge]:
    """Return one challenge, or one for each algorithm where a parameter names several (Hikvision's "MD5/SHA256")."""
    match = SCHEME.match(text)
    if match is None:
        return []
    parameters = parse_parameters(text[match.end() :])
    realm = parameters.get("realm", "")
    if match.group(1).lower() == "basic":
        return [Challenge(scheme="Basic", realm=realm, algorithm="BASIC")]
    qop = {item.strip().lower() for item in parameters.get("qop", "").split(",")}
    if "nonce" not in parameters or (qop != {""} and "auth" not in qop):
        return []
    names = [name.strip() for name in re.split("[/,]", parameters.get("algorithm") or "MD5")]
    return [
        Challenge(
            scheme="Digest",
            realm=realm,
            nonce=parameters["nonce"],
            opaque=parameters.get("opaque"),
            algorithm="MD5" if known.group(1).upper() == "MD5" else "SHA-256",
            # an answer without the parameter means MD5 alone, and every camera of that kind understands MD5
            spelling="" if len(names) == 1 and name.upper() == "MD5" else name,
            session=known.group(2) is not None,
            qop="auth" in qop,
            stale=parameters.get("stale", "").lower() == "true",
        )
        for name in names[:_MAX_ALGORITHMS]
        if (known := _ALGORITHM.fullmatch(name))
    ]


_MAX_ALGORITHMS = 8
"""The largest number of algorithms in one parameter; the product knows four."""


def parse_parameters(text: str) -> dict[str, str]:
    """Parse `name="value"` pairs of a challenge or of credentials into lower-case names; the first of a name wins."""
    parameters: dict[str, str] = {}
    for name, quoted, plain in _PARAMETER.findall(text):
        parameters.setdefault(name.lower(), re.sub(r"\\(.)", r"\1", quoted) if quoted else plain)
    return parameters


def digest_response(
    challenge: Challenge,
    credentials: Credentials,
    *,
    method: str,
    uri: str,
    nonce_count: int = 1,
    cnonce: str = "",
) -> str:
    """Return the `response` value of a Digest.

    Source: RFC 2617 section 3.2.2, RFC 7616 section 3.4.1.
    """
    digest = _HASHES[challenge.algorithm]

    def hashed(text: str) -> str:
        # a realm in another charset comes back as the bytes it was sent as
        return digest(text.encode("utf-8", "surrogateescape")).hexdigest()

    secret = hashed(f"{credentials.username}:{challenge.realm}:{credentials.password}")
    if challenge.session:
        secret = hashed(f"{secret}:{challenge.nonce}:{cnonce}")
    request = hashed(f"{method}:{uri}")
    if challenge.qop:
        return hashed(f"{secret}:{challenge.nonce}:{nonce_count:08x}:{cnonce}:auth:{request}")
    return hashed(f"{secret}:{challenge.nonce}:{request}")


class PastOffers(Protocol):
    """Remembers whether a server has offered Digest, over connections."""

    @property
    def is_digest_known(self) -> bool:
        """Return whether the server has offered Digest before."""

    def note_digest(self) -> None:
        """Note that the server offers Digest."""


class Authenticator:
    """Answers the challenges of one server for one set of credentials.

    Args:
        credentials: the credentials that the operator configured.
        cnonce: a random token, used where the server offers qop.
        past: what the server has offered before; None where the connection is encrypted, or nobody remembers.
    """

    def __init__(self, credentials: Credentials, cnonce: str, past: PastOffers | None = None) -> None:
        self._credentials = credentials
        self._cnonce = cnonce
        self._past = past
        self._challenge: Challenge | None = None
        self._strongest = max(_STRENGTH.values())
        self._nonce_count = 0

    def accept(self, challenges: list[Challenge], *, refused: bool = False) -> bool:
        """Take the best challenge; return False when the same one was already answered, so the credentials are refused.

        Args:
            challenges: the challenges of the response, strongest first.
            refused: whether they answer credentials for a nonce that was fresh. Then a Digest of a weaker algorithm is
                taken, where one is offered: a camera may name SHA-256 and not know it for every user.

        Raises:
            LoginDowngraded: only Basic is offered, which is the password in clear, by a server that has offered Digest.
        """
        if self._past is not None and challenges:
            if any(item.scheme == "Digest" for item in challenges):
                self._past.note_digest()
            elif self._past.is_digest_known:
                raise LoginDowngraded(_IN_CLEAR)
        current = self._challenge
        if refused and current is not None and current.scheme == "Digest":
            others = [item for item in challenges if item.scheme == "Digest" and item.strength < current.strength]
            if others and not any(item.stale for item in challenges):
                self._strongest = others[0].strength
        offered = [item for item in challenges if item.strength <= self._strongest] or challenges
        if not offered:
            return False
        best = offered[0]
        if (
            current is not None
            and self._nonce_count > 0
            and not best.stale
            and (current.scheme, current.algorithm, current.nonce) == (best.scheme, best.algorithm, best.nonce)
        ):
            return False
        self._challenge = best
        self._nonce_count = 0
        return True

    @property
    def realm(self) -> str:
        """Return the realm of the challenge which is answered, or "" before any."""
        return self._challenge.realm if self._challenge is not None else ""

    def authorization(self, method: str, uri: str) -> str | None:
        """Return the Authorization value for a request, or None before any challenge."""
        challenge = self._challenge
        if challenge is None:
            return None
        self._nonce_count += 1
        user = self._credentials
        if challenge.scheme == "Basic":
            token = base64.b64encode(f"{user.username}:{user.password}".encode()).decode()
            return f"Basic {token}"
        response = digest_response(
            challenge, user, method=method, uri=uri, nonce_count=self._nonce_count, cnonce=self._cnonce
        )
        name = _quote(user.username)
        value = (
            f'Digest username="{name}", realm="{_quote(challenge.realm)}", nonce="{_quote(challenge.nonce)}", '
            f'uri="{uri}", response="{response}"'
        )
        if challenge.spelling:
            value += f", algorithm={challenge.spelling}"
        if challenge.opaque is not None:
            value += f', opaque="{_quote(challenge.opaque)}"'
        if challenge.qop:
            value += f', qop=auth, nc={self._nonce_count:08x}, cnonce="{self._cnonce}"'
        elif challenge.session:
            value += f', cnonce="{self._cnonce}"'
        return value


_IN_CLEAR = (
    "the camera asks for the password in clear (Basic), and has asked for Digest before: it was set up anew, or another"
    " device answers in its place; accept it (accept_key) if you know why"
)


def _quote(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')
