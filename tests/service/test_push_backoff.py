"""When a target is tried again."""

import random

import pytest

from transcoder.errors import (
    ConnectionRefused,
    KeyNotTrusted,
    LoginDowngraded,
    NotConnected,
    ResponseError,
    TranscoderError,
)
from transcoder.service.push_backoff import FIRST_S, LOGIN_FIRST_S, LOGIN_MAX_S, MAX_S, REFUSED_S, PushBackoff

JITTER = 1.25
AWAY = NotConnected("no connection to port 554: No route to host")


def delays(error: TranscoderError, count: int, played_s: float = 0.0) -> list[float]:
    backoff = PushBackoff(random.Random(1))
    return [backoff.fail(error, played_s) for _ in range(count)]


def test_a_target_that_is_away_is_tried_less_and_less_often() -> None:
    found = delays(AWAY, 20)
    assert found[0] <= FIRST_S * JITTER
    assert found[3] > 4 * FIRST_S
    assert all(MAX_S / JITTER <= delay <= MAX_S * JITTER for delay in found[8:])


def test_a_host_that_is_up_is_asked_more_often() -> None:
    assert max(delays(ConnectionRefused("refused"), 20)) <= REFUSED_S * JITTER


@pytest.mark.parametrize(
    "error",
    [ResponseError(401, "ANNOUNCE", "Unauthorized"), KeyNotTrusted("another key"), LoginDowngraded("Basic")],
)
def test_a_login_that_is_refused_is_not_tried_until_the_account_is_locked(error: TranscoderError) -> None:
    found = delays(error, 20)
    assert found[0] >= LOGIN_FIRST_S / JITTER
    assert found[-1] >= LOGIN_MAX_S / JITTER


def test_a_target_that_was_sent_to_for_a_while_is_tried_soon() -> None:
    backoff = PushBackoff(random.Random(1))
    for _ in range(10):
        backoff.fail(AWAY, 0.0)
    assert backoff.fail(AWAY, 60.0) <= FIRST_S * JITTER


def test_one_that_drops_every_connection_at_once_is_not() -> None:
    assert delays(AWAY, 20, played_s=0.3)[-1] >= MAX_S / JITTER


def test_many_gateways_do_not_come_at_once() -> None:
    assert len({PushBackoff().fail(AWAY, 0.0) for _ in range(10)}) == 10
