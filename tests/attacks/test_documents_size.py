"""Documents that cost the gateway time: huge lists, many unknown keys, deep trees, over HTTP and MQTT.

What a document costs is counted, not timed: the problems that are described, the values that are looked at, the thread
that validates. One test measures the longest pause of the loop, with seconds of slack.
"""

import asyncio
import json
import threading
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.controller_world import FRONT, OPS, World
from transcoder.api.body import MAX_BODY
from transcoder.config import problems as problems_module
from transcoder.config import remote
from transcoder.config.overlay import EffectiveConfig
from transcoder.config.remote import MAX_BYTES, MAX_NODES, MAX_PROBLEMS, check_remote, validate_stream
from transcoder.config.source import SourcesConfig
from transcoder.config.stream import MAX_CORNERS, MAX_MASKS
from transcoder.control import changes as changes_module
from transcoder.errors import ConfigError
from transcoder.mqtt.commands import MAX_PAYLOAD, parse
from transcoder.mqtt.link import MAX_PACKET, MqttLink
from transcoder.mqtt.topics import Topics
from transcoder.rejection import Code, Rejected

ALLOW = SourcesConfig().allow
GAP_SLACK_S = 2.0
"""The longest pause of the loop that is taken for the machine's other work; the attack made pauses of 27 s."""

NUMBERS = {"masks": [0] * 400_000}
CORNERS = {"masks": [{"polygon": [[0.1, 0.2]] * 200_000}]}
UNKNOWN = {f"key{number}": 0 for number in range(70_000)}
NESTED = {"masks": [[[0] * 100] * 100] * 100}
HOSTILE: dict[str, dict[str, Any]] = {
    "numbers": NUMBERS,
    "corners": CORNERS,
    "unknown keys": UNKNOWN,
    "nested lists": NESTED,
}


class Counted(list[Any]):
    """A list that counts how many of its items are read."""

    read = 0

    def __iter__(self) -> Any:
        for item in super().__iter__():
            self.read += 1
            yield item


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    made = World(tmp_path)
    await made.controller.gateway.apply(made.controller.config, made.controller.config.streams)
    yield made
    for stream in made.made:
        await stream.stop()
    made.controller.close()


def fullest() -> dict[str, Any]:
    """The largest document that a stream may have: every mask with every corner."""
    corners = [[round(number / 64, 8), round(1 / (number + 2), 8)] for number in range(MAX_CORNERS)]
    return {**FRONT, "masks": [{"polygon": corners, "style": "blur"}] * MAX_MASKS}


