"""Commands as they come in."""

import json

import pytest

from transcoder.mqtt.commands import MAX_PAYLOAD, Command, parse, refusal
from transcoder.mqtt.topics import Topics
from transcoder.rejection import Code, Rejected

TOPICS = Topics("t", "n", None)


def command(topic: str, payload: object) -> Command:
    found = TOPICS.find(f"t/n/{topic}")
    assert found is not None
    return parse(found, payload if isinstance(payload, bytes) else json.dumps(payload).encode())


@pytest.mark.parametrize(
    ("topic", "payload", "expected"),
    [
        ("cmd/list", b"", Command(verb="list")),
        ("cmd/list", {}, Command(verb="list")),
        ("cmd/get", {"id": "a"}, Command(verb="get", stream="a")),
        (
            "cmd/add",
            {"id": "a", "source": "rtsp://10.0.0.2/", "video": {"fps": 5}, "request": "r1"},
            Command(verb="add", stream="a", keys={"source": "rtsp://10.0.0.2/", "video": {"fps": 5}}, request="r1"),
        ),
        (
            "cmd/update",
            {"id": "a", "enabled": False, "if_match": "tag", "request": 7},
            Command(verb="update", stream="a", keys={"enabled": False}, request=7, if_match="tag"),
        ),
        (
            "cmd/swap",
            {"id": "a", "source": "rtsp://10.0.0.9/", "asset": "new", "force": True, "if_match": "tag"},
            Command(
                verb="swap",
                stream="a",
                keys={"source": "rtsp://10.0.0.9/", "asset": "new", "force": True},
                if_match="tag",
            ),
        ),
        ("cmd/swap_rollback", {"id": "a"}, Command(verb="swap_rollback", stream="a")),
        ("cmd/remove", {"id": "a"}, Command(verb="remove", stream="a")),
        ("cmd/probe", {"source": {"url": "rtsp://x/"}}, Command(verb="probe", source={"url": "rtsp://x/"})),
        ("cmd/probe", {"id": "a"}, Command(verb="probe", stream="a")),
        ("cmd/sessions", b"", Command(verb="sessions")),
        ("cmd/sessions", {"id": "a"}, Command(verb="sessions", stream="a")),
        ("cmd/end_session", {"session": "0a1b", "request": 3}, Command(verb="end_session", session="0a1b", request=3)),
        ("stream/a/fps/set", b"5", Command(verb="update", stream="a", keys={"video": {"fps": 5}})),
        ("stream/a/enabled/set", b"OFF", Command(verb="update", stream="a", keys={"enabled": False})),
        (
            "stream/a/set",
            {"fps": 5, "size": "source", "enabled": "ON", "audio": "drop"},
            Command(
                verb="update", stream="a", keys={"video": {"fps": 5, "size": None}, "enabled": True, "audio": "drop"}
            ),
        ),
        ("stream/a/restart", b"PRESS", Command(verb="restart", stream="a")),
        ("stream/a/keyframe", b"\xff", Command(verb="keyframe", stream="a")),
        ("stream/a/snapshot/get", b"", Command(verb="snapshot", stream="a")),
    ],
)
def test_understood(topic: str, payload: object, expected: Command) -> None:
    assert command(topic, payload) == expected


@pytest.mark.parametrize(
    ("topic", "payload", "code"),
    [
        ("cmd/destroy", {}, Code.MALFORMED),
        ("cmd/get", b"", Code.MALFORMED),
        ("cmd/get", {"id": 7}, Code.MALFORMED),
        ("cmd/get", {"id": ""}, Code.MALFORMED),
        ("cmd/get", {"id": "a", "extra": 1}, Code.MALFORMED),
        ("cmd/get", [], Code.MALFORMED),
        ("cmd/get", b"{", Code.MALFORMED),
        ("cmd/get", b"\xff\xfe", Code.MALFORMED),
        ("cmd/add", b'{"id": "a", "video": {"fps": NaN}}', Code.MALFORMED),
        ("cmd/add", b'{"id":' + b"[" * 100_000, Code.MALFORMED),
        ("cmd/add", b'{"id": ' + b"9" * 5000 + b"}", Code.MALFORMED),
        ("cmd/add", {"id": "a", "request": "x" * 300}, Code.MALFORMED),
        ("cmd/add", {"id": "a", "request": {}}, Code.MALFORMED),
        ("cmd/add", {"id": "a", "request": True}, Code.MALFORMED),
        ("cmd/add", {"id": "a", "if_match": 5}, Code.MALFORMED),
        ("cmd/probe", {}, Code.MALFORMED),
        ("cmd/sessions", {"session": "0a1b"}, Code.MALFORMED),
        ("cmd/end_session", {}, Code.MALFORMED),
        ("cmd/end_session", {"session": 7}, Code.MALFORMED),
        ("cmd/end_session", {"session": ""}, Code.MALFORMED),
        ("cmd/end_session", {"id": "a", "session": "0a1b"}, Code.MALFORMED),
        ("cmd/end_session", {"session": "0a1b", "extra": 1}, Code.MALFORMED),
        ("cmd/list", b" " * (MAX_PAYLOAD + 1), Code.MALFORMED),
        ("stream/a/colour/set", b"red", Code.INVALID),
        ("stream/a/fps/set", b"\xff", Code.MALFORMED),
        ("stream/a/set", {"colour": "red"}, Code.INVALID),
        ("stream/a/set", {"source": "rtsp://10.0.0.2/"}, Code.INVALID),
        ("stream/a/set", b"5", Code.MALFORMED),
    ],
)
def test_refused(topic: str, payload: object, code: Code) -> None:
    with pytest.raises(Rejected) as caught:
        command(topic, payload)
    assert caught.value.code is code


def test_a_refusal_repeats_nothing_that_is_no_text() -> None:
    reply = refusal("add", "\ud800", None, Rejected(Code.INVALID, "bad \udcff", ("one", "two \ud800")))
    document = json.loads(reply.model_dump_json())
    assert document["error"] == {"code": "invalid", "message": "bad ?", "problems": ["one", "two ?"]}
