"""The lease core of a slot: transcripts of the store's, the peers' and the gateway's side."""

from itertools import pairwise

import pytest

from transcoder.fleet.lease_store import (
    CreateLease,
    LeaseCreated,
    LeaseGone,
    LeaseRecord,
    LeaseRefused,
    LeaseRenewed,
    LookAtShards,
    RenewLease,
    RevokeLease,
    ShardsSeen,
)
from transcoder.fleet.lease_times import LeaseTimes
from transcoder.fleet.slot import SlotProtocol, SlotState
from transcoder.fleet.slot_messages import (
    AddressDropped,
    AddressUp,
    Announce,
    AskPeers,
    DropAddress,
    DropStreams,
    EndSessions,
    GatewayDied,
    GatewayReady,
    HoldAddress,
    KillGateway,
    LetGoReason,
    PeerAnswered,
    SessionsEnded,
    StreamsDropped,
    StreamsTaken,
    TakeStreams,
)
from transcoder.fleet.store_reach import StoreWord

FREE = LeaseRecord(shard="north", revision="7")
MINE = LeaseRecord(shard="north", revision="8", holder="a", lease="l1")
THEIRS = LeaseRecord(shard="north", revision="9", holder="b", lease="l2")


class Transcript:
    """A slot of a fleet of three, and what it has commanded since the last look."""

    def __init__(self, slots=3, records=(FREE,)):
        self.slot = SlotProtocol(name="a", slots=slots, times=LeaseTimes(ttl_s=5.0), now=0.0)
        self.now = self.start = 0.0
        self.records = records
        self.renews = True
        self.renewals = []
        self.seen = []
        self.words = {"b": StoreWord.REACHED, "c": StoreWord.REACHED}
        self.tell(GatewayReady())

    def tell(self, message):
        self.slot.receive(message, self.now)
        return self.react()

    def react(self):
        """Answer looks, renewals and questions, and return the other commands."""
        others = []
        waiting = self.slot.commands()
        while waiting:
            command = waiting.pop(0)
            if isinstance(command, LookAtShards) and self.renews:
                self.slot.receive(ShardsSeen(request=command.request, records=self.records), self.now)
            elif isinstance(command, RenewLease):
                self.renewals.append((self.now, command))
                if self.renews:
                    self.slot.receive(LeaseRenewed(request=command.request), self.now)
            elif isinstance(command, AskPeers):
                for peer, word in self.words.items():
                    self.slot.receive(PeerAnswered(request=command.request, peer=peer, word=word), self.now)
            elif not isinstance(command, LookAtShards):
                others.append(command)
            waiting += self.slot.commands()
        self.seen += others
        return others

    def run_until(self, end):
        """Let time pass, and return what was commanded meanwhile, with its time."""
        found = []
        while self.slot.next_timeout() < end:
            self.now = max(self.slot.next_timeout(), self.now + 1e-3)
            self.slot.handle_timeout(self.now)
            found += [(self.now, command) for command in self.react()]
        self.now = end
        return found

    def take(self):
        """Have the shard taken, and return the time at which its lease was asked for."""
        (asked, create), *_ = [item for item in self.run_until(6.0) if isinstance(item[1], CreateLease)]
        self.now = asked
        return create


def holding():
    transcript = Transcript()
    create = transcript.take()
    transcript.tell(LeaseCreated(request=create.request, shard="north", lease="l1"))
    transcript.tell(StreamsTaken(shard="north"))
    transcript.tell(AddressUp(shard="north"))
    assert transcript.slot.state is SlotState.HOLDING
    transcript.start = transcript.now
    transcript.records = (MINE,)
    transcript.renewals.clear()
    return transcript


def kinds(commands):
    return [type(command) for command in commands]


