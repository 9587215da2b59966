"""The login of a reader on one connection: by Digest, or by a password as it is where that is taken."""

from dataclasses import replace

from transcoder import product
from transcoder.rtsp.messages import Request
from transcoder.rtsp.reader_auth import Asked, authorized_user, claimed_user, given_nonce
from transcoder.rtsp.server_events import ServerContext
from transcoder.rtsp.session import ServerSession


class ReaderLogin:
    """Says who sends the requests of one connection.

    Args:
        context: the context that connections share.
        nonce: the nonce that this connection gives.
        address: the address that the connection comes from.
        is_secure: whether the connection is encrypted.
        qop: whether the reader is asked to count its requests.

    Attributes:
        user: the user who logged in last; None where nobody did or nobody has to.
        failures: how many wrong answers to a challenge there were.
    """

    def __init__(
        self, context: ServerContext, nonce: str, address: str = "", *, is_secure: bool = False, qop: bool = False
    ) -> None:
        self._context = context
        self._asks = Asked(realm=product.NAME, nonce=nonce, ways=context.login_ways, is_secure=is_secure, qop=qop)
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
            user = self._claimed(request, now)
            if user is not None and user != self.user:
                self._due = self._context.brake.due(self._address, user, now)
                self.failures += self._due is None
        return self._due

    def _asked_of(self, value: str | None, now: float) -> Asked:
        """Return what is asked, with the nonce of the answer where it is one of ours for this address."""
        nonce = given_nonce(value) if value is not None else ""
        if nonce in {"", self._asks.nonce} or not self._context.nonces.is_fresh(nonce, self._address, now):
            return self._asks
        return replace(self._asks, nonce=nonce)

    def _claimed(self, request: Request, now: float) -> str | None:
        """Return the user who answers the challenge in a request, by the request; None where it holds no answer."""
        value, own = request.headers.get("Authorization"), self._context.own_reader
        if value is None or not self._context.directory.passwords() or (own is not None and own.is_named_in(request)):
            return None
        return claimed_user(value, self._asked_of(value, now))

    def admits(self, request: Request, now: float = 0.0) -> bool:
        """Return whether a request comes from a user, or nobody has to log in."""
        own = self._context.own_reader
        if own is not None and own.is_named_in(request):
            self.user = own.name if own.admits(request, self._asks, address=self._address) else None
            return self.user is not None
        passwords = self._context.directory.passwords()
        if not passwords:
            self.user = None
            return True
        value = request.headers.get("Authorization")
        asked = self._asked_of(value, now)
        user = authorized_user(value, method=request.method, uri=request.uri, asked=asked, passwords=passwords)
        if user is not None:
            if user != self.user:
                self._context.brake.succeeded(self._address, user)
            self.user = user
        elif value is not None:
            self.failures += 1
            self._context.counters.auth_failures += 1
            claimed = self._claimed(request, now)
            if claimed is not None:  # an answer to another challenge was not compared with any password
                self._context.brake.failed(self._address, claimed, now)
        return user is not None

    def owns(self, session: ServerSession) -> bool:
        """Return whether a session belongs to the user, or to anybody where nobody had to log in for it."""
        return self.user is None or session.user in {None, self.user}

    def challenges(self, request: Request) -> list[tuple[str, str]]:
        """Return the headers that ask the sender of a request to log in."""
        value = request.headers.get("Authorization")
        nonce = given_nonce(value) if value is not None else ""
        is_stale = nonce not in {"", self._asks.nonce}
        return [("WWW-Authenticate", each) for each in self._asks.challenges(is_stale=is_stale)]
