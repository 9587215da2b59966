"""The asyncio shell around an RTSP over HTTP tunnel makes two connections look like one."""

import asyncio
import re
import secrets
from collections.abc import Callable
from http import HTTPStatus
from typing import Protocol, cast

from transcoder.errors import ProtocolError, ResponseError, TransportError
from transcoder.net.portions import Portions
from transcoder.net.sockets import Binding, connect
from transcoder.rtsp.auth import Authenticator, Challenge
from transcoder.rtsp.statuses import reason_of
from transcoder.rtsp.tunnel import TunnelReply, encode_request, tunnel_requests
from transcoder.rtsp.urls import DEFAULT_PORT, RtspUrl

HTTP_PORT = 80
"""The port at which cameras serve the tunnel when the URL names no port of its own."""


class Pipe(Protocol):
    """A pipe is a connection or a tunnel that a source writes into."""

    def write(self, data: bytes) -> None:
        """Send bytes."""

    def is_closing(self) -> bool:
        """Return whether the connection is closed or about to be."""

    def abort(self) -> None:
        """Close the connection at once."""


class _Get(asyncio.Protocol):
    def __init__(self, on_data: Callable[[bytes], bool], on_lost: Callable[[Exception | None], None]) -> None:
        self._reply = TunnelReply()
        self._on_data = on_data
        self._on_lost = on_lost
        self._reason: Exception | None = None
        self._transport: asyncio.Transport | None = None
        self._portions: Portions
        self.opened: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.post: asyncio.Transport | None = None

    @property
    def challenges(self) -> list[Challenge]:
        """Return the challenges of the reply."""
        return self._reply.challenges

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._portions = Portions(self._transport, self._take)

    def data_received(self, data: bytes) -> None:
        self._portions.receive(data)

    def _take(self, data: bytes) -> bool:
        if not data:  # the session holds the rest
            return self._on_data(data)
        try:
            rest = self._reply.receive_data(data)
        except (ProtocolError, ResponseError) as error:
            if not self.opened.done():
                self.opened.set_exception(error)
            return False
        if self._reply.is_open and not self.opened.done():
            self.opened.set_result(None)
        return self._on_data(rest) if rest else False

    def connection_lost(self, exc: Exception | None) -> None:
        self._portions.close()
        if self.post is not None:
            self.post.abort()  # one half is of no use alone
        if not self.opened.done():
            self.opened.set_exception(TransportError("the camera closed the HTTP tunnel"))
        else:
            self._on_lost(self._reason or exc)

    def end(self, reason: Exception) -> None:
        """Take note that the other half is gone: the camera can be sent nothing any more, not even a keep-alive."""
        if self._transport is not None and not self._transport.is_closing():
            self._reason = reason
            self._transport.abort()

    def give_up(self) -> None:
        """Be silent from now on: the caller that opens the tunnel hears of its end by an error."""
        self._on_lost = _ignore


class _Post(asyncio.Protocol):
    """Carries bytes up the tunnel. Nothing comes down, unless the server refuses the tunnel with an answer."""

    def __init__(self, get: _Get) -> None:
        self._get = get
        self._reply = b""

    def data_received(self, data: bytes) -> None:
        self._reply = (self._reply + data)[:_MAX_STATUS_LINE]
        match = _REFUSAL.match(self._reply)
        if match is not None:
            status = int(match.group(1))
            text = f"the camera refuses the POST of the HTTP tunnel: {status} {reason_of(status)}"
            self._get.end(TransportError(text))

    def connection_lost(self, exc: Exception | None) -> None:
        reason = "the camera closed it" if exc is None else str(exc)
        self._get.end(TransportError(f"the POST connection of the HTTP tunnel: {reason}"))


_MAX_STATUS_LINE = 200
_REFUSAL = re.compile(rb"HTTP/[0-9.]+ ([345][0-9]{2})\b[^\r\n]*\r?\n")


def _ignore(exc: Exception | None) -> None:
    """Ignore the end of a tunnel that was never open."""


class HttpTunnel:
    """Holds an open tunnel, which is written to like a connection."""

    def __init__(self, get: asyncio.Transport, post: asyncio.Transport) -> None:
        self._get = get
        self._post = post

    def write(self, data: bytes) -> None:
        """Send RTSP bytes."""
        self._post.write(encode_request(data))

    def is_closing(self) -> bool:
        """Return whether one half is closed."""
        return self._get.is_closing() or self._post.is_closing()

    def abort(self) -> None:
        """Close both halves."""
        self._get.abort()
        self._post.abort()


async def open_tunnel(
    url: RtspUrl,
    host: str,
    binding: Binding,
    on_data: Callable[[bytes], bool],
    on_lost: Callable[[Exception | None], None],
    login: Authenticator | None = None,
) -> HttpTunnel:
    """Open a tunnel.

    Args:
        url: the URL of the stream.
        host: the address that the URL's host was resolved to.
        binding: the local end.
        on_data: gets RTSP bytes, and returns whether it has to be called again with none: see Portions.
        on_lost: is called when the tunnel is gone.
        login: answers a camera that wants a login for the tunnel itself; the RTSP session in it has its own.

    Raises:
        OSError: there is no connection.
        ResponseError: the camera does not tunnel.
        ProtocolError: the camera's reply can't be read, or asks for the password in clear, unlike before.
    """
    port = HTTP_PORT if url.port == DEFAULT_PORT else url.port
    there = RtspUrl(host=url.host, port=port, target=url.target)
    try:
        return await _open(there, host, binding, on_data, on_lost, None)
    except _LoginWanted as wanted:
        if login is None or not login.accept(wanted.challenges):
            raise wanted.error from None
    try:
        return await _open(there, host, binding, on_data, on_lost, login)
    except _LoginWanted as refused:
        raise refused.error from None


class _LoginWanted(Exception):  # noqa: N818  # never seen outside
    def __init__(self, error: ResponseError, challenges: list[Challenge]) -> None:
        self.error = error
        self.challenges = challenges


async def _open(
    url: RtspUrl,
    host: str,
    binding: Binding,
    on_data: Callable[[bytes], bool],
    on_lost: Callable[[Exception | None], None],
    login: Authenticator | None,
) -> HttpTunnel:
    """Make one attempt; raise _LoginWanted where the reply is 401."""
    loop = asyncio.get_running_loop()
    get_request, post_request = tunnel_requests(url, secrets.token_hex(11), login)
    get, protocol = await loop.create_connection(
        lambda: _Get(on_data, on_lost), sock=await connect(host, url.port, binding)
    )
    try:
        get.write(get_request)
        await protocol.opened
        post, _ = await loop.create_connection(lambda: _Post(protocol), sock=await connect(host, url.port, binding))
    except ResponseError as error:
        protocol.give_up()
        get.abort()
        if error.status == HTTPStatus.UNAUTHORIZED:
            raise _LoginWanted(error, protocol.challenges) from None
        raise
    except BaseException:
        protocol.give_up()
        get.abort()
        raise
    protocol.post = post
    post.write(post_request)
    if get.is_closing():  # lost meanwhile, and told so
        post.abort()
    return HttpTunnel(get, post)
