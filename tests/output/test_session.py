"""A reader's session: what it counts, and that it ends once."""

import pytest

from tests.support.reader_sessions import Outlet, Remembering, session, track
from transcoder.codecs.nal import Codec
from transcoder.output.fanout import Fanout
from transcoder.rtsp.session import EndReason

IDR, SLICE = [b"\x67\x42\x00\x1e", b"\x68\xce\x38\x80", b"\x65" + bytes(1000)], [b"\x41" + bytes(500)]


class World:
    def __init__(self) -> None:
        self.fanout = Fanout("gw", lambda: None)
        self.listener = Remembering()
        self.outlet = Outlet()
        self.session = session(self.fanout, self.listener, track(self.fanout, self.outlet))
        self.answers: list[tuple[int, int, tuple[int, int] | None]] = []
        self._pts = 0

    def play(self) -> None:
        self.session.play(lambda *first: self.answers.append(first))

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


def test_another_transport_takes_the_place_of_the_first_and_of_its_audio(world: World) -> None:
    world.session.audio = track(world.fanout, Outlet())
    other = Outlet()
    world.session.set_up_again(track(world.fanout, other), "udp")
    assert world.session.transport == "udp"
    assert world.session.tracks == [world.session.video]
    world.play()
    world.send(idr=True)
    assert (len(world.outlet.frames), len(other.frames)) == (0, 1)


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
