"""A picture that the clean stream loses beside an attack is seen, and the attack is called broken."""

from typing import Any

import pytest

from tests.attacks.outcomes import BROKEN, HELD, NOT_TRIED, Outcomes
from tests.support.neighbour import Held, grown
from tests.support.neighbour_reader import FPS, ROUND, Loss, Tally

TEST = "tests/attacks/test_x.py::test_y[z]@neighbour"


def tally(*numbers: int | None, step_s: float = 1 / FPS) -> Tally:
    made = Tally("H264")
    for index, number in enumerate(numbers):
        made.count(number, 100.0 + index * step_s, lost_packets=False)
    return made


@pytest.mark.parametrize(
    ("numbers", "lost"),
    [
        ((7, 8, 9), 0),
        ((ROUND - 2, ROUND - 1, 0, 1), 0),
        ((7, 9), 1),
        ((ROUND - 1, 3), 3),
        ((7, None, 9), 1),
        ((7, 7), ROUND - 1),
    ],
)
def test_pictures_that_are_missing_are_counted(numbers: tuple[int | None, ...], lost: int) -> None:
    read = tally(*numbers).read(closed=False)
    assert (read.pictures, read.lost, read.lost_packets) == (len(numbers), lost, False)


def test_a_pause_of_whole_rounds_is_no_picture_that_came_at_once() -> None:
    assert tally(7, 8, step_s=(ROUND + 1) / FPS).read(closed=False).lost == ROUND
    assert tally(7, 8, step_s=0.9).read(closed=False).lost == 0, "late is not lost"


def test_packets_that_are_missing_are_told() -> None:
    made = tally(7)
    made.count(8, 100.1, lost_packets=True)
    assert made.read(closed=False).lost_packets
    assert [loss.packets for loss in made.losses] == [True]
    assert tally(7, 8).read(closed=True).lost_packets


def report(when: Any, start: float, stop: float, outcome: Any = "passed") -> pytest.TestReport:
    return pytest.TestReport(TEST, ("", 0, ""), {}, outcome, None, when, start=start, stop=stop)


def outcomes(**look: list[str]) -> Outcomes:
    made = Outcomes()
    made.look = lambda: look.get("complaints", [])
    for number, when in enumerate(("setup", "call", "teardown")):
        made.pytest_runtest_logreport(report(when, 10.0 + number, 11.0 + number))
    return made


def told(made: Outcomes, *losses: Loss) -> str:
    lines: list[str] = []
    made.judge(losses)
    made.tell(lines.append)
    return "".join(lines)


def test_an_attack_beside_which_nothing_is_lost_held() -> None:
    made = outcomes()
    assert told(made, Loss(1.0, 9.9, 3, False), Loss(13.1, 14.0, 3, False)).endswith("y: held\n")
    assert made.found["attacks/test_x.py::test_y"] == [HELD]


def test_an_attack_beside_which_pictures_are_lost_is_broken() -> None:
    text = told(outcomes(), Loss(12.9, 14.0, 3, True), Loss(9.0, 10.1, 4, False))
    assert "y: BROKEN" in text
    assert "the clean stream lost 7 pictures, and packets" in text


def test_an_attack_that_loses_nothing_alone_held() -> None:
    """Two attacks run at a time, and others may be on the machine."""
    made, losses = outcomes(), [Loss(12.0, 12.5, 3, False)]
    again = made.beside(losses)
    assert again == ["tests/attacks/test_x.py::test_y[z]"]
    made.try_again(again, len(losses))
    made.pytest_runtest_logreport(report("call", 20.0, 21.0))
    assert "BROKEN" not in told(made, *losses)
    assert "lost 2 pictures" in told(made, *losses, Loss(20.5, 20.9, 2, False))


def test_an_attack_after_which_more_is_held_is_broken() -> None:
    text = told(outcomes(complaints=["worker grew by 99 MiB"]))
    assert "y: BROKEN" in text
    assert "worker grew by 99 MiB" in text


def test_what_was_left_out_is_not_counted_as_held() -> None:
    made = outcomes()
    made.pytest_runtest_logreport(report("setup", 20.0, 20.1, "skipped"))
    assert "y: held (1 of 2 not tried)" in told(made)
    assert made.found["attacks/test_x.py::test_y"] == [HELD, NOT_TRIED]
    assert BROKEN not in made.found["attacks/test_x.py::test_y"]


def test_what_grew_or_is_gone_is_told() -> None:
    before = {"service": 100 << 20, "worker": 50 << 20}
    assert grown(before, {"service": 131 << 20, "worker": 57 << 20}) == {}
    assert grown(before, {"service": 133 << 20, "worker": 59 << 20}) == {"service": 33 << 20, "worker": 9 << 20}
    assert list(grown(before, {"service": 100 << 20})) == ["worker"]
    held = Held(connections=1, sessions=1, tasks=9, descriptors=20, descriptors_of_others=8, workers=1)
    assert not Held(connections=1, sessions=1, tasks=9, descriptors=20, descriptors_of_others=9, workers=1).is_within(
        held
    )
