"""When an output that is made on demand sleeps, on a clock of its own."""

from transcoder.output.sleep import LINGER_S, Sleep


def test_an_output_that_is_always_made_is_told_once() -> None:
    told: list[bool] = []
    sleep = Sleep(told.append)
    assert not sleep.look(0.0, on_demand=False)
    assert not sleep.look(100.0, on_demand=False)
    assert told == [True]


def test_it_sleeps_until_somebody_wants_it_and_again_a_while_after() -> None:
    told: list[bool] = []
    sleep = Sleep(told.append)
    assert not sleep.look(0.0, on_demand=True)
    sleep.want(5.0)
    assert sleep.look(5.0, on_demand=True)
    assert not sleep.look(5.0 + LINGER_S - 0.1, on_demand=True)
    assert told == [False, True]
    assert not sleep.look(5.0 + LINGER_S, on_demand=True)
    assert told == [False, True, False]


def test_other_settings_are_told_anew() -> None:
    told: list[bool] = []
    sleep = Sleep(told.append)
    sleep.want(0.0)
    sleep.look(0.0, on_demand=True)
    sleep.forget()
    sleep.look(1.0, on_demand=True)
    assert told == [True, True]
