"""The gateway reads its own streams as a reader does, with a login that is no user's and that only this machine has.

Name and password are random for the life of the process, so that nobody can guess them; a reader with this login is no
reader for counts, limits and operators.
"""

import secrets
from collections.abc import Callable

from transcoder.rtsp.auth import parse_parameters
from transcoder.rtsp.messages import Request
from transcoder.rtsp.reader_auth import Asked, authorized_user

_BYTES = 16
"""Random bytes of the name, and of the password: 128 bits each."""


class OwnReader:
    """Holds the login of the gateway's own reader.

    Args:
        is_this_machine: whether a connection from an address comes from this machine.

    Attributes:
        name: the name of the user, which no configured user has.
        password: the password of the user.
    """

    def __init__(self, is_this_machine: Callable[[str], bool]) -> None:
        self._is_this_machine = is_this_machine
        self.name = f"own-{secrets.token_hex(_BYTES)}"
        self.password = secrets.token_hex(_BYTES)

    def is_named_in(self, request: Request) -> bool:
        """Return whether a request names this user; the name is a secret, so that nobody else's request does."""
        value = request.headers.get("Authorization")
        return value is not None and self.name in value and self._named(value) == self.name

    def _named(self, value: str) -> str:
        return parse_parameters(value.partition(" ")[2]).get("username", "")

    def admits(self, request: Request, asked: Asked, *, address: str) -> bool:
        """Return whether a request that names this user proves it, and comes from this machine.

        Args:
            request: the request.
            asked: what the connection asks.
            address: the address that the connection comes from.
        """
        value = request.headers.get("Authorization")
        user = authorized_user(
            value,
            method=request.method,
            uri=request.uri,
            asked=asked,
            passwords={self.name: self.password},
        )
        return user is not None and self._is_this_machine(address)
