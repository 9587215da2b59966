"""Quick tests are handed out several at a time, others one by one, and each once."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

pytest.importorskip("xdist")

from tests.support.scheduling import MANY, MAX_AHEAD, Scheduling, tell_quick


class Worker:
    """Keeps what it is told, and runs nothing."""

    def __init__(self, number: int) -> None:
        self.handed_out: list[list[int]] = []
        self.shutting_down = False
        self.done = 0
        self.gateway = SimpleNamespace(id=f"gw{number}")

    def send_runtest_some(self, indices: list[int]) -> None:
        self.handed_out.append(list(indices))

    def shutdown(self) -> None:
        self.shutting_down = True

    @property
    def indices(self) -> list[int]:
        return [index for indices in self.handed_out for index in indices]


def begun(tests: list[str], count: int = 2, folder: Path = Path("/nonexistent")) -> tuple[Any, list[Worker]]:
    option = SimpleNamespace(loadscopereorder=False, debug=False)
    config = SimpleNamespace(option=option, getvalue=lambda _name: ["popen"] * count, getoption=lambda _name: None)
    scheduling: Any = Scheduling(cast(pytest.Config, config), None, folder)
    workers = [Worker(number) for number in range(count)]
    for worker in workers:
        scheduling.add_node(worker)
        scheduling.add_node_collection(worker, tests)
    scheduling.schedule()
    return scheduling, workers


def run(scheduling: Any, worker: Worker, count: int, duration: float) -> None:
    for _ in range(count):
        scheduling.mark_test_complete(worker, worker.indices[worker.done], duration)
        worker.done += 1


def test_each_is_handed_out_once_and_in_order() -> None:
    scheduling, workers = begun([f"test_a.py::test_{number}" for number in range(200)])
    while not scheduling.tests_finished:
        for worker in workers:
            run(scheduling, worker, min(1, len(worker.indices) - worker.done), 0.01)
    assert sorted(workers[0].indices + workers[1].indices) == list(range(200))
    assert all(worker.indices == sorted(worker.indices) for worker in workers)
    assert all(worker.shutting_down for worker in workers)


def test_quick_ones_come_several_at_a_time() -> None:
    scheduling, [worker, _] = begun([f"test_a.py::test_{number}" for number in range(200)])
    run(scheduling, worker, 50, 0.001)
    assert len(worker.indices) - worker.done <= MAX_AHEAD
    assert min(map(len, worker.handed_out[-3:])) >= MAX_AHEAD / 2 - 1


def test_slow_ones_come_one_by_one() -> None:
    scheduling, [worker, _] = begun([f"test_a.py::test_{number}" for number in range(200)])
    run(scheduling, worker, 20, 0.001)
    run(scheduling, worker, 20, 5.0)
    assert [len(indices) for indices in worker.handed_out[-5:]] == [1] * 5
    assert len(worker.indices) - worker.done <= 3


def test_a_group_stays_with_one_worker() -> None:
    tests = [f"test_a.py::test_{number}" + "@pair" * (number in {3, 90}) for number in range(100)]
    scheduling, workers = begun(tests)
    for _ in range(10):
        for worker in workers:
            run(scheduling, worker, 1, 0.001)
    [[worker]] = [[worker for worker in workers if {3, 90} & set(worker.indices)]]
    assert {3, 90} <= set(worker.indices)


def test_what_a_worker_had_when_it_died_goes_to_another() -> None:
    scheduling, [dead, other] = begun([f"test_a.py::test_{number}" for number in range(100)])
    run(scheduling, dead, 10, 0.001)
    run(scheduling, other, 10, 0.001)
    assert scheduling.remove_node(dead) == f"test_a.py::test_{dead.indices[dead.done]}"
    while not scheduling.tests_finished:
        run(scheduling, other, 1, 0.001)
    assert sorted(dead.indices[: dead.done] + other.indices) == list(range(100))


def test_of_many_workers_one_takes_none_but_quick_ones(tmp_path: Path) -> None:
    slow = [f"test_slow.py::test_{number}" for number in range(40)]
    quick = [f"test_quick.py::test_{number}" for number in range(60)]
    tell_quick(tmp_path, quick)
    scheduling, workers = begun(slow + quick, MANY, tmp_path)
    *others, kept = workers
    while not scheduling.tests_finished:
        for worker in workers:
            run(scheduling, worker, min(1, len(worker.indices) - worker.done), 1.0)
    assert min(kept.indices) == len(slow)
    assert len(kept.indices) >= 100 / MANY - 1
    assert sorted(index for worker in workers for index in worker.indices) == list(range(100))
    assert {index for worker in others for index in worker.indices} >= set(range(len(slow)))


def test_the_kept_worker_ends_before_the_others_when_nothing_is_quick_any_more(tmp_path: Path) -> None:
    slow = [f"test_slow.py::test_{number}" for number in range(40)]
    quick = ["test_quick.py::test_1", "test_quick.py::test_2"]
    tell_quick(tmp_path, quick)
    scheduling, [*others, kept] = begun(slow + quick, MANY, tmp_path)
    run(scheduling, kept, 2, 0.01)
    assert kept.indices == [40, 41]
    assert kept.shutting_down
    assert not any(worker.shutting_down for worker in others)


@pytest.mark.parametrize("told", [[], None])
def test_without_quick_ones_none_is_kept(tmp_path: Path, told: list[str] | None) -> None:
    if told is not None:
        tell_quick(tmp_path, told)
    _, workers = begun([f"test_slow.py::test_{number}" for number in range(40)], MANY, tmp_path)
    assert all(worker.indices for worker in workers)
