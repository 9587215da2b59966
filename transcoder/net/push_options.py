"""The options of a push: the server that an output is sent to, and the addresses that it may have."""

from collections.abc import Callable
from dataclasses import dataclass, field

from transcoder.errors import NotConnected, RemoteProtocolError
from transcoder.net.names import look_up
from transcoder.rtsp.auth import Credentials
from transcoder.rtsp.urls import DEFAULT_PORT, SECURE_PORT, RtspUrl
from transcoder.source.camera_keys import CameraKeys, TlsOptions
from transcoder.url import Url


@dataclass(frozen=True, slots=True, kw_only=True)
class PushOptions:
    """Holds the options of one push.

    Attributes:
        url: the target's URL, without user info.
        rendition: the name of the output that is sent.
        enabled: whether it is sent at all.
        credentials: answers the target's challenge, if there are any.
        stream_key: the last part of an RTMP target's path, which is a secret; "" where the URL has it.
        redirect_ports: ports that a redirect may lead to, besides the URL's own and the one of its scheme.
        tls: how the target proves over TLS that it is itself.
        allowed: says whether an address may be sent to.
        is_own: says whether an address and a port are those of a listener of this gateway.
        keys: the keys of peers that speak TLS, which all share.
        requires_sandbox: whether no process may send where a measure of its sandbox is missing.
    """

    url: Url
    rendition: str
    enabled: bool = True
    credentials: Credentials | None = None
    stream_key: str = field(default="", repr=False)
    redirect_ports: tuple[int, ...] = ()
    tls: TlsOptions = field(default_factory=TlsOptions)
    allowed: Callable[[str], bool]
    is_own: Callable[[str, int], bool]
    keys: CameraKeys = field(default_factory=CameraKeys, compare=False, repr=False)
    requires_sandbox: bool = field(default=False, compare=False)

    @property
    def shown(self) -> str:
        """Return scheme, host and port: the path may hold a secret."""
        host = f"[{self.url.host}]" if ":" in self.url.host else self.url.host
        return f"{self.url.scheme}://{host}:{self.url.port}"

    def redirected(self, url: RtspUrl) -> RtspUrl:
        """Return the URL that a redirect on the target's host leads to.

        Raises:
            RemoteProtocolError: the redirect leads to a port where no such server is expected: a target that chose the
                port could have other servers of its host talked to.
        """
        usual = SECURE_PORT if url.is_secure else DEFAULT_PORT
        if url.port not in {self.url.port, usual, *self.redirect_ports}:
            raise RemoteProtocolError(
                f"the target redirects to port {url.port}, which is neither its own, nor {usual}, nor one of"
                " push.redirect_ports"
            )
        return url

    async def resolve(self, port: int) -> tuple[str, ...]:
        """Return the addresses of the target's host, checked: they can't change between check and connect.

        Args:
            port: the port that will be connected to.

        Raises:
            NotConnected: the host is not known, or nothing may be sent to it.
        """
        host = self.url.host
        allowed = [address for address in await look_up(host, port) if self.allowed(address)]
        if not allowed:
            raise NotConnected(f"{host} was named at runtime, and is in none of the networks of push.allow")
        usable = [address for address in allowed if not self.is_own(address, port)]
        if not usable:
            raise NotConnected(f"port {port} of {host} is a listener of this gateway")
        return tuple(usable)
