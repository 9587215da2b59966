"""What a camera sends is compared with what it may send once a window."""

import pytest

from transcoder.errors import TransportError
from transcoder.ledger import Ledger
from transcoder.source.rate_limit import MAX_BYTES_PER_S, MAX_PACKETS_PER_S, WINDOW_S, RateLimit, RateOptions


def feed(packets_per_s: float, bytes_per_s: float, seconds: int = 20) -> Ledger:
    ledger = Ledger()
    limit = RateLimit(RateOptions(), ledger)
    limit.restart(0, 0, 100.0)
    for second in range(1, seconds + 1):
        limit.check(round(packets_per_s * second), round(bytes_per_s * second), 100.0 + second)
    return ledger


@pytest.mark.parametrize(("packets", "size"), [(2_900, 4e6), (21_400, 30e6), (MAX_PACKETS_PER_S, MAX_BYTES_PER_S)])
def test_cameras_that_there_are_stay_below(packets: float, size: float) -> None:
    assert not feed(packets, size).totals()


@pytest.mark.parametrize(("packets", "size", "kind"), [(31_000, 1e6, "packets"), (2_900, 50e6, "bytes")])
def test_too_much_is_counted_and_said(packets: float, size: float, kind: str) -> None:
    ledger = Ledger()
    limit = RateLimit(RateOptions(), ledger)
    limit.restart(0, 0, 100.0)
    limit.check(round(packets), round(size), 101.0)  # the window is not over
    with pytest.raises(TransportError, match=f"more than .* {kind} a second"):
        limit.check(round(packets * WINDOW_S), round(size * WINDOW_S), 100.0 + WINDOW_S)
    [(layer, counted, entry)] = ledger
    assert (layer, counted, entry.count) == ("rate_limit", kind, packets * WINDOW_S)


def test_what_waited_while_the_network_stood_still_is_no_flood() -> None:
    limit = RateLimit(RateOptions(), Ledger())
    limit.restart(0, 0, 100.0)
    limit.check(40_000, 30 << 20, 100.0 + WINDOW_S)
