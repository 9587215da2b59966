"""Clients subscribe over HTTP, wait for messages, renew and end; others' subscriptions are none of theirs."""

import asyncio
from pathlib import Path

import pytest

from tests.onvif.test_server import NAMES, answered, ask, codes, port_of, token
from tests.support.onvif_world import CONFIG, PASSWORD, Directory, FakeController, envelope, serving
from transcoder.config import parse
from transcoder.onvif import namespaces
from transcoder.onvif.event_states import Finding, StateMessage
from transcoder.onvif.gateway_view import ONE_DEVICE
from transcoder.onvif.server import OnvifServer

pytestmark = pytest.mark.xdist_group("discovery")  # the devices of all tests answer questions to one group


def events(operation: str, inner: str = "") -> str:
    return f'<t:{operation} xmlns:t="{namespaces.EVENTS}">{inner}</t:{operation}>'


def notification(operation: str, inner: str = "") -> str:
    return f'<t:{operation} xmlns:t="{namespaces.NOTIFICATION}">{inner}</t:{operation}>'


PULL = events("PullMessages", "<t:Timeout>PT10S</t:Timeout><t:MessageLimit>100</t:MessageLimit>")


async def subscribed(server: OnvifServer, inner: str = "") -> str:
    """The address of a new subscription."""
    tree = await answered(server, events("CreatePullPointSubscription", inner))
    return tree.findtext(".//tev:SubscriptionReference/a:Address", "", NAMES)


async def to(
    server: OnvifServer, address: str, operation: str, user: str = "vms", password: str = PASSWORD
) -> list[str]:
    """What an operation of a subscription is answered: topics and states, or codes."""
    addressed = f'<a:To xmlns:a="{namespaces.ADDRESSING}">{address}</a:To>'
    status, tree, _ = await ask(server, envelope(operation, token(user, password) + addressed))
    if status != 200:
        return codes(tree)
    topics = [each.text or "" for each in tree.findall(".//wsnt:Topic", NAMES)]
    items = [each.get("Value", "") for each in tree.findall(".//tt:Data/tt:SimpleItem", NAMES)]
    return [f"{topic} {value}" for topic, value in zip(topics, items, strict=True)]


async def test_a_subscription_begins_with_every_state_and_waits_for_the_next() -> None:
    async with serving(FakeController()) as server:
        address = await subscribed(server)
        assert f":{port_of(server, 'front')}/onvif/subscription/" in address
        first = await to(server, address, PULL)
        assert "tns1:VideoSource/MotionAlarm false" in first
        assert len(first) == 6
        waiting = asyncio.create_task(to(server, address, PULL))
        await asyncio.sleep(0.2)
        assert not waiting.done()
        server.application.publish(
            [StateMessage(stream="front", topic="motion", value=True, operation="Changed", at=0)]
        )
        assert await asyncio.wait_for(waiting, 5) == ["tns1:VideoSource/MotionAlarm true"]
        assert await to(server, address, events("SetSynchronizationPoint")) == []
        assert len(await to(server, address, PULL)) == 6


async def test_a_wait_without_messages_ends_in_time_and_with_the_server() -> None:
    async with serving(FakeController()) as server:
        address = await subscribed(server)
        await to(server, address, PULL)
        assert await to(server, address, PULL.replace("PT10S", "PT0.2S")) == []
        waiting = asyncio.create_task(to(server, address, PULL))
        await asyncio.sleep(0.2)
    assert await asyncio.wait_for(waiting, 3) == []


