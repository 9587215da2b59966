"""Subscriptions end in time, hold little, and belong to who made them."""

import itertools

import pytest

from transcoder.onvif import subscriptions as module
from transcoder.onvif.event_states import EventStates, Finding, StateMessage
from transcoder.onvif.events import Events
from transcoder.onvif.faults import Fault
from transcoder.onvif.subscriptions import Subscriptions, limit_of, parse_duration, seconds_until, topics_of

ALL = topics_of("")


def numbered() -> Subscriptions:
    numbers = itertools.count()
    return Subscriptions(lambda: f"{next(numbers):016x}")


def moved(stream: str = "front", *, value: bool = True) -> StateMessage:
    return StateMessage(stream=stream, topic="motion", value=value, operation="Changed", at=0.0)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("PT60S", 60), ("PT1M", 60), ("P1DT1H", 90_000), ("PT0.5S", 0.5), ("PT0S", 0),
        ("P1Y", None), ("PT", None), ("P", None), ("60", None), ("-PT1S", None), ("P1DT", None), ("PT9999999S", None),
    ],
)  # fmt: skip
def test_durations_of_xml_schema(text: str, seconds: float | None) -> None:
    assert parse_duration(text) == seconds


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("", 60), ("PT10M", 600), ("P9DT1H", 3600), ("1970-01-01T00:18:40Z", 120), ("1970-01-01T00:18:40", 120)],
)
def test_a_client_asks_for_a_time(text: str, seconds: float) -> None:
    assert seconds_until(text, 1000.0) == seconds


@pytest.mark.parametrize("text", ["soon", "PT0S", "1970-01-01T00:00:01Z"])
def test_a_time_that_is_none_or_over_is_refused(text: str) -> None:
    with pytest.raises(Fault):
        seconds_until(text, 1000.0)


@pytest.mark.parametrize(
    ("expression", "topics"),
    [
        ("tns1:VideoSource/MotionAlarm", {"motion"}),
        ("tns1:RuleEngine//.", {"covered"}),
        ("tns1:VideoSource/ImageTooDark//.|a:RuleEngine/TamperDetector/Tamper", {"dark", "covered"}),
        ("tns1:VideoSource//.", {"motion", "away", "dark", "scene_changed", "frozen"}),
    ],
)
def test_topics_are_chosen_by_an_expression(expression: str, topics: set[str]) -> None:
    assert topics_of(expression) == topics


def test_an_expression_without_a_topic_is_refused() -> None:
    with pytest.raises(Fault, match="no such topic"):
        topics_of("tns1:Device/Trigger/Relay")


def test_messages_are_heard_by_stream_and_topic_and_pulled_once() -> None:
    every = numbered()
    front = every.add("front", "vms", ["front"], ALL, 0.0, 60.0)
    dark = every.add("front", "vms", ["front"], frozenset({"dark"}), 0.0, 60.0)
    assert every.publish([moved(), moved("back")]) == [front.id]
    assert (front.take(10), front.take(10), dark.take(10)) == ([moved()], [], [])


def test_the_oldest_messages_of_a_client_that_does_not_pull_go() -> None:
    every = numbered()
    found = every.add("front", "vms", ["front"], ALL, 0.0, 60.0)
    every.publish(moved(value=number % 2 == 0) for number in range(module.MAX_MESSAGES + 5))
    assert (len(found.waiting), every.dropped) == (module.MAX_MESSAGES, 5)


def test_a_client_of_many_streams_begins_with_every_state_of_each() -> None:
    streams = [f"camera{number}" for number in range(50)]
    events = Events()
    every = events.subscriptions
    found = every.add("", "vms", streams, ALL, 0.0, 60.0)
    events.begin(found, 0.0)
    told = {(message.stream, message.topic) for message in found.waiting}
    assert told == {(stream, topic) for stream in streams for topic in ALL}
    every.publish([moved("camera7")])
    assert (len(found.waiting), every.dropped) == (300, 1)


