"""Subscriptions hold the messages of their clients until they pull them. Sans-IO.

Source: ONVIF Core Specification section 9 (pull points), WS-BaseNotification 1.3 sections 5 and 6.
"""

import re
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

from transcoder.onvif.event_states import TOPICS, StateMessage
from transcoder.onvif.faults import Fault, invalid

MAX_SUBSCRIPTIONS: Final = 1024
"""Subscriptions to all devices at most: those of `HttpLimits.per_address`, one to each camera of a recorder."""
DEVICE_SUBSCRIPTIONS: Final = 16
"""Subscriptions to one device at most: each recorder has one."""
USER_SUBSCRIPTIONS: Final = 8
"""Subscriptions of one user to one device at most: recorders that share a user, each with one, and one that a recorder
left behind when it began anew. The other half is for others."""
USER_TOTAL: Final = MAX_SUBSCRIPTIONS // 2
"""Subscriptions of one user to all devices at most: one to each of 400 cameras, and some."""
MAX_MESSAGES: Final = 128
"""Messages that wait for one client at most; past it the oldest go. A stream changes a state a few times a minute. One
that hears of many streams has room for each of their states once: with them a subscription begins."""
FIRST_S: Final = 60.0
"""Seconds for which a subscription is good where the client asks for no time."""
MAX_S: Final = 3600.0
"""Seconds for which a subscription is good at most; clients ask for a minute to ten."""
MAX_WAIT_S: Final = 60.0
"""Seconds for which a client waits for messages at most; Home Assistant asks for sixty."""
_DURATION: Final = re.compile(r"P(?:(\d{1,4})D)?(?:T(?:(\d{1,6})H)?(?:(\d{1,6})M)?(?:(\d{1,6}(?:\.\d{1,9})?)S)?)?")
_ID: Final = re.compile(r"[0-9a-f]{16}")


def parse_duration(text: str) -> float | None:
    """Return a duration of XML schema in seconds, None where it is none, or has years or months.

    Source: XML Schema part 2 section 3.2.6.
    """
    match = _DURATION.fullmatch(text)
    if match is None or text in {"P", "PT"} or text.endswith("T"):
        return None
    days, hours, minutes, seconds = (float(each or 0) for each in match.groups())
    return days * 86_400 + hours * 3600 + minutes * 60 + seconds


def seconds_until(text: str, wall: float) -> float:
    """Return for how long a client wants a subscription: a duration, or a time; bounded, and FIRST_S without one.

    Raises:
        Fault: it is neither.
    """
    if not text:
        return FIRST_S
    wanted = parse_duration(text)
    if wanted is None:
        try:
            moment = datetime.fromisoformat(text)
        except ValueError:
            raise Fault("no time can be read", "wsnt:UnacceptableInitialTerminationTimeFault") from None
        wanted = (moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)).timestamp() - wall
    if wanted <= 0:
        raise Fault("that time is over", "wsnt:UnacceptableTerminationTimeFault")
    return min(wanted, MAX_S)


def topics_of(expression: str) -> frozenset[str]:
    """Return the topics that an expression names, by our own names; every topic where it is empty.

    The expression is a list of paths with | between them, `//.` at the end of one for everything below it. Prefixes are
    passed over: no name stands in two namespaces.

    Raises:
        Fault: it names no topic that there is.

    Source: ONVIF Core Specification section 9.6.3 (ConcreteSet).
    """
    if not expression:
        return frozenset(TOPICS)
    found = set()
    for path in expression.split("|"):
        below = path.strip().endswith("//.")
        wanted = _names(path.strip().removesuffix("//."))
        for name, topic in TOPICS.items():
            names = _names(topic.name)
            if names == wanted or (below and names[: len(wanted)] == wanted):
                found.add(name)
    if not found:
        raise Fault("there is no such topic", "wsnt:InvalidFilterFault")
    return frozenset(found)


def _names(path: str) -> list[str]:
    return [step.rpartition(":")[2] for step in path.split("/") if step]


