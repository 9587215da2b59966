"""Viewers are readers: they are told of, ended and counted as those of RTSP."""

import asyncio
from typing import Any

import pytest

from tests.support.outputs import IDR_SLICE, OTHER_SLICE, PPS, SPS
from tests.support.served import Stream
from transcoder import clock
from transcoder.codecs.fragmented_mp4 import InitSegment
from transcoder.codecs.nal import Codec
from transcoder.rtsp.session import EndReason
from transcoder.service import viewers as module
from transcoder.service.reader_register import ReaderRegister
from transcoder.service.viewers import STUCK_S, Ended, Viewer


class Desk:
    def __init__(self) -> None:
        self.events: list[tuple[str | None, str, dict[str, Any]]] = []
        self.register = ReaderRegister(lambda *event: self.events.append(event))
        self.viewers = self.register.viewers
        self.stream = Stream()
        self.pts = 0

    def open(self, path: str = "front") -> Viewer:
        return self.viewers.open(self.stream, path, "eye", "192.0.2.7:50000")

    def send(self, *units: bytes) -> None:
        self.pts += 3600
        self.stream.fanout.send(Codec.H264, list(units), self.pts, random_access=len(units) > 1)

    def idr(self) -> None:
        self.send(SPS, PPS, IDR_SLICE)


async def reason(viewer: Viewer) -> EndReason:
    with pytest.raises(Ended) as caught:
        async with asyncio.timeout(5):
            await viewer.next()
    return caught.value.reason


async def test_a_viewer_is_told_of_and_counted() -> None:
    desk = Desk()
    viewer = desk.open()
    assert desk.stream.idr_requests == 1
    assert (desk.stream.fanout.readers, len(desk.viewers.sessions)) == (1, 1)
    waiting = asyncio.ensure_future(viewer.next())
    await asyncio.sleep(0)
    assert desk.events == []
    desk.idr()
    assert isinstance(await waiting, InitSegment)
    assert isinstance(await viewer.next(), bytes)
    assert [kind for _, kind, _ in desk.events] == ["reader_connected"]
    viewer.close()
    viewer.close()
    stream, kind, detail = desk.events[-1]
    assert (len(desk.events), stream, kind) == (2, "front", "reader_gone")
    assert (detail["transport"], detail["user"], detail["reason"]) == ("web", "eye", "peer_closed")
    assert detail["bytes"] > 0
    assert (desk.stream.fanout.readers, desk.viewers.sessions) == (0, [])


@pytest.mark.parametrize("why", [EndReason.OPERATOR, EndReason.FORMAT_CHANGE, EndReason.STREAM_GONE])
async def test_an_end_is_heard_at_once_and_holds(why: EndReason) -> None:
    desk = Desk()
    viewer, other = desk.open(), desk.open("front/sub")
    desk.idr()
    waiting = asyncio.ensure_future(reason(viewer))
    desk.viewers.end_readers("front", why)
    assert await waiting is why
    viewer.close()
    assert desk.events[-1][2]["reason"] == why.value
    assert desk.viewers.sessions == [other.session]
    desk.viewers.stop()
    assert await reason(other) is EndReason.SHUTDOWN


async def test_another_format_ends_it() -> None:
    desk = Desk()
    viewer = desk.open()
    desk.idr()
    desk.send(SPS, PPS + b"\x80", IDR_SLICE)
    desk.send(OTHER_SLICE)
    assert isinstance(await viewer.next(), InitSegment)
    assert isinstance(await viewer.next(), bytes)
    assert await reason(viewer) is EndReason.FORMAT_CHANGE
    assert desk.events[-1][2]["reason"] == "format_change"


async def test_who_took_nothing_was_stuck(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 100.0
    monkeypatch.setattr(clock, "monotonic", lambda: now)
    desk = Desk()
    viewer = desk.open()
    desk.idr()
    now += STUCK_S + 1
    viewer.close()
    assert desk.events[-1][2]["reason"] == "stuck"


async def test_there_is_room_for_so_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_VIEWERS", 2)
    desk = Desk()
    first = desk.open()
    assert not desk.viewers.is_full("198.51.100.1:50000")
    desk.open()
    assert desk.viewers.is_full("198.51.100.1:50000")
    first.close()
    assert not desk.viewers.is_full("198.51.100.1:50000")


@pytest.mark.parametrize(
    ("peer", "same", "other"),
    [
        ("192.0.2.7:50000", "192.0.2.7:50001", "192.0.2.8:50000"),
        ("[2001:db8::1]:50000", "[2001:db8::9]:50000", "[2001:db8:0:1::1]:50000"),  # a link counts as one
    ],
)
async def test_one_address_takes_not_all_places(
    peer: str, same: str, other: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MAX_OF_ADDRESS", 2)
    desk = Desk()
    for _ in range(2):
        assert not desk.viewers.is_full(peer)
        desk.viewers.open(desk.stream, "front", "eye", peer)
    assert desk.viewers.is_full(same)
    assert not desk.viewers.is_full(other)
