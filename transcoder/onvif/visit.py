"""A visit is one request with everything that its answer hangs on; operations answer it, or ask for something first."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias
from xml.etree.ElementTree import Element

from transcoder.onvif.device import Channel, Device, Place, Profile
from transcoder.onvif.events import Events
from transcoder.onvif.faults import Fault, no_config, no_profile
from transcoder.onvif.markup import Markup
from transcoder.onvif.soap import SoapRequest, argument_text
from transcoder.onvif.subscriptions import Subscription


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """Holds a request and its surroundings.

    Attributes:
        request: the request.
        device: the device as the user sees it.
        place: where the client reaches the device.
        name: the name of the device: the stream's id, or "" for the one that has all streams.
        path: the path of the request's URL.
        user: the user who sent it, None where nobody has to log in, or need not for this.
        may_control: whether the user may change something.
        wall: UTC seconds.
        now: monotonic seconds.
        events: the states of streams, and who hears of them.
    """

    request: SoapRequest
    device: Device
    place: Place
    name: str
    path: str = "/"
    user: str | None = None
    may_control: bool = False
    wall: float
    now: float
    events: Events

    @property
    def operation(self) -> Element:
        """Return the element of the operation."""
        return self.request.operation

    def text(self, *path: str) -> str:
        """Return the text of an argument, "" where it is not there."""
        return argument_text(self.operation, *path)

    def profile(self) -> tuple[Channel, Profile]:
        """Return the profile that the request names.

        Raises:
            Fault: there is no such profile.
        """
        token = self.text("ProfileToken")
        for channel, profile in self.device.profiles():
            if profile.token == token:
                return channel, profile
        raise no_profile()

    def encoder(self, token: str) -> Profile:
        """Return the profile whose video encoder has this token.

        Raises:
            Fault: there is no such configuration.
        """
        for _, profile in self.device.profiles():
            if profile.encoder_token == token:
                return profile
        raise no_config()

    def require_control(self) -> None:
        """Have only users go on who may change something.

        Raises:
            Fault: the user may not.
        """
        if not self.may_control:
            raise Fault("this user may not change anything: see onvif.control", "ter:OperationProhibited")


@dataclass(frozen=True, slots=True, kw_only=True)
class ForceIdr:
    """Asks for an IDR of a stream, before the answer."""

    stream: str
    answer: Markup


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeStream:
    """Asks for a change of a stream's configuration, before the answer.

    Attributes:
        stream: the stream's id.
        keys: the keys that change, as in the configuration.
        answer: the answer where the change was made.
    """

    stream: str
    keys: Mapping[str, Any]
    answer: Markup


@dataclass(frozen=True, slots=True, kw_only=True)
class RestartStreams:
    """Asks for a restart of streams, before the answer."""

    streams: tuple[str, ...]
    answer: Markup


@dataclass(frozen=True, slots=True, kw_only=True)
class AwaitMessages:
    """Asks to be heard again when a subscription has messages, or at a time.

    Attributes:
        subscription: the subscription.
        until: monotonic seconds at which the answer is given all the same.
        limit: messages of the answer at most.
    """

    subscription: Subscription
    until: float
    limit: int


Outcome: TypeAlias = Markup | ForceIdr | ChangeStream | RestartStreams | AwaitMessages
Operation: TypeAlias = Callable[[Visit], Outcome]
Operations: TypeAlias = Mapping[str, Operation]
