"""HTTP and MQTT as the controller sees them, which they are built on."""

from typing import Protocol

from typing_extensions import override

from transcoder.config import Config
from transcoder.control.gateway_documents import BrokerLink


class Interfaces(Protocol):
    """The interfaces that carry out the controller's verbs, as far as it tells of them."""

    @property
    def api_url(self) -> str | None:
        """The URL of the HTTP API, None where there is none."""

    @property
    def broker(self) -> BrokerLink | None:
        """The connection to the MQTT broker, None where none is configured."""

    def take_up(self, config: Config) -> None:
        """Go on with the tokens and users of a file that was loaded again."""


class NoInterfaces(Interfaces):
    """A controller that nothing is built on."""

    @property
    @override
    def api_url(self) -> str | None:
        return None

    @property
    @override
    def broker(self) -> BrokerLink | None:
        return None

    @override
    def take_up(self, config: Config) -> None:
        pass
