"""One client's connection to a simulated camera."""

import asyncio
from typing import Protocol, cast

from transcoder import clock
from transcoder.errors import ProtocolError
from transcoder.rtsp.messages import Request, Response, RtspParser, serialize_response
from transcoder.simulator.dialog import CameraDialog, Delivery
from transcoder.simulator.packets import Burst
from transcoder.simulator.udp import UdpPorts

MAX_BACKLOG = 4 << 20
"""Bytes that wait for a slow reader (about ten seconds of video); beyond, access units are left out up to an IDR."""


class ConnectionOwner(Protocol):
    """What a connection needs of its camera."""

    def open_dialog(self, connection: "CameraConnection") -> CameraDialog:
        """For a new connection."""

    def connection_lost(self, connection: "CameraConnection") -> None:
        """The connection is gone."""

    def changed(self) -> None:
        """A connection began or ceased to play."""


class CameraConnection(asyncio.Protocol):
    """Feeds the dialog, writes its answers, and carries packets.

    Attributes:
        peer: address of the client.
        left_out: bursts that this reader was too slow for.
    """

    dialog: CameraDialog
    _transport: asyncio.Transport

    def __init__(self, owner: ConnectionOwner) -> None:
        self._owner = owner
        self._parser = RtspParser()
        self._waits_for_idr = False
        self.peer = ""
        self.left_out = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Asyncio calls this."""
        self._transport = cast(asyncio.Transport, transport)
        self._transport.set_write_buffer_limits(high=2 * MAX_BACKLOG)
        self.peer = transport.get_extra_info("peername")[0]
        self.dialog = self._owner.open_dialog(self)

    def connection_lost(self, _error: Exception | None) -> None:
        """Asyncio calls this."""
        self.dialog.playing = False
        self._owner.connection_lost(self)

    def data_received(self, data: bytes) -> None:
        """Asyncio calls this."""
        now = clock.monotonic()
        self._parser.receive_data(data)
        try:
            while (event := self._parser.next_event()) is not None:
                if isinstance(event, Request):
                    self._transport.write(serialize_response(self.dialog.receive_request(event, now)))
                    self._owner.changed()
                elif not isinstance(event, Response):  # RTCP of the reader
                    self.dialog.last_activity = now
        except ProtocolError:
            self.abort()

    def abort(self) -> None:
        """Cut the connection."""
        self.dialog.playing = False
        self._transport.abort()

    def destinations(self) -> dict[int, Delivery]:
        """Where each track goes: what was set up and, for a camera that pushes, everything else."""
        deliveries = self.dialog.deliveries
        camera = self.dialog.camera
        if not camera.behaviour.push_unrequested or not all(place.tcp for place in deliveries.values()):
            return deliveries
        free = 1 + max((place.rtcp for place in deliveries.values()), default=1)
        missing = [track.index for track in camera.tracks if track.index not in deliveries]
        extra = {index: Delivery(True, free + 2 * n, free + 2 * n + 1) for n, index in enumerate(missing)}
        return {**deliveries, **extra}

    def send(self, bursts: list[Burst], udp: UdpPorts | None) -> None:
        """Send what is due to this reader."""
        destinations = self.destinations()
        slow = self._transport.get_write_buffer_size() > MAX_BACKLOG
        out = []
        for burst in bursts:
            place = destinations.get(burst.track)
            if place is None:
                continue
            if not place.tcp:
                if udp:
                    udp.send(burst, self.peer, place)
                continue
            if slow or (self._waits_for_idr and not burst.random_access):
                self._waits_for_idr = True
                self.left_out += 1
                continue
            self._waits_for_idr = False
            out.append(burst.on_channel(place.rtcp if burst.rtcp else place.rtp))
        if out:
            self._transport.write(out[0] if len(out) == 1 else b"".join(out))
