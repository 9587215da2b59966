"""A group is one reader of an output; sessions come and go, and packets are sent once."""

from typing import Any

import pytest

from tests.output.test_fanout import Served
from tests.support.outputs import NotedOutlet
from transcoder import clock
from transcoder.formats.served_audio import ServedAudio
from transcoder.output.fanout import AUDIO, VIDEO, Reader, Track
from transcoder.output.group_feed import GroupFeed

RATE = 16_000


class Group:
    def __init__(self, served: Served) -> None:
        self.order: list[str] = []
        self.outlets = {VIDEO: NotedOutlet("video", self.order), AUDIO: NotedOutlet("sound", self.order)}
        self.feed = GroupFeed(
            served.fanout,
            lambda number: Track(
                outlet=self.outlets[number], sender=served.fanout.new_sender(5.0, audio=number == AUDIO)
            ),
        )

    def session(self, *numbers: int) -> "Session":
        return Session(self, numbers or (VIDEO,))

    def sent(self, number: int = VIDEO) -> list[bool]:
        return [unit.random_access for unit in self.outlets[number].units]


class Session:
    def __init__(self, group: Group, numbers: tuple[int, ...]) -> None:
        self.first: list[Any] = []
        self.shares = {number: group.feed.share(number) for number in numbers}
        self.feed = group.feed
        self.reader = Reader(self.shares, self.first.append)

    def play(self) -> "Session":
        self.feed.add(self.reader)
        return self

    def leave(self) -> None:
        self.feed.remove(self.reader)


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch) -> Served:
    made = Served()
    monkeypatch.setattr(clock, "monotonic", lambda: made.now)
    monkeypatch.setattr(clock, "wall_clock", lambda: made.now + 1e9)
    return made


@pytest.fixture
def group(served: Served) -> Group:
    return Group(served)


def test_nothing_is_sent_before_somebody_plays(served: Served, group: Group) -> None:
    group.session()
    served.idr()
    assert not group.feed.is_sending
    assert (group.sent(), served.fanout.readers) == ([], 0)


def test_packets_are_sent_once_however_many_sessions_there_are(served: Served, group: Group) -> None:
    sessions = [group.session().play() for _ in range(3)]
    assert served.fanout.readers == 3
    served.idr()
    served.other()
    assert group.sent() == [True, False]
    assert {session.shares[VIDEO].sender.ssrc for session in sessions} == {sessions[0].shares[VIDEO].sender.ssrc}
    assert len({session.reader.sent_bytes for session in sessions}) == 1
    assert sessions[0].reader.sent_bytes == served.fanout.counters.sent_bytes > 0


def test_who_comes_later_is_told_the_numbers_of_the_next_idr(served: Served, group: Group) -> None:
    early = group.session().play()
    served.idr()
    served.other()
    requests = served.requests
    late = group.session().play()
    assert served.requests == requests + 1
    served.other()
    assert late.first == []
    expected = early.shares[VIDEO].sender.next_sequence
    served.idr()
    assert late.first == [{VIDEO: (expected, group.outlets[VIDEO].units[-1].timestamp)}]
    assert len(early.first) == 1
    assert group.sent() == [True, False, False, True], "others lose nothing when somebody comes"


def test_a_report_is_sent_when_somebody_comes(served: Served, group: Group) -> None:
    group.session().play()
    served.idr()
    served.other()
    assert len(group.outlets[VIDEO].reports) == 1
    group.session().play()
    served.idr()
    assert len(group.outlets[VIDEO].reports) == 2


def test_it_stops_with_the_last_one_who_is_told_goodbye(served: Served, group: Group) -> None:
    one, two = group.session().play(), group.session().play()
    served.idr()
    one.leave()
    served.other()
    assert group.feed.is_sending
    reports = len(group.outlets[VIDEO].reports)
    two.leave()
    assert not group.feed.is_sending
    assert len(group.outlets[VIDEO].reports) == reports + 1
    assert b"\xcb" in group.outlets[VIDEO].reports[-1]  # BYE (RFC 3550 section 6.6)
    served.idr()
    assert (group.sent(), served.fanout.readers) == ([True, False], 0)
    again = group.session().play()
    served.other()
    served.idr()
    assert group.sent() == [True, False, True]
    assert len(again.first) == 1


def test_one_who_leaves_before_the_first_picture_is_told_nothing(served: Served, group: Group) -> None:
    one, two = group.session().play(), group.session().play()
    one.leave()
    one.leave()
    served.idr()
    assert (one.first, len(two.first)) == ([], 1)


def test_a_track_is_sent_while_somebody_takes_it(served: Served, group: Group) -> None:
    served.fanout.set_audio(ServedAudio(clock_rate=RATE))
    both, video = group.session(VIDEO, AUDIO).play(), group.session().play()
    served.audio()
    served.idr()
    served.audio()
    assert len(group.outlets[AUDIO].units) == 2  # what was heard last goes before the first picture
    assert both.first[0].keys() == {VIDEO, AUDIO}
    both.shares[AUDIO].leave()
    served.audio()
    served.idr()
    assert len(group.outlets[AUDIO].units) == 2
    assert len(group.sent()) == 2
    both.leave()
    video.leave()
    assert not group.feed.is_sending


def test_sound_alone_begins_with_sound_and_pictures_that_join_it_with_an_idr(served: Served, group: Group) -> None:
    served.fanout.set_audio(ServedAudio(clock_rate=RATE))
    sound = group.session(AUDIO).play()
    served.idr()
    assert sound.first == []
    served.audio()
    assert sound.first[0].keys() == {AUDIO}
    second = group.session(AUDIO).play()
    served.audio()
    assert second.first[0].keys() == {AUDIO}
    picture = group.session().play()
    served.other()
    assert group.sent() == []
    served.idr()
    assert group.sent() == [True]
    assert VIDEO in picture.first[0]
