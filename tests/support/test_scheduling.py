"""Quick tests are handed out several at a time, others one by one, and each once."""

from types import SimpleNamespace
from typing import Any, cast

import pytest

pytest.importorskip("xdist")

from tests.support.scheduling import MAX_AHEAD, Scheduling

WORKERS = 2


class Worker:
    """Keeps what it is told, and runs nothing."""

    def __init__(self) -> None:
        self.handed_out: list[list[int]] = []
        self.shutting_down = False
        self.done = 0
        self.gateway = SimpleNamespace(id=str(id(self)))

    def send_runtest_some(self, indices: list[int]) -> None:
        self.handed_out.append(list(indices))

    def shutdown(self) -> None:
        self.shutting_down = True

    @property
    def indices(self) -> list[int]:
        return [index for indices in self.handed_out for index in indices]


def begun(tests: list[str]) -> tuple[Any, list[Worker]]:
    option = SimpleNamespace(loadscopereorder=False, debug=False)
    config = SimpleNamespace(option=option, getvalue=lambda _name: ["popen"] * WORKERS, getoption=lambda _name: None)
    scheduling: Any = Scheduling(cast(pytest.Config, config))
    workers = [Worker() for _ in range(WORKERS)]
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
