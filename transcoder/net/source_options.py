"""The options of a source: a session with a camera, and the sockets that it may use."""

from collections.abc import Callable
from dataclasses import dataclass, field

from transcoder.errors import NotConnected
from transcoder.net.names import look_up
from transcoder.net.sockets import Binding
from transcoder.rtsp.urls import RtspUrl
from transcoder.source.camera_keys import CameraKeys, TlsOptions
from transcoder.source.options import SessionOptions


def _nobodys(_address: str, _port: int) -> bool:
    """Stand for a program that listens nowhere."""
    return False


def _nothing() -> str:
    """Conceal nothing."""
    return ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceOptions(SessionOptions):
    """Holds the options of a source and of its sessions; `transport` may be "auto", which the caller resolves.

    Attributes:
        allowed: says whether an address may be connected to.
        is_own: says whether an address and a port are those of a listener of this gateway.
        conceal: returns what is told instead of the reason of a failure, "" where the reason may be told.
        binding: the local end.
        tls: how a camera proves over TLS that it is itself.
        keys: the keys of cameras, which all sources share.
    """

    allowed: Callable[[str], bool]
    is_own: Callable[[str, int], bool] = _nobodys
    conceal: Callable[[], str] = field(default=_nothing, compare=False, repr=False)
    binding: Binding = field(default_factory=Binding)
    tls: TlsOptions = field(default_factory=TlsOptions)
    keys: CameraKeys = field(default_factory=CameraKeys, compare=False, repr=False)

    async def resolve(self, url: RtspUrl) -> tuple[str, ...]:
        """Return the addresses of a camera's host, checked: they can't change between check and connect.

        Raises:
            NotConnected: the host is not known, or this gateway may not connect to it.
        """
        allowed = [address for address in await look_up(url.host, url.port) if self.allowed(address)]
        if not allowed:
            raise NotConnected(f"{url.host} is in none of the networks of sources.allow")
        usable = [address for address in allowed if not self.is_own(address, url.port)]
        if not usable:  # also where a redirect leads there
            raise NotConnected(f"port {url.port} of {url.host} is a listener of this gateway, and no camera")
        return tuple(usable)
