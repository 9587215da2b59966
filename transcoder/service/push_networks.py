"""Which addresses a stream may be sent to.

Where pictures go is decided by whoever writes the file: its targets are sent to wherever they are. Whoever may change
streams at runtime could have them sent anywhere, and could find servers of these networks by it, so a target that is
named at runtime has to be in the networks that the file gives.
"""

from dataclasses import dataclass

from transcoder.config.push import PushConfig
from transcoder.config.source import is_allowed
from transcoder.service.source_networks import SourceNetworks


@dataclass(frozen=True, slots=True)
class AllowedTarget:
    """Says whether a target may have an address; equal for targets at the same host and port.

    Attributes:
        networks: knows what the file gives now.
        host, port: those of the target's URL.
    """

    networks: SourceNetworks
    host: str
    port: int

    @classmethod
    def of(cls, networks: SourceNetworks, push: PushConfig) -> "AllowedTarget":
        """Return what says whether a push may be sent to an address."""
        return cls(networks, push.split.host, push.split.port)

    def __call__(self, address: str) -> bool:
        """Return whether the target may have this address."""
        return self._is_of_file() or is_allowed(address, self.networks.config.push.allow)

    def _is_of_file(self) -> bool:
        targets = (push.split for stream in self.networks.streams_of_file().values() for push in stream.push.values())
        return any((url.host, url.port) == (self.host, self.port) for url in targets)
