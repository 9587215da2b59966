"""Who fails waits, and nobody else does."""

import itertools
import random

import pytest

from transcoder import login_brake
from transcoder.login_brake import (
    FORGET_S,
    FREE,
    KNOWN_DELAY_S,
    MAX_ADDRESSES,
    MAX_DELAY_S,
    MAX_USER_DELAY_S,
    MAX_WAIT_S,
    LoginBrake,
)

HERE, THERE = "192.0.2.7", "198.51.100.9"


def fail(brake: LoginBrake, count: int, address: str = HERE, user: str = "vms", now: float = 0.0) -> float:
    """Guess so often, each time as soon as it is allowed; the time after that."""
    for _ in range(count):
        due = brake.due(address, user, now)
        assert due is not None
        now = due
        brake.failed(address, user, now)
    return now


def test_the_delay_grows() -> None:
    brake = LoginBrake()
    times = [fail(brake, FREE)]
    for _ in range(8):
        times.append(fail(brake, 1, now=times[-1]))
    steps = [late - early for early, late in itertools.pairwise(times)]
    assert steps == [0.0, 0.5, 1.0, 2.0, 4.0, 8.0, 8.0, 8.0]
    assert brake.counts.failed == FREE + 8


def test_guesses_side_by_side_are_no_faster() -> None:
    brake = LoginBrake()
    now = fail(brake, FREE + 5)
    found = [brake.due(HERE, f"user{number}", now) for number in range(200)]
    assert found[:2] == [now + 8.0, now + 16.0]
    assert found[2:] == [None] * 198
    assert MAX_WAIT_S == 16.0


def test_guesses_that_wait_count_before_they_have_failed() -> None:
    brake = LoginBrake()
    now = fail(brake, FREE + 1)
    assert [brake.due(HERE, f"user{number}", now) for number in range(5)] == [0.5, 1.5, 3.5, 7.5, 15.5]
    brake.failed(HERE, "user0", 0.5)
    assert brake.due(HERE, "user5", 0.5) is None


def test_another_address_waits_for_nothing_but_the_user_and_not_long() -> None:
    brake = LoginBrake()
    now = fail(brake, FREE + 20)
    assert brake.due(THERE, "other", now) == now
    assert [brake.due(THERE, "vms", now) for _ in range(100)] == [now + MAX_USER_DELAY_S] * 100


def test_a_user_who_is_known_at_an_address_does_not_wait_there() -> None:
    brake = LoginBrake()
    brake.succeeded(THERE, "vms")
    brake.succeeded(HERE, "vms")
    now = fail(brake, FREE + 20)  # somebody guesses at one of the addresses
    fail(brake, FREE + 20, user="root", now=now)
    now += 1000 * MAX_DELAY_S / 1000
    assert brake.due(THERE, "vms", now) == now
    due = brake.due(HERE, "vms", now + MAX_WAIT_S)
    assert due is not None
    assert due <= now + MAX_WAIT_S + KNOWN_DELAY_S


def test_the_right_password_ends_the_delay_of_its_user() -> None:
    brake = LoginBrake()
    now = fail(brake, FREE + 3)
    brake.succeeded(HERE, "vms")
    assert brake.due(HERE, "vms", now) == now


def test_a_success_with_one_name_gives_no_free_guesses_at_another() -> None:
    brake = LoginBrake()
    now = 0.0
    for _ in range(FREE + 5):
        due = brake.due(HERE, "root", now)
        assert due is not None
        now = due
        brake.failed(HERE, "root", now)
        brake.succeeded(HERE, "guest")
    assert now == 0.5 + 1.0 + 2.0 + 4.0


def test_failures_are_forgotten() -> None:
    brake = LoginBrake()
    now = fail(brake, FREE + 5)
    later = now + FORGET_S + 1
    assert brake.due(HERE, "vms", later) == later
    brake.failed(HERE, "vms", later)
    assert brake.due(HERE, "vms", later) == later


def test_an_ipv6_site_is_one_address() -> None:
    brake = LoginBrake()
    for number in range(FREE + 2):
        brake.failed(f"2001:db8::{number:x}", f"u{number}", 0.0)
    assert brake.due("2001:db8::ffff", "another", 0.0) == 1.0
    assert brake.due("2001:db8:1::1", "another", 0.0) == 0.0


def test_the_memory_is_bounded() -> None:
    brake = LoginBrake()
    for number in range(3 * MAX_ADDRESSES):
        address = f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}"
        brake.due(address, f"user{number}", 0.0)
        brake.failed(address, f"user{number}", 0.0)
        brake.succeeded(address, f"user{number}")
        brake.failed(address, f"other{number}", 0.0)
    for kept in (brake._addresses, brake._pairs, brake._known):
        assert len(kept) <= MAX_ADDRESSES
    assert len(brake._users) <= login_brake.USERS


def test_a_report_a_minute() -> None:
    brake = LoginBrake()
    assert brake.report(0.0) is None
    brake.failed(HERE, "vms", 0.0)
    first = brake.report(0.0)
    assert first is not None
    assert (first.failed, first.address) == (1, HERE)
    for second in range(1, 60):
        brake.failed(THERE, "vms", second)
        assert brake.report(second) is None
    second_report = brake.report(60.0)
    assert second_report is not None
    assert (second_report.failed, second_report.address) == (59, THERE)
    assert brake.report(200.0) is None


@pytest.mark.parametrize("seed", range(20))
def test_whatever_strangers_do_the_right_password_from_elsewhere_is_looked_at_soon(seed: int) -> None:
    rng, brake, now = random.Random(seed), LoginBrake(), 0.0
    for _ in range(2000):
        now += rng.random()
        address, user = f"203.0.113.{rng.randrange(250)}", rng.choice(("vms", "root", "nobody", str(rng.random())))
        due = brake.due(address, user, now)
        if due is not None:
            brake.failed(address, user, due)
    due = brake.due(THERE, "vms", now)
    assert due is not None
    assert due - now <= MAX_USER_DELAY_S
