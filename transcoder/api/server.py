"""The HTTP server is uvicorn on the loop that runs already, without its signal handlers."""

import asyncio
import contextlib
import functools
import logging
import ssl
from collections.abc import Generator, Sequence
from typing import Any, Final

import uvicorn
from typing_extensions import override

from transcoder.api.access import Access
from transcoder.api.app import create_app
from transcoder.api.guard import MAX_HEAD, HttpLimits, guarded
from transcoder.api.quiet_log import LOGGER, SeldomFilter
from transcoder.api.state import ApiState
from transcoder.config import HttpConfig
from transcoder.control import Control
from transcoder.errors import TransportError, not_bound
from transcoder.login_brake import LoginBrake
from transcoder.net.listening import listening_sockets
from transcoder.net.secured_listener import SecuredListener, server_context

BACKLOG: Final = 64
KEEP_ALIVE_S: Final = 20
DRAIN_S: Final = 2
POLL_S: Final = 0.01
DATE_S: Final = 1.0
"""Seconds after which the Date header is written anew; its unit is a second."""


class _Server(uvicorn.Server):
    """Serves without waking ten times a second only to see whether it is to end."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self._ending = asyncio.Event()

    def end(self) -> None:
        """Finish the requests that were begun, and close."""
        self.should_exit = True
        self._ending.set()

    @override
    async def main_loop(self) -> None:
        while not await self.on_tick(0):  # 0: the Date header is written anew
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(DATE_S):
                    await self._ending.wait()

    @override
    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None]:
        yield  # the service handles the signals


class HttpServer:
    """Serves the API.

    Args:
        control: carries out the verbs.
        config: says where to listen, and holds the tokens.
        notes: what the operator should know that keeps no reader from being served; /readyz tells it to everybody.
        limits: the limits for connections.
    """

    def __init__(
        self, control: Control, config: HttpConfig, notes: Sequence[str] = (), limits: HttpLimits | None = None
    ) -> None:
        self._config = config
        self._limits = limits or HttpLimits()
        self._ready = False
        access = Access(config.tokens)
        self._state = ApiState(access, self._waiting_for, open_metrics=config.open_metrics, notes=notes)
        self._seldom = SeldomFilter(self._state.counts.rejected)
        self._app = create_app(control, self._state)
        self._server: _Server | None = None
        self._task: asyncio.Task[None] | None = None
        self._secured: list[SecuredListener] = []
        self.port = 0
        self.ports: set[int] = set()

    @property
    def brake(self) -> LoginBrake:
        """Return the brake that makes whoever guesses tokens wait."""
        return self._state.brake

    @property
    def handshakes(self) -> int:
        """Return how many TLS handshakes are under way."""
        return sum(map(len, self._secured))

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
        settings = uvicorn.Config(
            self._app,
            log_config=None,
            log_level="warning",  # that it starts and stops is told by the service
            access_log=False,
            server_header=False,
            proxy_headers=False,  # whoever can set X-Forwarded-For would be on loopback
            lifespan="off",
            ws="none",
            http=guarded(self._limits, self._state.counts),
            timeout_keep_alive=KEEP_ALIVE_S,
            timeout_graceful_shutdown=DRAIN_S,
            limit_concurrency=self._limits.running,
            h11_max_incomplete_event_size=MAX_HEAD,
        )
        settings.load()
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
        logging.getLogger(LOGGER).addFilter(self._seldom)
        self._server = _Server(settings)
        # uvicorn does not listen for TLS itself: it sees a connection only when its handshake is done
        sockets = listening if context is None else []
        self._task = asyncio.get_running_loop().create_task(self._server.serve(sockets))
        while not self._server.started and not self._task.done():  # noqa: ASYNC110  # uvicorn has no event for it
            await asyncio.sleep(POLL_S)
        if context is not None:
            make = functools.partial(self._protocol, settings, self._server)
            self._secured = [SecuredListener(listener, context, make) for listener in listening]

    def _protocol(self, settings: uvicorn.Config, server: uvicorn.Server) -> asyncio.Protocol:
        """Return the protocol of a connection that is secured, as uvicorn makes it."""
        make: Any = settings.http_protocol_class
        made: asyncio.Protocol = make(
            config=settings, server_state=server.server_state, app_state=server.lifespan.state
        )
        return made

    async def stop(self) -> None:
        """Finish the requests that were begun, and close."""
        if self._server is None or self._task is None:
            return
        for listener in self._secured:
            listener.close()
        self._server.end()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(DRAIN_S + 1):
                await self._task
        logging.getLogger(LOGGER).removeFilter(self._seldom)