def test_takes_the_streams_first_then_the_address_then_announces_it():
    transcript = Transcript()
    create = transcript.take()
    assert (create.shard, create.revision) == ("north", "7")
    assert transcript.tell(LeaseCreated(request=create.request, shard="north", lease="l1")) == [
        TakeStreams(shard="north")
    ]
    (address,) = transcript.tell(StreamsTaken(shard="north"))
    assert isinstance(address, HoldAddress)
    assert address.until == pytest.approx(transcript.now + 5.0 - 0.2)
    assert transcript.tell(AddressUp(shard="north")) == [Announce(shard="north")]
    assert (transcript.slot.state, transcript.slot.shard) == (SlotState.HOLDING, "north")


def test_takes_nothing_before_the_store_has_answered_for_a_whole_time_to_live():
    transcript = Transcript()
    assert not transcript.run_until(4.9)
    assert kinds(command for _, command in transcript.run_until(5.6)) == [CreateLease]


def test_takes_nothing_while_fewer_than_half_of_the_slots_reach_the_store():
    transcript = Transcript(slots=5)
    transcript.words["c"] = StoreWord.UNSURE
    assert not transcript.run_until(20.0)
    transcript.words["c"] = StoreWord.REACHED
    assert kinds(command for _, command in transcript.run_until(20.6)) == [CreateLease]


def test_a_lease_that_somebody_else_was_faster_to_take_is_let_be():
    transcript = Transcript()
    create = transcript.take()
    transcript.records = (THEIRS,)
    assert transcript.tell(LeaseRefused(request=create.request)) == []
    assert transcript.slot.state is SlotState.FREE
    assert not transcript.run_until(20.0)


def test_a_lease_that_comes_too_late_is_given_back():
    transcript = Transcript()
    create = transcript.take()
    transcript.records = ()
    transcript.run_until(transcript.now + 4.0)
    created = LeaseCreated(request=create.request, shard="north", lease="l1")
    assert transcript.tell(created) == [RevokeLease(shard="north", lease="l1")]


def test_the_record_of_an_earlier_life_is_given_back():
    transcript = Transcript(records=(MINE,))
    assert (0.0, RevokeLease(shard="north", lease="l1")) in [(0.0, command) for command in transcript.seen]


def test_renews_every_tenth_of_the_time_to_live():
    transcript = holding()
    transcript.run_until(transcript.start + 5.2)
    times = [when - transcript.start for when, _ in transcript.renewals]
    assert times == pytest.approx([0.5 * number for number in range(1, 11)])


def test_lets_go_of_a_lease_that_it_can_not_renew_while_others_reach_the_store():
    transcript = holding()
    transcript.renews = False
    late = [item for item in transcript.run_until(transcript.start + 6.0) if isinstance(item[1], EndSessions)]
    assert late == [(pytest.approx(transcript.start + 4.3), EndSessions(shard="north", reason=LetGoReason.LATE))]


def test_keeps_its_shard_while_more_than_half_of_the_slots_can_not_reach_the_store():
    transcript = holding()
    transcript.renews = False
    transcript.words = {"b": StoreWord.UNREACHABLE}  # the third is dead
    commands = transcript.run_until(transcript.start + 600.0)
    assert set(kinds(command for _, command in commands)) == {HoldAddress}
    gaps = [later - earlier for (earlier, _), (later, _) in pairwise(commands)]
    assert max(gaps) < 2.0, "the address helper's deadline is put off in time"
    assert all(command.until > when for when, command in commands)
    assert transcript.slot.state is SlotState.HOLDING


def test_lets_go_when_no_peer_answers():
    transcript = holding()
    transcript.renews, transcript.words = False, {}
    transcript.run_until(transcript.start + 4.4)
    assert transcript.slot.state is SlotState.LETTING_GO


def test_an_answer_that_waited_while_the_process_was_stopped_renews_nothing():
    transcript = holding()
    transcript.renews = False
    transcript.run_until(transcript.start + 0.6)
    (_, renewal) = transcript.renewals[-1]
    transcript.now = transcript.start + 30.0
    commands = transcript.tell(LeaseRenewed(request=renewal.request))
    assert kinds(commands) == [EndSessions]


