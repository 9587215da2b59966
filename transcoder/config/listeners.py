"""The gateway's own servers must not get in each other's way."""

from collections.abc import Iterator
from itertools import combinations

from transcoder.config.listen import Endpoint
from transcoder.config.model import Config
from transcoder.config.onvif import device_endpoints


def tcp_listeners(config: Config) -> Iterator[tuple[str, Endpoint]]:
    """Yield where the gateway's TCP servers listen, each with the key that says so."""
    for endpoint in config.rtsp.listen:
        yield "rtsp.listen", endpoint
    for endpoint in config.rtsp.tls.listen if config.rtsp.tls is not None else ():
        yield "rtsp.tls.listen", endpoint
    for endpoint in config.http.listen if config.http is not None else ():
        yield "http.listen", endpoint
    yield from device_endpoints(config)


def port_problems(config: Config) -> Iterator[str]:
    """Yield a problem for each two servers that would listen at one port of one address."""
    for (first, one), (second, other) in combinations(tcp_listeners(config), 2):
        if one.meets(other):
            yield f"{second}: {other} is taken by {first}, {one}: give each a port of its own"
