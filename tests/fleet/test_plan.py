"""Plans: every stream in one shard, none too full, and few moves."""

from collections.abc import Mapping, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transcoder.fleet.cost import Cost
from transcoder.fleet.plan import SERVICE_CORES, Item, Plan, Slot, make_plan, number_of, shard_name

SLOT = Slot(cores=8, fill=0.85)
GPU = Slot(cores=4, fill=0.5, labels=frozenset({"gpu"}))


def item(name: str, cores: float, together: str = "", needs: Sequence[str] = (), alias: str = "") -> Item:
    return Item(
        name=name,
        cost=Cost(cores=cores, service=min(cores, 0.02)),
        together=together or name,
        needs=frozenset(needs),
        aliases=frozenset({alias} if alias else ()),
    )


def streams(plan: Plan) -> dict[int, list[str]]:
    return {shard.number: [each.name for each in shard.items] for shard in plan.shards}


items = st.lists(
    st.builds(
        item,
        st.sampled_from([f"cam{number}" for number in range(60)]),
        st.one_of(st.floats(0, 0.9), st.floats(0, 9)),
        st.sampled_from(["", *(f"recorder{number}" for number in range(4))]),
        st.sampled_from([(), (), ("gpu",)]),
        st.sampled_from(["", "", "/a", "/b"]),
    ),
    max_size=50,
    unique_by=lambda each: each.name,
)
earlier = st.dictionaries(
    st.integers(1, 12), st.lists(st.sampled_from([f"cam{number}" for number in range(70)]), max_size=20), max_size=12
)


@given(items, earlier)
def test_every_stream_is_in_one_shard_and_none_is_over_its_fill(
    every: list[Item], before: Mapping[int, Sequence[str]]
) -> None:
    plan = make_plan(every, (SLOT, GPU), before)
    assert sorted(name for names in streams(plan).values() for name in names) == sorted(each.name for each in every)
    assert len(streams(plan)) == len(plan.shards)
    for shard in plan.shards:
        slot = (SLOT, GPU)[shard.slot]
        assert all(each.needs <= slot.labels for each in shard.items)
        assert sum(each.cost.service for each in shard.items) <= SERVICE_CORES + 1e-6 or len(shard.items) == 1
        aliases = [alias for each in shard.items for alias in each.aliases]
        assert len(aliases) == len(set(aliases))
        if sum(each.cost.cores for each in shard.items) > slot.cores * slot.fill + 1e-6:
            (alone,) = shard.items
            assert any(line.startswith(f"streams.{alone.name}: needs ") for line in plan.problems)


@given(items, earlier)
def test_the_plan_of_an_unchanged_fleet_moves_nothing(every: list[Item], before: Mapping[int, Sequence[str]]) -> None:
    plan = make_plan(every, (SLOT, GPU), before)
    again = make_plan(reversed(every), (SLOT, GPU), streams(plan))
    assert (again.moves, again.added, again.removed) == ((), (), ())
    assert again.shards == plan.shards


@given(items, earlier, st.floats(0, 3))
def test_one_more_camera_moves_no_other(every: list[Item], before: Mapping[int, Sequence[str]], cores: float) -> None:
    plan = make_plan(every, (SLOT, GPU), before)
    more = make_plan([*every, item("new", cores, "recorder1")], (SLOT, GPU), streams(plan))
    assert (more.moves, more.added) == ((), ("new",))


@given(items)
def test_a_plan_does_not_depend_on_the_order_of_the_streams(every: list[Item]) -> None:
    assert make_plan(every, (SLOT, GPU), {}) == make_plan(reversed(every), (SLOT, GPU), {})


def test_first_fit_decreasing_by_hand() -> None:
    # Johnson 1973, first fit decreasing: 4 4 3 3 2 2 2 into bins of 10 is (4 4 2) (3 3 2 2)
    cores = {"a": 2, "b": 4, "c": 3, "d": 2, "e": 4, "f": 2, "g": 3}
    plan = make_plan([item(name, cost) for name, cost in cores.items()], (Slot(cores=10, fill=1),), {})
    assert streams(plan) == {1: ["a", "b", "e"], 2: ["c", "d", "f", "g"]}


