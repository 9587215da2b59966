"""Commands carried out, against a control that only remembers."""

import asyncio
import json
from typing import Any

import pytest

from transcoder import clock
from transcoder.control.asset_documents import AssetDocument, ToldDocument
from transcoder.mqtt.dispatch import MAX_OUTSTANDING, Dispatcher, Incoming
from transcoder.mqtt.outbox import Outgoing  # noqa: TC001  # a test needs no such care
from transcoder.mqtt.topics import Topics
from transcoder.rejection import Code, Rejected

TOPICS = Topics("t", "n", "homeassistant")


class Document:
    def __init__(self, stream: str) -> None:
        self.stream = stream

    def model_dump(self, mode: str) -> dict[str, Any]:
        return {"id": self.stream}


class Remembering:
    """Carries out nothing; `hold` keeps changes of a stream waiting."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, Any]] = []
        self.rejected: list[tuple[str | None, str]] = []
        self.hold: dict[str, asyncio.Event] = {}

    async def update(self, stream: str, keys: Any, by: Any, if_match: str | None = None) -> Document:
        if stream in self.hold:
            await self.hold[stream].wait()
        if stream == "none":
            raise Rejected(Code.UNKNOWN_STREAM, "there is no stream 'none'")
        self.calls.append((stream, keys))
        return Document(stream)

    def properties(self, stream: str) -> dict[str, Any]:
        return {"renditions": {"sub": {}}}

    async def snapshot(self, stream: str) -> bytes:
        return b"\xff\xd8jpeg"

    def sessions(self, stream: str | None = None, *, peers: bool) -> Document:
        self.calls.append(("sessions", (stream, peers)))
        return Document(stream or "all")

    async def end_session(self, session: str, by: Any) -> None:
        if session == "gone":
            raise Rejected(Code.UNKNOWN_SESSION, "there is no session 'gone'")
        self.calls.append(("end_session", session))

    async def accept_key(self, stream: str, by: Any) -> Document:
        self.calls.append(("accept_key", stream))
        return Document(stream)

    async def swap(self, stream: str, keys: Any, by: Any, if_match: str | None = None) -> Document:
        self.calls.append(("swap", (stream, keys, if_match)))
        return Document(stream)

    async def swap_rollback(self, stream: str, by: Any, if_match: str | None = None) -> Document:
        self.calls.append(("swap_rollback", (stream, if_match)))
        return Document(stream)

    def note_rejected(self, stream: str | None, reason: str, by: Any) -> None:
        self.rejected.append((stream, reason))


class Desk:
    def __init__(self) -> None:
        self.control = Remembering()
        self.sent: list[Outgoing] = []
        self.dispatcher = Dispatcher(self.control, TOPICS, self.sent.append)  # type: ignore[arg-type]

    def receive(self, topic: str, payload: bytes, **options: Any) -> None:
        self.dispatcher.receive(Incoming(topic=f"t/n/{topic}", payload=payload, **options))

    async def settle(self) -> None:
        for _ in range(20):
            await asyncio.sleep(0)

    def replies(self) -> list[dict[str, Any]]:
        return [json.loads(message.payload) for message in self.sent]


@pytest.fixture
async def desk() -> Desk:
    return Desk()


async def test_the_answer_goes_where_the_client_wants_it(desk: Desk) -> None:
    desk.receive("stream/a/fps/set", b"5", response_topic="t/n/reply/cli", correlation=b"\x00\xff")
    await desk.settle()
    (message,) = desk.sent
    assert (message.topic, message.correlation, message.retain) == ("t/n/reply/cli", b"\x00\xff", False)
    assert json.loads(message.payload)["ok"]


async def test_without_a_response_topic_or_with_a_bad_one_it_goes_to_the_common_topic(desk: Desk) -> None:
    for wanted in (None, "t/n/status", "homeassistant/device/x/config", "a/#"):
        desk.receive("stream/a/fps/set", b"5", response_topic=wanted)
    await desk.settle()
    assert {message.topic for message in desk.sent} == {"t/n/reply"}


async def test_a_retained_command_is_ignored(desk: Desk) -> None:
    desk.receive("stream/a/fps/set", b"5", retain=True)
    desk.receive("cmd/update", b'{"id": "a"}', retain=True)
    await desk.settle()
    assert (desk.control.calls, desk.sent, desk.dispatcher.ignored_retained) == ([], [], 2)


async def test_order_of_one_stream_and_independence_of_others(desk: Desk) -> None:
    desk.control.hold["a"] = asyncio.Event()
    for fps in (1, 2, 3):
        desk.receive("stream/a/fps/set", str(fps).encode())
    desk.receive("stream/b/fps/set", b"9")
    await desk.settle()
    assert desk.control.calls == [("b", {"video": {"fps": 9}})]
    desk.control.hold["a"].set()
    await desk.settle()
    assert [keys["video"]["fps"] for stream, keys in desk.control.calls if stream == "a"] == [1, 2, 3]


async def test_time_in_the_queue_counts_against_the_expiry(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    now = clock.monotonic()
    desk.control.hold["a"] = asyncio.Event()
    desk.receive("stream/a/fps/set", b"1")
    desk.receive("stream/a/fps/set", b"2", expires=now + 5)
    desk.receive("stream/a/fps/set", b"3", expires=now + 500)
    await desk.settle()
    monkeypatch.setattr(clock, "monotonic", lambda: now + 10)
    desk.control.hold["a"].set()
    await desk.settle()
    assert [keys["video"]["fps"] for _, keys in desk.control.calls] == [1, 3]
    assert [reply["ok"] for reply in desk.replies()] == [True, False, True]
    assert desk.replies()[1]["error"]["code"] == "expired"


async def test_too_many_are_refused(desk: Desk) -> None:
    desk.control.hold["a"] = asyncio.Event()
    for _ in range(MAX_OUTSTANDING + 3):
        desk.receive("stream/a/fps/set", b"1")
    assert [reply["error"]["code"] for reply in desk.replies()] == ["busy"] * 3
    desk.control.hold["a"].set()
    for _ in range(MAX_OUTSTANDING * 2):
        await asyncio.sleep(0)
    assert len(desk.sent) == MAX_OUTSTANDING + 3


async def test_a_refusal_is_an_answer_and_an_event(desk: Desk) -> None:
    desk.receive("stream/a/fps/set", b"fast")
    desk.receive("stream/none/fps/set", b"5")
    desk.receive("cmd/fly", b"{}")
    await desk.settle()
    assert [reply["error"]["code"] for reply in desk.replies()] == ["invalid", "malformed", "unknown_stream"]
    assert desk.control.rejected == [("a", "fps: must be a number, or none")]


async def test_a_snapshot_is_published_and_answered(desk: Desk) -> None:
    desk.receive("stream/a/snapshot/get", b"")
    await desk.settle()
    picture, answer = desk.sent
    assert (picture.topic, picture.payload, picture.retain, picture.qos) == (
        "t/n/stream/a/snapshot",
        b"\xff\xd8jpeg",
        True,
        0,
    )
    assert json.loads(answer.payload)["data"]["topic"] == picture.topic


async def test_sessions_are_told_without_addresses_and_ended(desk: Desk) -> None:
    desk.receive("cmd/sessions", b"")
    desk.receive("cmd/sessions", b'{"id": "a"}')
    desk.receive("cmd/end_session", b'{"session": "0a1b"}')
    desk.receive("cmd/end_session", b'{"session": "gone"}')
    await desk.settle()
    assert desk.control.calls == [("sessions", (None, False)), ("sessions", ("a", False)), ("end_session", "0a1b")]
    replies = desk.replies()
    assert [reply["ok"] for reply in replies] == [True, True, True, False]
    assert replies[1]["data"] == {"id": "a"}
    assert replies[3]["error"]["code"] == "unknown_session"


async def test_what_is_not_ours_is_nothing(desk: Desk) -> None:
    desk.dispatcher.receive(Incoming(topic="t/other/cmd/list", payload=b""))
    desk.dispatcher.receive(Incoming(topic="homeassistant/status", payload=b"online"))
    await desk.settle()
    assert desk.sent == []


async def test_a_key_is_accepted(desk: Desk) -> None:
    desk.receive("cmd/accept_key", b'{"id": "a"}')
    desk.receive("cmd/accept_key", b"{}")
    await desk.settle()
    assert desk.control.calls == [("accept_key", "a")]
    assert sorted(reply["ok"] for reply in desk.replies()) == [False, True]


async def test_a_camera_is_swapped_and_swapped_back_in_order(desk: Desk) -> None:
    desk.receive("cmd/swap", b'{"id": "a", "source": "rtsp://10.0.0.9/", "if_match": "t"}')
    desk.receive("cmd/swap_rollback", b'{"id": "a"}')
    desk.receive("cmd/swap_rollback", b'{"id": "a", "source": "rtsp://10.0.0.9/"}')
    await desk.settle()
    keys = {"source": "rtsp://10.0.0.9/"}
    assert desk.control.calls == [("swap", ("a", keys, "t")), ("swap_rollback", ("a", None))]
    assert sorted(reply["ok"] for reply in desk.replies()) == [False, True, True]


async def test_a_property_of_a_rendition_changes_it_alone(desk: Desk) -> None:
    desk.receive("stream/front/sub/fps/set", b"5")
    desk.receive("stream/front/sub/on_demand/set", b"ON")
    await desk.settle()
    assert desk.control.calls == [
        ("front", {"renditions": {"sub": {"fps": 5}}}),
        ("front", {"renditions": {"sub": {"on_demand": True}}}),
    ]


@pytest.mark.parametrize(
    ("topic", "payload"),
    [("other/fps", b"5"), ("sub/masks", b"[]"), ("sub/enabled", b"ON"), ("sub/fps", b"fast")],
)
async def test_a_rendition_that_is_not_there_is_not_made(desk: Desk, topic: str, payload: bytes) -> None:
    desk.receive(f"stream/front/{topic}/set", payload)
    await desk.settle()
    assert desk.control.calls == []
    [reply] = desk.replies()
    assert (reply["ok"], reply["verb"], reply["error"]["code"]) == (False, "update", "invalid")


class RememberingAssets:
    """Assets of which only is remembered what was asked."""

    def __init__(self) -> None:
        self.calls: list[tuple[Any, ...]] = []

    def states(self) -> dict[str, Any]:
        return {"pole-17": ("cleaned", ("front",))}

    def asset(self, asset: str, *, confidential: bool) -> Any:
        self.calls.append(("get", asset, confidential))
        return AssetDocument(
            id=asset,
            origin="file",
            config={},
            etag="t",
            streams=("front",),
            state="cleaned",
            because="",
            maker=ToldDocument(),
            brand=ToldDocument(),
            model=ToldDocument(),
        )

    async def add(self, asset: str, keys: Any, by: Any, *, confidential: bool) -> Any:
        self.calls.append(("add", asset, keys, str(by)))
        return self.asset(asset, confidential=confidential)

    async def update(self, asset: str, keys: Any, by: Any, if_match: str | None = None, *, confidential: bool) -> Any:
        self.calls.append(("update", asset, keys, if_match))
        return self.asset(asset, confidential=confidential)

    async def remove(self, asset: str, by: Any, if_match: str | None = None) -> None:
        raise Rejected(Code.UNKNOWN_ASSET, f"there is no asset {asset!r}")


async def test_the_verbs_of_assets_are_answered_without_what_helps_an_attacker() -> None:
    control = Remembering()
    sent: list[Outgoing] = []
    assets = RememberingAssets()
    control.assets = assets  # type: ignore[attr-defined]
    dispatcher = Dispatcher(control, TOPICS, sent.append)  # type: ignore[arg-type]
    for verb, payload in (
        ("asset_list", {}),
        ("asset_get", {"id": "pole-17"}),
        ("asset_add", {"id": "pole-18", "brand": "Axis", "request": "r1"}),
        ("asset_update", {"id": "pole-17", "planned": "2027-Q2", "reason": "late", "if_match": "t"}),
        ("asset_remove", {"id": "gone"}),
    ):
        dispatcher.receive(Incoming(topic=TOPICS.topic("command", verb=verb), payload=json.dumps(payload).encode()))
        await asyncio.wait(set(dispatcher._outstanding))
    replies = [json.loads(message.payload) for message in sent]
    assert [(reply["ok"], reply["verb"], reply["id"]) for reply in replies] == [
        (True, "asset_list", None),
        (True, "asset_get", "pole-17"),
        (True, "asset_add", "pole-18"),
        (True, "asset_update", "pole-17"),
        (False, "asset_remove", "gone"),
    ]
    assert replies[0]["data"] == [{"id": "pole-17", "state": "cleaned", "streams": ["front"]}]
    assert replies[4]["error"]["code"] == "unknown_asset"
    assert {call[2] for call in assets.calls if call[0] == "get"} == {False}
    assert [call for call in assets.calls if call[0] != "get"] == [
        ("add", "pole-18", {"brand": "Axis"}, "mqtt:r1"),
        ("update", "pole-17", {"planned": "2027-Q2", "reason": "late"}, "t"),
    ]