@dataclass(slots=True, kw_only=True)
class Subscription:
    """Holds what one client has not pulled yet.

    Attributes:
        id: its id, which is secret.
        device: the name of its device.
        user: the user who made it, None where nobody logs in.
        streams: the streams that it hears of.
        topics: the topics that it hears of.
        until: monotonic seconds at which it ends.
        waiting: the messages, the oldest first.
    """

    id: str
    device: str
    user: str | None
    streams: frozenset[str]
    topics: frozenset[str]
    until: float
    waiting: deque[StateMessage] = field(default_factory=deque)

    @property
    def room(self) -> int:
        """Return how many messages wait at most."""
        return max(MAX_MESSAGES, len(self.streams) * len(self.topics))

    def hears(self, message: StateMessage) -> bool:
        """Return whether a message is one of those that are heard."""
        return message.stream in self.streams and message.topic in self.topics

    def keep(self, message: StateMessage) -> int:
        """Keep a message if it is heard; return how many others were dropped, because too many waited."""
        if not self.hears(message):
            return 0
        dropped = len(self.waiting) >= self.room
        if dropped:
            self.waiting.popleft()
        self.waiting.append(message)
        return int(dropped)

    def follow(self, streams: frozenset[str]) -> None:
        """Hear of these streams from now on, and tell no more of others: streams come and go, and so do rights."""
        if streams != self.streams:
            self.streams = streams
            self.waiting = deque(message for message in self.waiting if message.stream in streams)

    def take(self, limit: int) -> list[StateMessage]:
        """Take messages, so many at most."""
        return [self.waiting.popleft() for _ in range(min(limit, len(self.waiting)))]


class Subscriptions:
    """Holds the subscriptions to all devices.

    Args:
        make_id: makes an id that nobody guesses.

    Attributes:
        dropped: how many messages were dropped, because too many waited for a client.
    """

    def __init__(self, make_id: Callable[[], str]) -> None:
        self._make_id = make_id
        self._all: dict[str, Subscription] = {}
        self.dropped = 0

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self._all)

    def add(
        self, device: str, user: str | None, streams: Iterable[str], topics: frozenset[str], now: float, life_s: float
    ) -> Subscription:
        """Add a subscription.

        Raises:
            Fault: there are too many.
        """
        self.expire(now)
        same = [each.user for each in self._all.values() if each.device == device]
        if len(same) >= DEVICE_SUBSCRIPTIONS or len(self._all) >= MAX_SUBSCRIPTIONS:
            raise _too_many("there are too many subscriptions")
        if user is not None:
            total = sum(each.user == user for each in self._all.values())
            if same.count(user) >= USER_SUBSCRIPTIONS or total >= USER_TOTAL:
                raise _too_many("this user has too many subscriptions")
        made = Subscription(
            id=self._make_id(), device=device, user=user, streams=frozenset(streams), topics=topics, until=now + life_s
        )
        self._all[made.id] = made
        return made

    def find(self, identity: str, device: str, user: str | None, now: float) -> Subscription:
        """Return a subscription of a user to a device.

        Raises:
            Fault: there is none, or none any more.
        """
        self.expire(now)
        found = self._all.get(identity) if _ID.fullmatch(identity) else None
        if found is None or (found.device, found.user) != (device, user):
            raise Fault("there is no such subscription, or it has ended", "wsrf:ResourceUnknownFault")
        return found

    def remove(self, subscription: Subscription) -> None:
        """End a subscription."""
        self._all.pop(subscription.id, None)

    def expire(self, now: float) -> None:
        """End the subscriptions whose time is over."""
        for identity in [each.id for each in self._all.values() if each.until <= now]:
            del self._all[identity]

    def publish(self, messages: Iterable[StateMessage]) -> list[str]:
        """Give messages to everybody who hears of them; return the ids of their subscriptions."""
        heard: dict[str, None] = {}
        for message in messages:
            for subscription in self._all.values():
                if subscription.hears(message):
                    self.dropped += subscription.keep(message)
                    heard[subscription.id] = None
        return list(heard)


def _too_many(reason: str) -> Fault:
    return Fault(reason, "ter:Action", "ter:MaxSubscriptions", is_ours=True)


def limit_of(text: str) -> int:
    """Return how many messages a client takes at a time.

    Raises:
        Fault: it is no number.
    """
    if not text:
        return MAX_MESSAGES
    if not (text.isascii() and text.isdigit()) or not int(text[:9]):
        raise invalid("MessageLimit is no number, or 0")
    return min(int(text[:9]), MAX_MESSAGES)
