"""This module serves one client's connection to a simulated camera."""

import asyncio
from typing import Protocol, cast

from typing_extensions import override

from transcoder import clock
from transcoder.errors import ProtocolError
from transcoder.lab.cameras.defects.delivery import Interference
from transcoder.lab.cameras.dialog import CameraDialog, Delivery
from transcoder.lab.cameras.packets import Burst
from transcoder.lab.cameras.udp import UdpPorts
from transcoder.rtsp.messages import Request, Response, RtspParser

MAX_BACKLOG = 4 << 20
"""Bytes that wait for a slow reader (about ten seconds of video); above, access units are left out up to an IDR."""


class ConnectionOwner(Protocol):
    """Stands for the camera, as its connections see it."""

    def open_dialog(self, connection: "CameraConnection") -> tuple[CameraDialog, Interference]:
        """Make the dialog and the network of a new connection."""

    def connection_lost(self, connection: "CameraConnection") -> None:
        """Hear that the connection is gone."""

    def changed(self) -> None:
        """Hear that a connection began or ceased to play."""


class CameraConnection(asyncio.Protocol):
    """Feeds the dialog, writes its answers, and carries packets.

    Args:
        owner: the camera.
        redirects: whether the client came to the port that a camera redirects from.

    Attributes:
        peer: address of the client.
        left_out: bursts that this reader was too slow for.
    """

    dialog: CameraDialog
    interference: Interference
    _transport: asyncio.Transport

    def __init__(self, owner: ConnectionOwner, *, redirects: bool = False) -> None:
        self._owner = owner
        self.redirects = redirects
        self._held: list[bytes] = []
        self._parser = RtspParser()
        self._waits_for_idr = False
        self._quiet_until = 0.0
        self.peer = ""
        self.left_out = 0

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._transport.set_write_buffer_limits(high=2 * MAX_BACKLOG)
        self.peer = transport.get_extra_info("peername")[0]
        self.dialog, self.interference = self._owner.open_dialog(self)

    @override
    def connection_lost(self, _error: Exception | None) -> None:
        self.dialog.playing = False
        self._owner.connection_lost(self)

    @override
    def data_received(self, data: bytes) -> None:
        now = clock.monotonic()
        self._parser.receive_data(data)
        try:
            while (event := self._parser.next_event()) is not None:
                if isinstance(event, Request):
                    self._answer(event, now)
                elif not isinstance(event, Response):  # the reader sent RTCP
                    self.dialog.note_report(now)
        except ProtocolError:
            self.abort()

    def _answer(self, request: Request, now: float) -> None:
        was_playing = self.dialog.playing
        if request.method == "GET_PARAMETER" and self.dialog.camera.behaviour.session.closes_at_get_parameter:
            self._transport.close()
            return
        response = self.dialog.receive_request(request, now)
        if self.dialog.playing and not was_playing:
            self._be_quiet(now)
        if self.dialog.playing:
            self.interference.begin(now)
        early = request.method == "PLAY" and self.dialog.camera.behaviour.delivery.early_data
        if early:
            self._owner.changed()
        if response is not None:
            behaviour = self.dialog.camera.behaviour
            data = behaviour.session.written(response)
            late_s = behaviour.patience.answer_delay_s(request.method)
            if late_s:
                asyncio.get_running_loop().call_later(late_s, self._transport.write, data)
            else:
                self._transport.write(data)
            if response.status == 401 and self.dialog.camera.behaviour.session.closes_after_401:
                self._transport.close()
        if not early:
            self._owner.changed()

    def _be_quiet(self, now: float) -> None:
        """Send nothing for a while after PLAY, if the camera does so."""
        camera = self.dialog.camera
        quiet_s = camera.behaviour.patience.quiet_s(camera.plays)
        camera.plays += 1
        self._quiet_until = now + quiet_s
        self._waits_for_idr = quiet_s > 0

    def abort(self) -> None:
        """Cut the connection."""
        self.dialog.playing = False
        self._transport.abort()

    def destinations(self) -> dict[int, Delivery]:
        """Return where each track goes: the tracks that were set up and, for a camera that pushes, all others."""
        deliveries = self.dialog.deliveries
        camera = self.dialog.camera
        if not camera.behaviour.delivery.push_unrequested or not all(place.tcp for place in deliveries.values()):
            return deliveries
        free = 1 + max((place.rtcp for place in deliveries.values()), default=1)
        missing = [track.index for track in camera.tracks if track.index not in deliveries]
        extra = {index: Delivery(True, free + 2 * n, free + 2 * n + 1) for n, index in enumerate(missing)}
        return {**deliveries, **extra}

    def send(self, bursts: list[Burst], udp: UdpPorts | None, now: float) -> None:
        """Send the packets that are due to this reader."""
        if now < self._quiet_until:
            return
        destinations = self.destinations()
        slow = self._transport.get_write_buffer_size() > MAX_BACKLOG
        stalled = self.interference.stalls(now)
        out = []
        for burst in bursts:
            place = destinations.get(burst.track)
            if place is None:
                continue
            if not place.tcp:
                if udp and not stalled:
                    udp.send(burst, place.group or self.peer, place, self.interference)
                continue
            if slow or (self._waits_for_idr and not burst.random_access):
                self._waits_for_idr = True
                self.left_out += 1
                continue
            self._waits_for_idr = False
            out.append(self.interference.dress(burst, place.rtcp if burst.rtcp else place.rtp, now))
        if request := self.interference.request(now, f"rtsp://{self.peer}{self.dialog.camera.behaviour.path}"):
            out.append(request)
        if stalled:
            self._held += out
        elif out:
            self._transport.write(b"".join([*self._held, *out]))
            self._held.clear()