def test_the_channels_of_a_recorder_stay_together() -> None:
    every = [item("big", 4), *(item(f"channel{number}", 1, "recorder") for number in range(4))]
    assert streams(make_plan(every, (SLOT,), {})) == {1: ["big"], 2: [f"channel{number}" for number in range(4)]}


def test_a_recorder_that_is_too_large_is_divided_and_told() -> None:
    plan = make_plan([item(f"channel{number:02}", 1, "recorder") for number in range(14)], (SLOT,), {})
    assert [len(shard.items) for shard in plan.shards] == [6, 6, 2]
    assert plan.apart == {"recorder": 3}
    assert plan.problems == ()


def test_a_new_channel_goes_to_its_recorder() -> None:
    before = {1: ["other"], 2: ["channel1"]}
    every = [item("other", 1), item("channel1", 1, "recorder"), item("channel2", 1, "recorder")]
    assert streams(make_plan(every, (SLOT,), before)) == {1: ["other"], 2: ["channel1", "channel2"]}


def test_a_shard_that_grew_loses_as_few_as_it_must_and_says_why() -> None:
    every = [item("a", 3), item("b", 2.5), item("c", 2), item("d", 1)]
    plan = make_plan(every, (SLOT,), {3: ["a", "b", "c", "d"]})
    assert [(move.stream, move.before, move.after) for move in plan.moves] == [("c", 3, 1)]  # 8.5 of 6.8: 2 is enough
    assert plan.moves[0].reason == "the shard would be at 106% of its cores"


def test_streams_of_one_alias_are_kept_apart() -> None:
    plan = make_plan([item("a", 1, alias="/live"), item("b", 1, alias="/live"), item("c", 1)], (SLOT,), {})
    assert streams(plan) == {1: ["a", "c"], 2: ["b"]}


def test_the_one_thread_of_a_service_fills_before_the_cores() -> None:
    # 45 streams of 1080p25 fill the thread of the service (docs/performance.md)
    every = [Item(name=f"s{n:02}", cost=Cost(cores=0.03, service=0.0212), together=f"s{n:02}") for n in range(60)]
    assert [len(shard.items) for shard in make_plan(every, (SLOT,), {}).shards] == [44, 16]


def test_a_label_needs_a_slot_that_has_it() -> None:
    every = [item("plain", 1), item("fast", 1, needs=["gpu"]), item("odd", 1, needs=["gpu", "asic"])]
    plan = make_plan(every, (GPU, SLOT), {})
    assert {shard.slot: [each.name for each in shard.items] for shard in plan.shards} == {0: ["fast"], 1: ["plain"]}
    assert plan.problems == ("streams.odd.needs: no slot has asic, gpu together",)


def test_too_few_slots_are_a_problem() -> None:
    plan = make_plan([item(f"s{n}", 5) for n in range(3)], (Slot(cores=8, fill=1, count=2),), {})
    assert plan.problems == ("slots[0].count: 3 shards for 2 slots",)


def test_a_shard_without_streams_goes_and_its_number_is_taken_by_the_next() -> None:
    plan = make_plan([item("a", 6), item("b", 6)], (SLOT,), {1: ["gone"], 2: ["a"]})
    assert streams(plan) == {1: ["b"], 2: ["a"]}
    assert (plan.removed, plan.added, plan.moves) == (("gone",), ("b",), ())


@pytest.mark.parametrize(
    ("name", "number"),
    [("shard-01", 1), ("shard-112", 112), ("shard-1", None), ("shard-001", None), ("other-01", None), ("base", None)],
)
def test_a_shard_is_known_by_its_name(name: str, number: int | None) -> None:
    assert number_of(name, "shard") == number
    assert number is None or shard_name("shard", number) == name
