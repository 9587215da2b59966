"""The HTTP server of the API listens where the configuration says."""

import ssl
from collections.abc import Sequence

from transcoder.api.access import Access
from transcoder.api.app import create_app
from transcoder.api.state import ApiState
from transcoder.config import HttpConfig
from transcoder.control import Control
from transcoder.errors import TransportError, not_bound
from transcoder.http_server.guard import HttpLimits
from transcoder.http_server.server import BACKLOG, AppServer
from transcoder.login_brake import LoginBrake
from transcoder.net.listening import listening_sockets
from transcoder.net.secured_listener import server_context
from transcoder.rtsp.server_events import ServerContext


class HttpServer:
    """Serves the API.

    Args:
        control: carries out the verbs.
        config: says where to listen, and holds the tokens.
        notes: what the operator should know that keeps no reader from being served; /readyz tells it to everybody.
        limits: the limits for connections.
        readers: the context of the RTSP server, whose users may fetch snapshots.
    """

    def __init__(
        self,
        control: Control,
        config: HttpConfig,
        notes: Sequence[str] = (),
        limits: HttpLimits | None = None,
        readers: ServerContext | None = None,
    ) -> None:
        self._config = config
        self._ready = False
        access = Access(config.tokens)
        self._state = ApiState(
            access, self._waiting_for, open_metrics=config.open_metrics, notes=notes, readers=readers
        )
        self._server = AppServer(
            create_app(control, self._state), limits or HttpLimits(), self._state.counts, web_sockets=True
        )
        self.port = 0
        self.ports: set[int] = set()

    @property
    def brake(self) -> LoginBrake:
        """Return the brake that makes whoever guesses tokens wait."""
        return self._state.brake

    @property
    def handshakes(self) -> int:
        """Return how many TLS handshakes are under way."""
        return self._server.handshakes

    @property
    def url(self) -> str:
        """Return the URL of the server."""
        host = self._config.listen[0].host
        shown = f"[{host}]" if ":" in host else host
        return f"{'https' if self._config.cert_file else 'http'}://{shown}:{self.port}"

    def _waiting_for(self) -> list[str]:
        return [] if self._ready else ["a worker that has decoded a picture"]

    def set_ready(self) -> None:
        """Take note that readers can be served."""
        self._ready = True

    def set_tokens(self, config: HttpConfig) -> None:
        """Use other tokens from now on."""
        self._state.access = Access(config.tokens)
        self._state.open_metrics = config.open_metrics

    async def start(self) -> None:
        """Begin to listen.

        Raises:
            TransportError: the address or the certificate can't be used.
        """
        config = self._config
        try:
            context = server_context(config.cert_file, config.key_file) if config.cert_file else None
        except (OSError, ssl.SSLError) as error:
            raise TransportError(f"http.cert_file: {error.strerror or error}") from None
        listening = []
        for endpoint in config.listen:
            try:
                listening += await listening_sockets(endpoint.host, endpoint.port, BACKLOG)
            except OSError as error:
                for listener in listening:
                    listener.close()
                raise not_bound(f"http.listen {endpoint}", error) from None
        self.ports = {listener.getsockname()[1] for listener in listening}
        self.port = listening[0].getsockname()[1]
        await self._server.start()
        for listener in listening:
            await self._server.listen(listener, context)

    async def stop(self) -> None:
        """Finish the requests that were begun, and close."""
        await self._server.stop()
