"""Readers of one output: each begins with an IDR, gets what it can take, and none waits for another."""

import itertools
from dataclasses import dataclass
from typing import Any

import pytest

from tests.support.outputs import IDR_SLICE, OTHER_SLICE, PPS, SPS, NotedOutlet
from transcoder import clock
from transcoder.clock import VIDEO_CLOCK_RATE
from transcoder.codecs.nal import Codec
from transcoder.formats.served_audio import ServedAudio
from transcoder.output.fanout import BACKLOG_S, MIN_BACKLOG, Fanout, Reader, Track

REPORT_INTERVAL_S = 5.0


class Served:
    """A fan-out, the requests for an IDR, and the time."""

    def __init__(self) -> None:
        self.requests = 0
        self.now = 1000.0
        self.fanout = Fanout("host", self._request)

    def _request(self) -> None:
        self.requests += 1

    def idr(self) -> None:
        self._send([SPS, PPS, IDR_SLICE], random_access=True)

    def other(self) -> None:
        self._send([OTHER_SLICE], random_access=False)

    def audio(self) -> None:
        self.fanout.send_audio(round(self.now * VIDEO_CLOCK_RATE), b"aac")
        self.now += 0.064

    def _send(self, nal_units: list[bytes], *, random_access: bool) -> None:
        self.fanout.send(Codec.H264, nal_units, round(self.now * VIDEO_CLOCK_RATE), random_access=random_access)
        self.now += 0.04

    def reader(self, *, audio: bool = False, video: bool = True) -> "Watching":
        watching = Watching(self.fanout, audio=audio, video=video)
        self.fanout.add(watching.reader)
        return watching


@dataclass(frozen=True)
class SenderReportSeen:
    """The times of a sender report (RFC 3550 section 6.4.1)."""

    ntp: int
    rtp: int

    @classmethod
    def of(cls, data: bytes) -> "SenderReportSeen":
        assert data[1] == 200
        return cls(int.from_bytes(data[8:16]), int.from_bytes(data[16:20]))


class Watching:
    """One reader, what it was told first and what it got."""

    def __init__(self, fanout: Fanout, *, audio: bool, video: bool) -> None:
        self.first: list[Any] = []
        self.order: list[str] = []
        self.video, self.sound = NotedOutlet("video", self.order), NotedOutlet("sound", self.order)
        self.sender = fanout.new_sender(REPORT_INTERVAL_S)
        tracks = {0: Track(outlet=self.video, sender=self.sender)} if video else {}
        if audio:
            sender = fanout.new_sender(REPORT_INTERVAL_S, audio=True)
            tracks[1] = Track(outlet=self.sound, sender=sender, channel=2)
        self.reader = Reader(tracks, self.first.append)

    @property
    def kinds(self) -> list[bool]:
        """Of every access unit, whether it was an IDR."""
        return [unit.random_access for unit in self.video.units]


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch) -> Served:
    made = Served()
    monkeypatch.setattr(clock, "monotonic", lambda: made.now)
    monkeypatch.setattr(clock, "wall_clock", lambda: made.now + 1e9)
    return made


def test_a_reader_begins_with_the_next_idr_which_is_asked_for(served: Served) -> None:
    served.idr()
    watching = served.reader()
    assert served.requests == 1
    served.other()
    assert (watching.kinds, watching.first) == ([], [])
    served.idr()
    served.other()
    assert watching.kinds == [True, False]
    unit = watching.video.units[0]
    assert watching.first == [{0: (watching.first[0][0][0], unit.timestamp)}]
    assert served.fanout.counters.dropped_access_units == 0


def test_every_reader_has_its_own_numbers_and_all_have_one_timeline(served: Served) -> None:
    first, second = served.reader(), served.reader()
    served.idr()
    assert first.sender.ssrc != second.sender.ssrc
    assert first.video.units[0] is second.video.units[0]
    expected = round(1000.0 * VIDEO_CLOCK_RATE) + served.fanout.timestamp_offset
    assert first.first[0][0][1] == expected & 0xFFFF_FFFF


def test_a_reader_that_is_behind_loses_pictures_up_to_an_idr_and_the_other_none(served: Served) -> None:
    slow, fast = served.reader(), served.reader()
    served.idr()
    slow.video.waiting = served.fanout.limit
    served.other()
    slow.video.waiting = 0
    served.other()
    served.idr()
    served.other()
    assert slow.kinds == [True, True, False]
    assert fast.kinds == [True, False, False, True, False]
    assert slow.reader.dropped == 1
    assert served.fanout.counters.dropped_access_units == 2


def test_the_first_idr_goes_even_where_much_waits(served: Served) -> None:
    watching = served.reader()
    watching.video.waiting = served.fanout.limit
    served.idr()
    assert watching.kinds == [True]


@pytest.mark.parametrize(("kbps", "limit"), [(100, MIN_BACKLOG), (20_000, int(20_000 * 125 * BACKLOG_S))])
def test_what_may_wait_is_seconds_of_the_cap(served: Served, kbps: int, limit: int) -> None:
    served.fanout.set_cap(kbps)
    assert served.fanout.limit == limit


