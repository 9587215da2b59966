"""Whether a request proves the camera's password: Basic, Digest MD5, or the password in the path."""

import base64
import binascii

from transcoder.rtsp.auth import Challenge, Credentials, digest_response, parse_parameters
from transcoder.rtsp.messages import Request


def challenges(authentication: str, realm: str, nonce: str) -> list[str]:
    """WWW-Authenticate values.

    Args:
        authentication: "digest", "basic" or "both".
        realm: of the camera.
        nonce: of the connection.
    """
    digest = f'Digest realm="{realm}", nonce="{nonce}", stale="FALSE"'
    basic = f'Basic realm="{realm}"'
    return {"digest": [digest], "basic": [basic], "both": [digest, basic]}[authentication]


def is_authorized(
    request: Request, credentials: Credentials, *, authentication: str, realm: str, nonce: str, in_path: bool
) -> bool:
    """Whether the request may be carried out.

    Args:
        request: from the client.
        credentials: the camera's own.
        authentication: what the camera accepts in Authorization.
        realm: of the camera.
        nonce: that this connection was given.
        in_path: `user=..&password=..` in the path counts too (H264DVR).
    """
    if in_path and f"user={credentials.username}&password={credentials.password}&" in request.uri:
        return True
    scheme, _, value = (request.headers.get("Authorization") or "").partition(" ")
    if scheme.lower() == "basic" and authentication in {"basic", "both"}:
        try:
            given = base64.b64decode(value.strip(), validate=True).decode()
        except (binascii.Error, UnicodeDecodeError):
            return False
        return given == f"{credentials.username}:{credentials.password}"
    if scheme.lower() != "digest" or authentication not in {"digest", "both"}:
        return False
    given_parameters = parse_parameters(value)
    if given_parameters.get("username") != credentials.username or given_parameters.get("nonce") != nonce:
        return False
    expected = digest_response(
        Challenge(scheme="Digest", realm=realm, nonce=nonce),
        credentials,
        method=request.method,
        uri=given_parameters.get("uri", ""),
    )
    return given_parameters.get("response", "").lower() == expected
