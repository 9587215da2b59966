"""The event service: clients subscribe to a pull point, and pull what changed.

Source: ONVIF Core Specification section 9, events.wsdl; WS-BaseNotification 1.3 section 6.
"""

from typing import Final

from transcoder.onvif.device_service import service_capabilities
from transcoder.onvif.event_states import CONCRETE, TOPICS, Topic, time_text
from transcoder.onvif.faults import Fault, invalid
from transcoder.onvif.markup import Markup, element
from transcoder.onvif.namespaces import EVENTS
from transcoder.onvif.subscriptions import (
    FIRST_S,
    MAX_WAIT_S,
    Subscription,
    limit_of,
    parse_duration,
    seconds_until,
    topics_of,
)
from transcoder.onvif.visit import AwaitMessages, Operations, Outcome, Visit

SUBSCRIPTIONS: Final = "/onvif/subscription/"
"""The path of subscriptions: the id of one follows."""
DIALECTS: Final = (CONCRETE, "http://docs.oasis-open.org/wsn/t-1/TopicExpression/Concrete")
_TOPICS_AT: Final = "http://www.onvif.org/onvif/ver10/topics/topicns.xml"
_SCHEMA_AT: Final = "http://www.onvif.org/onvif/ver10/schema/onvif.xsd"
_FILTER: Final = "http://www.onvif.org/ver10/tev/messageContentFilter/ItemFilter"


def _create_pull_point_subscription(visit: Visit) -> Outcome:
    life_s = seconds_until(visit.text("InitialTerminationTime"), visit.wall)
    if visit.text("Filter", "MessageContent"):
        raise Fault("messages are filtered by topic alone", "wsnt:InvalidFilterFault")
    made = visit.events.subscriptions.add(
        visit.name,
        visit.user,
        _streams(visit),
        topics_of(visit.text("Filter", "TopicExpression")),
        visit.now,
        life_s,
    )
    visit.events.begin(made, visit.wall)
    address = f"{visit.place.base}{SUBSCRIPTIONS}{made.id}"
    return element(
        "tev:CreatePullPointSubscriptionResponse",
        element("tev:SubscriptionReference", element("a:Address", address)),
        element("wsnt:CurrentTime", time_text(visit.wall)),
        element("wsnt:TerminationTime", time_text(visit.wall + life_s)),
    )


def _subscription(visit: Visit) -> Subscription:
    """Return the subscription that a request is sent to, by its path, or by the address that it names.

    It hears of the streams that its user may read now, and of no others.
    """
    address = visit.path if SUBSCRIPTIONS in visit.path else visit.request.to
    identity = address.rpartition("/")[2]
    found = visit.events.subscriptions.find(identity, visit.name, visit.user, visit.now)
    found.follow(_streams(visit))
    return found


def _streams(visit: Visit) -> frozenset[str]:
    return frozenset(channel.stream for channel in visit.device.channels)


def _pull_messages(visit: Visit) -> Outcome:
    found = _subscription(visit)
    wait_s = parse_duration(visit.text("Timeout"))
    if wait_s is None:
        raise invalid("Timeout is no duration")
    until = visit.now + min(wait_s, MAX_WAIT_S)
    # a client that pulls is there; some never renew
    found.until = max(found.until, until + FIRST_S)
    return AwaitMessages(subscription=found, until=until, limit=limit_of(visit.text("MessageLimit")))


def pulled(subscription: Subscription, limit: int, now: float, wall: float) -> Markup:
    """Return the answer to a client that pulled.

    Args:
        subscription: its subscription.
        limit: messages at most.
        now: monotonic seconds.
        wall: UTC seconds.
    """
    return element(
        "tev:PullMessagesResponse",
        element("tev:CurrentTime", time_text(wall)),
        element("tev:TerminationTime", time_text(wall + subscription.until - now)),
        *(message.markup() for message in subscription.take(limit)),
    )


def _set_synchronization_point(visit: Visit) -> Outcome:
    visit.events.begin(_subscription(visit), visit.wall)
    return element("tev:SetSynchronizationPointResponse")


def _renew(visit: Visit) -> Outcome:
    found = _subscription(visit)
    life_s = seconds_until(visit.text("TerminationTime"), visit.wall)
    found.until = visit.now + life_s
    return element(
        "wsnt:RenewResponse",
        element("wsnt:TerminationTime", time_text(visit.wall + life_s)),
        element("wsnt:CurrentTime", time_text(visit.wall)),
    )


def _unsubscribe(visit: Visit) -> Outcome:
    visit.events.subscriptions.remove(_subscription(visit))
    return element("wsnt:UnsubscribeResponse")


def _subscribe(_: Visit) -> Outcome:
    # messages are pulled: nothing connects from here to anybody
    raise Fault("messages are pulled here: Subscribe is not implemented", "ter:ActionNotSupported")


def _get_event_properties(_: Visit) -> Outcome:
    tree: dict[str, dict[str, Markup]] = {}
    for topic in TOPICS.values():
        top, *below = topic.name.split("/")
        described = element(below[-1], _description(topic), attributes={"wstop:topic": True})
        for name in reversed(below[:-1]):
            described = element(name, described)
        tree.setdefault(top, {})[topic.name] = described
    topics = (element(top, *parts.values()) for top, parts in tree.items())
    return element(
        "tev:GetEventPropertiesResponse",
        element("tev:TopicNamespaceLocation", _TOPICS_AT),
        element("wsnt:FixedTopicSet", True),
        element("wstop:TopicSet", *topics),
        *(element("wsnt:TopicExpressionDialect", dialect) for dialect in DIALECTS),
        element("tev:MessageContentFilterDialect", _FILTER),
        element("tev:MessageContentSchemaLocation", _SCHEMA_AT),
    )


def _description(topic: Topic) -> Markup:
    def item(name: str, kind: str) -> Markup:
        return element("tt:SimpleItemDescription", attributes={"Name": name, "Type": kind})

    sources = (item(name, "xs:string" if value else "tt:ReferenceToken") for name, value in topic.sources)
    return element(
        "tt:MessageDescription",
        element("tt:Source", *sources),
        element("tt:Data", item(topic.data, "xs:boolean")),
        attributes={"IsProperty": True},
    )


OPERATIONS: Final[Operations] = {
    "GetServiceCapabilities": lambda visit: element(
        "tev:GetServiceCapabilitiesResponse", service_capabilities(EVENTS, visit)
    ),
    "GetEventProperties": _get_event_properties,
    "CreatePullPointSubscription": _create_pull_point_subscription,
    "PullMessages": _pull_messages,
    "SetSynchronizationPoint": _set_synchronization_point,
    "Unsubscribe": _unsubscribe,
}

OF_SUBSCRIPTIONS: Final[Operations] = {
    "Renew": _renew,
    "Unsubscribe": _unsubscribe,
    "Subscribe": _subscribe,
}
"""The operations of WS-BaseNotification, in its own namespace."""