def test_two_pictures_are_a_millisecond_apart_at_least(served: Served) -> None:
    watching = served.reader()
    served.idr()
    served.now -= 1.0
    served.other()
    served.other()
    stamps = [unit.timestamp for unit in watching.video.units]
    assert [(later - before) & 0xFFFF_FFFF for before, later in itertools.pairwise(stamps)] == [90, 90]


def test_a_reader_that_left_gets_nothing(served: Served) -> None:
    watching = served.reader()
    served.idr()
    served.fanout.remove(watching.reader)
    served.fanout.remove(watching.reader)
    served.idr()
    assert (len(watching.kinds), served.fanout.readers) == (1, 0)


def test_bytes_are_those_of_the_packets(served: Served) -> None:
    first, second = served.reader(), served.reader()
    served.idr()
    unit = first.video.units[0]
    size = len(unit.data) - 4 * len(unit.offsets)  # without the framing of RTSP
    assert first.reader.sent_bytes == second.reader.sent_bytes == size
    assert served.fanout.counters.sent_bytes == 2 * size


def test_sender_reports_follow_the_first_picture_at_once_and_then_every_interval(served: Served) -> None:
    watching = served.reader()
    served.other()
    assert watching.video.reports == []
    served.idr()
    assert len(watching.video.reports) == 1
    for _ in range(int(REPORT_INTERVAL_S / 0.04) + 1):
        served.other()
    assert len(watching.video.reports) == 2


# -- audio -------------------------------------------------------------------------------------------------------------


def with_audio(served: Served) -> Watching:
    served.fanout.set_audio(ServedAudio(clock_rate=16_000))
    return served.reader(audio=True)


def test_audio_begins_with_the_picture_and_with_the_last_frame_before_it(served: Served) -> None:
    watching = with_audio(served)
    served.audio()
    served.audio()
    assert watching.sound.units == []
    served.idr()
    assert len(watching.sound.units) == 1
    [told] = watching.first
    assert told[1][1] == watching.sound.units[0].timestamp
    served.audio()
    first, second = (unit.timestamp for unit in watching.sound.units)
    assert (second - first) & 0xFFFF_FFFF == pytest.approx((0.064 + 0.04) * 16_000, abs=2)


def test_picture_and_sound_begin_at_one_moment_with_reports_before_all_packets(served: Served) -> None:
    """Recorders count both from the moment that RTP-Info names (RFC 2326 section 12.33), and from the reports."""
    watching = with_audio(served)
    served.audio()
    served.now += 0.1
    served.idr()
    [told] = watching.first
    video, sound = watching.video.units[0], watching.sound.units[0]
    assert told[1][1] == sound.timestamp, "the sound is the earlier"
    assert (video.timestamp - told[0][1]) & 0xFFFF_FFFF == pytest.approx(0.164 * VIDEO_CLOCK_RATE, abs=2)
    assert watching.order == ["report", "report", "sound", "video"]
    reports = [SenderReportSeen.of(outlet.reports[0]) for outlet in (watching.video, watching.sound)]
    assert reports[0].ntp == reports[1].ntp
    shown_s = ((reports[0].rtp - video.timestamp) & 0xFFFF_FFFF) / VIDEO_CLOCK_RATE
    heard_s = ((reports[1].rtp - sound.timestamp) & 0xFFFF_FFFF) / 16_000
    assert heard_s - shown_s == pytest.approx(0.164, abs=0.001)


def test_sound_of_long_ago_is_not_begun_with(served: Served) -> None:
    watching = with_audio(served)
    served.audio()
    served.now += 30
    served.idr()
    [told] = watching.first
    assert (watching.sound.units, told[0][1]) == ([], watching.video.units[0].timestamp)
    served.audio()
    assert len(watching.sound.units) == 1


def test_a_reader_of_sound_alone_waits_for_no_picture(served: Served) -> None:
    served.fanout.set_audio(ServedAudio(clock_rate=16_000))
    watching = served.reader(audio=True, video=False)
    assert served.requests == 0
    served.audio()
    [told] = watching.first
    assert told == {1: (told[1][0], watching.sound.units[0].timestamp)}
    served.idr()
    served.audio()
    assert (len(watching.sound.units), len(watching.video.units), len(watching.first)) == (2, 0, 1)
    assert watching.order[0] == "report"


def test_audio_that_does_not_advance_is_left_out(served: Served) -> None:
    watching = with_audio(served)
    served.audio()
    served.idr()
    served.now = 1000.0
    served.audio()
    assert len(watching.sound.units) == 1


def test_a_reader_that_is_behind_loses_audio(served: Served) -> None:
    watching = with_audio(served)
    served.audio()
    served.idr()
    watching.sound.waiting = served.fanout.limit
    served.audio()
    assert len(watching.sound.units) == 1


def test_without_a_rate_there_is_no_audio(served: Served) -> None:
    watching = served.reader()
    served.idr()
    served.audio()
    served.fanout.set_audio(ServedAudio(clock_rate=16_000))
    served.audio()
    assert watching.sound.units == []  # it set up none
    assert served.fanout.audio_rate == 16_000
