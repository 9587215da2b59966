"""The two connections of a reader's tunnel over HTTP find each other here, and a WebSocket is one connection.

The half that carries pictures to the reader is the reader's connection, with sessions and all; the other half gives the
requests that it carries to the first.
"""

from typing import Protocol

from transcoder.errors import RemoteProtocolError
from transcoder.rtsp.reader_tunnel import (
    Base64Reader,
    Opening,
    TunnelRequest,
    WebSocketRequest,
    refusal,
    reply_to_get,
)
from transcoder.rtsp.session import EndReason
from transcoder.rtsp.web_socket import FrameReader, in_messages


class Half(Protocol):
    """This is the part of a connection that its tunnel needs."""

    address: str

    @property
    def is_known(self) -> bool:
        """Return whether a reader is behind the connection, and no stranger."""

    @property
    def asks_for_login(self) -> bool:
        """Return whether readers have to log in."""

    def write(self, data: bytes) -> None:
        """Send bytes; where too many wait already, no more is read for now."""

    def take_requests(self, data: bytes) -> bool:
        """Take the reader's RTSP from the other half of the tunnel; return whether more of it may wait.

        Raises:
            RemoteProtocolError: it can't be read, or this half is closed.
        """

    def go_on(self) -> None:
        """Read again, if reading was stopped."""

    def stop(self) -> None:
        """Read nothing for now."""

    def close(self, reason: EndReason) -> None:
        """Close the connection."""


class ReaderTunnels:
    """Holds the tunnels whose downward half is open, by the reader's address and cookie."""

    def __init__(self) -> None:
        self._open: dict[tuple[str, str], TunnelEnd] = {}

    def __len__(self) -> int:
        return len(self._open)

    def open(self, key: tuple[str, str], end: "TunnelEnd") -> bool:
        """Take a downward half in; return False where its address has one of that cookie."""
        return self._open.setdefault(key, end) is end

    def find(self, key: tuple[str, str]) -> "TunnelEnd | None":
        """Return the downward half that an upward one of the same address names, None where there is none."""
        return self._open.get(key)

    def close(self, key: tuple[str, str]) -> None:
        """Forget a tunnel."""
        self._open.pop(key, None)


class TunnelEnd:
    """Says what a connection has to do with a tunnel: nothing mostly, or it is one of a tunnel's halves.

    Args:
        half: the connection.
        tunnels: the tunnels of the server.

    Attributes:
        half: the connection.
        brings_to: the end whose connection answers the requests that this one brings, None for any other connection.
        up: the end whose connection brings requests to this one.
    """

    def __init__(self, half: Half, tunnels: ReaderTunnels) -> None:
        self.half = half
        self._tunnels = tunnels
        self._opening: Opening | None = Opening()
        self._body = Base64Reader()
        self._frames: FrameReader | None = None
        self._key: tuple[str, str] | None = None
        self.brings_to: TunnelEnd | None = None
        self.up: TunnelEnd | None = None

    @property
    def is_web_socket(self) -> bool:
        """Return whether RTSP goes both ways in frames of a WebSocket."""
        return self._frames is not None

    @property
    def is_upward(self) -> bool:
        """Return whether the connection only brings the requests of a reader, who has another one."""
        return self.brings_to is not None

    @property
    def answers(self) -> Half:
        """Return the connection that the reader is answered on."""
        return self.brings_to.half if self.brings_to is not None else self.half

    def receive(self, data: bytes) -> bytes:
        """Take bytes that the connection received; return the RTSP in them, as far as it can be told.

        Raises:
            TunnelRefused: the connection speaks HTTP and opens no tunnel, or TLS.
            RemoteProtocolError: the bytes are no base64 or no frames, where they have to be.
        """
        if self._opening is not None:
            data = self._begin(self._opening, data)
        if self._frames is not None:
            return self._unframed(self._frames, data)
        return self._body.receive_data(data) if self.brings_to is not None else data

    def _begin(self, opening: Opening, data: bytes) -> bytes:
        found = opening.receive_data(data)
        if found is None:
            return b""
        self._opening = None
        if isinstance(found, WebSocketRequest):
            # a page of another site opens one without being asked; there is no other lock than the login
            if found.origin and not self.half.asks_for_login:
                raise refusal(403, "a WebSocket of a page, where readers need no login")
            self.half.write(found.reply)
            self._frames = FrameReader()
            return found.rest
        if not isinstance(found, TunnelRequest):
            return found
        key = (self.half.address, found.cookie)
        if found.is_post:
            down = self._tunnels.find(key)
            if down is None:
                raise refusal(404, "the second half of a tunnel whose first half is not there")
            self.brings_to, before, down.up = down, down.up, self
            if before is not None:  # some clients open another one for each request
                before.half.close(EndReason.PEER_CLOSED)
        elif not self._tunnels.open(key, self):
            raise refusal(400, "the first half of a tunnel that is there")
        else:
            self._key = key
            self.half.write(reply_to_get())
        return found.rest

    def _unframed(self, frames: FrameReader, data: bytes) -> bytes:
        data = frames.receive_data(data)
        replies = frames.data_to_send()
        if replies:
            self.half.write(replies)
        if frames.is_closed:
            self.half.close(EndReason.PEER_CLOSED)
        return data

    def framed(self, messages: list[bytes]) -> bytes:
        """Return the bytes that carry RTSP messages to the reader of this connection."""
        return in_messages(messages) if self._frames is not None else b"".join(messages)

    def deliver(self, data: bytes) -> bool:
        """Give RTSP to the half that answers it; return whether more of it may wait.

        Raises:
            RemoteProtocolError: it can't be read, or that half is closed.
        """
        if self.brings_to is None:
            raise RemoteProtocolError("no half of a tunnel that brings requests")
        return self.brings_to.half.take_requests(data)

    def stop(self) -> None:
        """Take no requests for now: the answers to those before are not taken."""
        (self.up or self).half.stop()

    def go_on(self) -> None:
        """Take requests again."""
        (self.up or self).half.go_on()

    def leave(self) -> None:
        """Take note that the connection is lost; what brings it requests ends with it."""
        if self._key is not None:
            self._tunnels.close(self._key)
        if self.up is not None:
            self.up.half.close(EndReason.PEER_CLOSED)
        if self.brings_to is not None and self.brings_to.up is self:
            self.brings_to.up = None
