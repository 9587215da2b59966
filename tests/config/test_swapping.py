"""The camera of a stream is swapped and rolled back; logins stay where they were given."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from transcoder.config import ConfigFile, load_file, swapping
from transcoder.config.asset_overlay import update
from transcoder.config.kept_changes import Overlay
from transcoder.config.overlay import EffectiveConfig
from transcoder.config.swapping import can_roll_back, roll_back
from transcoder.rejection import Code, Rejected

FRONT = {"source": "rtsp://u:old-secret@10.0.0.2/live", "asset": "old", "video": {"fps": 10}}
YARD = {"source": "rtsp://10.0.0.3/live"}
ASSETS: dict[str, Any] = {"old": {"maker": "Hikvision"}, "new": {"maker": "Axis"}}
NEW = {"source": {"url": "rtsp://10.0.0.9/axis", "username": "root", "password": "new-secret"}, "asset": "new"}


@pytest.fixture
def file_of(tmp_path: Path):
    def make(front: dict[str, Any] | None = None, **keys: Any) -> ConfigFile:
        path = tmp_path / "gateway.yaml"
        document = {"streams": {"front": front or FRONT, "yard": YARD}, "assets": ASSETS, **keys}
        path.write_text(yaml.safe_dump(document))
        return load_file(path)

    return make


@pytest.fixture
def model(file_of) -> EffectiveConfig:
    return EffectiveConfig.build(file_of(), {})


TODAY = "2026-11-29"


def swap(model: EffectiveConfig, stream: str, keys: object) -> EffectiveConfig:
    return swapping.swap(model, stream, keys, TODAY)


def dates(model: EffectiveConfig, asset: str) -> tuple[str | None, str | None]:
    known = model.config.assets[asset]
    return known.replaced, known.successor


def rejection(call) -> Rejected:
    with pytest.raises(Rejected) as caught:
        call()
    return caught.value


def camera(model: EffectiveConfig, stream: str = "front") -> tuple[str, str | None, str | None]:
    known = model.config.streams[stream]
    password = known.source.password
    return known.source.url, password.get_secret_value() if password is not None else None, known.asset


OLD_CAMERA = ("rtsp://10.0.0.2/live", "old-secret", "old")
NEW_CAMERA = ("rtsp://10.0.0.9/axis", "new-secret", "new")


def test_a_swap_changes_the_camera_alone(model: EffectiveConfig) -> None:
    changed = swap(model, "front", NEW)
    assert camera(changed) == NEW_CAMERA
    assert changed.config.streams["front"].video == model.config.streams["front"].video
    assert (can_roll_back(model, "front"), can_roll_back(changed, "front")) == (False, True)


def test_the_login_of_the_old_camera_is_not_sent_to_the_new_one(file_of) -> None:
    file = file_of(defaults={"source": {"username": "shared", "password": "shared-secret"}})
    changed = swap(EffectiveConfig.build(file, {}), "front", {"source": "rtsp://10.0.0.9/axis", "asset": "new"})
    assert camera(changed) == ("rtsp://10.0.0.9/axis", None, "new")
    assert changed.config.streams["front"].source.username is None


def test_a_roll_back_leaves_nothing_behind(model: EffectiveConfig) -> None:
    back = roll_back(swap(model, "front", NEW), "front")
    assert camera(back) == OLD_CAMERA
    assert dict(back.overlays) == {}
    assert rejection(lambda: roll_back(back, "front")).code is Code.UNAVAILABLE


def test_what_was_kept_of_a_camera_of_the_file_has_no_login_of_it(model: EffectiveConfig) -> None:
    """It stands in the file, and only there; what was set at runtime is kept where it was."""
    kept = swap(model, "front", NEW).overlays["front"].to_json()
    assert "old-secret" not in kept
    assert "new-secret" in kept


def test_a_camera_that_was_set_at_runtime_comes_back_with_its_login(model: EffectiveConfig) -> None:
    before = model.update("front", {"source": "rtsp://a:first-secret@10.0.0.7/x", "masks": []})
    back = roll_back(swap(before, "front", NEW), "front")
    assert camera(back) == ("rtsp://10.0.0.7/x", "first-secret", "old")


def test_a_swap_is_rolled_back_after_a_restart(model: EffectiveConfig) -> None:
    kept = {name: overlay.to_json() for name, overlay in swap(model, "front", NEW).overlays.items()}
    restarted = EffectiveConfig.build(model.file, {name: Overlay.from_json(text) for name, text in kept.items()})
    assert camera(restarted) == NEW_CAMERA
    assert camera(roll_back(restarted, "front")) == OLD_CAMERA


def test_a_change_that_was_kept_before_there_were_swaps_is_read() -> None:
    assert Overlay.from_json('{"keys": {"enabled": false}, "removed": false}').before_swap is None
    assert "before_swap" not in json.loads(Overlay(keys={"enabled": False}).to_json())


def test_other_changes_stay_over_a_roll_back_and_let_it_be_possible(model: EffectiveConfig) -> None:
    changed = swap(model, "front", NEW).update("front", {"video": {"fps": 5}})
    back = roll_back(changed, "front")
    assert (camera(back), back.config.streams["front"].video.fps) == (OLD_CAMERA, 5)


@pytest.mark.parametrize("verb", ["update", "replace"])
def test_a_camera_that_is_changed_by_hand_ends_the_way_back(model: EffectiveConfig, verb: str) -> None:
    keys = {"source": "rtsp://10.0.0.8/x", "asset": "new"}
    changed = getattr(swap(model, "front", NEW), verb)("front", keys)
    assert not can_roll_back(changed, "front")


def test_a_swap_to_what_the_file_says_can_be_rolled_back(model: EffectiveConfig) -> None:
    other = model.update("front", {"source": "rtsp://10.0.0.7/x", "asset": None})
    changed = swap(other, "front", {"source": FRONT["source"], "asset": "old"})
    assert camera(changed) == OLD_CAMERA
    again = EffectiveConfig.build(model.file, changed.overlays)
    assert camera(roll_back(again, "front")) == ("rtsp://10.0.0.7/x", None, None)


def test_a_new_version_of_the_file_with_another_camera_ends_the_way_back(file_of, model: EffectiveConfig) -> None:
    changed = swap(model, "front", NEW)
    assert can_roll_back(changed.with_file(file_of(FRONT | {"video": {"fps": 4}})), "front")
    moved = changed.with_file(file_of(FRONT | {"source": "rtsp://10.0.0.20/live"}))
    assert (camera(moved)[0], can_roll_back(moved, "front")) == ("rtsp://10.0.0.20/live", False)


@pytest.mark.parametrize(
    ("keys", "problem"),
    [
        ({"asset": "new"}, "source: must be given"),
        ({"source": {"username": "u"}, "asset": "new"}, "source: must be given"),
        ({"source": "rtsp://10.0.0.9/x"}, "asset: must be given"),
        ({"source": "rtsp://10.0.0.9/x", "asset": "old"}, "asset: old is the asset of the old camera"),
        ({"source": "rtsp://10.0.0.9/x", "asset": "new", "masks": []}, "masks: is no key of a swap"),
        ({"source": "rtsp://10.0.0.9/x", "asset": "gone"}, "streams.front.asset"),
        ({"source": "rtsp://8.8.8.8/x", "asset": "new"}, "streams.front.source"),
        ({"source": {"url": "rtsp://10.0.0.9/x", "password_file": "/etc/shadow"}, "asset": "new"}, "password_file"),
        ([], "must be a mapping"),
    ],
)
def test_a_swap_that_is_not_valid(model: EffectiveConfig, keys: object, problem: str) -> None:
    error = rejection(lambda: swap(model, "front", keys))
    assert (error.code, problem in str(error)) == (Code.INVALID, True), str(error)


def test_a_stream_without_an_asset_needs_none(model: EffectiveConfig) -> None:
    assert camera(swap(model, "yard", {"source": "rtsp://10.0.0.9/x"}), "yard") == ("rtsp://10.0.0.9/x", None, None)
    assert rejection(lambda: swap(model, "gone", NEW)).code is Code.UNKNOWN_STREAM
    assert rejection(lambda: roll_back(model, "gone")).code is Code.UNKNOWN_STREAM


# -- the dates of assets -----------------------------------------------------------------------------------------------


def test_the_old_asset_is_replaced_by_the_new_one_from_this_day_on(model: EffectiveConfig) -> None:
    changed = swap(model, "front", NEW)
    assert (dates(changed, "old"), dates(changed, "new")) == ((TODAY, "new"), (None, None))
    back = roll_back(changed, "front")
    assert (dates(back, "old"), dates(back, "new"), dict(back.asset_overlays)) == ((None, None), (None, None), {})


def test_a_date_that_somebody_wrote_stays(file_of) -> None:
    model = EffectiveConfig.build(file_of(assets=ASSETS | {"old": {"replaced": "2026-10-01"}}), {})
    changed = swap(model, "front", NEW)
    assert dates(changed, "old") == ("2026-10-01", "new")
    assert dates(roll_back(changed, "front"), "old") == ("2026-10-01", None)


def test_dates_that_somebody_wrote_since_the_swap_stay_over_a_roll_back(model: EffectiveConfig) -> None:
    changed = update(swap(model, "front", NEW), "old", {"successor": None, "replaced": "2026-11-30"})
    assert dates(roll_back(changed, "front"), "old") == ("2026-11-30", None)


def test_an_asset_is_replaced_when_the_last_of_its_streams_leaves_it(model: EffectiveConfig) -> None:
    both = model.update("yard", {"asset": "old"})
    first = swap(both, "front", NEW)
    assert dates(first, "old") == (None, None)
    second = swap(first, "yard", NEW)
    assert dates(second, "old") == (TODAY, "new")
    assert dates(roll_back(second, "front"), "old") == (None, None)  # it is in use again, whichever comes back first
    assert dates(roll_back(roll_back(second, "front"), "yard"), "old") == (None, None)


def test_an_asset_that_comes_back_by_another_swap_is_in_use_again(model: EffectiveConfig) -> None:
    there = swap(model, "front", NEW)
    here = swap(there, "front", {"source": FRONT["source"], "asset": "old"})
    assert (dates(here, "old"), dates(here, "new")) == ((None, None), (TODAY, "old"))
    again = roll_back(here, "front")
    assert (camera(again), dates(again, "old"), dates(again, "new")) == (NEW_CAMERA, (TODAY, "new"), (None, None))