async def test_a_client_that_went_loses_no_message() -> None:
    async with serving(FakeController()) as server:
        address = await subscribed(server)
        await to(server, address, PULL)
        addressed = f'<a:To xmlns:a="{namespaces.ADDRESSING}">{address}</a:To>'
        body = envelope(PULL, token() + addressed)
        _, writer = await asyncio.open_connection("127.0.0.1", port_of(server, "front"))
        writer.write(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
        await asyncio.sleep(0.2)
        writer.close()
        await asyncio.sleep(0.2)
        server.application.publish([StateMessage(stream="front", topic="dark", value=True, operation="Changed", at=0)])
        assert await to(server, address, PULL) == ["tns1:VideoSource/ImageTooDark/ImagingService true"]


async def test_a_subscription_is_renewed_and_ended_by_its_user_alone() -> None:
    async with serving(FakeController()) as server:
        address = await subscribed(server, "<t:InitialTerminationTime>PT30S</t:InitialTerminationTime>")
        renew = notification("Renew", "<t:TerminationTime>PT60S</t:TerminationTime>")
        assert await to(server, address, renew) == []
        assert (await to(server, address[:-2] + "zz", renew))[-1] == "wsrf:ResourceUnknownFault"
        assert (await to(server, address, PULL, "guard", "wache"))[-1] == "ter:NotAuthorized"
        assert await to(server, address, notification("Unsubscribe")) == []
        assert (await to(server, address, PULL))[-1] == "wsrf:ResourceUnknownFault"


async def test_a_right_that_is_taken_away_ends_what_is_heard_of_that_stream() -> None:
    text = CONFIG.replace("control: [vms]", "control: [vms], mode: one_device")
    controller = FakeController(text)
    async with serving(controller) as server:
        tree = await answered(server, events("CreatePullPointSubscription"), ONE_DEVICE)
        address = tree.findtext(".//tev:SubscriptionReference/a:Address", "", NAMES)
        less = parse(text.replace("{password: geheim}", "{password: geheim, streams: [back]}"), Path("/nowhere"), {})
        controller.gateway.server.context.directory = Directory(less)
        addressed = f'<a:To xmlns:a="{namespaces.ADDRESSING}">{address}</a:To>'
        _, tree, _ = await ask(server, envelope(PULL, token() + addressed), ONE_DEVICE)
        sources = {each.get("Value", "") for each in tree.findall(".//tt:Source/tt:SimpleItem", NAMES)}
        assert "back" in sources
        assert "front" not in sources


@pytest.mark.parametrize(
    ("operation", "code"),
    [
        (events("CreatePullPointSubscription", "<t:InitialTerminationTime>x</t:InitialTerminationTime>"), "wsnt:Unacc"),
        (events("CreatePullPointSubscription", "<t:Filter><t:MessageContent>x</t:MessageContent></t:Filter>"), "wsnt:"),
        (events("PullMessages"), "wsrf:ResourceUnknownFault"),
        (notification("Subscribe"), "ter:ActionNotSupported"),
    ],
)
async def test_what_can_not_be_done_is_told(operation: str, code: str) -> None:
    async with serving(FakeController()) as server:
        assert (await to(server, "", operation))[-1].startswith(code)


async def test_topics_are_described() -> None:
    async with serving(FakeController()) as server:
        tree = await answered(server, events("GetEventProperties"))
        found = [each for each in tree.iter() if each.get(f"{{{namespaces.TOPIC_SETS}}}topic") == "true"]
        assert sorted(each.tag for each in found) == [
            "Frozen", "ImagingService", "ImagingService", "MotionAlarm", "SignalLoss", "Tamper",
        ]  # fmt: skip


async def test_what_is_found_in_a_stream_is_told() -> None:
    controller = FakeController()
    async with serving(controller) as server:
        address = await subscribed(
            server, "<t:Filter><t:TopicExpression>tns1:RuleEngine//.</t:TopicExpression></t:Filter>"
        )
        assert await to(server, address, PULL) == ["tns1:RuleEngine/TamperDetector/Tamper false"]
        states = server.application.events.states
        states.look("front", Finding(), 0.0, 0.0)
        server.application.publish(states.look("front", Finding(conditions=("covered",), motion=1.0), 1.0, 0.0))
        assert await to(server, address, PULL) == ["tns1:RuleEngine/TamperDetector/Tamper true"]
