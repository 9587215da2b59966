"""This module checks the camera's password in a request: Basic, Digest, or the password in the path."""

import base64
import binascii
from collections.abc import Collection

from transcoder.rtsp.auth import Challenge, Credentials, digest_response, parse_parameters
from transcoder.rtsp.messages import Request


def challenges(
    authentication: str, realm: str, nonce: str, *, algorithm: str = "MD5", qop: bool = False, stale: bool = False
) -> list[str]:
    """Return the values of WWW-Authenticate.

    Args:
        authentication: "digest", "basic", "both" or "several".
        realm: realm of the camera.
        nonce: nonce of the connection.
        algorithm: name of the Digest algorithm, as the camera writes it.
        qop: whether qop="auth" is offered.
        stale: whether the client's nonce was too old.
    """
    basic = f'Basic realm="{realm}"'
    old = "TRUE" if stale else "FALSE"

    def digest(name: str) -> str:
        text = f'Digest realm="{realm}", nonce="{nonce}", stale="{old}"'
        written = f'"{name}"' if set(name) & set("/,") else name
        text += "" if name == "MD5" and not qop else f", algorithm={written}"
        return text + (', qop="auth"' if qop else "")

    if authentication == "several":
        return [f'{digest("SHA-256")}, random="{nonce[:8]}"', digest("MD5"), basic]
    return {"digest": [digest(algorithm)], "basic": [basic], "both": [digest(algorithm), basic]}[authentication]


def is_authorized(
    request: Request,
    credentials: Credentials,
    *,
    authentication: str,
    realm: str,
    nonce: str,
    in_path: bool,
    algorithms: Collection[str] = ("MD5",),
    qop: bool = False,
) -> bool:
    """Return whether the request may be carried out.

    Args:
        request: the client's request.
        credentials: credentials of the camera.
        authentication: the schemes that the camera accepts in Authorization.
        realm: realm of the camera.
        nonce: the nonce that this connection was given.
        in_path: whether `user=..&password=..` in the path counts too (H264DVR).
        algorithms: algorithms of the Digest, as they have to be written; "several" accepts every spelling.
        qop: whether a Digest without qop is refused.
    """
    if in_path and f"user={credentials.username}&password={credentials.password}&" in request.uri:
        return True
    scheme, _, value = (request.headers.get("Authorization") or "").partition(" ")
    if scheme.lower() == "basic" and authentication in {"basic", "both", "several"}:
        try:
            given = base64.b64decode(value.strip(), validate=True).decode()
        except (binascii.Error, UnicodeDecodeError):
            return False
        return given == f"{credentials.username}:{credentials.password}"
    if scheme.lower() != "digest" or authentication == "basic":
        return False
    parameters = parse_parameters(value)
    used = parameters.get("algorithm", "MD5")
    accepted = {"MD5", "SHA-256"} if authentication == "several" else algorithms
    if parameters.get("username") != credentials.username or parameters.get("nonce") != nonce or used not in accepted:
        return False
    if qop and parameters.get("qop") != "auth":
        return False
    try:
        count = int(parameters.get("nc", "0"), 16)
    except ValueError:
        return False
    expected = digest_response(
        Challenge(scheme="Digest", realm=realm, nonce=nonce, algorithm="MD5" if used == "MD5" else "SHA-256", qop=qop),
        credentials,
        method=request.method,
        uri=parameters.get("uri", ""),
        nonce_count=count,
        cnonce=parameters.get("cnonce", ""),
    )
    return parameters.get("response", "").lower() == expected
