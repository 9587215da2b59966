"""The ledger: what is counted, what is kept of it, and that a camera can't make it grow."""

from transcoder.ledger import EXAMPLE_SIZE, MAX_KINDS, Ledger


def test_counts_sizes_times_and_the_latest_example() -> None:
    ledger = Ledger()
    ledger.now = 100.0
    ledger.count("nal_in", "h264 type 6", size=20, example=b"\x06first")
    ledger.now = 130.0
    ledger.count("nal_in", "h264 type 6", count=3, size=5, example=memoryview(b"\x06" + b"x" * 100))
    ledger.count("nal_in", "h264 type 6")
    ((layer, kind, entry),) = ledger
    assert (layer, kind) == ("nal_in", "h264 type 6")
    assert (entry.count, entry.size, entry.first, entry.last) == (5, 25, 100.0, 130.0)
    assert entry.example == b"\x06" + b"x" * (EXAMPLE_SIZE - 1)


def test_totals_by_layer() -> None:
    ledger = Ledger()
    ledger.count("rtp_extension", "0xabac", count=2)
    ledger.count("rtp_extension", "0xbede")
    ledger.count("rtcp", "APP")
    assert ledger.totals() == {"rtp_extension": 3, "rtcp": 1}


def test_kinds_over_the_limit_are_counted_as_other_of_their_layer() -> None:
    ledger = Ledger()
    ledger.count("rtcp", "APP")
    for profile in range(1000):
        ledger.count("rtp_extension", f"0x{profile:04x}")
    ledger.count("rtcp", "type 255")
    ledger.count("rtcp", "APP")
    found = {(layer, kind): entry.count for layer, kind, entry in ledger}
    assert len(ledger) == MAX_KINDS + 2
    assert found["rtp_extension", "other"] == 1000 - (MAX_KINDS - 1)
    assert found["rtcp", "other"] == 1
    assert found["rtcp", "APP"] == 2
    assert ledger.totals() == {"rtp_extension": 1000, "rtcp": 3}


def test_counting_while_reading() -> None:
    ledger = Ledger()
    ledger.count("a", "b")
    for _ in ledger:
        ledger.count("a", "c")
    assert ledger.totals() == {"a": 2}
