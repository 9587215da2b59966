"""Events are the states of streams and the subscriptions of those who hear of them."""

import secrets

from transcoder.onvif.event_states import EventStates
from transcoder.onvif.subscriptions import Subscription, Subscriptions


def _id() -> str:
    return secrets.token_hex(8)


class Events:
    """Holds the states of all streams, and the subscriptions to all devices.

    Attributes:
        states: the states.
        subscriptions: the subscriptions.
    """

    def __init__(self) -> None:
        self.states = EventStates()
        self.subscriptions = Subscriptions(_id)

    def begin(self, subscription: Subscription, wall: float) -> None:
        """Have a subscription begin with every state as it is; its client asks for that when it is in doubt."""
        subscription.waiting.clear()
        for stream in sorted(subscription.streams):
            for message in self.states.initial(stream, wall):
                subscription.keep(message)
