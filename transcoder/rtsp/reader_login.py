"""The login of a reader on one connection is Digest, challenged with a nonce of the connection's own."""

from transcoder import product
from transcoder.rtsp.auth import authorized_user, challenge_value, claimed_user, parse_parameters
from transcoder.rtsp.messages import Request
from transcoder.rtsp.server_events import ServerContext
from transcoder.rtsp.session import ServerSession


class ReaderLogin:
    """Says who sends the requests of one connection.

    Args:
        context: the context that connections share.
        nonce: a random nonce for this connection.
        address: the address that the connection comes from.

    Attributes:
        user: the user who logged in last; None where nobody did or nobody has to.
        failures: how many wrong answers to a challenge there were.
    """

    def __init__(self, context: ServerContext, nonce: str, address: str = "") -> None:
        self._context = context
        self._nonce = nonce
        self._address = address
        self._asked: Request | None = None
        self._due: float | None = None
        self.user: str | None = None
        self.failures = 0

    def due(self, request: Request, now: float) -> float | None:
        """Return the monotonic second at which a request may be looked at, or None where it is refused unseen.

        Only a request that could be a guess waits: one with an answer to this connection's challenge, of another user
        than the one who is logged in.
        """
        if request is not self._asked:
            self._asked, self._due = request, now
            user = self._claimed(request)
            if user is not None and user != self.user:
                self._due = self._context.brake.due(self._address, user, now)
                self.failures += self._due is None
        return self._due

    def _claimed(self, request: Request) -> str | None:
        """Return the user who answers the challenge in a request, by the request; None where it holds no answer."""
        value, own = request.headers.get("Authorization"), self._context.own_reader
        if value is None or not self._context.directory.passwords() or (own is not None and own.is_named_in(request)):
            return None
        return claimed_user(value, realm=product.NAME, nonce=self._nonce)

    def admits(self, request: Request, now: float = 0.0) -> bool:
        """Return whether a request comes from a user, or nobody has to log in."""
        own = self._context.own_reader
        if own is not None and own.is_named_in(request):
            self.user = own.name if own.admits(request, nonce=self._nonce, address=self._address) else None
            return self.user is not None
        passwords = self._context.directory.passwords()
        if not passwords:
            self.user = None
            return True
        value = request.headers.get("Authorization")
        user = authorized_user(
            value, method=request.method, uri=request.uri, realm=product.NAME, nonce=self._nonce, passwords=passwords
        )
        if user is not None:
            if user != self.user:
                self._context.brake.succeeded(self._address, user)
            self.user = user
        elif value is not None:
            self.failures += 1
            self._context.counters.auth_failures += 1
            claimed = self._claimed(request)
            if claimed is not None:  # an answer to another challenge was not compared with any password
                self._context.brake.failed(self._address, claimed, now)
        return user is not None

    def owns(self, session: ServerSession) -> bool:
        """Return whether a session belongs to the user, or to anybody where nobody had to log in for it."""
        return self.user is None or session.user in {None, self.user}

    def challenge(self, request: Request) -> tuple[str, str]:
        """Return the header that asks the sender of a request to log in."""
        given = request.headers.get("Authorization")
        is_stale = given is not None and parse_parameters(given).get("nonce", self._nonce) != self._nonce
        value = challenge_value(product.NAME, self._nonce) + (", stale=true" if is_stale else "")
        return "WWW-Authenticate", value
