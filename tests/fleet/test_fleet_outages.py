"""A fleet of lease cores through one fault at a time: how long readers miss it, and who lets go."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.fleet_world import World
from tests.support.examples import examples
from transcoder.fleet.lease_times import LeaseTimes

TAKE_OVER_S = 2.0
"""The stated bound beyond the time to live in which a free shard is held."""
SEEDS = st.integers(0, 10_000)


def fleet(seed, by_itself, ttl_s=5.0, slots=6, shards=4):
    world = World(slots, shards, times=LeaseTimes(ttl_s=ttl_s), seed=seed, expires_by_itself=by_itself)
    world.run(2 * ttl_s + seed % 100 / 100)
    assert not world.open_gaps()
    world.gaps.clear()
    return world


@given(seed=SEEDS, by_itself=st.booleans(), ttl_s=st.sampled_from([3.0, 5.0]))
@examples(40)
def test_a_lost_machines_shard_is_held_within_a_time_to_live_and_the_bound(seed, by_itself, ttl_s):
    world = fleet(seed, by_itself, ttl_s)
    world.holders("shard-02")[0].kill()
    world.run(ttl_s + TAKE_OVER_S)
    assert world.served("shard-02")
    assert max(world.gaps) <= ttl_s + TAKE_OVER_S


@given(
    seed=SEEDS,
    by_itself=st.booleans(),
    extends=st.booleans(),
    away_s=st.floats(0.1, 90.0),
    dead=st.integers(0, 2),
    ttl_s=st.sampled_from([3.0, 5.0]),
)
@examples(80)
def test_no_slot_lets_go_while_nobody_can_reach_the_store(seed, by_itself, extends, away_s, dead, ttl_s):
    world = fleet(seed, by_itself, ttl_s)
    for slot in [slot for slot in world.slots if not slot.streams][:dead]:
        slot.kill()
    before = {shard: world.holders(shard) for shard in world.shards}
    world.store.up = False
    world.run(away_s)
    world.store.come_back(extends=extends)
    world.run(3 * ttl_s)
    assert not world.reasons
    assert not world.gaps
    assert {shard: world.holders(shard) for shard in world.shards} == before


@given(seed=SEEDS, by_itself=st.booleans(), near=st.integers(1, 5), store_near=st.booleans())
@examples(60)
def test_a_network_in_two_halves_never_has_a_shard_served_twice_and_one_side_goes_on(seed, by_itself, near, store_near):
    world = fleet(seed, by_itself)
    for number, slot in enumerate(world.slots):
        slot.group = int(number < near)
        slot.reaches_store = (number < near) == store_near
    world.run(60.0)
    assert world.worst_overlap() <= world.times.overlap_s
    with_store = [slot for slot in world.slots if slot.reaches_store]
    expected = 4 if len(with_store) < 3 else min(4, len(with_store))
    if len(with_store) < 3:  # they can't take, and the others, more than half, keep what they have
        assert not world.reasons
    assert len(world.shards) - len(world.open_gaps()) == expected


@given(seed=SEEDS, by_itself=st.booleans())
@examples(40)
def test_a_slot_that_alone_is_cut_from_the_store_lets_go_before_another_takes(seed, by_itself):
    world = fleet(seed, by_itself)
    holder = world.holders("shard-01")[0]
    holder.reaches_store = False
    world.run(15.0)
    assert world.holders("shard-01") not in ([], [holder])
    assert world.worst_overlap() <= 0.35
    assert not world.address_overlaps


@given(seed=SEEDS, by_itself=st.booleans(), stopped_s=st.floats(0.1, 60.0))
@examples(40)
def test_a_stopped_process_is_no_second_holder_for_longer_than_its_drop(seed, by_itself, stopped_s):
    world = fleet(seed, by_itself)
    holder = world.holders("shard-01")[0]
    holder.stop()
    world.run(stopped_s)
    holder.go_on()
    world.run(20.0)
    assert len(world.holders("shard-01")) == 1
    assert world.worst_overlap() <= world.times.overlap_s
    assert not world.address_overlaps


@pytest.mark.parametrize("by_itself", [True, False])
def test_drain_and_crash_are_bridged_by_a_spare_slot(by_itself):
    world = fleet(1, by_itself)
    world.holders("shard-01")[0].drain()
    world.run(5.0)
    world.holders("shard-02")[0].crash_gateway()
    world.run(5.0)
    assert not world.open_gaps()
    assert len(world.gaps) == 2
    assert max(world.gaps) <= 1.5
