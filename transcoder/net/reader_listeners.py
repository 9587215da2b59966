"""Readers connect to these listeners: plain ones, and ones over TLS."""

import asyncio
import functools
import ssl
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import structlog

from transcoder.errors import TransportError, not_bound
from transcoder.net.listening import listening_sockets
from transcoder.net.secured_listener import SecuredListener
from transcoder.net.server_certificate import ServerCertificate

log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class Listener:
    """A listener is an address that readers connect to.

    Attributes:
        host: the address to listen on.
        port: the port to listen on, 0 for any.
        certificate: the certificate of RTSP over TLS, None for plain RTSP.
    """

    host: str
    port: int
    certificate: ServerCertificate | None = None

    @property
    def scheme(self) -> str:
        """Return the scheme of URLs that lead to this listener."""
        return "rtsp" if self.certificate is None else "rtsps"

    @property
    def key(self) -> str:
        """Return the key of the configuration that names the listener, with its value."""
        shown = f"[{self.host}]" if ":" in self.host else self.host
        return f"rtsp.{'' if self.certificate is None else 'tls.'}listen {shown}:{self.port}"


class ReaderListeners:
    """Holds the listening sockets of a server.

    Args:
        listeners: the addresses to listen on.
        make: makes the protocol of a connection to a listener.

    Attributes:
        listeners: the listeners, once started with the ports that they really have.
    """

    def __init__(self, listeners: Sequence[Listener], make: Callable[[Listener], asyncio.Protocol]) -> None:
        self.listeners = list(listeners)
        self._make = make
        self._servers: list[asyncio.Server | SecuredListener] = []
        self._told = ""

    async def start(self) -> None:
        """Begin to listen.

        Raises:
            TransportError: an address is taken or not ours, or a certificate can't be used.
        """
        for index, listener in enumerate(self.listeners):
            if listener.certificate is not None and not listener.certificate.fingerprint:
                _load(listener.certificate)
            try:
                sockets = await listening_sockets(listener.host, listener.port)
            except OSError as error:
                raise not_bound(listener.key, error) from None
            made = self.listeners[index] = replace(listener, port=sockets[0].getsockname()[1])
            make = functools.partial(self._make, made)
            for sock in sockets:
                if listener.certificate is not None:
                    self._servers.append(SecuredListener(sock, listener.certificate.context, make))
                else:
                    self._servers.append(await asyncio.get_running_loop().create_server(make, sock=sock))

    def close(self) -> None:
        """Let nobody in any more."""
        for server in self._servers:
            server.close()
        self._servers.clear()

    def look_at_certificates(self) -> None:
        """Use certificates that were replaced; readers that are here stay."""
        for certificate in {each.certificate for each in self.listeners if each.certificate is not None}:
            try:
                if certificate.load_again():
                    log.info("the certificate of RTSP over TLS was replaced", fingerprint=certificate.fingerprint)
                self._told = ""
            except (OSError, ValueError) as error:
                if _reason(error) != self._told:  # it is tried again twice a minute
                    self._told = _reason(error)
                    log.error("a certificate can't be used; the one before is served on", reason=self._told)


def _load(certificate: ServerCertificate) -> None:
    try:
        certificate.load()
    except (OSError, ValueError) as error:
        raise TransportError(f"rtsp.tls.certificate_file: {_reason(error)}") from None
    log.info("RTSP over TLS", fingerprint=certificate.fingerprint)


def _reason(error: OSError | ValueError) -> str:
    if isinstance(error, ssl.SSLError):
        return (error.reason or str(error)).replace("_", " ").lower()
    return getattr(error, "strerror", None) or str(error)
