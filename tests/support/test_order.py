"""The order of the tests for several workers, with tests that are markers and nothing else."""

from types import SimpleNamespace
from typing import Any, cast

from tests.support.order import in_order, is_quick


class Item:
    """Stands for a test."""

    def __init__(self, name: str, *markers: str, group: str = "") -> None:
        self.name = name
        self._markers = {marker: SimpleNamespace(args=()) for marker in markers}
        if group:
            self._markers["xdist_group"] = SimpleNamespace(args=(group,))

    def get_closest_marker(self, name: str) -> Any:
        return self._markers.get(name)


def names(*items: Any) -> str:
    return " ".join(item.name for item in in_order(items))


def test_those_that_are_alone_come_first_and_groups_before_single_tests() -> None:
    found = names(
        Item("process", "process"),
        Item("e2e", "e2e"),
        Item("small1", "e2e", group="small"),
        Item("large1", "e2e", group="large"),
        Item("alone", "e2e", "alone"),
        Item("small2", "e2e", group="small"),
        Item("large2", "e2e", group="large"),
        Item("large3", "e2e", group="large"),
    )
    assert found == "alone large1 large2 large3 small1 small2 e2e process"


def test_those_without_a_process_are_spread_by_the_time_of_the_others() -> None:
    quick = [Item(f"q{number}") for number in range(12)]
    found = names(*quick, Item("process", "process"), Item("first", "e2e"), Item("second", "e2e", "alone"))
    assert found == "second q0 q1 q2 q3 q4 first q5 q6 q7 q8 q9 process q10 q11"


def test_where_a_worker_is_kept_for_them_those_without_a_process_come_last() -> None:
    items: list[Any] = [Item("q0"), Item("process", "process"), Item("q1"), Item("e2e", "e2e")]
    assert [item.name for item in in_order(items, quick_last=True)] == ["e2e", "process", "q0", "q1"]
    assert [item.name for item in items if is_quick(item)] == ["q0", "q1"]
    assert not is_quick(cast(Any, Item("grouped", group="some")))


def test_without_processes_the_order_stays() -> None:
    assert names(*(Item(f"q{number}") for number in range(3))) == "q0 q1 q2"
