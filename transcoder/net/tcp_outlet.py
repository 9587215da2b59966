"""A track goes to its reader over the connection that asked for it, interleaved, maybe in frames of a WebSocket."""

import asyncio

from typing_extensions import override

from transcoder.output.fanout import Outlet
from transcoder.rtp.sender import PreparedAccessUnit
from transcoder.rtsp.messages import serialize_frame
from transcoder.rtsp.web_socket import in_messages


class TcpOutlet(Outlet):
    """Sends one track as interleaved frames."""

    def __init__(self, transport: asyncio.Transport, channels: tuple[int, int]) -> None:
        self._transport = transport
        self._channels = channels

    @override
    def backlog(self) -> int:
        return self._transport.get_write_buffer_size()

    @override
    def send_frames(self, data: bytearray, unit: PreparedAccessUnit) -> None:
        del unit
        if not self._transport.is_closing():
            self._transport.write(data)

    @override
    def send_rtcp(self, data: bytes) -> None:
        if not self._transport.is_closing():
            self._transport.write(serialize_frame(self._channels[1], data))


class WebSocketOutlet(TcpOutlet):
    """Sends one track as interleaved frames, each a message of a WebSocket."""

    @override
    def send_frames(self, data: bytearray, unit: PreparedAccessUnit) -> None:
        view = memoryview(data)
        ends = (*unit.offsets[1:], len(data))
        frames = (view[start:end] for start, end in zip(unit.offsets, ends, strict=True))
        if not self._transport.is_closing():
            self._transport.write(in_messages(frames))

    @override
    def send_rtcp(self, data: bytes) -> None:
        if not self._transport.is_closing():
            self._transport.write(in_messages([serialize_frame(self._channels[1], data)]))
