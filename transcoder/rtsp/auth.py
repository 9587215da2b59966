"""Basic and Digest authentication, both sides (RFC 2617, RFC 7616, RFC 2326 section D.1.2).

A camera may offer several challenges; the strongest that we can answer is taken. Towards readers one challenge is sent:
Digest MD5 without qop, which is what ffmpeg, GStreamer and live555 all answer rightly (ffmpeg knows no SHA-256).
"""

import base64
import hashlib
import hmac
import re
from collections.abc import Iterable
from dataclasses import dataclass

# a name is tried from its first letter only, and nothing is given back: a long run of letters costs one pass
_PARAMETER = re.compile(r'(?<![A-Za-z0-9_*-])([A-Za-z0-9_*-]++)\s*+=\s*+(?:"((?:[^"\\]|\\.)*+)"|([^\s,"]*+))')
_SCHEME = re.compile(r"^\s*(Digest|Basic)\b", re.IGNORECASE)
_NEXT_SCHEME = re.compile(r",\s*(?=(?:Digest|Basic)\s)", re.IGNORECASE)
_MAX_CHALLENGE = 4096
_HASHES = {"MD5": hashlib.md5, "SHA-256": hashlib.sha256}
_STRENGTH = {"BASIC": 0, "MD5": 1, "SHA-256": 2}


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Credentials:
    """A user name and a password; the password never shows in a repr."""

    username: str
    password: str

    def __repr__(self) -> str:
        return f"Credentials(username={self.username!r}, password=***)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Challenge:
    """One way in that a server offers.

    Attributes:
        scheme: "Basic" or "Digest".
        algorithm: "MD5" or "SHA-256"; "BASIC" for Basic.
        session: whether it is the -sess variant.
        qop: whether qop=auth is offered.
        stale: the nonce was too old, the credentials were not wrong.
    """

    scheme: str
    realm: str
    nonce: str = ""
    opaque: str | None = None
    algorithm: str = "MD5"
    session: bool = False
    qop: bool = False
    stale: bool = False


def parse_challenges(values: Iterable[str]) -> list[Challenge]:
    """Challenges that can be answered, strongest first; what can't be read is left out.

    Args:
        values: every WWW-Authenticate value of a response; one value may hold several challenges.

    Source: RFC 7235 section 4.1. Parameters unknown to us (Hikvision's `random`) are ignored.
    """
    challenges = []
    for value in values:
        for text in _NEXT_SCHEME.split(value[:_MAX_CHALLENGE]):
            challenge = _parse_challenge(text)
            if challenge is not None:
                challenges.append(challenge)
    return sorted(challenges, key=lambda item: -_STRENGTH[item.algorithm])


def _parse_challenge(text: str) -> Challenge | None:
    match = _SCHEME.match(text)
    if match is None:
        return None
    parameters = parse_parameters(text[match.end() :])
    realm = parameters.get("realm", "")
    if match.group(1).lower() == "basic":
        return Challenge(scheme="Basic", realm=realm, algorithm="BASIC")
    name = parameters.get("algorithm", "MD5").upper()
    algorithm = name.removesuffix("-SESS")
    qop = {item.strip().lower() for item in parameters.get("qop", "").split(",")}
    if algorithm not in _HASHES or "nonce" not in parameters or (qop != {""} and "auth" not in qop):
        return None
    return Challenge(
        scheme="Digest",
        realm=realm,
        nonce=parameters["nonce"],
        opaque=parameters.get("opaque"),
        algorithm=algorithm,
        session=name != algorithm,
        qop="auth" in qop,
        stale=parameters.get("stale", "").lower() == "true",
    )


def parse_parameters(text: str) -> dict[str, str]:
    """`name="value"` pairs of a challenge or of credentials; names in lower case, the first of a name wins."""
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
    """The `response` value of a Digest.

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


class Authenticator:
    """Answers the challenges of one server for one set of credentials.

    Args:
        credentials: what the operator configured.
        cnonce: a random token, used where the server offers qop.
    """

    def __init__(self, credentials: Credentials, cnonce: str) -> None:
        self._credentials = credentials
        self._cnonce = cnonce
        self._challenge: Challenge | None = None
        self._nonce_count = 0

    def accept(self, challenges: list[Challenge]) -> bool:
        """Take the best challenge; False when the same one was already answered, so the credentials are refused."""
        if not challenges:
            return False
        best = challenges[0]
        current = self._challenge
        repeated = current is not None and current.scheme == best.scheme and self._nonce_count > 0
        if current is not None and repeated and not best.stale and current.nonce == best.nonce:
            return False
        self._challenge = best
        self._nonce_count = 0
        return True

    def authorization(self, method: str, uri: str) -> str | None:
        """The Authorization value for a request, or None before any challenge."""
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
        if challenge.algorithm != "MD5" or challenge.session:
            value += f", algorithm={challenge.algorithm}{'-sess' if challenge.session else ''}"
        if challenge.opaque is not None:
            value += f', opaque="{_quote(challenge.opaque)}"'
        if challenge.qop:
            value += f', qop=auth, nc={self._nonce_count:08x}, cnonce="{self._cnonce}"'
        elif challenge.session:
            value += f', cnonce="{self._cnonce}"'
        return value


def _quote(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')


def challenge_value(realm: str, nonce: str) -> str:
    """The one challenge that readers get: Digest MD5, no qop, no algorithm parameter."""
    return f'Digest realm="{realm}", nonce="{nonce}"'


def authorized_user(
    value: str | None, *, method: str, uri: str, realm: str, nonce: str, passwords: dict[str, str]
) -> str | None:
    """The configured user that an Authorization value proves, or None.

    The digest `uri` may be the base URL, the track URL or a bare path (VLC, HappyTime, Bosch BVMS), so what the client
    signed is taken, as long as it names the same stream.

    Args:
        value: the Authorization header.
        method: of the request.
        uri: of the request.
        realm: ours.
        nonce: the one this connection was given.
        passwords: user name to password.

    Source: RFC 2617 section 3.2.2.
    """
    if value is None or len(value) > _MAX_CHALLENGE:
        return None
    match = _SCHEME.match(value)
    if match is None or match.group(1).lower() != "digest":
        return None
    given = parse_parameters(value[match.end() :])
    username = given.get("username", "")
    password = passwords.get(username)
    if password is None or given.get("nonce") != nonce or given.get("realm") != realm:
        return None
    signed = given.get("uri", "")
    if not _same_stream(signed, uri):
        return None
    challenge = Challenge(scheme="Digest", realm=realm, nonce=nonce, qop=given.get("qop") == "auth")
    expected = digest_response(
        challenge,
        Credentials(username=username, password=password),
        method=method,
        uri=signed,
        nonce_count=_hex(given.get("nc", "")),
        cnonce=given.get("cnonce", ""),
    )
    response = given.get("response", "").lower().encode("utf-8", "surrogateescape")
    return username if hmac.compare_digest(expected.encode(), response) else None


def _hex(text: str) -> int:
    return int(text, 16) if re.fullmatch(r"[0-9A-Fa-f]{1,8}", text) else 0


def _same_stream(signed: str, requested: str) -> bool:
    def name(uri: str) -> str:
        path = re.sub(r"^rtsps?://[^/?]*", "", uri).partition("?")[0]
        return path.strip("/").partition("/")[0]

    return name(signed) == name(requested)
