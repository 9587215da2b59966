"""When cameras were last seen is remembered over a restart, bounded, and harmless where it is damaged."""

import json
from typing import Any

import pytest

from transcoder.service import last_seen
from transcoder.service.last_seen import STEP_S, LastSeen

NOON = 1_795_780_800.0
"""2026-11-27 12:00:00 UTC, by `date -u -d @1795780800`."""


def restarted(seen: LastSeen) -> LastSeen:
    after = LastSeen()
    after.load(json.loads(json.dumps(seen.changes())))
    return after


def test_a_time_comes_back_after_a_restart() -> None:
    seen = LastSeen()
    assert seen.at("front", NOON) is None
    seen.note("front", NOON + 0.7)
    assert seen.has_changed
    after = restarted(seen)
    assert after.at("front", NOON + 1) == NOON
    assert after.at("back", NOON + 1) is None
    assert not seen.has_changed
    assert not after.has_changed


def test_a_camera_that_is_shown_all_along_is_noted_now_and_then() -> None:
    seen, noted = LastSeen(), []
    for second in range(1800):
        seen.note_step("front", NOON + second)
        seen.note_step("back", NOON + second)
        if seen.has_changed:
            noted.append(second)
            seen.changes()
    assert noted == [0, 600, 1200], "both at the same moments"
    assert STEP_S == 600.0


def test_a_time_that_is_still_to_come_is_not_told() -> None:
    seen = LastSeen()
    seen.note("front", NOON)
    assert seen.at("front", NOON - 3600) is None, "the clock went back"


def test_a_removed_stream_is_forgotten() -> None:
    seen = LastSeen()
    seen.note("front", NOON)
    seen.changes()
    seen.forget("front")
    assert seen.has_changed
    assert restarted(seen).at("front", NOON) is None


def test_there_are_no_more_than_streams(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(last_seen, "MAX_STREAMS", 2)
    seen = LastSeen()
    for name in ("a", "b", "b", "c"):
        seen.note(name, NOON)
    assert [seen.at(name, NOON) for name in "abc"] == [None, NOON, NOON]
    full = LastSeen()
    full.load({f"seen {name}": {"at": NOON} for name in "abc"})
    assert len(full.changes()) == 2


@pytest.mark.parametrize("value", [None, 5, [], {}, {"at": None}, {"at": "x"}, {"at": True}, {"at": float("nan")}])
def test_junk_is_left_out(value: Any) -> None:
    seen = LastSeen()
    seen.load({"seen front": value, "seen back": {"at": NOON}, "onvif yard": {"at": NOON}})
    assert seen.changes() == {"seen back": {"at": NOON}}
