"""Assets that are changed at runtime, over those of the file."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from transcoder.config import asset_overlay, load_file
from transcoder.config.asset import AssetConfig
from transcoder.config.difference import difference
from transcoder.config.kept_changes import Overlay
from transcoder.config.overlay import EffectiveConfig
from transcoder.errors import ConfigError
from transcoder.rejection import Code, Rejected

POLE = {"site": "Harbour", "planned": "2027-Q2", "extra": {"Driver": "421", "Group": "A"}}
FILE = {
    "streams": {"front": {"source": "rtsp://192.168.10.21/x", "asset": "pole-17"}},
    "assets": {"pole-17": POLE, "shed": {}},
}


def built(tmp_path: Path, document: dict[str, Any] | None = None, **overlays: Overlay) -> EffectiveConfig:
    path = tmp_path / "gateway.yaml"
    path.write_text(yaml.safe_dump(document or FILE))
    return EffectiveConfig.build(load_file(path), {}, {name.replace("_", "-"): each for name, each in overlays.items()})


def test_a_change_is_laid_over_the_file_and_what_equals_it_is_no_change(tmp_path: Path) -> None:
    before = built(tmp_path)
    after = asset_overlay.update(before, "pole-17", {"planned": "2027-Q4", "extra": {"Group": None, "Rack": "7"}})
    asset = after.config.assets["pole-17"]
    assert (asset.site, asset.planned, asset.extra) == ("Harbour", "2027-Q4", {"Driver": "421", "Rack": "7"})
    assert (asset_overlay.origin(before, "pole-17"), asset_overlay.origin(after, "pole-17")) == ("file", "changed")
    assert difference(before.config, after.config).assets == {
        "pole-17": ("planned", "extra.Group", "extra.Rack"),
    }
    assert difference(before.config, after.config).sections == ()
    back = asset_overlay.update(after, "pole-17", {"planned": "2027-Q2", "extra": {"Group": "A", "Rack": None}})
    assert (back.asset_overlays, back.config) == ({}, before.config)


def test_the_whole_asset_is_replaced_by_keys_of_its_own(tmp_path: Path) -> None:
    after = asset_overlay.replace(built(tmp_path), "pole-17", {"brand": "Annke", "extra": {"Rack": "7"}})
    assert after.config.assets["pole-17"] == AssetConfig(brand="Annke", extra={"Rack": "7"})
    again = EffectiveConfig.build(after.file, {}, after.asset_overlays)  # as after a restart
    assert again.config == after.config


def test_an_asset_is_added_and_removed_at_runtime(tmp_path: Path) -> None:
    added = asset_overlay.add(built(tmp_path), "pole-18", {"brand": "Axis"})
    assert asset_overlay.origin(added, "pole-18") == "runtime"
    with pytest.raises(Rejected) as caught:
        asset_overlay.add(added, "pole-18", {})
    assert caught.value.code is Code.EXISTS
    gone = asset_overlay.remove(asset_overlay.remove(added, "pole-18"), "shed")
    assert (set(gone.config.assets), set(gone.asset_overlays)) == ({"pole-17"}, {"shed"})
    assert set(EffectiveConfig.build(gone.file, {}, gone.asset_overlays).config.assets) == {"pole-17"}


@pytest.mark.parametrize(
    ("edit", "asset", "keys", "problem"),
    [
        (asset_overlay.remove, "pole-17", None, "streams.front.asset: there is no asset 'pole-17'"),
        (asset_overlay.remove, "pole-99", None, "there is no asset 'pole-99'"),
        (asset_overlay.update, "pole-99", {}, "there is no asset 'pole-99'"),
        (asset_overlay.update, "pole-17", {"planned": "soon"}, "assets.pole-17.planned: must be a day such as"),
        (asset_overlay.update, "pole-17", {"colour": "red"}, "assets.pole-17.colour: unknown key"),
        (asset_overlay.update, "pole-17", {"successor": "pole-18"}, "assets.pole-17.successor: there is no asset"),
        (asset_overlay.update, "pole-17", {"title": "a\nb"}, "assets.pole-17.title: holds a line break"),
        (asset_overlay.update, "pole-17", ["x"], "assets.pole-17: must be a mapping of keys"),
        (asset_overlay.add, "Pole 20", {}, "assets.'Pole 20': this name must consist of lower-case letters"),
    ],
)
def test_a_change_that_is_not_valid_is_refused(edit, asset, keys, problem, tmp_path: Path) -> None:
    with pytest.raises(Rejected) as caught:
        edit(built(tmp_path), asset, keys)
    assert str(caught.value).startswith(problem)


def test_the_file_wins_where_it_was_edited_and_nothing_else_is_touched(tmp_path: Path) -> None:
    at_runtime = {"planned": "2028-Q1", "owner": "Public Space"}
    before = built(tmp_path, pole_17=Overlay(keys=at_runtime), pole_18=Overlay(keys={"brand": "Axis"}))
    edited = {**FILE, "assets": {"pole-17": {**POLE, "planned": "2026-12-31"}, "shed": {}}}
    (tmp_path / "gateway.yaml").write_text(yaml.safe_dump(edited))
    after = before.with_file(load_file(tmp_path / "gateway.yaml")).config.assets
    assert (after["pole-17"].planned, after["pole-17"].owner) == ("2026-12-31", "Public Space")
    assert after["pole-18"].brand == "Axis"


def test_a_file_that_takes_an_asset_away_that_a_runtime_change_names_is_refused(tmp_path: Path) -> None:
    before = asset_overlay.update(built(tmp_path), "pole-17", {"successor": "shed"})
    without = {**FILE, "assets": {"pole-17": POLE}}
    (tmp_path / "gateway.yaml").write_text(yaml.safe_dump(without))
    with pytest.raises(ConfigError, match=r"assets\.pole-17\.successor: there is no asset 'shed' \(set at runtime\)"):
        before.with_file(load_file(tmp_path / "gateway.yaml"))


def test_a_kept_change_that_is_not_valid_any_more_leaves_the_files_asset_and_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "gateway.yaml"
    path.write_text(yaml.safe_dump(FILE))
    kept = {"pole-17": Overlay(keys={"planned": "never"})}
    effective = EffectiveConfig.build(load_file(path), {}, kept, lenient=True)
    assert (effective.config.assets["pole-17"].planned, effective.asset_overlays) == ("2027-Q2", kept)
    assert effective.unusable_assets["pole-17"][0].startswith("assets.pole-17.planned: must be a day")
    with pytest.raises(ConfigError, match="set at runtime"):
        EffectiveConfig.build(load_file(path), {}, kept)


def test_the_tag_differs_whenever_the_asset_does(tmp_path: Path) -> None:
    before = built(tmp_path)
    after = asset_overlay.update(before, "pole-17", {"notes": "x"})
    assert asset_overlay.etag(before, "pole-17", b"k") != asset_overlay.etag(after, "pole-17", b"k")
    assert asset_overlay.etag(before, "shed", b"k") == asset_overlay.etag(after, "shed", b"k")


def test_streams_and_assets_are_changed_together(tmp_path: Path) -> None:
    before = built(tmp_path)
    streams = {"yard": Overlay(keys={"source": "rtsp://192.168.10.22/x", "asset": "pole-18"})}
    with pytest.raises(Rejected, match="there is no asset 'pole-18'"):
        before.with_changes(streams, {})
    after = before.with_changes(streams, {"pole-18": Overlay(keys={"brand": "Axis"})})
    assert after.config.streams["yard"].asset == "pole-18"


def test_an_exemption_is_prolonged_by_its_day_alone_and_ended_by_null(tmp_path: Path) -> None:
    exempt = {"reason": "vault", "by": "CISO", "until": "2026-12-31"}
    before = built(tmp_path, {**FILE, "assets": {"pole-17": {"exempt": exempt}}})
    longer = asset_overlay.update(before, "pole-17", {"exempt": {"until": "2027-12-31"}})
    found = longer.config.assets["pole-17"].exempt
    assert found is not None
    assert (found.reason, found.until) == ("vault", "2027-12-31")
    ended = asset_overlay.update(longer, "pole-17", {"exempt": None})
    assert ended.config.assets["pole-17"].exempt is None
    again = asset_overlay.update(ended, "pole-17", {"exempt": exempt})
    assert again.config == before.config
