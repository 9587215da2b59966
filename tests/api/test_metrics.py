"""Metrics: bounded labels."""

from transcoder.api.metrics import MAX_KINDS, bounded
from transcoder.steering import LedgerEntryDocument


def entry(
    kind: str, count: int, first_seen: str = "2026-01-01T00:00:00Z", layer: str = "nal_in"
) -> LedgerEntryDocument:
    return LedgerEntryDocument(
        layer=layer, kind=kind, count=count, bytes=10 * count, rate=0, first_seen=first_seen, last_seen=first_seen
    )


def test_kinds_past_the_bound_are_one() -> None:
    entries = [
        entry(f"kind{number:03}", number + 1, f"2026-01-01T00:{number // 60:02}:{number % 60:02}Z")
        for number in range(100)
    ]
    found = bounded(entries)
    assert len(found) == MAX_KINDS + 1
    assert found["nal_in", "kind000"] == (1, 10)
    rest = sum(range(MAX_KINDS + 1, 101))
    assert found["nal_in", "other"] == (rest, 10 * rest)


def test_a_kind_keeps_its_label_whatever_comes_later() -> None:
    early = [entry(f"z{number:02}", 1) for number in range(MAX_KINDS)]
    late = [entry(f"a{number:02}", 1000, "2026-01-02T00:00:00Z") for number in range(10)]
    found = bounded([*late, *early])
    assert {kind for _, kind in found} == {f"z{number:02}" for number in range(MAX_KINDS)} | {"other"}


def test_layers_are_bounded_apart() -> None:
    found = bounded([entry("SEI", 1), entry("SEI", 2, layer="nal_out")])
    assert found == {("nal_in", "SEI"): (1, 10), ("nal_out", "SEI"): (2, 20)}
