"""Connections to cameras that speak RTSP over TLS are made here (RFC 7826 section 19; port 322)."""

import asyncio
import contextlib
import socket
import ssl
import warnings
from collections.abc import AsyncIterator, Callable

from transcoder.errors import ConnectionRefused, KeyNotTrusted, NotConnected, TransportError
from transcoder.rtsp.urls import RtspUrl
from transcoder.source.camera_keys import CameraKeys, TlsOptions

_NO_TLS = frozenset({"WRONG_VERSION_NUMBER", "HTTP_REQUEST", "PACKET_LENGTH_TOO_LONG", "UNEXPECTED_EOF_WHILE_READING"})
"""OpenSSL's words where the peer answers with something that is no TLS."""

_WANTS_CERTIFICATE = "TLSV13_ALERT_CERTIFICATE_REQUIRED"
"""OpenSSL's word where the client has no certificate and needs one; TLS before 1.3 has no alert of its own for that."""
_ANY_FAILURE = "SSLV3_ALERT_HANDSHAKE_FAILURE"
"""OpenSSL's word for an alert that TLS before 1.3 sends for ciphers and for a certificate that is missing."""
_NO_CERTIFICATE = "the camera wants a certificate of the gateway over TLS, which has none"

_LEGACY_SERVER_CONNECT = 0x4
"""OpenSSL's SSL_OP_LEGACY_SERVER_CONNECT, which Python names from 3.12 on: servers without secure renegotiation."""


def make_context(options: TlsOptions) -> ssl.SSLContext:
    """Return the settings of TLS: 1.2 or 1.3 with today's ciphers, unless older ones are asked for."""
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    made.minimum_version = ssl.TLSVersion.TLSv1_2
    if options.verify == "ca":
        made.load_default_certs()
    else:  # the key is compared, and no authority is asked
        made.check_hostname = False
        made.verify_mode = ssl.CERT_NONE
    if options.old_ciphers:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            made.minimum_version = ssl.TLSVersion.TLSv1
        made.set_ciphers("ALL:!aNULL:!eNULL:@SECLEVEL=0")
        made.options |= _LEGACY_SERVER_CONNECT
    return made


async def connect_protocol(
    make: Callable[[], asyncio.Protocol], sock: socket.socket, url: RtspUrl, options: TlsOptions
) -> None:
    """Give a connected socket to a protocol, over TLS where the URL says so.

    Raises:
        NotConnected: there is no TLS with the camera.
        OSError: the connection was lost.
    """
    loop = asyncio.get_running_loop()
    if not url.is_secure:
        await loop.create_connection(make, sock=sock)
        return
    async with _worded(options):
        await loop.create_connection(make, sock=sock, ssl=make_context(options), server_hostname=url.host)


@contextlib.asynccontextmanager
async def _worded(options: TlsOptions) -> AsyncIterator[None]:
    """Word the failure of a handshake for the operator; OpenSSL's errors have numbers that mean other things."""
    hint = "" if options.old_ciphers else "; source.tls.old_ciphers allows what older cameras speak"
    try:
        yield
    except ssl.SSLCertVerificationError as error:
        raise KeyNotTrusted(f"the camera's certificate is not trusted: {error.verify_message}") from None
    except ssl.SSLError as error:
        reason = error.reason or "no reason"
        if reason in _NO_TLS:
            raise NotConnected("the camera does not speak TLS at this port") from None
        if reason == _WANTS_CERTIFICATE:
            raise ConnectionRefused(_NO_CERTIFICATE) from None
        if reason == _ANY_FAILURE:
            raise ConnectionRefused(
                f"the camera refuses TLS: it has no cipher in common, or wants a certificate of the gateway{hint}"
            ) from None
        raise NotConnected(f"no TLS with the camera: {_words(reason)}{hint}") from None
    except ConnectionRefused:
        raise
    except ConnectionError:
        raise NotConnected(f"the camera closed the connection in the TLS handshake{hint}") from None


def lost_connection(error: Exception | None) -> TransportError:
    """Word the end of a connection for the operator; in TLS 1.3 a camera tells what it misses after the handshake.

    Args:
        error: the reason; None: the camera closed the connection, with a word of TLS or without one.
    """
    if error is None:
        return TransportError("the camera closed the connection")
    if isinstance(error, ssl.SSLError):
        reason = error.reason or "no reason"
        if reason == _WANTS_CERTIFICATE:
            return ConnectionRefused(_NO_CERTIFICATE)
        return TransportError(f"connection lost: TLS: {_words(reason)}")
    return TransportError(f"connection lost: {error}")


def _words(reason: str) -> str:
    return reason.lower().replace("_", " ")


def check_camera(transport: asyncio.BaseTransport, url: RtspUrl, options: TlsOptions, keys: CameraKeys) -> None:
    """Check the key of a camera before anything is sent to it; a connection without TLS has none.

    Raises:
        KeyNotTrusted: the key is not the camera's, or TLS is missing.
    """
    if not url.is_secure:
        return
    secured = transport.get_extra_info("ssl_object")
    certificate = secured.getpeercert(binary_form=True) if secured is not None else None
    if not certificate:
        raise KeyNotTrusted("the camera shows no certificate")
    keys.check(options, url, certificate)
