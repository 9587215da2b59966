"""A reader logs in with Basic and Digest answers to a server's challenge (RFC 7617, RFC 7616)."""

import base64
import hashlib
import re

_CNONCE = "0a4f113b"
"""The client's nonce. It protects a client against a server that picks plaintexts; this client has nothing to lose."""
_HASHES = {"MD5": "md5", "SHA-256": "sha256"}
_PARAMETER = re.compile(r'([A-Za-z]+)\s*=\s*"?([^",]*)"?')


class Login:
    """Answers the challenges of one server.

    Args:
        username: the user; None: no challenge is accepted.
        password: may be empty.

    Attributes:
        scheme: "basic" or "digest" once a challenge is accepted, so that requests carry an answer to it; "" before.
    """

    def __init__(self, username: str | None, password: str) -> None:
        self._username = username
        self._password = password
        self.scheme = ""
        self._parameters: dict[str, str] = {}
        self._count = 0

    def accept(self, challenges: list[str]) -> bool:
        """Choose a challenge, Digest before Basic.

        Args:
            challenges: the values of WWW-Authenticate.

        Returns:
            Whether the request is worth another try: not without a user, and not where this challenge was answered
            before.
        """
        if self._username is None:
            return False
        scheme, parameters = "", {}
        for value in challenges:
            name, _, rest = value.strip().partition(" ")
            found = {key.lower(): text for key, text in _PARAMETER.findall(rest)}
            if name.lower() == "digest" and found.get("algorithm", "MD5").upper() in _HASHES:
                scheme, parameters = "digest", found
            elif name.lower() == "basic" and not scheme:
                scheme = "basic"
        repeated = scheme == self.scheme and parameters.get("nonce") == self._parameters.get("nonce")
        self.scheme, self._parameters = scheme, parameters
        return bool(scheme) and not repeated

    def authorization(self, method: str, uri: str) -> str:
        """Return the value of a request's Authorization field."""
        user = self._username or ""
        if self.scheme == "basic":
            return "Basic " + base64.b64encode(f"{user}:{self._password}".encode()).decode()
        parameters = self._parameters
        realm, nonce = parameters.get("realm", ""), parameters.get("nonce", "")
        algorithm = parameters.get("algorithm", "")
        secret = _digest(algorithm, f"{user}:{realm}:{self._password}")
        request = _digest(algorithm, f"{method}:{uri}")
        fields = {"username": user, "realm": realm, "nonce": nonce, "uri": uri}
        extra = ""
        if "auth" in parameters.get("qop", ""):
            self._count += 1
            count = f"{self._count:08x}"
            fields["cnonce"] = _CNONCE
            fields["response"] = _digest(algorithm, f"{secret}:{nonce}:{count}:{_CNONCE}:auth:{request}")
            extra = f", qop=auth, nc={count}"
        else:
            fields["response"] = _digest(algorithm, f"{secret}:{nonce}:{request}")
        if algorithm:
            extra += f", algorithm={algorithm.upper()}"
        if "opaque" in parameters:
            fields["opaque"] = parameters["opaque"]
        return "Digest " + ", ".join(f'{name}="{value}"' for name, value in fields.items()) + extra


def _digest(algorithm: str, text: str) -> str:
    return hashlib.new(_HASHES[algorithm.upper() or "MD5"], text.encode(), usedforsecurity=False).hexdigest()
