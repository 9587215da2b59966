"""A track goes to its reader over the connection that asked for it, interleaved."""

import asyncio

from typing_extensions import override

from transcoder.output.fanout import Outlet
from transcoder.rtp.sender import PreparedAccessUnit
from transcoder.rtsp.messages import serialize_frame


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
