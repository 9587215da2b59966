"""A camera that closes its connection with each challenge gets the answer on the next connection.

Some cameras drop the connection behind a 401 (VStarcam, retina#45), and the nonce stays good. The answer to the
challenge is remembered then, and so is how often that happened: whoever closes connection after connection refuses the
login, and an account must not be locked by tries.
"""

from transcoder.errors import ResponseError, TranscoderError
from transcoder.rtsp.auth import Authenticator
from transcoder.rtsp.client import ClientProtocol
from transcoder.rtsp.statuses import reason_of
from transcoder.source.events import Lost, Redirected

MAX_CLOSED = 2
"""The number of connections that a camera may close with a challenge before it plays: for a first challenge, and for a
stale nonce."""


class ClosedChallenges:
    """Remembers the answer to the challenge with which a camera closed a connection.

    Attributes:
        count: connections that were closed with a challenge, since the camera played last.
    """

    def __init__(self) -> None:
        self._login: Authenticator | None = None
        self.count = 0

    def take_login(self) -> Authenticator | None:
        """Return the login for the connection that begins, or None where it begins without any."""
        login, self._login = self._login, None
        return login

    def note_playing(self) -> None:
        """Note that the camera plays: it took the login."""
        self.count = 0

    def end(self, client: ClientProtocol | None, error: TranscoderError) -> Redirected | Lost:
        """Return what the end of a connection means.

        Args:
            client: the client of the connection.
            error: the reason for the end.
        """
        method = client.challenged_method if client is not None else ""
        if client is None or not method:
            return Lost(error)
        self.count += 1
        if self.count > MAX_CLOSED:
            return Lost(ResponseError(401, method, reason_of(401)))
        self._login = client.login
        return Redirected()
