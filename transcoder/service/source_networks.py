"""Which addresses a source may connect to, and what is told of those that are this machine's.

Whoever may add streams or ask for probes could find this machine's other servers, because the reason of a failure tells
a closed port from a silent one and from one that speaks another protocol. So where the file does not name this machine,
a probe does not connect to it, and of a stream that has not played yet it is not told why.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from transcoder.config import Config, StreamConfig
from transcoder.config.source import SourceConfig, is_allowed
from transcoder.errors import NotConnected
from transcoder.net.sockets import is_this_machine

_LOOPBACK: Final = ("127.0.0.1", "::1")
_BY_THE_FILE: Final = (
    "the file gives sources.allow with a loopback network, or a stream of the file at this host and port"
)
REFUSAL: Final = f"this machine is probed only where {_BY_THE_FILE}"
CONCEALED: Final = f"no camera answers; of this machine it is told why only where {_BY_THE_FILE}"


class SourceNetworks:
    """Says for each source which addresses it may connect to.

    Args:
        config: returns the configuration in force.
        gave_pictures: returns the streams that have given a picture: what listens there is no secret.

    Attributes:
        streams_of_file: returns the streams as the file gives them; without an owner, all are.
    """

    def __init__(
        self, config: Callable[[], Config], gave_pictures: Callable[[], Iterable[StreamConfig]] = tuple
    ) -> None:
        self._config = config
        self._gave_pictures = gave_pictures
        self.streams_of_file: Callable[[], Mapping[str, StreamConfig]] = lambda: config().streams

    @property
    def config(self) -> Config:
        """Return the configuration in force."""
        return self._config()

    def of(self, source: SourceConfig) -> "AllowedAddresses":
        """Return what says whether the source of a stream may connect to an address."""
        return AllowedAddresses(self, source.host, source.port)

    def of_probe(self, source: SourceConfig) -> Callable[[str], bool]:
        """Return what says whether a probe may connect to an address; it raises NotConnected for this machine's."""
        addresses = self.of(source)

        def allowed(address: str) -> bool:
            is_allowed_address = addresses(address)
            if addresses.conceal():
                raise NotConnected(REFUSAL)
            return is_allowed_address

        return allowed

    def are_allowed(self, address: str) -> bool:
        """Return whether a camera may be at an address."""
        return is_allowed(address, self._config().sources.allow)

    def may_be_here(self, host: str, port: int) -> bool:
        """Return whether the file itself allows loopback, or a camera is known to be at this host and port."""
        sources = self._config().sources
        networks = sources.allow if "allow" in sources.model_fields_set else ()
        if any(is_allowed(address, networks) for address in _LOOPBACK):
            return True
        known = (*self.streams_of_file().values(), *self._gave_pictures())
        return any((each.source.host, each.source.port) == (host, port) for each in known)


@dataclass(slots=True)
class AllowedAddresses:
    """Says whether a source may connect to an address; equal for sources at the same host and port.

    Attributes:
        networks: knows what the file allows now.
        host, port: those of the source's URL.
    """

    networks: SourceNetworks
    host: str
    port: int
    _is_here: bool = field(default=False, init=False, compare=False)

    def __call__(self, address: str) -> bool:
        """Return whether the source may connect to this address."""
        allowed = self.networks.are_allowed(address)
        self._is_here = self._is_here or (allowed and is_this_machine(address))
        return allowed

    def conceal(self) -> str:
        """Return what is told instead of the reason of a failure, "" where the reason may be told."""
        return CONCEALED if self._is_here and not self.networks.may_be_here(self.host, self.port) else ""
