"""Which addresses a source may connect to: the networks of `sources.allow`, and this machine by the file alone.

Whoever may add streams or ask for probes could otherwise find this machine's other servers, because a source's problem
tells a closed port from a silent one and from one that speaks another protocol.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from transcoder.config import Config, StreamConfig
from transcoder.config.source import SourceConfig, is_allowed
from transcoder.errors import NotConnected
from transcoder.net.sockets import is_this_machine

_LOOPBACK: Final = ("127.0.0.1", "::1")
REFUSAL: Final = (
    "this machine is connected to only where the file gives sources.allow with a loopback network, or a stream of the"
    " file at this host and port"
)


class SourceNetworks:
    """Says for each source which addresses it may connect to.

    Args:
        config: returns the configuration in force.

    Attributes:
        streams_of_file: returns the streams as the file gives them; without an owner, all are.
    """

    def __init__(self, config: Callable[[], Config]) -> None:
        self._config = config
        self.streams_of_file: Callable[[], Mapping[str, StreamConfig]] = lambda: config().streams

    def of(self, source: SourceConfig) -> "AllowedAddresses":
        """Return what says whether a source may connect to an address."""
        return AllowedAddresses(self, source.host, source.port)

    def are_allowed(self, address: str) -> bool:
        """Return whether a camera may be at an address."""
        return is_allowed(address, self._config().sources.allow)

    def may_be_here(self, host: str, port: int) -> bool:
        """Return whether the file itself allows loopback, or has a stream at this host and port."""
        sources = self._config().sources
        networks = sources.allow if "allow" in sources.model_fields_set else ()
        if any(is_allowed(address, networks) for address in _LOOPBACK):
            return True
        return any((each.source.host, each.source.port) == (host, port) for each in self.streams_of_file().values())


@dataclass(frozen=True, slots=True)
class AllowedAddresses:
    """Says whether a source may connect to an address; equal for sources at the same host and port.

    Attributes:
        networks: knows what the file allows now.
        host, port: those of the source's URL.
    """

    networks: SourceNetworks
    host: str
    port: int

    def __call__(self, address: str) -> bool:
        """Return whether the source may connect to this address.

        Raises:
            NotConnected: the address is this machine's, and the file does not allow that.
        """
        if not self.networks.are_allowed(address):
            return False
        if is_this_machine(address) and not self.networks.may_be_here(self.host, self.port):
            raise NotConnected(REFUSAL)
        return True
