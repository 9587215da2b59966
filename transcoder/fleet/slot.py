"""The lease core of a slot: it takes a free shard, keeps its lease and lets go of it in time.

The shell hands in what the store, the peers and the gateway say, and when the clock has run to `next_timeout`, and
carries out the commands in their order. docs/fleet.md derives from the rules how long a shard can have two holders.
"""

from collections import deque
from enum import StrEnum
from typing import assert_never

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
    StoreAnswer,
    StoreRequest,
)
from transcoder.fleet.lease_times import (
    ADDRESS_MARGIN_S,
    DROP_S,
    LET_GO_MARGIN_S,
    SESSIONS_S,
    TAKE_S,
    LeaseTimes,
)
from transcoder.fleet.peer_votes import PeerVotes
from transcoder.fleet.sightings import Sightings
from transcoder.fleet.slot_messages import (
    AddressDropped,
    AddressUp,
    Announce,
    AskPeers,
    DropAddress,
    DropStreams,
    EndSessions,
    GatewayCommand,
    GatewayDied,
    GatewayReady,
    GatewayReport,
    HoldAddress,
    KillGateway,
    LetGoReason,
    PeerAnswered,
    SessionsEnded,
    StreamsDropped,
    StreamsTaken,
    TakeStreams,
)
from transcoder.fleet.store_reach import StoreReach, StoreWord
from transcoder.fleet.store_requests import OpenRequest, OpenRequests

Command = StoreRequest | AskPeers | GatewayCommand
Message = StoreAnswer | PeerAnswered | GatewayReport
NEVER = float("-inf")


class SlotState(StrEnum):
    """The state of a slot."""

    FREE = "free"
    TAKING = "taking"
    HOLDING = "holding"
    LETTING_GO = "letting_go"


class _Step(StrEnum):
    """What a slot waits for while it takes or lets go."""

    PEERS = "peers"
    LEASE = "lease"
    STREAMS = "streams"
    ADDRESS = "address"
    SESSIONS = "sessions"
    DROPS = "drops"


