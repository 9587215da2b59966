"""By how much the next picture may come after its time."""

from transcoder.output.lateness import MAX_LATE_S, WINDOW_S, Lateness


def test_the_latest_of_the_last_seconds_counts() -> None:
    lateness = Lateness()
    assert lateness.seconds(1000.0) == 0.0
    for late_s in (1.6, 0.5, -0.3):
        lateness.note(late_s, 1000.0)
    assert lateness.seconds(1000.0) == 1.6
    lateness.note(0.1, 1000.0 + WINDOW_S)
    assert lateness.seconds(1000.0 + 1.9 * WINDOW_S) == 1.6
    assert lateness.seconds(1000.0 + 2 * WINDOW_S) == 0.1
    assert lateness.seconds(1000.0 + 5 * WINDOW_S) == 0.0


def test_pictures_that_are_early_are_not_late() -> None:
    lateness = Lateness()
    lateness.note(-0.3, 1000.0)
    assert lateness.seconds(1000.0) == 0.0


def test_no_worker_makes_readers_wait_for_ever() -> None:
    lateness = Lateness()
    lateness.note(1e9, 1000.0)
    assert lateness.seconds(1000.0) == MAX_LATE_S
