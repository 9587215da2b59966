"""When a camera is tried again; the numbers are those that the design asks for: 0.5 s to 30 s."""

import random

import pytest

from transcoder.errors import ResponseError, TransportError
from transcoder.source.backoff import Backoff

LOST = TransportError("no packet in 5 s")
REFUSED = TransportError("no connection to port 554: Connection refused")
UNAUTHORIZED = ResponseError(401, "DESCRIBE", "Unauthorized")


def delays(backoff: Backoff, error: Exception, count: int) -> list[float]:
    return [backoff.next_delay(error) for _ in range(count)]


@pytest.mark.parametrize("seed", range(20))
def test_it_grows_to_half_a_minute(seed: int) -> None:
    found = delays(Backoff(random.Random(seed)), LOST, 30)
    assert 0.25 <= found[0] <= 0.5
    assert all(15 <= delay <= 30 for delay in found[11:])
    assert len(set(found)) == 30  # jittered
    assert sum(found[:8]) < 30


def test_many_cameras_do_not_come_at_once() -> None:
    assert len({round(Backoff().next_delay(LOST), 3) for _ in range(50)}) > 25


def test_a_host_that_refuses_is_asked_often() -> None:
    assert all(delay <= 2.0 for delay in delays(Backoff(), REFUSED, 500))


def test_after_a_long_outage_and_a_short_play_it_comes_back_soon() -> None:
    backoff = Backoff()
    for _ in range(5):
        delays(backoff, REFUSED, 20)
        backoff.succeeded(5.0)
        assert backoff.next_delay(LOST) <= 2.0


def test_a_camera_that_drops_every_connection_at_once_is_spared() -> None:
    backoff = Backoff()
    for _ in range(30):
        backoff.succeeded(0.2)
        last = backoff.next_delay(LOST)
    assert last >= 15.0


def test_a_steady_connection_makes_up_for_everything() -> None:
    backoff = Backoff()
    delays(backoff, LOST, 100)
    backoff.succeeded(12.0)
    assert backoff.next_delay(LOST) <= 0.5


def test_a_wrong_password_does_not_lock_the_account() -> None:
    """Cameras lock an account for half an hour after about five wrong logins: 2 in the first 4 minutes, not more."""
    found = delays(Backoff(), UNAUTHORIZED, 8)
    assert found[0] == 5.0
    assert all(delay >= 270 for delay in found[1:])
    assert all(delay <= 3960 for delay in found)


def test_a_401_after_success_is_a_full_table() -> None:
    backoff = Backoff()
    backoff.succeeded(60.0)
    assert all(48 <= delay <= 72 for delay in delays(backoff, UNAUTHORIZED, 3))


def test_a_changed_configuration_starts_over() -> None:
    backoff = Backoff()
    delays(backoff, LOST, 20)
    delays(backoff, UNAUTHORIZED, 3)
    backoff.reset()
    assert backoff.next_delay(LOST) <= 0.5
    assert backoff.next_delay(UNAUTHORIZED) == 5.0