class SlotProtocol:
    """Decides which shard a slot holds.

    Args:
        name: the name of the slot.
        slots: how many slots the fleet has, this one included, whether they run or not.
        times: the times of the lease rules, the same for all slots.
        now: monotonic seconds.
    """

    def __init__(self, *, name: str, slots: int, times: LeaseTimes, now: float) -> None:
        self._name = name
        self._times = times
        self._reach = StoreReach(times, now)
        self._votes = PeerVotes(slots, times)
        self._sightings = Sightings(name, times)
        self._requests = OpenRequests(times.ttl_s)
        self._commands: deque[Command] = deque()
        self._state = SlotState.FREE
        self._step = _Step.PEERS
        self._step_since = now
        self._record: LeaseRecord | None = None
        self._lease: str | None = None
        self._create_request = 0
        self._renewed = self._asked = self._looked = self._tried_renewal = NEVER
        self._address_until: float | None = None
        self._dropping: set[type[AddressDropped | StreamsDropped]] = set()
        self._killed = NEVER
        self._rests_until = NEVER
        self._ready = self._draining = False

    @property
    def state(self) -> SlotState:
        """The state of the slot."""
        return self._state

    @property
    def shard(self) -> str | None:
        """The shard that the slot takes, holds or lets go of; None while it is free."""
        return None if self._record is None else self._record.shard

    def word(self, now: float) -> StoreWord:
        """Return what a peer is answered that asks whether this slot reaches the store."""
        return self._reach.word(now)

    def kept_until(self) -> float:
        """Return the monotonic seconds at which the slot begins to let go, if nothing comes until then."""
        return max(self._renewed + self._times.let_go_s, self._votes.keeps_until())

    def commands(self) -> list[Command]:
        """Return the commands that are to be carried out, in their order, and forget them."""
        found = list(self._commands)
        self._commands.clear()
        return found

    def drain(self, now: float) -> None:
        """Let go of the shard and take no other until `resume`."""
        self._draining = True
        self._abandon(LetGoReason.DRAIN, now)
        self.handle_timeout(now)

    def resume(self) -> None:
        """Take shards again."""
        self._draining = False

    def receive(self, message: Message, now: float) -> None:
        """Take what the store, a peer or the gateway says.

        Args:
            message: the answer or the report.
            now: monotonic seconds when it is taken, however long it has waited.
        """
        self._check_deadline(now)  # what waited while the process was stopped must not count before it
        match message:
            case PeerAnswered():
                request = self._requests.answered(message.request)
                if request is not None and request.peers:
                    self._votes.hear(message.peer, message.word, request.sent)
            case ShardsSeen() | LeaseCreated() | LeaseRefused() | LeaseRenewed() | LeaseGone():
                self._on_store(message, now)
            case _:
                self._on_gateway(message, now)
        self.handle_timeout(now)

    def handle_timeout(self, now: float) -> None:
        """Do what is due."""
        self._check_deadline(now)
        if self._lease is not None and self._state is not SlotState.LETTING_GO:
            self._keep(now)
        elif now >= self._looked + self._times.renewal_s:
            self._looked = now
            self._commands.append(LookAtShards(request=self._requests.begin(now)))
        if self._state is SlotState.TAKING:
            self._go_on_taking(now)
        elif self._state is SlotState.LETTING_GO:
            self._go_on_dropping(now)

    def next_timeout(self) -> float:
        """Return the monotonic seconds at which something is due."""
        every = self._times.renewal_s
        if self._state is SlotState.LETTING_GO:
            kill = max(self._step_since, self._killed) + DROP_S
            sessions = self._step_since + SESSIONS_S if self._step is _Step.SESSIONS else kill
            return min(self._looked + every, kill, sessions)
        if self._lease is None:
            limit = self._step_since + self._step_limit() if self._state is SlotState.TAKING else float("inf")
            return min(self._looked + every, limit)
        ask = max(self._renewed + self._times.unreachable_s, self._asked + every)
        return min(self._tried_renewal + every, ask, self.kept_until())

    def _on_store(self, answer: StoreAnswer, now: float) -> None:
        request = self._requests.answered(answer.request)
        if request is not None:
            self._reach.answered(request.sent, now)
        match answer:
            case ShardsSeen(records=records) if request is not None:
                self._sightings.look(records, now)
                self._choose(now)
            case LeaseCreated():
                self._on_created(answer, request, now)
            case LeaseRefused(request=number) if self._step is _Step.LEASE and number == self._create_request:
                if self._state is SlotState.TAKING:
                    self._become_free()
                    self._looked = NEVER
            case LeaseRenewed() if request is not None and request.lease == self._lease is not None:
                self._renewed = max(self._renewed, request.sent)
            case LeaseGone() if request is not None and request.lease == self._lease is not None:
                self._on_gone(answer.record, now)
            case _:
                pass  # too late, or a second time

    def _on_created(self, created: LeaseCreated, request: OpenRequest | None, now: float) -> None:
        if created.lease == self._lease:
            return
        wanted = request is not None and created.request == self._create_request and created.shard == self.shard
        in_time = request is not None and now < request.sent + self._times.let_go_s
        if not wanted or not in_time or request is None or self._state is SlotState.LETTING_GO:
            self._commands.append(RevokeLease(shard=created.shard, lease=created.lease))
            return
        self._lease = created.lease
        self._renewed = max(self._renewed, request.sent)
        if self._state is SlotState.TAKING and self._step is _Step.LEASE:
            self._tried_renewal = now
            self._enter(_Step.STREAMS, now)
            self._commands.append(TakeStreams(shard=created.shard))

    def _on_gone(self, record: LeaseRecord, now: float) -> None:
        """Take the lease again that ended in the store while nobody could renew it, or let go."""
        if self._state is SlotState.LETTING_GO:
            return
        if record.holder is None:
            self._create(record, now)
        elif record.holder == self._name:
            self._lease = record.lease  # the answer to taking it again was lost
        else:
            self._let_go(LetGoReason.LOST, now)

    def _on_gateway(self, report: GatewayReport, now: float) -> None:
        match report:
            case GatewayReady():
                self._ready = True
            case GatewayDied():
                self._ready = False
                self._on_died()
            case StreamsTaken():
                if self._is_at(SlotState.TAKING, _Step.STREAMS, report.shard):
                    self._enter(_Step.ADDRESS, now)
                    self._hold_address(report.shard)
            case AddressUp():
                if self._is_at(SlotState.TAKING, _Step.ADDRESS, report.shard):
                    self._state = SlotState.HOLDING
                    self._commands.append(Announce(shard=report.shard))
            case SessionsEnded():
                if self._is_at(SlotState.LETTING_GO, _Step.SESSIONS, report.shard):
                    self._drop(report.shard)
            case AddressDropped() | StreamsDropped():
                if self._is_at(SlotState.LETTING_GO, _Step.DROPS, report.shard):
                    self._dropping.discard(type(report))
            case _:
                assert_never(report)

    def _is_at(self, state: SlotState, step: _Step, shard: str) -> bool:
        return self._state is state and self._step is step and self.shard == shard

    def _on_died(self) -> None:
        """Give the lease back at once: the streams are gone, and others needn't wait for its end."""
        if self._record is not None and self._lease is not None:
            self._commands.append(DropAddress(shard=self._record.shard))
        self._become_free()

    def _choose(self, now: float) -> None:
        """Begin to take a free shard, if there is one and nothing speaks against it."""
        if self._state is not SlotState.FREE:
            return
        for record in self._sightings.own():  # of an earlier life, or of an answer that was lost
            if record.lease is not None:
                self._commands.append(RevokeLease(shard=record.shard, lease=record.lease))
        if not self._ready or self._draining or now < self._rests_until:
            return
        if self._reach.word(now) is not StoreWord.REACHED:
            return
        free = self._sightings.free(self._reach.steady_for(now), now)
        if free:
            self._state, self._record = SlotState.TAKING, free[0]
            self._enter(_Step.PEERS, now)
            self._ask(now)

    def _go_on_taking(self, now: float) -> None:
        if self._step is _Step.PEERS and self._record is not None and self._may_take(now):
            self._enter(_Step.LEASE, now)
            self._create(self._record, now)
        elif now >= self._step_since + self._step_limit():
            if self._lease is not None:
                self._rests_until = now + 2 * self._times.ttl_s  # another slot may be luckier
            self._abandon(LetGoReason.NOT_TAKEN, now)

    def _may_take(self, now: float) -> bool:
        self._votes.hear(self._name, self._reach.word(now), now)
        return self._reach.word(now) is StoreWord.REACHED and self._votes.may_take(self._step_since)

    def _step_limit(self) -> float:
        """The seconds for which a step of taking may last."""
        limits = {_Step.PEERS: 2 * self._times.renewal_s, _Step.LEASE: self._times.unreachable_s}
        return limits.get(self._step, TAKE_S)

    def _create(self, record: LeaseRecord, now: float) -> None:
        self._create_request = self._requests.begin(now)
        create = CreateLease(request=self._create_request, shard=record.shard, revision=record.revision)
        self._commands.append(create)

    def _ask(self, now: float) -> None:
        self._asked = now
        self._commands.append(AskPeers(request=self._requests.begin(now, peers=True)))

    def _keep(self, now: float) -> None:
        """Renew the lease, ask the peers where the store is silent, and keep the address up by what came of it."""
        shard, lease = self.shard, self._lease
        if shard is None or lease is None:
            return
        if now >= self._tried_renewal + self._times.renewal_s:
            self._tried_renewal = now
            number = self._requests.begin(now, lease=lease)
            self._commands.append(RenewLease(request=number, shard=shard, lease=lease))
        late = now >= self._renewed + self._times.unreachable_s
        if late and now >= self._asked + self._times.renewal_s:
            self._ask(now)
        if self._address_until is not None:
            self._hold_address(shard)

    def _hold_address(self, shard: str) -> None:
        until = self.kept_until() + LET_GO_MARGIN_S - ADDRESS_MARGIN_S
        if self._address_until is None or until - self._address_until >= self._times.renewal_s / 2:
            self._address_until = until
            self._commands.append(HoldAddress(shard=shard, until=until))

    def _check_deadline(self, now: float) -> None:
        if self._reach.word(now) is StoreWord.UNREACHABLE:
            self._votes.hear(self._name, StoreWord.UNREACHABLE, now)
        holds = self._lease is not None and self._state is not SlotState.LETTING_GO
        if holds and now >= self.kept_until():
            self._let_go(LetGoReason.LATE, now)

    def _abandon(self, reason: LetGoReason, now: float) -> None:
        """Let go of a shard, or stop taking one whose lease isn't there yet."""
        if self._lease is not None:
            self._let_go(reason, now)
        elif self._state is SlotState.TAKING:
            self._become_free()

    def _let_go(self, reason: LetGoReason, now: float) -> None:
        if self._record is None or self._state is SlotState.LETTING_GO:
            return
        self._state = SlotState.LETTING_GO
        self._killed = NEVER
        self._enter(_Step.SESSIONS, now)
        self._commands.append(EndSessions(shard=self._record.shard, reason=reason))

    def _go_on_dropping(self, now: float) -> None:
        if self._step is _Step.SESSIONS and self._record is not None and now >= self._step_since + SESSIONS_S:
            self._drop(self._record.shard)
        if self._step is _Step.DROPS and not self._dropping:
            self._become_free()
        elif now >= max(self._step_since, self._killed) + DROP_S:
            self._killed = now
            self._commands.append(KillGateway())

    def _drop(self, shard: str) -> None:
        self._step = _Step.DROPS  # the time since the beginning goes on: the whole drop has one limit
        self._dropping = {AddressDropped, StreamsDropped}
        self._commands.extend((DropAddress(shard=shard), DropStreams(shard=shard)))

    def _become_free(self) -> None:
        if self._record is not None and self._lease is not None:
            self._commands.append(RevokeLease(shard=self._record.shard, lease=self._lease))
        self._state, self._record, self._lease, self._address_until = SlotState.FREE, None, None, None
        self._renewed = NEVER
        self._step, self._create_request = _Step.PEERS, 0

    def _enter(self, step: _Step, now: float) -> None:
        self._step, self._step_since = step, now
