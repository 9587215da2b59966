"""What waits to be published."""

from transcoder.mqtt.outbox import MAX_QUEUED, Outbox, Outgoing


def value(topic: str, payload: bytes) -> Outgoing:
    return Outgoing(topic=topic, payload=payload, retain=True)


def taken(outbox: Outbox) -> list[tuple[str, bytes]]:
    found = []
    while (message := outbox.take()) is not None:
        found.append((message.topic, message.payload))
    return found


def test_only_the_last_value_of_a_retained_topic_goes() -> None:
    outbox = Outbox()
    for payload in (b"1", b"2", b"3"):
        outbox.put(value("a", payload))
    outbox.put(value("b", b"1"))
    assert taken(outbox) == [("a", b"3"), ("b", b"1")]


def test_a_value_that_was_sent_is_not_sent_again() -> None:
    outbox = Outbox()
    outbox.put(value("a", b"1"))
    assert taken(outbox) == [("a", b"1")]
    outbox.put(value("a", b"1"))
    assert taken(outbox) == []
    outbox.put(value("a", b"2"))
    outbox.put(value("a", b"1"))  # back again before the other one went: the broker has it still, and is told once more
    assert taken(outbox) == [("a", b"1")]


def test_a_new_connection_gets_everything() -> None:
    outbox = Outbox()
    outbox.put(value("a", b"1"))
    taken(outbox)
    outbox.forget()
    outbox.put(value("a", b"1"))
    assert taken(outbox) == [("a", b"1")]


def test_a_topic_that_was_taken_back_can_come_again() -> None:
    outbox = Outbox()
    for payload in (b"1", b"", b"1"):
        outbox.put(value("a", payload))
        assert taken(outbox) == [("a", payload)]


def test_values_go_before_events_and_events_in_order() -> None:
    outbox = Outbox()
    outbox.put(Outgoing(topic="event", payload=b"1"))
    outbox.put(Outgoing(topic="event", payload=b"2"))
    outbox.put(value("a", b"x"))
    assert taken(outbox) == [("a", b"x"), ("event", b"1"), ("event", b"2")]


def test_it_is_bounded_and_the_oldest_event_goes() -> None:
    outbox = Outbox()
    for number in range(MAX_QUEUED + 5):
        outbox.put(Outgoing(topic="event", payload=str(number).encode()))
    assert (len(outbox), outbox.dropped) == (MAX_QUEUED, 5)
    assert taken(outbox)[0] == ("event", b"5")


def test_an_event_that_could_not_be_sent_goes_first() -> None:
    outbox = Outbox()
    outbox.put(Outgoing(topic="event", payload=b"1"))
    outbox.put(Outgoing(topic="event", payload=b"2"))
    message = outbox.take()
    assert message is not None
    outbox.put_back(message)
    assert taken(outbox) == [("event", b"1"), ("event", b"2")]