@pytest.fixture
def described(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The key paths that were put into words."""
    paths: list[str] = []
    real = problems_module.key_path

    def counted(parts: Any) -> str:
        paths.append(real(parts))
        return paths[-1]

    for module in (problems_module, remote):
        monkeypatch.setattr(module, "key_path", counted)
    return paths


@pytest.mark.parametrize("name", HOSTILE)
def test_a_document_with_too_many_values_is_refused_before_they_are_looked_at(name: str, described: list[str]) -> None:
    with pytest.raises(ConfigError, match="too large") as caught:
        check_remote("a", HOSTILE[name])
    assert len(caught.value.problems) == 1
    assert len(described) == 1


def test_the_items_of_a_long_list_are_not_read() -> None:
    items = Counted([0] * 400_000)
    with pytest.raises(ConfigError, match="too large"):
        check_remote("a", {"masks": items})
    assert items.read == 0


def test_without_the_limit_every_value_is_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remote, "MAX_NODES", 10**9)
    items = Counted([0] * 20_000)
    check_remote("a", {"masks": items})
    assert items.read >= 20_000


def test_the_length_of_a_list_is_checked_before_its_items() -> None:
    for masks in ([0] * (MAX_MASKS + 1), [{"polygon": [["x", "y"]] * (MAX_CORNERS + 1)}]):
        with pytest.raises(ConfigError) as caught:
            validate_stream("a", {**FRONT, "masks": masks}, {}, ALLOW)
        (line,) = caught.value.problems
        assert "must have at most" in line


@pytest.mark.parametrize("keys", [{f"key{number}": 0 for number in range(3000)}, {"labels\n": "x\0" * 30}])
def test_few_problems_are_described(keys: dict[str, Any], described: list[str]) -> None:
    with pytest.raises(ConfigError) as caught:
        validate_stream("a", {**FRONT, **keys}, {}, ALLOW)
    assert len(caught.value.problems) <= MAX_PROBLEMS
    assert len(described) <= MAX_PROBLEMS
    if len(keys) > MAX_PROBLEMS:
        assert caught.value.problems[-1] == f"configuration: has {3000 - MAX_PROBLEMS + 1} more problems"


def test_without_the_limit_every_problem_is_described(monkeypatch: pytest.MonkeyPatch, described: list[str]) -> None:
    monkeypatch.setattr(remote, "MAX_PROBLEMS", None)
    with pytest.raises(ConfigError) as caught:
        validate_stream("a", {**FRONT, **{f"key{number}": 0 for number in range(300)}}, {}, ALLOW)
    assert len(caught.value.problems) == len(described) == 300


def test_many_control_characters_are_few_problems() -> None:
    with pytest.raises(ConfigError) as caught:
        check_remote("a", {f"key{number}": "\n" for number in range(3000)})
    assert len(caught.value.problems) == MAX_PROBLEMS


def test_a_deep_tree_is_refused() -> None:
    tree: Any = 0
    for _ in range(900):
        tree = {"a": tree}
    with pytest.raises(ConfigError, match="nested deeper"):
        check_remote("a", tree)


def test_the_fullest_stream_is_taken() -> None:
    document = fullest()
    assert len(json.dumps({"id": "a", **document}).encode()) < MAX_BYTES
    check_remote("a", document)
    assert len(validate_stream("a", document, {}, ALLOW).masks) == MAX_MASKS


def test_http_and_mqtt_take_the_same_size() -> None:
    assert MAX_BODY == MAX_PAYLOAD == MAX_BYTES == 64 * 1024
    assert MAX_NODES < 7000


@pytest.mark.parametrize("topic", ["cmd/add", "cmd/update", "cmd/probe", "stream/a/masks/set", "stream/a/set"])
def test_a_large_message_is_refused_unread(topic: str) -> None:
    found = Topics("t", "n", None).find(f"t/n/{topic}")
    assert found is not None
    with pytest.raises(Rejected, match="more than") as caught:
        parse(found, json.dumps({"id": "a", "masks": [0] * 40_000}).encode())
    assert caught.value.code is Code.MALFORMED


async def test_the_broker_is_told_the_largest_packet(world: World) -> None:
    from transcoder.config import MqttConfig  # beside its only use

    link = MqttLink(world.controller, MqttConfig(url="mqtt://127.0.0.1:1883"), "gw1")
    properties: Any = link._connect_properties()
    assert properties.MaximumPacketSize == MAX_PACKET < 2 * MAX_PAYLOAD
    await link.stop()


async def verbs(world: World, keys: dict[str, Any]) -> None:
    """Every verb that takes a document, each of which is refused."""
    controller = world.controller
    for verb in (
        controller.add("new", keys, OPS),
        controller.update("front", keys, OPS),
        controller.replace("front", keys, OPS),
        controller.probe({"url": "rtsp://10.0.0.2/", **keys}),
    ):
        with pytest.raises(Rejected) as caught:
            await verb
        assert caught.value.code is Code.INVALID
        assert 1 <= len(caught.value.problems) <= MAX_PROBLEMS


async def test_no_document_is_validated_on_the_loop(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    threads: list[int] = []
    real = EffectiveConfig.update

    def update(self: EffectiveConfig, stream: str, keys: object) -> EffectiveConfig:
        threads.append(threading.get_ident())
        return real(self, stream, keys)

    monkeypatch.setattr(EffectiveConfig, "update", update)
    await world.controller.update("front", {"video": {"fps": 5}}, OPS)
    assert threads
    assert threading.get_ident() not in threads


async def longest_gap(work: Any) -> float:
    """The longest time for which the loop did nothing else while something was awaited."""
    longest, stopped = 0.0, False

    async def watch() -> None:
        nonlocal longest
        while not stopped:
            before = time.monotonic()
            await asyncio.sleep(0.001)
            longest = max(longest, time.monotonic() - before)

    watcher = asyncio.create_task(watch())
    await asyncio.sleep(0.01)
    await work
    stopped = True
    await watcher
    return longest


@pytest.mark.parametrize("name", HOSTILE)
async def test_the_loop_goes_on_meanwhile(world: World, name: str) -> None:
    assert await longest_gap(verbs(world, HOSTILE[name])) < GAP_SLACK_S


async def test_what_passes_every_limit_and_is_wrong_leaves_the_loop_alone(world: World) -> None:
    keys = {"masks": [{"polygon": [["x", {"y": 1}]] * MAX_CORNERS}] * 24, **{f"k{number}": 0 for number in range(400)}}
    assert await longest_gap(verbs(world, keys)) < GAP_SLACK_S


async def test_on_the_loop_a_slow_document_is_a_pause(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    async def on_loop(_self: Any, work: Any, *arguments: Any) -> Any:
        return work(*arguments)

    def slow(effective: EffectiveConfig, stream: str, keys: object) -> EffectiveConfig:
        time.sleep(1.0)  # stands for a validation, which holds the thread for as long
        return EffectiveConfig.update(effective, stream, keys)

    change = changes_module.Change(stream="front", verb="update", keys={"video": {"fps": 5}}, by=OPS, edit=slow)
    in_thread = await longest_gap(world.controller._changes.make(change))
    monkeypatch.setattr(changes_module.Changes, "off_loop", on_loop)
    on_the_loop = await longest_gap(world.controller._changes.make(change))
    assert in_thread < 1.0 <= on_the_loop
