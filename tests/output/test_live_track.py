"""Viewers of one output: what they get, beside readers of RTP, and what is made for whom."""

import struct
from collections.abc import Sequence
from typing import Any

import pytest

from tests.support.outputs import IDR_SLICE, OTHER_SLICE, PPS, SPS, NotedOutlet
from transcoder.codecs import fragmented_mp4
from transcoder.codecs.fragmented_mp4 import InitSegment
from transcoder.codecs.nal import Codec
from transcoder.output.fanout import Fanout, Reader, Track
from transcoder.output.live_track import HEAD_SIZE, Gap, LiveOutlet, LiveTrack, Piece
from transcoder.rtp import sender

STEP = 3600
OTHER_PPS = PPS + b"\x80"


class Watching:
    def __init__(self, fanout: Fanout) -> None:
        self.changes = 0
        self.first = 0
        self.outlet = LiveOutlet(self._change)
        track = LiveTrack(outlet=self.outlet, live=self.outlet, sender=fanout.new_sender(5.0))
        self.reader = Reader({0: track}, self._first)
        fanout.add(self.reader)

    def _change(self) -> None:
        self.changes += 1

    def _first(self, _packets: Any) -> None:
        self.first += 1

    def taken(self) -> list[Piece]:
        found: list[Piece] = []
        while (piece := self.outlet.take()) is not None:
            found.append(piece)
        return found


class Served:
    def __init__(self) -> None:
        self.fanout = Fanout("host", lambda: None)
        self.pts = 10_000_000
        self.made = {"packets": 0, "samples": 0}

    def send(self, *units: bytes, step: int = STEP) -> None:
        self.fanout.send(Codec.H264, list(units), self.pts, random_access=len(units) > 1)
        self.pts += step

    def idr(self, *, pps: bytes = PPS) -> None:
        self.send(SPS, pps, IDR_SLICE)

    def other(self, size: int = 0) -> None:
        self.send(OTHER_SLICE + bytes(size))


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch) -> Served:
    made = Served()
    for name, count in (("_packetized", "packets"), ("sample", "samples")):
        call = getattr(sender, name)

        def counted(*arguments: Any, call: Any = call, count: str = count) -> Any:
            made.made[count] += 1
            return call(*arguments)

        monkeypatch.setattr(sender, name, counted)
    return made


def times(pieces: Sequence[Piece]) -> list[tuple[int, int, int]]:
    """Number, beginning and duration of fragments, by the layout of ISO/IEC 14496-12."""
    found = []
    for piece in pieces:
        assert isinstance(piece, bytes)
        [number] = struct.unpack_from(">I", piece, 20)
        [begin] = struct.unpack_from(">Q", piece, 60)
        [duration] = struct.unpack_from(">I", piece, 88)
        found.append((number, begin, duration))
    return found


def test_a_viewer_begins_with_an_idr(served: Served) -> None:
    watching = Watching(served.fanout)
    served.other()
    assert (watching.taken(), watching.first) == ([], 0)
    served.idr()
    served.other()
    init, *fragments = watching.taken()
    assert isinstance(init, InitSegment)
    assert init.data == fragmented_mp4.init_segment(Codec.H264, [SPS, PPS]).data
    assert times(fragments) == [(1, 0, STEP), (2, STEP, STEP)]
    assert isinstance(fragments[0], bytes)
    assert fragments[0].endswith(len(IDR_SLICE).to_bytes(4) + IDR_SLICE)
    assert watching.first == 1
    assert watching.reader.sent_bytes == sum(map(len, fragments))  # type: ignore[arg-type]  # no other pieces came


def test_every_viewer_counts_from_its_own_begin(served: Served) -> None:
    early = Watching(served.fanout)
    for _ in range(3):
        served.idr()
    late = Watching(served.fanout)
    served.idr()
    assert times(early.taken()[1:])[-1] == (4, 3 * STEP, STEP)
    assert times(late.taken()[1:]) == [(1, 0, STEP)]


def test_nothing_is_made_that_nobody_takes(served: Served) -> None:
    viewers = [Watching(served.fanout) for _ in range(3)]
    served.idr()
    served.other()
    assert served.made == {"packets": 0, "samples": 2}
    for watching in viewers:
        served.fanout.remove(watching.reader)
    outlet = NotedOutlet()
    for _ in range(3):
        served.fanout.add(Reader({0: Track(outlet=outlet, sender=served.fanout.new_sender(5.0))}, lambda _: None))
    served.idr()
    assert served.made == {"packets": 1, "samples": 2}
    Watching(served.fanout)
    served.idr()
    assert served.made == {"packets": 2, "samples": 3}
    assert len(outlet.units) == 6


def test_who_is_behind_loses_pictures_up_to_the_next_idr(served: Served) -> None:
    slow, quick = Watching(served.fanout), Watching(served.fanout)
    served.fanout.limit = 5000
    served.idr()
    got = [piece for piece in quick.taken() if isinstance(piece, bytes)]
    served.other(size=4000)
    got += times_of(quick)
    served.other(size=4000)  # does not fit behind the first
    served.other()
    got += times_of(quick)
    assert (slow.reader.dropped, quick.reader.dropped) == (1, 0)
    served.idr()  # slow still took nothing, but an IDR fits
    served.other()
    kinds = [type(piece) for piece in slow.taken()]
    assert kinds == [InitSegment, bytes, bytes, Gap, bytes, bytes]
    assert served.fanout.counters.dropped_access_units == 2
    assert len(got) + len(times_of(quick)) == 6


def times_of(watching: Watching) -> list[bytes]:
    return [piece for piece in watching.taken() if isinstance(piece, bytes)]


def test_after_a_gap_pictures_have_their_own_times(served: Served) -> None:
    slow = Watching(served.fanout)
    served.fanout.limit = 1000
    served.idr()
    for _ in range(50):
        served.other(size=2000)
    served.idr()
    fragments = [piece for piece in slow.taken() if isinstance(piece, bytes)]
    assert times(fragments) == [(1, 0, STEP), (2, 51 * STEP, times(fragments)[1][2])]


def test_the_backlog_is_what_was_not_sent(served: Served) -> None:
    watching = Watching(served.fanout)
    served.idr()
    size = HEAD_SIZE + 4 + len(IDR_SLICE)
    assert watching.outlet.backlog() == size
    assert isinstance(watching.outlet.take(), InitSegment)
    assert watching.outlet.take() is not None
    assert watching.outlet.backlog() == size  # it is on its way
    assert watching.outlet.take() is None
    assert watching.outlet.backlog() == 0


def test_other_parameter_sets_end_it(served: Served) -> None:
    watching = Watching(served.fanout)
    served.idr()
    assert len(watching.taken()) == 2
    served.idr(pps=OTHER_PPS)
    served.other()
    assert watching.taken() == []
    assert (watching.outlet.is_left, watching.outlet.is_changed) == (True, True)


def test_the_clock_of_rtp_goes_round(served: Served) -> None:
    served.fanout.timestamp_offset = (1 << 32) - 2 * STEP
    served.pts = 90
    watching = Watching(served.fanout)
    for _ in range(4):
        served.idr()
    assert [begin for _, begin, _ in times(watching.taken()[1:])] == [0, STEP, 2 * STEP, 3 * STEP]
