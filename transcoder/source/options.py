"""This module holds the options of a session with a camera."""

from dataclasses import dataclass, field

from transcoder.errors import RemoteProtocolError
from transcoder.rtsp.auth import Credentials
from transcoder.rtsp.client import AUTO
from transcoder.rtsp.messages import TURN_BYTES, TURN_EVENTS
from transcoder.rtsp.quirks import ForcedQuirks
from transcoder.rtsp.urls import DEFAULT_PORT, RtspUrl
from transcoder.source.rate_limit import RateOptions


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionOptions:
    """Holds how to talk to a camera.

    Attributes:
        url: the camera's URL without user info.
        credentials: the answer to a challenge, if there is one.
        transport: "tcp", "udp", "http" (RTSP and TCP through an HTTP tunnel) or "multicast".
        quirks: quirks forced by hand.
        redirect_ports: ports of the camera, besides the URL's own and 554, that a redirect may lead to.
        audio: whether audio is set up too, where the camera has audio that can be decoded.
        rate: how much the camera may send.
        turn_bytes: bytes of its connection that are looked at in a turn of the event loop.
        turn_events: messages and frames of its connection that are looked at in a turn of the event loop.
    """

    url: RtspUrl
    credentials: Credentials | None
    transport: str
    quirks: ForcedQuirks = AUTO
    redirect_ports: tuple[int, ...] = ()
    audio: bool = False
    rate: RateOptions = field(default_factory=RateOptions)
    turn_bytes: int = TURN_BYTES
    turn_events: int = TURN_EVENTS

    def redirected(self, url: RtspUrl) -> RtspUrl:
        """Return the URL that a redirect on the camera's host leads to.

        Raises:
            RemoteProtocolError: the redirect leads to a port where no camera is expected: a camera that chose the port
                could have other servers of its host asked.
        """
        if url.port not in {self.url.port, DEFAULT_PORT, *self.redirect_ports}:
            raise RemoteProtocolError(
                f"the camera redirects to port {url.port}, which is neither its own, nor {DEFAULT_PORT}, nor one of"
                " source.redirect_ports"
            )
        return url
