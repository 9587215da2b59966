"""Commands whose response topic makes this gateway command another one, fake a state, or open a lock."""

import json

import pytest

from tests.mqtt.test_dispatch import Desk
from transcoder.mqtt.topics import Topics

HOSTILE = (
    "t/gw2/stream/front/restart",  # commands of another gateway
    "t/gw2/cmd/remove",
    "t/gw2/stream/front/masks/set",
    "t/gw2/reply",  # another gateway's clients take it for that one's answer
    "t/n/cmd/remove",  # commands of our own
    "t/n/stream/a/set",
    "t/n/status",  # our own states
    "t/n/stream/a/state",
    "t/n/replies",
    "t/n",
    "t",
    "t/",
    "t//n/cmd/remove",
    "homeassistant/device/n_a/config",
    "$SYS/broker/x",
    "$share/group/t/n/cmd/remove",
    "+/n/cmd/remove",
    "app/#",
    "app/\x00",
    "app/\r\n",
    "app/\ud800",
    "",
    "a" * 60_000,
)


@pytest.fixture
async def desk() -> Desk:
    return Desk()


@pytest.mark.parametrize("topic", HOSTILE)
async def test_no_answer_goes_there_and_it_is_counted(desk: Desk, topic: str) -> None:
    desk.receive("stream/a/fps/set", b"5", response_topic=topic)
    desk.receive("cmd/nothing", b"{}", response_topic=topic)
    await desk.settle()
    assert [message.topic for message in desk.sent] == ["t/n/reply"] * 2
    assert desk.dispatcher.refused_topics == 2


@pytest.mark.parametrize("topic", ["t/n/reply", "t/n/reply/cli", "app/answers/7", "transcoder/gw2/x", "tt/n/cmd/x"])
async def test_a_clients_own_topic_is_answered(desk: Desk, topic: str) -> None:
    desk.receive("stream/a/fps/set", b"5", response_topic=topic)
    await desk.settle()
    assert [message.topic for message in desk.sent] == [topic]
    assert desk.dispatcher.refused_topics == 0


async def test_without_the_check_an_answer_is_another_gateways_command(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Topics, "may_answer", lambda _self, _topic: True)
    desk.receive("stream/a/fps/set", b"5", response_topic="t/gw2/stream/front/restart")
    await desk.settle()
    (message,) = desk.sent
    found = Topics("t", "gw2", None).find(message.topic)
    assert found is not None
    assert found.channel.name == "stream_restart"
    assert json.loads(message.payload)["ok"]