def test_a_client_hears_no_more_of_a_stream_that_it_may_not_read_any_more() -> None:
    every = numbered()
    found = every.add("", "vms", ["front", "back"], ALL, 0.0, 60.0)
    every.publish([moved("front"), moved("back")])
    found.follow(frozenset({"back", "yard"}))
    every.publish([moved("front"), moved("yard")])
    assert [message.stream for message in found.take(10)] == ["back", "yard"]


def test_a_subscription_ends_in_time_and_is_its_users_alone() -> None:
    every = numbered()
    made = every.add("front", "vms", ["front"], ALL, 0.0, 60.0)
    assert every.find(made.id, "front", "vms", 59.0) is made
    for device, user in (("back", "vms"), ("front", "guard"), ("front", None)):
        with pytest.raises(Fault, match="no such subscription"):
            every.find(made.id, device, user, 59.0)
    with pytest.raises(Fault, match="has ended"):
        every.find(made.id, "front", "vms", 60.0)
    assert len(every) == 0


def test_there_are_few_subscriptions_to_a_device() -> None:
    every = numbered()
    for _ in range(module.DEVICE_SUBSCRIPTIONS):
        every.add("front", None, ["front"], ALL, 0.0, 60.0)  # nobody logs in: all are one user's
    with pytest.raises(Fault, match="too many"):
        every.add("front", None, ["front"], ALL, 1.0, 60.0)
    every.add("back", None, ["back"], ALL, 1.0, 60.0)
    every.add("front", None, ["front"], ALL, 60.0, 60.0)  # the others have ended


def test_a_user_takes_no_place_of_others() -> None:
    every = numbered()
    for _ in range(module.USER_SUBSCRIPTIONS):
        every.add("front", "vms", ["front"], ALL, 0.0, 60.0)
    with pytest.raises(Fault, match="this user has too many"):
        every.add("front", "vms", ["front"], ALL, 1.0, 60.0)
    every.add("back", "vms", ["back"], ALL, 1.0, 60.0)
    every.add("front", "guard", ["front"], ALL, 1.0, 60.0)
    every.add("front", "vms", ["front"], ALL, 60.0, 60.0)  # the others have ended


def test_a_user_takes_no_place_of_others_at_any_device() -> None:
    every = numbered()
    for number in range(module.USER_TOTAL):
        every.add(f"camera-{number}", "vms", ["front"], ALL, 0.0, 60.0)
    with pytest.raises(Fault, match="this user has too many"):
        every.add("front", "vms", ["front"], ALL, 1.0, 60.0)
    for number in range(module.USER_TOTAL):
        every.add(f"camera-{number}", "guard", ["front"], ALL, 1.0, 60.0)
    assert len(every) == module.MAX_SUBSCRIPTIONS


@pytest.mark.parametrize(
    ("text", "limit"), [("", module.MAX_MESSAGES), ("7", 7), ("999999999999", module.MAX_MESSAGES)]
)
def test_a_client_takes_so_many_messages(text: str, limit: int) -> None:
    assert limit_of(text) == limit


@pytest.mark.parametrize("text", ["0", "-1", "all", "\u0661"])
def test_a_limit_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(Fault):
        limit_of(text)


def test_states_are_told_when_they_change() -> None:
    states = EventStates()

    def look(now: float, **found: object) -> list[tuple[str, bool]]:
        messages = states.look("front", Finding(**found), now, 0.0)  # type: ignore[arg-type]
        return [(message.topic, message.value) for message in messages]

    assert look(0.0) == []
    assert look(1.0, motion=0.02) == [("motion", True)]
    assert look(2.0, motion=0.0) == []  # somebody who stands still for a moment
    assert look(3.0, motion=0.02, conditions=("dark",)) == [("dark", True)]
    assert look(7.9, is_away=True) == [("away", True), ("dark", False)]
    assert look(8.1, is_away=True) == [("motion", False)]
    assert [each.value for each in states.initial("front", 0.0) if each.topic == "away"] == [True]
    states.forget(frozenset())
    assert [each.value for each in states.initial("front", 0.0)] == [False] * 6
