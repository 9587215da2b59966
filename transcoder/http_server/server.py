"""An HTTP server is uvicorn on the loop that runs already, without its signal handlers."""

import asyncio
import contextlib
import logging
import socket
import ssl
from collections.abc import Generator
from typing import Any, Final

import uvicorn
from starlette.types import ASGIApp
from typing_extensions import override

from transcoder.http_server.guard import MAX_HEAD, HttpCounts, HttpLimits, guarded
from transcoder.http_server.quiet_log import LOGGER, SeldomFilter
from transcoder.http_server.web_socket import MAX_MESSAGE, PING_S, PONG_S, guarded_web_socket
from transcoder.net.secured_listener import SecuredListener

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


class AppServer:
    """Serves one application on any number of sockets, which may come and go while it runs.

    Args:
        app: the application.
        limits: the limits for connections.
        counts: counts what clients did not get.
        web_sockets: whether the application takes WebSockets.
    """

    def __init__(self, app: ASGIApp, limits: HttpLimits, counts: HttpCounts, *, web_sockets: bool = False) -> None:
        self._seldom = SeldomFilter(counts.rejected)
        self._settings = uvicorn.Config(
            app,
            log_config=None,
            log_level="warning",  # that it starts and stops is told by the service
            access_log=False,
            server_header=False,
            proxy_headers=False,  # whoever can set X-Forwarded-For would be on loopback
            lifespan="off",
            ws=guarded_web_socket(counts) if web_sockets else "none",
            ws_max_size=MAX_MESSAGE,
            ws_ping_interval=PING_S,
            ws_ping_timeout=PONG_S,
            ws_per_message_deflate=False,  # what goes over them is compressed already, and a bomb could come in
            http=guarded(limits, counts),
            timeout_keep_alive=KEEP_ALIVE_S,
            timeout_graceful_shutdown=DRAIN_S,
            limit_concurrency=limits.running,
            h11_max_incomplete_event_size=MAX_HEAD,
        )
        self._server: _Server | None = None
        self._task: asyncio.Task[None] | None = None
        self._secured: list[SecuredListener] = []

    @property
    def handshakes(self) -> int:
        """Return how many TLS handshakes are under way."""
        return sum(map(len, self._secured))

    async def start(self) -> None:
        """Begin to serve; no socket listens yet."""
        self._settings.load()
        logging.getLogger(LOGGER).addFilter(self._seldom)
        self._server = _Server(self._settings)
        self._task = asyncio.get_running_loop().create_task(self._server.serve([]))
        while not self._server.started and not self._task.done():  # noqa: ASYNC110  # uvicorn has no event for it
            await asyncio.sleep(POLL_S)

    async def listen(
        self, listener: socket.socket, context: ssl.SSLContext | None = None
    ) -> asyncio.Server | SecuredListener:
        """Take connections of a listening socket; return what closes it.

        Args:
            listener: the socket.
            context: the settings of TLS, None for plain HTTP.
        """
        if context is not None:
            # the loop does not tell of a connection over TLS before its handshake is done
            secured = SecuredListener(listener, context, self._protocol)
            self._secured.append(secured)
            return secured
        server = await asyncio.get_running_loop().create_server(self._protocol, sock=listener, backlog=BACKLOG)
        if self._server is not None:
            # uvicorn closes them first of all when it ends; those that were closed before are forgotten
            self._server.servers = [*(each for each in self._server.servers if each.is_serving()), server]
        return server

    def _protocol(self) -> asyncio.Protocol:
        """Return the protocol of a connection, as uvicorn makes it."""
        assert self._server is not None  # noqa: S101  # nothing listens before it was started
        make: Any = self._settings.http_protocol_class
        made: asyncio.Protocol = make(
            config=self._settings,
            server_state=self._server.server_state,
            app_state=self._server.lifespan.state,
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
