"""Transcripts of a worker's life: what happens at which time, and what is done about it."""

import pytest

from transcoder.errors import LocalProtocolError
from transcoder.service.worker_life import DEATHS_S, RESTART_DELAYS_S, RETRY_S, LifeAction, LifeState, WorkerLife

START, BRIEF, DISCARD = LifeAction.START, LifeAction.BRIEF, LifeAction.DISCARD


def actions(life: WorkerLife) -> list[LifeAction]:
    found = []
    while (action := life.next_action()) is not None:
        found.append(action)
        if action is START:
            break
    return found


@pytest.fixture
def life() -> WorkerLife:
    return WorkerLife()


@pytest.fixture
def running(life: WorkerLife) -> WorkerLife:
    life.want(100.0)
    assert actions(life) == [START]
    life.started(100.1)
    assert actions(life) == [BRIEF]
    assert life.state is LifeState.RUNNING
    return life


def test_nothing_is_started_before_it_is_wanted(life: WorkerLife) -> None:
    life.handle_timeout(100.0)
    life.died(100.0)
    assert (life.state, actions(life), life.next_timeout()) == (LifeState.IDLE, [], None)


def test_a_worker_is_started_once(life: WorkerLife) -> None:
    life.want(100.0)
    assert life.state is LifeState.WANTED
    assert actions(life) == [START]
    life.want(100.0)  # a caller that gave the START up begins anew ...
    assert actions(life) == [START]
    assert actions(life) == []  # ... and while it performs it nothing else is to be done
    assert (life.state, life.next_timeout()) == (LifeState.STARTING, None)
    life.started(105.0)
    assert actions(life) == [BRIEF]
    life.want(106.0)
    life.handle_timeout(107.0)
    assert (life.state, actions(life), life.next_timeout()) == (LifeState.RUNNING, [], None)


def test_a_worker_that_dies_is_replaced_after_a_moment(running: WorkerLife) -> None:
    running.died(101.0)
    assert (running.state, running.next_timeout()) == (LifeState.WAITING, 101.2)
    running.handle_timeout(101.19)
    assert actions(running) == []
    running.handle_timeout(101.2)
    assert actions(running) == [START]


def test_workers_that_keep_dying_are_replaced_less_and_less_often(running: WorkerLife) -> None:
    now, waits = 101.0, []
    for _ in range(5):
        running.died(now)
        due = running.next_timeout()
        assert due is not None
        waits.append(round(due - now, 3))
        running.handle_timeout(due)
        assert actions(running) == [START]
        running.started(due)
        assert actions(running) == [BRIEF]
        now = due
    assert waits == [*RESTART_DELAYS_S[1:], 1.0, 1.0, 1.0]
    running.died(now + DEATHS_S)  # all others are forgotten
    assert running.next_timeout() == pytest.approx(now + DEATHS_S + RESTART_DELAYS_S[1])


def test_a_worker_that_dies_while_it_is_started_is_replaced(life: WorkerLife) -> None:
    life.want(100.0)
    assert actions(life) == [START]
    life.died(100.1)
    assert actions(life) == []  # not beside the START that is being performed
    life.died(100.1)  # it dies once
    life.started(100.2)
    assert actions(life) == [DISCARD]
    assert (life.state, life.next_timeout()) == (LifeState.WAITING, 100.4)
    life.handle_timeout(100.4)
    assert actions(life) == [START]
    life.started(100.5)
    assert (actions(life), life.state) == ([BRIEF], LifeState.RUNNING)


def test_a_worker_that_died_and_then_could_not_be_started_is_one_that_died(life: WorkerLife) -> None:
    life.want(100.0)
    assert actions(life) == [START]
    life.died(100.1)
    life.start_failed(100.2)
    assert (life.state, life.next_timeout(), actions(life)) == (LifeState.WAITING, 100.4, [])


def test_where_no_worker_can_be_started_another_try_follows(life: WorkerLife) -> None:
    life.want(100.0)
    now = 100.0
    for _ in range(3):
        assert actions(life) == [START]
        life.start_failed(now)
        assert (life.state, life.next_timeout(), actions(life)) == (LifeState.WAITING, now + RETRY_S, [])
        now += RETRY_S
        life.handle_timeout(now)
    assert actions(life) == [START]


@pytest.mark.parametrize("state", ["wanted", "starting", "running", "waiting"])
def test_a_stream_that_stops_needs_no_worker(life: WorkerLife, state: str) -> None:
    life.want(100.0)
    if state != "wanted":
        actions(life)
    if state in {"running", "waiting"}:
        life.started(100.0)
    if state == "waiting":
        life.died(100.0)
    assert life.state.value == state
    life.stop()
    life.handle_timeout(200.0)
    assert (life.state, actions(life), life.next_timeout()) == (LifeState.IDLE, [], None)
    life.want(201.0)
    assert actions(life) == [START]
    life.started(201.0)
    assert (actions(life), life.state) == ([BRIEF], LifeState.RUNNING)


def test_a_worker_that_comes_after_its_stream_stopped_is_ended(life: WorkerLife) -> None:
    life.want(100.0)
    assert actions(life) == [START]
    life.stop()
    life.started(100.1)
    assert (actions(life), life.state) == ([DISCARD], LifeState.IDLE)
    life.want(101.0)
    assert actions(life) == [START]
    life.stop()
    life.start_failed(101.1)
    assert (actions(life), life.state) == ([], LifeState.IDLE)


def test_a_stream_that_begins_again_remembers_the_deaths(running: WorkerLife) -> None:
    running.died(101.0)
    running.stop()
    running.want(102.0)
    assert running.next_timeout() == 102.2
    running.handle_timeout(102.2)
    assert actions(running) == [START]


@pytest.mark.parametrize("answer", ["started", "start_failed"])
def test_a_start_that_was_not_asked_for_has_no_answer(running: WorkerLife, answer: str) -> None:
    with pytest.raises(LocalProtocolError, match="running was not to be started"):
        getattr(running, answer)(101.0)