def test_a_lease_that_ended_while_the_store_was_away_is_taken_again_and_nothing_is_dropped():
    transcript = holding()
    transcript.renews = False
    transcript.words = dict.fromkeys("bc", StoreWord.UNREACHABLE)
    transcript.run_until(transcript.start + 60.0)
    transcript.words = dict.fromkeys("bc", StoreWord.UNSURE)
    (_, renewal) = transcript.renewals[-1]
    gone = LeaseGone(request=renewal.request, record=LeaseRecord(shard="north", revision="20"))
    (create,) = [command for command in transcript.tell(gone) if isinstance(command, CreateLease)]
    assert create.revision == "20"
    transcript.tell(LeaseCreated(request=create.request, shard="north", lease="l5"))
    transcript.renews = True
    transcript.run_until(transcript.start + 90.0)
    assert transcript.slot.state is SlotState.HOLDING
    assert transcript.renewals[-1][1].lease == "l5"


def test_a_lease_that_another_slot_has_is_let_go_at_once():
    transcript = holding()
    transcript.renews = False
    transcript.run_until(transcript.start + 0.6)
    (_, renewal) = transcript.renewals[-1]
    commands = transcript.tell(LeaseGone(request=renewal.request, record=THEIRS))
    assert commands == [EndSessions(shard="north", reason=LetGoReason.LOST)]


def test_drain_ends_sessions_then_drops_and_then_gives_the_lease_back():
    transcript = holding()
    transcript.slot.drain(transcript.now)
    assert transcript.react() == [EndSessions(shard="north", reason=LetGoReason.DRAIN)]
    dropped = transcript.tell(SessionsEnded(shard="north"))
    assert dropped == [DropAddress(shard="north"), DropStreams(shard="north")]
    assert transcript.tell(AddressDropped(shard="north")) == []
    assert transcript.tell(StreamsDropped(shard="north")) == [RevokeLease(shard="north", lease="l1")]
    transcript.records = (FREE,)
    assert not transcript.run_until(transcript.now + 60.0), "a drained slot takes nothing"
    transcript.slot.resume()
    assert kinds(command for _, command in transcript.run_until(transcript.now + 1.0)) == [CreateLease]


def test_sessions_that_do_not_end_hold_nothing_up_and_a_gateway_that_hangs_is_killed():
    transcript = holding()
    transcript.slot.drain(transcript.now)
    transcript.react()
    begin = transcript.now
    timed = [(when - begin, type(command)) for when, command in transcript.run_until(begin + 1.5)]
    assert timed == [
        (pytest.approx(0.2), DropAddress),
        (pytest.approx(0.2), DropStreams),
        (pytest.approx(1.0), KillGateway),
    ]
    transcript.records = (FREE,)
    assert transcript.tell(GatewayDied()) == [DropAddress(shard="north"), RevokeLease(shard="north", lease="l1")]


def test_a_gateway_that_dies_gives_its_lease_back_at_once_and_takes_another_when_it_is_back():
    transcript = holding()
    assert transcript.tell(GatewayDied()) == [DropAddress(shard="north"), RevokeLease(shard="north", lease="l1")]
    transcript.records = (FREE,)
    assert not transcript.run_until(transcript.now + 20.0)
    found = transcript.tell(GatewayReady()) + [command for _, command in transcript.run_until(transcript.now + 1.0)]
    assert kinds(found) == [CreateLease]


def test_streams_that_are_not_taken_in_time_are_let_go_for_another_slot():
    transcript = Transcript()
    create = transcript.take()
    transcript.tell(LeaseCreated(request=create.request, shard="north", lease="l1"))
    begin = transcript.now
    late = [item for item in transcript.run_until(begin + 11.0) if isinstance(item[1], EndSessions)]
    assert late == [(pytest.approx(begin + 10.0), EndSessions(shard="north", reason=LetGoReason.NOT_TAKEN))]


def test_a_time_to_live_that_leaves_no_time_for_the_rules_is_refused():
    with pytest.raises(ValueError, match=r"3\.0 s or more, not 2\.0"):
        LeaseTimes(ttl_s=2.0)
