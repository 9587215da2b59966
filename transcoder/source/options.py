"""This module holds the options of a session with a camera."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from transcoder.errors import RemoteProtocolError, TransportNotAccepted
from transcoder.rtsp.auth import Authenticator, Credentials
from transcoder.rtsp.client import AUTO
from transcoder.rtsp.headers import Transport
from transcoder.rtsp.keep_alive import KeepAliveMethods
from transcoder.rtsp.messages import TURN_BYTES, TURN_EVENTS
from transcoder.rtsp.quirks import ForcedQuirks
from transcoder.rtsp.urls import DEFAULT_PORT, SECURE_PORT, RtspUrl
from transcoder.source.camera_logins import CameraLogins
from transcoder.source.pauses import Pauses
from transcoder.source.rate_limit import RateOptions


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeouts:
    """Holds how long each step of a session may take: battery cameras and loaded recorders take many seconds.

    Waiting costs nobody anything: it holds no turn of the gate, and other sources go on.

    Attributes:
        connect_s: seconds until the connection stands.
        reply_s: seconds until a request before PLAY is answered (15 to 30 s were reported of whole handshakes).
        first_packet_s: seconds from PLAY to the first packet (8 s were reported of recorders).
        silence_s: seconds without a packet or a picture, at least; a camera whose pictures come seldom has longer.
        first_picture_s: seconds of packets until the first picture.
    """

    connect_s: float = 10.0
    reply_s: float = 30.0
    first_packet_s: float = 20.0
    silence_s: float = 10.0
    first_picture_s: float = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionOptions:
    """Holds the options of a session with a camera.

    Attributes:
        url: the camera's URL without user info.
        credentials: the answer to a challenge, if there is one.
        transport: "tcp", "udp", "http" (RTSP and TCP through an HTTP tunnel) or "multicast".
        quirks: quirks forced by hand.
        redirect_ports: ports of the camera, besides the URL's own and 554, that a redirect may lead to.
        audio: whether audio is set up too, where the camera has audio that can be decoded.
        rate: how much the camera may send.
        timeouts: how long each step of the session may take.
        keep_alives: the signs of life, and what earlier connections taught of them.
        pauses: the pauses of the camera over all its connections.
        logins: the logins that cameras have asked for, which all sources share.
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
    timeouts: Timeouts = field(default_factory=Timeouts)
    keep_alives: KeepAliveMethods = field(default_factory=KeepAliveMethods, compare=False, repr=False)
    pauses: Pauses = field(default_factory=Pauses, compare=False, repr=False)
    logins: CameraLogins = field(default_factory=CameraLogins, compare=False, repr=False)
    turn_bytes: int = TURN_BYTES
    turn_events: int = TURN_EVENTS

    def authenticator(self, url: RtspUrl, cnonce: str) -> Authenticator | None:
        """Return who answers the challenges of a connection, or None where there are no credentials.

        Args:
            url: the URL that is connected to; over TLS Basic is no password in clear.
            cnonce: a random token, used where the camera offers qop.
        """
        if self.credentials is None:
            return None
        return Authenticator(self.credentials, cnonce, None if url.is_secure else self.logins.of(self.url))

    def wanted_transport(self, track: int, ports: Sequence[tuple[int, int]]) -> Transport:
        """Return the transport that SETUP asks for.

        Args:
            track: the index of the media, in the order of SETUP.
            ports: our UDP ports, RTP and RTCP of each media.
        """
        if self.transport == "udp":
            return Transport(lower="UDP", client_port=ports[track])
        if self.transport == "multicast":
            return Transport(lower="UDP", unicast=False)
        return Transport(lower="TCP", interleaved=(2 * track, 2 * track + 1))

    def redirected(self, url: RtspUrl) -> RtspUrl:
        """Return the URL that a redirect on the camera's host leads to.

        Raises:
            RemoteProtocolError: the redirect leads to a port where no camera is expected: a camera that chose the port
                could have other servers of its host asked.
            TransportNotAccepted: the redirect leads to TLS, and the media would not be encrypted.
        """
        if self.url.is_secure and not url.is_secure:
            raise RemoteProtocolError("the camera redirects from TLS to a connection without")
        if url.is_secure and self.transport != "tcp":  # a tunnel is made without TLS, and datagrams are not encrypted
            raise TransportNotAccepted(f"the camera redirects to TLS, which transport {self.transport} does not have")
        usual = SECURE_PORT if url.is_secure else DEFAULT_PORT
        if url.port not in {self.url.port, usual, *self.redirect_ports}:
            raise RemoteProtocolError(
                f"the camera redirects to port {url.port}, which is neither its own, nor {usual}, nor one of"
                " source.redirect_ports"
            )
        return url
