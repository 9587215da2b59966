"""The controller sees HTTP and MQTT, which are built on it, through this Protocol."""

from typing import Protocol

from typing_extensions import override

from transcoder.config import Config
from transcoder.control.gateway_documents import BrokerLink
from transcoder.control.numbers import OnvifNumbers


class Interfaces(Protocol):
    """The controller tells of these interfaces, which carry out its verbs."""

    @property
    def api_url(self) -> str | None:
        """Return the URL of the HTTP API, None where there is none."""

    @property
    def broker(self) -> BrokerLink | None:
        """Return the connection to the MQTT broker, None where none is configured."""

    @property
    def onvif(self) -> OnvifNumbers | None:
        """Return the numbers of the ONVIF devices, None where there are none."""

    def take_up(self, config: Config) -> None:
        """Go on with the tokens and users of a file that was loaded again."""


class NoInterfaces(Interfaces):
    """Stands for no interface at all, where nothing is built on the controller."""

    @property
    @override
    def api_url(self) -> str | None:
        return None

    @property
    @override
    def broker(self) -> BrokerLink | None:
        return None

    @property
    @override
    def onvif(self) -> OnvifNumbers | None:
        return None

    @override
    def take_up(self, config: Config) -> None:
        pass
