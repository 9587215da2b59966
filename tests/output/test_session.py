"""A reader's session: what it counts, and that it ends once."""

from typing import Any

import pytest

from tests.support.reader_sessions import Outlet, Remembering, session, track
from transcoder.codecs.nal import Codec
from transcoder.formats.served_audio import ServedAudio
from transcoder.output.fanout import Fanout
from transcoder.rtsp.session import EndReason

IDR, SLICE = [b"\x67\x42\x00\x1e", b"\x68\xce\x38\x80", b"\x65" + bytes(1000)], [b"\x41" + bytes(500)]


class World:
    def __init__(self) -> None:
        self.fanout = Fanout("gw", lambda: None)
        self.listener = Remembering()
        self.outlet = Outlet()
        self.session = session(self.fanout, self.listener, track(self.fanout, self.outlet))
        self.answers: list[Any] = []
        self._pts = 0

    def play(self) -> None:
        self.session.play(self.answers.append)

    def send(self, *, idr: bool) -> None:
        self._pts += 3600
        self.fanout.send(Codec.H264, IDR if idr else SLICE, self._pts, random_access=idr)


@pytest.fixture
def world() -> World:
    return World()


def test_it_plays_with_the_first_picture_and_that_is_told_once(world: World) -> None:
    world.play()
    assert world.session.is_playing
    world.send(idr=False)
    assert (world.answers, world.listener.told, world.outlet.frames) == ([], [], [])
    world.send(idr=True)
    assert len(world.answers) == 1
    assert world.listener.told == [("s1", "plays")]
    world.session.pause()
    world.play()
    world.send(idr=True)
    assert len(world.answers) == 2  # PLAY is answered again
    assert world.listener.told == [("s1", "plays")]


def test_bytes_and_drops_are_counted_over_pauses(world: World) -> None:
    world.play()
    world.send(idr=True)
    world.outlet.waiting = 1 << 30
    world.send(idr=False)
    world.outlet.waiting = 0
    world.session.pause()
    first = world.session.sent_bytes
    assert first == sum(len(frame) for frame in world.outlet.frames) - 4 * 2  # a STAP-A and a slice, framed
    assert world.session.dropped == 1
    world.send(idr=True)  # to nobody
    world.play()
    world.send(idr=True)
    assert world.session.sent_bytes == 2 * first
    assert world.session.dropped == 1
    world.session.end(EndReason.TEARDOWN)
    assert world.session.sent_bytes == 2 * first


@pytest.mark.parametrize("first", EndReason)
def test_it_ends_once_and_the_first_reason_holds(world: World, first: EndReason) -> None:
    world.play()
    world.send(idr=True)
    for reason in (first, *EndReason):
        world.session.end(reason)
    assert world.listener.told == [("s1", "plays"), ("s1", first.value)]
    assert world.session.end_reason is first
    assert (world.fanout.readers, world.session.is_playing) == (0, False)
    assert [data[-8:-4] for data in world.outlet.rtcp if data[-7] == 203] == [b"\x81\xcb\x00\x01"]  # one BYE


def test_no_goodbye_to_a_reader_that_does_not_play(world: World) -> None:
    world.session.end(EndReason.SILENT)
    assert world.outlet.rtcp == []
    assert world.listener.told == [("s1", "silent")]


def test_a_reader_that_can_not_be_told_ends_all_the_same(world: World) -> None:
    world.play()
    world.outlet.is_broken = True
    world.session.end(EndReason.PEER_CLOSED)
    assert world.fanout.readers == 0
    assert world.listener.told == [("s1", "peer_closed")]


def test_another_transport_takes_the_place_of_the_first_and_sound_stays(world: World) -> None:
    world.fanout.set_audio(ServedAudio(clock_rate=16_000))
    other, sound = Outlet(), Outlet()
    world.session.set_up(1, track(world.fanout, sound), "tcp")
    world.session.set_up(0, track(world.fanout, other), "udp")
    assert world.session.transport == "udp"
    world.play()
    world.send(idr=True)
    world.fanout.send_audio(3600, b"aac")
    assert (len(world.outlet.frames), len(other.frames), len(sound.frames)) == (0, 1, 1)


@pytest.mark.parametrize("ended", [0, 1])
def test_a_track_that_is_torn_down_gets_a_goodbye_and_nothing_more(world: World, ended: int) -> None:
    world.fanout.set_audio(ServedAudio(clock_rate=16_000))
    sound = Outlet()
    world.session.set_up(1, track(world.fanout, sound), "tcp")
    world.play()
    world.send(idr=True)
    world.fanout.send_audio(3600, b"aac")
    outlets = [world.outlet, sound]
    before = [len(outlet.frames) for outlet in outlets]
    world.session.tear_down(ended)
    world.send(idr=True)
    world.fanout.send_audio(7200, b"aac")
    assert [len(outlet.frames) for outlet in outlets] == [
        count + (number != ended) for number, count in enumerate(before)
    ]
    assert bytes([203]) in outlets[ended].rtcp[-1]  # BYE (RFC 3550 section 6.6)
    world.session.tear_down(ended)  # a second time does nothing


def test_the_gateway_s_own_reader_gets_pictures_and_is_counted_nowhere(world: World) -> None:
    world.session = session(world.fanout, world.listener, track(world.fanout, world.outlet), is_own=True)
    world.play()
    world.send(idr=True)
    assert len(world.answers) == 1
    assert world.session.sent_bytes > 0
    assert (world.fanout.readers, world.session.is_playing) == (0, True)
    world.session.end(EndReason.TEARDOWN)
    assert world.listener.told == []
    assert world.outlet.rtcp  # the goodbye
