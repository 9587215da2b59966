"""The state of an asset follows from facts, see the states in docs/phase-out.md."""

from datetime import UTC, date, datetime
from typing import Any

import pytest

from transcoder.assets.state import Facts, StreamFacts, derive
from transcoder.config.asset import AssetConfig, ExemptConfig

TODAY = date(2026, 11, 29)
NOW = datetime(2026, 11, 29, 12, tzinfo=UTC).timestamp()
DAY = 86_400.0
CLEAN = StreamFacts(name="front", clean_at=NOW - DAY)
NEW: dict[str, Any] = {"successor": "pole-17b", "successor_feeds": True}
HIKVISION: dict[str, Any] = {"maker": "Hikvision", "scope": ("ndaa-889",)}


def state(config: AssetConfig | None = None, *streams: StreamFacts, **facts: Any) -> tuple[str, str]:
    found = derive(Facts(config=config or AssetConfig(), streams=streams, **facts), NOW, TODAY, 30)
    return found.state, found.because


@pytest.mark.parametrize(
    ("streams", "because"),
    [
        ((), "no stream names it"),
        ((StreamFacts(name="front"),), "front was not verified yet"),
        ((StreamFacts(name="front", is_served=False, clean_at=NOW),), "front is not served"),
        ((CLEAN, StreamFacts(name="back")), "back was not verified yet"),
        ((StreamFacts(name="front", is_recoded=False, clean_at=NOW),), "front passes without being encoded anew"),
        (
            (StreamFacts(name="front", clean_at=NOW - 31 * DAY),),
            "front was last found clean on 2026-10-29, over 30 days ago",
        ),
        (
            (StreamFacts(name="front", clean_at=NOW - 2 * DAY, unclean_at=NOW - DAY),),
            "front was found unclean on 2026-11-28",
        ),
    ],
)
def test_an_asset_is_legacy_until_all_its_streams_are_served_and_found_clean(streams, because) -> None:
    assert state(None, *streams, **HIKVISION) == ("legacy", because)


def test_a_verdict_from_a_time_that_has_not_come_counts_for_nothing_unless_a_clock_was_a_little_wrong() -> None:
    because = "front was found clean on 2035-01-01, which has not come: a clock was wrong"
    far = StreamFacts(name="front", clean_at=datetime(2035, 1, 1, tzinfo=UTC).timestamp())
    assert state(None, far) == ("legacy", because)
    assert state(None, StreamFacts(name="front", clean_at=NOW + 3600))[0] == "cleaned"


def test_an_asset_whose_streams_were_all_found_clean_is_cleaned_from_the_oldest_verdict_on() -> None:
    older = StreamFacts(name="back", clean_at=NOW - 29 * DAY, unclean_at=NOW - 30 * DAY)
    found = derive(Facts(config=AssetConfig(), streams=(CLEAN, older)), NOW, TODAY, 30)
    assert (found.state, found.clean_at) == ("cleaned", NOW - 29 * DAY)
    assert found.because == "front, back: found clean, oldest verdict 2026-10-31"


def test_an_asset_is_replaced_when_one_in_no_scope_feeds_its_stream() -> None:
    facts = {**HIKVISION, **NEW, "successor_maker": "Axis"}
    assert state(None, **facts) == ("replaced", "pole-17b took its stream over; Axis is in no scope")


@pytest.mark.parametrize(
    ("facts", "because"),
    [
        (
            {"successor_maker": "Dahua", "successor_scope": ("ndaa-889",)},
            "its successor pole-17b is in scope (ndaa-889); no stream names it",
        ),
        ({"successor_maker": ""}, "its successor pole-17b has no maker that is known; no stream names it"),
        ({"successor_maker": "Axis", "successor_feeds": False}, "no stream names it"),
    ],
)
def test_an_asset_is_not_replaced_by_one_in_scope_of_unknown_maker_or_without_a_stream(facts, because) -> None:
    assert state(None, **{**NEW, **facts}) == ("legacy", because)


def test_the_asset_that_took_over_is_replaced_and_never_cleaned() -> None:
    relayed = StreamFacts(name="front", is_recoded=False)
    facts = {"maker": "Axis", "took_over_from": ("pole-17",)}
    assert state(None, relayed, **facts) == ("replaced", "took over from pole-17; Axis is in no scope")
    assert state(None, CLEAN, **facts)[0] == "replaced"


@pytest.mark.parametrize("facts", [{"maker": "Axis"}, {"took_over_from": ("pole-17",)}])
def test_without_a_known_maker_or_without_a_predecessor_an_asset_replaces_nothing(facts) -> None:
    assert state(None, CLEAN, **facts)[0] == "cleaned"


@pytest.mark.parametrize("key", ["retired", "disposed"])
def test_an_asset_is_retired_from_its_day_on_where_no_stream_names_it(key) -> None:
    assert state(AssetConfig.model_validate({key: "2026-11-29"})) == (
        "retired",
        f"{key} on 2026-11-29; no stream names it",
    )
    assert state(AssetConfig.model_validate({key: "2026-11-30"})) == ("legacy", "no stream names it")


def test_a_typed_day_does_not_retire_what_is_in_use() -> None:
    asset = AssetConfig(retired="2026-01-01")
    because = "said to be retired on 2026-01-01, yet in use; front was not verified yet"
    assert state(asset, StreamFacts(name="front")) == ("legacy", because)
    assert state(AssetConfig(replaced="2026-01-01"), StreamFacts(name="front"))[1].startswith("said to be replaced")
    cleaned, because = state(asset, CLEAN)
    assert cleaned == "cleaned"
    assert because.startswith("said to be retired on 2026-01-01, yet in use; front: found clean")


def test_an_exemption_holds_through_its_last_day_and_the_asset_is_legacy_after_it() -> None:
    exempt = ExemptConfig(reason="vault", by="CISO", until="2026-11-29")
    assert state(AssetConfig(exempt=exempt), StreamFacts(name="front")) == (
        "exempt",
        "exempt until 2026-11-29: vault, by CISO",
    )
    over = AssetConfig(exempt=exempt.model_copy(update={"until": "2026-11-28"}))
    because = "the exemption ended on 2026-11-28; front was not verified yet"
    assert state(over, StreamFacts(name="front")) == ("legacy", because)
    assert state(over, CLEAN)[0] == "cleaned"


def test_a_scope_that_the_operator_set_to_none_counts_like_a_known_maker() -> None:
    free = AssetConfig(scope=(), scope_reason="made in Europe")
    assert state(free, CLEAN, took_over_from=("pole-17",))[0] == "replaced"
