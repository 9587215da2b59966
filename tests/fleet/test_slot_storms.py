"""Storms over a fleet of lease cores: never two holders beyond the bound, and afterwards everything is held again."""

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from benchmarks.fleet_world import World
from tests.support.examples import examples
from transcoder.fleet.lease_times import LeaseTimes

SLOTS, SHARDS = 6, 4
ANY = st.integers(0, SLOTS - 1)
PAUSES = st.sampled_from([6.0, 2.0, 0.6, 0.1, 0.0])
"""Seconds after a fault: most faults show only when leases run out."""
TAKE_OVER_S = 2.0
"""The stated bound beyond the time to live in which a free shard is held."""


class Storms(RuleBasedStateMachine):
    """Everything that can happen to slots, store and network, in any order and at the same time."""

    @initialize(seed=st.integers(0, 1000), by_itself=st.booleans(), ttl_s=st.sampled_from([3.0, 5.0]))
    def begin(self, seed, by_itself, ttl_s):
        self.world = World(SLOTS, SHARDS, times=LeaseTimes(ttl_s=ttl_s), seed=seed, expires_by_itself=by_itself)
        self.world.run(2 * ttl_s)
        assert_all_held(self.world)

    @rule(seconds=st.sampled_from([15.0, 0.3, 1.0, 4.0]))
    def time_passes(self, seconds):
        self.world.run(seconds)

    @rule(number=ANY, pause=PAUSES)
    def a_machine_is_lost(self, number, pause):
        self.world.slots[number].kill()
        self.world.run(pause)

    @rule(number=ANY, pause=PAUSES)
    def a_machine_starts(self, number, pause):
        slot = self.world.slots[number]
        if not slot.alive:
            slot.start()
        self.world.run(pause)

    @rule(number=ANY, pause=PAUSES)
    def a_gateway_crashes(self, number, pause):
        self.world.slots[number].crash_gateway()
        self.world.run(pause)

    @rule(number=ANY, pause=PAUSES)
    def processes_stop(self, number, pause):
        self.world.slots[number].stop()
        self.world.run(pause)

    @rule(number=ANY, pause=PAUSES)
    def processes_go_on(self, number, pause):
        self.world.slots[number].go_on()
        self.world.run(pause)

    @rule(number=ANY, pause=PAUSES)
    def a_slot_is_cut_from_the_store(self, number, pause):
        self.world.slots[number].reaches_store = False
        self.world.run(pause)

    @rule(number=ANY, pause=PAUSES)
    def a_slot_finds_the_store_again(self, number, pause):
        self.world.slots[number].reaches_store = True
        self.world.run(pause)

    @rule(near=st.sets(ANY), store_with=st.sampled_from([0, 1, None]), pause=PAUSES)
    def the_network_splits(self, near, store_with, pause):
        for number, slot in enumerate(self.world.slots):
            slot.group = int(number in near)
            slot.reaches_store = store_with is None or slot.group == store_with
        self.world.run(pause)

    @rule(pause=PAUSES)
    def the_network_is_whole(self, pause):
        for slot in self.world.slots:
            slot.group, slot.reaches_store = 0, True
        self.world.run(pause)

    @rule(pause=PAUSES)
    def the_store_goes(self, pause):
        self.world.store.up = False
        self.world.run(pause)

    @precondition(lambda self: not self.world.store.up)
    @rule(extends=st.booleans(), pause=PAUSES)
    def the_store_comes(self, extends, pause):
        self.world.store.come_back(extends=extends)
        self.world.run(pause)

    @rule(number=ANY, pause=PAUSES)
    def a_slot_drains(self, number, pause):
        self.world.slots[number].drain()
        self.world.run(pause)

    @rule(number=ANY, pause=PAUSES)
    def a_slot_takes_again(self, number, pause):
        self.world.slots[number].core.resume()
        self.world.run(pause)

    @rule(
        loss=st.sampled_from([0.0, 0.3]),
        longest=st.sampled_from([0.02, 1.0, 8.0]),
        doubling=st.sampled_from([0, 0.3]),
        pause=PAUSES,
    )
    def messages_suffer(self, loss, longest, doubling, pause):
        self.world.loss, self.world.delays, self.world.doubling = loss, (0.001, longest), doubling
        self.world.run(pause)

    @rule(hangs=st.booleans(), pause=PAUSES)
    def gateways_hang_as_they_drop(self, hangs, pause):
        self.world.hanging = hangs
        self.world.run(pause)

    @invariant()
    def there_are_never_two_holders_for_longer_than_the_bound(self):
        if hasattr(self, "world"):
            assert self.world.worst_overlap() <= self.world.times.overlap_s

    @invariant()
    def an_address_is_never_up_twice(self):
        if hasattr(self, "world"):
            assert not self.world.address_overlaps

    def teardown(self):
        if not hasattr(self, "world"):
            return
        calm(self.world)
        before = len(self.world.overlaps)
        self.world.run(8.0 + 10.0 + 3 * self.world.times.ttl_s + TAKE_OVER_S)  # messages that still travel; a rest
        assert_all_held(self.world)
        assert self.world.worst_overlap() <= self.world.times.overlap_s
        assert len(self.world.overlaps) - before <= SLOTS


def calm(world: World) -> None:
    """End every fault."""
    world.loss, world.delays, world.doubling, world.hanging = 0.0, (0.001, 0.02), 0.0, False
    if not world.store.up:
        world.store.come_back(extends=True)
    for slot in world.slots:
        slot.group, slot.reaches_store = 0, True
        slot.go_on()
        if not slot.alive:
            slot.start()
        slot.core.resume()


def assert_all_held(world: World) -> None:
    assert not world.open_gaps()
    assert all(len(world.holders(shard)) == 1 and world.served(shard) for shard in world.shards)


TestStorms = Storms.TestCase
TestStorms.settings = settings(
    examples(160), stateful_step_count=20, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much]
)
