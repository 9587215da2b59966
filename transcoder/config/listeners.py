"""The gateway's own servers must not get in each other's way."""

from collections.abc import Iterator
from itertools import combinations

from transcoder.config.listen import Endpoint
from transcoder.config.model import Config


def tcp_listeners(config: Config) -> dict[str, Endpoint]:
    """Return where the gateway's TCP servers listen, by the key that says so."""
    found = {"rtsp.listen": config.rtsp.listen}
    if config.http is not None:
        found["http.listen"] = config.http.listen
    return found


def port_problems(config: Config) -> Iterator[str]:
    """Yield a problem for each two servers that would listen at one port of one address."""
    for (first, one), (second, other) in combinations(tcp_listeners(config).items(), 2):
        if one.meets(other):
            yield f"{second}: {other} is taken by {first}, {one}: give each a port of its own"
