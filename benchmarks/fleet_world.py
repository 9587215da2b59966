"""A fleet in virtual time: slots with clocks of their own, one store, and a network that loses, delays and doubles.

The lease cores are those of the product; store, network, gateways and address helpers are models. It serves the
simulation and the tests of the core.
"""

import heapq
import random
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from itertools import count
from typing import Final

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
from transcoder.fleet.lease_times import LeaseTimes
from transcoder.fleet.slot import Command, Message, SlotProtocol
from transcoder.fleet.slot_messages import (
    AddressDropped,
    AddressUp,
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

GATEWAY_START_S: Final = 2.0
"""Seconds in which a gateway starts with a warm cache of kernels."""
UNREACHABLE_CAMERA: Final = 0.1
"""The share of drops in which a camera doesn't answer TEARDOWN."""


class StoreModel:
    """Keeps the records of all shards.

    Args:
        world: the fleet.
        shards: the names of the shards.
        expires_by_itself: records lose their holder when the lease has ended, as with etcd.
    """

    def __init__(self, world: "World", shards: list[str], *, expires_by_itself: bool) -> None:
        self._world = world
        self._by_itself = expires_by_itself
        self._numbers = count(1)
        self.records = {name: self._record(name) for name in shards}
        self._ends = dict.fromkeys(shards, 0.0)
        self.up = True

    def _record(self, shard: str, holder: str | None = None, lease: str | None = None) -> LeaseRecord:
        number = next(self._numbers)
        return LeaseRecord(
            shard=shard, revision=str(number), holder=holder, lease=lease, expires_by_itself=self._by_itself
        )

    def settle(self, shards: Iterable[str] | None = None) -> None:
        """Free the records whose lease has ended, those of some shards or all."""
        for shard in self._ends if shards is None else shards:
            end = self._ends[shard]
            if self._by_itself and self.records[shard].holder is not None and end <= self._world.now:
                self.records[shard] = self._record(shard)

    def come_back(self, *, extends: bool) -> None:
        """Answer again, with leases that live for a whole time from now where a new leader extends them."""
        self.settle()
        self.up = True
        if extends:
            self._ends = dict.fromkeys(self._ends, self._world.now + self._world.times.ttl_s)

    def answer(self, slot: str, request: StoreRequest) -> StoreAnswer | None:
        """Carry a request out."""
        self.settle(None if isinstance(request, LookAtShards) else (request.shard,))
        match request:
            case LookAtShards():
                return ShardsSeen(request=request.request, records=tuple(self.records.values()))
            case CreateLease():
                return self._create(slot, request)
            case RenewLease():
                return self._renew(request)
            case RevokeLease():
                if self.records[request.shard].lease == request.lease:
                    self.records[request.shard] = self._record(request.shard)
                return None

    def _create(self, slot: str, request: CreateLease) -> StoreAnswer:
        before = self.records[request.shard]
        if before.revision != request.revision or (self._by_itself and before.holder is not None):
            return LeaseRefused(request=request.request)
        lease = f"lease-{next(self._numbers)}"
        self.records[request.shard] = self._record(request.shard, slot, lease)
        self._ends[request.shard] = self._world.now + self._world.times.ttl_s
        return LeaseCreated(request=request.request, shard=request.shard, lease=lease)

    def _renew(self, request: RenewLease) -> StoreAnswer:
        before = self.records[request.shard]
        if before.lease != request.lease:
            return LeaseGone(request=request.request, record=before)
        self._ends[request.shard] = self._world.now + self._world.times.ttl_s
        if not self._by_itself:
            self.records[request.shard] = self._record(request.shard, before.holder, before.lease)
        return LeaseRenewed(request=request.request)


@dataclass(eq=False)
class SlotModel:
    """A slot: its lease core, its gateway and its address helper.

    Attributes:
        name: its name.
        world: the fleet.
        rate: how fast its clock runs.
        group: slots of one group hear each other.
        reaches_store: whether the store is on its side of the network.
        readers: whether readers reach it.
        alive: whether its machine runs.
        stopped: whether its processes stand still.
        streams: the shards whose cameras it pulls.
        taken: those whose streams are all there.
        addresses: the addresses that are up, with their deadlines.
        touched: the shards whose streams it has or had until now.
    """

    name: str
    world: "World"
    rate: float = 1.0
    group: int = 0
    reaches_store: bool = True
    readers: bool = True
    alive: bool = True
    stopped: bool = False
    streams: set[str] = field(default_factory=set)
    taken: set[str] = field(default_factory=set)
    addresses: dict[str, float] = field(default_factory=dict)
    touched: set[str] = field(default_factory=set)
    _waiting: list[Callable[[], None]] = field(default_factory=list)
    _life: int = 0
    _wake: float = -1.0

    def __post_init__(self) -> None:
        """Start its gateway."""
        self.start()

    def clock(self) -> float:
        """Return its monotonic seconds."""
        return 1000.0 + self.world.now * self.rate

    def start(self) -> None:
        """Start a slot that doesn't run, with nothing but its name."""
        self._life += 1
        self.alive, self.stopped = True, False
        self._waiting.clear()
        world = self.world
        self.core = SlotProtocol(name=self.name, slots=world.slot_count, times=world.times, now=self.clock())
        self._start_gateway()
        self.later(0.0, self._tick)

    def kill(self) -> None:
        """Lose the machine."""
        self._life += 1
        self.alive = False
        self._forget_streams()
        self.addresses.clear()
        self.world.judge(self)

    def stop(self) -> None:
        """Stand still: the clock and the address helper run on."""
        self.stopped = True
        self.world.judge(self)

    def go_on(self) -> None:
        """Run again, and find everything that has come meanwhile."""
        if not self.stopped:
            return
        self.stopped = False
        self.world.judge(self)
        if self.alive:
            waiting, self._waiting = self._waiting, []
            if self.world.random.random() < 1 / 2:
                waiting.insert(0, self._tick)
            for action in [*waiting, self._tick]:
                self.act(action)

    def crash_gateway(self) -> None:
        """Lose the gateway process alone."""
        if self.alive:
            self._forget_streams()
            self.world.judge(self)
            self.act(lambda: self.receive(GatewayDied()))
            self._start_gateway()

    def drain(self) -> None:
        """Have it let go and take nothing until it is told to resume."""

        def drain() -> None:
            if self.alive:
                self.core.drain(self.clock())
                self.carry_out()

        self.act(drain)

    def act(self, action: Callable[[], None]) -> None:
        """Do something now, or when the processes run again."""
        if self.stopped:
            self._waiting.append(action)
        else:
            action()

    def later(self, delay: float, action: Callable[[], None]) -> None:
        """Do something after a delay, if the slot still lives the same life."""
        life = self._life
        self.world.at(self.world.now + delay, lambda: self.act(action) if life == self._life else None)

    def receive(self, message: Message) -> None:
        """Hand a message to the core."""
        if self.alive:
            self.core.receive(message, self.clock())
            self.carry_out()

    def carry_out(self) -> None:
        """Carry out what the core commands, and wake it when it wants."""
        for command in self.core.commands():
            self._carry_out(command)
        wake = self.world.now + max((self.core.next_timeout() - self.clock()) / self.rate, 1e-6)
        if not (self.world.now < self._wake <= wake):
            self._wake = wake
            self.later(wake - self.world.now, self._tick)

    def _tick(self) -> None:
        if self.alive:
            self.core.handle_timeout(self.clock())
            self.carry_out()

    def _start_gateway(self) -> None:
        self._gateway = next(self.world.numbers)
        self._do(GATEWAY_START_S, lambda: self.receive(GatewayReady()))

    def _forget_streams(self) -> None:
        self.streams.clear()
        self.taken.clear()
        self._gateway = -1

    def _do(self, delay: float, action: Callable[[], None]) -> None:
        """Have the gateway do something, unless it dies before."""
        gateway = self._gateway
        self.later(delay, lambda: action() if gateway == self._gateway else None)

    def _carry_out(self, command: Command) -> None:
        draw = self.world.random.uniform
        match command:
            case AskPeers(request=request):
                self.world.ask(self, request)
            case TakeStreams(shard=shard):
                self.streams.add(shard)
                self.touched.add(shard)
                self._do(draw(0.05, 0.4), lambda: self._took(shard))
            case HoldAddress(shard=shard, until=until):
                first = shard not in self.addresses
                self.addresses[shard] = until
                self._watch_address(shard, until)
                if not first:
                    return
                self._do(0.02, lambda: self.receive(AddressUp(shard=shard)))
            case EndSessions(shard=shard, reason=reason):
                self.world.reasons[reason] += 1
                self._do(draw(0.01, 0.1), lambda: self.receive(SessionsEnded(shard=shard)))
            case DropAddress(shard=shard):
                self.addresses.pop(shard, None)
                self._do(0.01, lambda: self.receive(AddressDropped(shard=shard)))
            case DropStreams(shard=shard):
                unreachable = self.world.random.random() < UNREACHABLE_CAMERA
                hangs = self.world.hanging and self.world.random.random() < 1 / 4
                self._do(60.0 if hangs else 0.75 if unreachable else 0.1, lambda: self._dropped(shard))
            case KillGateway():
                self.crash_gateway()
            case LookAtShards() | CreateLease() | RenewLease() | RevokeLease():
                self.world.request(self, command)
                return
            case _:
                pass
        self.world.judge(self)

    def _took(self, shard: str) -> None:
        self.taken.add(shard)
        self.world.takes += 1
        self.receive(StreamsTaken(shard=shard))

    def _dropped(self, shard: str) -> None:
        self.streams.discard(shard)
        self.taken.discard(shard)
        self.world.judge(self)
        self.receive(StreamsDropped(shard=shard))

    def _watch_address(self, shard: str, until: float) -> None:
        """The address helper is a process of its own: it drops an address whose deadline was not put off."""
        life = self._life

        def look() -> None:
            if life == self._life and shard in self.addresses and self.addresses[shard] <= self.clock() + 1e-6:
                del self.addresses[shard]
                self.world.judge(self)

        self.world.at(self.world.now + max((until - self.clock()) / self.rate, 0.0), look)


class World:
    """The fleet, and everything that can happen to it.

    Args:
        slots: how many slots there are.
        shards: how many shards there are.
        times: the times of the lease rules.
        seed: the beginning of all chance.
        expires_by_itself: the store removes holders itself.
        drift: how far clocks may be off, as a part of one.
        peers_together: all peers answer a question at one time, which is faster to simulate.

    Attributes:
        overlaps: how long each time two running slots had the streams of one shard, in seconds.
        address_overlaps: the same of addresses.
        gaps: how long each time a shard was not served, in seconds, ended ones alone.
        takes: how often streams of a shard were taken.
        reasons: how often slots let go, by the reason.
    """

    def __init__(
        self,
        slots: int,
        shards: int,
        *,
        times: LeaseTimes | None = None,
        seed: int = 0,
        expires_by_itself: bool = True,
        drift: float = 0.001,
        peers_together: bool = False,
    ) -> None:
        self._peers_together = peers_together
        self.random = random.Random(seed)
        self.times = times or LeaseTimes()
        self.now = 0.0
        self.numbers = count(1)
        self.slot_count = slots
        self.loss, self.delays = 0.0, (0.001, 0.02)
        self.doubling = 0.0
        self.hanging = False
        self._queue: list[tuple[float, int, Callable[[], None]]] = []
        self._since: dict[tuple[str, str], float] = {}
        self.overlaps: list[float] = []
        self.address_overlaps: list[float] = []
        self.gaps: list[float] = []
        self.takes = 0
        self.reasons: Counter[LetGoReason] = Counter()
        self.shards = [f"shard-{number:02}" for number in range(shards)]
        self.store = StoreModel(self, self.shards, expires_by_itself=expires_by_itself)
        self.slots: list[SlotModel] = []
        for number in range(slots):
            rate = 1 + self.random.uniform(-drift, drift)
            self.slots.append(SlotModel(f"slot-{number:02}", self, rate=rate))

    def at(self, when: float, action: Callable[[], None]) -> None:
        """Have something done at a time."""
        heapq.heappush(self._queue, (when, next(self.numbers), action))

    def run(self, seconds: float) -> None:
        """Let time pass."""
        end = self.now + seconds
        while self._queue and self._queue[0][0] <= end:
            self.now, _, action = heapq.heappop(self._queue)
            action()
        self.now = end

    def set_network(self, slot: SlotModel, *, group: int, store: bool, readers: bool) -> None:
        """Connect a slot with peers, store and readers, or don't."""
        slot.group, slot.reaches_store, slot.readers = group, store, readers
        slot.touched |= slot.streams
        self.judge(slot)

    def request(self, slot: SlotModel, request: StoreRequest) -> None:
        """Carry a request to the store, and the answer back."""

        def arrive() -> None:
            answer = self.store.answer(slot.name, request) if slot.reaches_store and self.store.up else None
            if answer is not None:
                self._carry(slot, answer, lambda: slot.reaches_store and self.store.up)

        for _ in range(self._copies()):
            self.at(self.now + self.random.uniform(*self.delays), arrive)

    def ask(self, slot: SlotModel, request: int) -> None:
        """Carry a question to all peers, and their answers back."""
        if self._peers_together:
            self.at(self.now + self.random.uniform(*self.delays), lambda: self._answer_together(slot, request))
            return
        for peer in self.slots:
            if peer is not slot and peer.alive and peer.group == slot.group:
                for _ in range(self._copies()):
                    peer.later(self.random.uniform(*self.delays), self._answering(slot, peer, request))

    def _answer_together(self, slot: SlotModel, request: int) -> None:
        answers = [
            PeerAnswered(request=request, peer=peer.name, word=peer.core.word(peer.clock()))
            for peer in self.slots
            if peer is not slot and peer.alive and not peer.stopped and peer.group == slot.group
        ]

        def arrive() -> None:
            for answer in answers:
                slot.core.receive(answer, slot.clock())
            slot.carry_out()

        slot.later(self.random.uniform(*self.delays), arrive)

    def _answering(self, slot: SlotModel, peer: SlotModel, request: int) -> Callable[[], None]:
        def arrive() -> None:
            answer = PeerAnswered(request=request, peer=peer.name, word=peer.core.word(peer.clock()))
            self._carry(slot, answer, lambda: slot.group == peer.group)

        return arrive

    def _carry(self, slot: SlotModel, answer: Message, connected: Callable[[], bool]) -> None:
        for _ in range(self._copies()):
            slot.later(self.random.uniform(*self.delays), lambda: slot.receive(answer) if connected() else None)

    def _copies(self) -> int:
        if self.loss and self.random.random() < self.loss:
            return 0
        return 2 if self.doubling and self.random.random() < self.doubling else 1

    def holders(self, shard: str) -> list[SlotModel]:
        """Return the running slots that have streams of a shard."""
        return [slot for slot in self.slots if shard in slot.streams and not slot.stopped]

    def served(self, shard: str) -> bool:
        """Return whether readers get the shard's streams."""
        return any(shard in slot.taken and shard in slot.addresses and slot.readers for slot in self.holders(shard))

    def judge(self, changed: SlotModel) -> None:
        """Measure overlaps and gaps, after a slot has changed."""
        for shard in sorted(changed.touched):
            addresses = sum(shard in slot.addresses for slot in self.slots)
            self._measure("streams", shard, len(self.holders(shard)) > 1, self.overlaps)
            self._measure("address", shard, addresses > 1, self.address_overlaps)
            self._measure("gap", shard, not self.served(shard), self.gaps)
        changed.touched &= changed.streams | set(changed.addresses)

    def open_gaps(self) -> dict[str, float]:
        """Return since when each shard is not served that isn't."""
        return {shard: since for (kind, shard), since in self._since.items() if kind == "gap"}

    def worst_overlap(self) -> float:
        """Return the longest overlap of streams, one that lasts included."""
        lasting = [self.now - since for (kind, _), since in self._since.items() if kind == "streams"]
        return max([*self.overlaps, *lasting], default=0.0)

    def _measure(self, kind: str, shard: str, holds: bool, into: list[float]) -> None:
        key = (kind, shard)
        if holds and key not in self._since:
            self._since[key] = self.now
        elif not holds and key in self._since:
            into.append(self.now - self._since.pop(key))
