"""The listeners and groups of the RTSP server follow from the configuration."""

from typing import Final

from transcoder.config import Config
from transcoder.net.reader_groups import Multicast
from transcoder.net.reader_listeners import Listener
from transcoder.net.server_certificate import ServerCertificate
from transcoder.rtsp.multicast_groups import MulticastGroups
from transcoder.rtsp.reader_auth import LoginWays

CERTIFICATES: Final = "certificates"
"""The folder in the state that holds certificates that were made here."""


def listeners_of(config: Config) -> list[Listener]:
    """Return where readers connect, the plain listeners first."""
    plain = [Listener(host=endpoint.host, port=endpoint.port) for endpoint in config.rtsp.listen]
    tls = config.rtsp.tls
    if tls is None:
        return plain
    folder = config.state_dir / CERTIFICATES if config.state_dir is not None else None
    names = tuple(endpoint.host for endpoint in tls.listen)
    certificate = ServerCertificate(tls.certificate_file, tls.key_file, folder, names)
    secured = [Listener(host=endpoint.host, port=endpoint.port, certificate=certificate) for endpoint in tls.listen]
    return [*plain, *secured]


def multicast_of(config: Config) -> Multicast | None:
    """Return which multicast groups are served, None for none."""
    found = config.rtsp.multicast
    if found is None:
        return None
    groups = MulticastGroups(found.groups, found.port, found.ttl)
    return Multicast(groups=groups, interface=found.interface)


def login_ways_of(config: Config) -> LoginWays:
    """Return how readers may log in."""
    return LoginWays(sha256=config.rtsp.digest == "sha256", basic=config.rtsp.basic)
