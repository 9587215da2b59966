"""The verbs of assets, on a gateway whose streams pull nothing."""

import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from structlog.testing import capture_logs

from tests.support.controller_world import World
from transcoder.config import load_file
from transcoder.config.kept_changes import Overlay
from transcoder.control import Writer
from transcoder.control.start_record import entries_of_file
from transcoder.rejection import Code, Rejected
from transcoder.rtsp.fingerprint import CameraMarks
from transcoder.service.store import now_text, time_text
from transcoder.service.verdicts import Verdict

OPS = Writer(interface="http", name="ops")
POLE: dict[str, Any] = {
    "site": "Harbour",
    "brand": "EZVIZ",
    "planned": "2026-Q4",
    "location_exact": "52.3702 N 4.8952 E",
    "serial": "SERIAL-1",
    "mac": "4419b63f5e51",
    "firmware": "V5.7.3",
    "notes": "key in room 2",
}
CONFIDENTIAL = ("52.3702", "SERIAL-1", "44:19:b6", "V5.7.3", "room 2")


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    made = World(tmp_path)
    await made.controller.gateway.apply(made.controller.config, made.controller.config.streams)
    yield made
    for stream in made.made:
        await stream.stop()
    made.controller.close()


async def add(world: World) -> None:
    await world.controller.assets.add("pole-17", POLE, OPS, confidential=True)
    await world.controller.update("front", {"asset": "pole-17"}, OPS)


async def test_an_asset_is_added_shown_and_recorded(world: World) -> None:
    document = await world.controller.assets.add("pole-17", POLE, OPS, confidential=True)
    assert (document.id, document.origin, document.state, document.because) == (
        "pole-17", "runtime", "legacy", "no stream names it",
    )  # fmt: skip
    assert all(text in document.model_dump_json() for text in CONFIDENTIAL)
    assert (document.maker.value, document.maker.by) == ("Hikvision", "registry")
    [entry] = world.store.entries
    assert (entry.who, entry.what, entry.detail["asset"]) == ("http:ops", "asset_add", "pole-17")
    assert entry.detail["changed"]["planned"] == [None, "2026-Q4"]
    assert world.store.assets["pole-17"].keys["serial"] == "SERIAL-1"


async def test_nothing_that_helps_an_attacker_is_told_to_a_reader_or_recorded(world: World) -> None:
    await add(world)
    asset = world.controller.assets.asset("pole-17", confidential=False)
    told = (asset.model_dump_json(), repr(world.controller.configuration()), repr(world.store.entries))
    for text in CONFIDENTIAL:
        assert [text in place for place in told] == [False] * 3, text
    assert asset.config["site"] == "Harbour"


async def test_an_asset_tells_its_rules_in_words_and_why_they_hold(world: World) -> None:
    document = await world.controller.assets.add("pole-17", POLE, OPS, confidential=True)
    assert document.scope == tuple(each.label for each in document.rules)
    [named] = [each for each in document.rules if each.label == "ndaa-889"]
    assert (named.since, named.because) == ("2019-08-13", "the maker is Hikvision")
    assert "section 889" in named.rule
    scope = {"scope": ["own-policy"], "scope_reason": "motion of 2023-05"}
    changed = await world.controller.assets.update("pole-17", scope, OPS, confidential=False)
    assert changed.scope == ("own-policy",)
    [own] = changed.rules
    assert (own.label, own.since, own.rule) == ("own-policy", None, "motion of 2023-05")


async def test_a_stream_tells_its_asset_and_the_state_of_that(world: World) -> None:
    assert world.controller.state("front").asset_state is None
    await add(world)
    state = world.controller.state("front")
    assert (state.asset, state.asset_state) == ("pole-17", "legacy")
    assert world.controller.assets.asset("pole-17", confidential=True).streams == ("front",)
    assert world.controller.gateway_numbers().assets == {("legacy", "Hikvision"): 1}


async def test_a_clean_verdict_changes_the_state_and_is_told_to_the_stream(world: World) -> None:
    await add(world)
    world.controller.sample()
    world.told()
    at = time_text(time.time() + 3600)  # the stream was given its camera just now
    verdict = Verdict(number=1, stream="front", at=at, kind="clean", seconds=60)
    world.controller._on_verdict(verdict, {})
    assert world.controller.state("front").asset_state == "cleaned"
    [told] = [each for each in world.told() if each[0] == "asset_state"]
    assert told[1:] == (
        "front",
        {
            "asset": "pole-17",
            "state": "cleaned",
            "before": "legacy",
            "because": f"front: found clean, oldest verdict {at[:10]}",
        },
    )
    [(kept, _)] = world.store.verdicts
    assert (kept.asset, bool(kept.camera)) == ("pole-17", True)


async def test_a_moved_plan_is_kept_with_its_author_and_recorded_with_both_dates(world: World) -> None:
    await add(world)
    changed = await world.controller.assets.update(
        "pole-17", {"planned": "2027-Q2", "reason": "no lift truck"}, OPS, confidential=True
    )
    assert changed.config["planned"] == "2027-Q2"
    [slip] = changed.config["slips"]
    assert slip == {"planned": "2026-Q4", "reason": "no lift truck", "at": now_text()[:10], "by": "http:ops"}
    entry = world.store.entries[-1]
    assert (entry.who, entry.what) == ("http:ops", "asset_update")
    assert entry.detail["changed"]["planned"] == ["2026-Q4", "2027-Q2"]


async def test_a_change_is_made_to_the_version_that_was_read(world: World) -> None:
    await add(world)
    assets = world.controller.assets
    tag = assets.asset("pole-17", confidential=True).etag
    await assets.update("pole-17", {"owner": "x"}, OPS, tag, confidential=True)
    for verb in (
        assets.update("pole-17", {"owner": "y"}, OPS, tag, confidential=True),
        assets.remove("pole-17", OPS, tag),
    ):
        with pytest.raises(Rejected) as caught:
            await verb
        assert caught.value.code is Code.CONFLICT
    assert assets.asset("pole-17", confidential=True).config["owner"] == "x"


async def test_a_change_that_is_refused_changes_nothing_and_is_told(world: World) -> None:
    await add(world)
    world.told()
    with pytest.raises(Rejected, match=r"streams\.front\.asset: there is no asset"):
        await world.controller.assets.remove("pole-17", OPS)
    [(kind, stream, detail)] = world.told()
    assert (kind, stream, detail["by"]) == ("config_rejected", None, "http:ops")
    assert world.controller.assets.ids() == ["pole-17"]


async def test_an_asset_is_replaced_whole_and_removed(world: World) -> None:
    await add(world)
    assets = world.controller.assets
    whole = await assets.replace("pole-17", {"brand": "Axis"}, OPS, confidential=True)
    assert (whole.config["brand"], whole.config["site"]) == ("Axis", None)
    await world.controller.update("front", {"asset": None}, OPS)
    await assets.remove("pole-17", OPS)
    assert (assets.ids(), world.store.assets) == ([], {})
    assert world.store.entries[-1].what == "asset_remove"


async def test_many_assets_and_streams_are_changed_together_or_not_at_all(world: World) -> None:
    await add(world)
    assets = world.controller.assets
    many = {
        "assets": {"pole-17": {"planned": "2027-Q2", "reason": "late"}, "pole-18": {"brand": "Axis"}},
        "streams": {"new": {"source": "rtsp://10.0.0.9/", "asset": "pole-18"}, "yard": {"title": "Yard"}},
    }
    done = await assets.change_many(many, OPS)
    assert done.model_dump() == {
        "assets_added": ("pole-18",),
        "assets_changed": ("pole-17",),
        "streams_added": ("new",),
        "streams_changed": ("yard",),
        "unchanged": 0,
    }
    assert world.controller.config.assets["pole-17"].slips[0].reason == "late"
    assert "new" in world.controller.gateway.streams
    assert [entry.what for entry in world.store.entries[-3:]] == ["asset_import", "asset_add", "asset_update"] or [
        entry.what for entry in world.store.entries[-3:]
    ] == ["asset_import", "asset_update", "asset_add"]
    count = len(world.store.entries)
    again = await assets.change_many(many, OPS)
    assert (again.unchanged, len(world.store.entries)) == (4, count)
    before = world.controller.config
    for wrong in (
        {"assets": {"pole-19": {"planned": "soon"}}, "streams": {"other": {"source": "rtsp://10.0.0.8/"}}},
        {"streams": {"other": {"source": "rtsp://10.0.0.8/", "asset": "nowhere"}}},
        {"assets": [], "more": 1},
        {"assets": {"pole-19": "x"}},
        ["x"],
    ):
        with pytest.raises(Rejected) as caught:
            await assets.change_many(wrong, OPS)
        assert caught.value.code is Code.INVALID
    assert world.controller.config is before


async def test_a_fleet_is_imported_in_time(world: World) -> None:
    many = {
        "assets": {f"pole-{number}": {**POLE, "serial": str(number)} for number in range(1300)},
        "streams": {},
    }
    began = time.monotonic()
    done = await world.controller.assets.change_many(many, OPS)
    assert len(done.assets_added) == 1300
    assert time.monotonic() - began < 5


async def test_what_a_camera_shows_is_found_out_once(world: World) -> None:
    await add(world)
    marks = CameraMarks(description=None, servers=(), realms=("c47905000000",), url="rtsp://10.0.0.2/")
    world.stream().status.source.marks = marks
    world.controller.sample()
    assert ("asset:pole-17", "mac", "c4:79:05:00:00:00") in {
        (subject, found.field, found.value.lower()) for subject, found in world.store.findings
    }
    count = len(world.store.findings)
    world.controller.sample()
    assert len(world.store.findings) == count
    maker = world.controller.assets.asset("pole-17", confidential=False).maker
    assert maker.value is None, "EZVIZ is Hikvision by the table of brands, and the prefix is Uniview's: a tie"
    assert {found.value for found in maker.contradicted_by} == {"Hikvision", "Uniview"}


async def test_a_file_that_is_loaded_again_records_the_dates_that_it_changes(world: World) -> None:
    path = world.folder / "gateway.yaml"
    document = yaml.safe_load(path.read_text())
    for planned in ("2026-Q4", "2027-Q1"):
        path.write_text(yaml.safe_dump({**document, "assets": {"shed": {"planned": planned}}}))
        with capture_logs() as lines:
            await world.controller.reload(load_file(path))
        assert "configuration reloaded: assets: 1 changed" in [line.get("words") for line in lines]
    found = [entry for entry in world.store.entries if entry.detail.get("asset") == "shed"]
    assert [(entry.who, entry.what, entry.detail["changed"]) for entry in found] == [
        ("file", "asset_add", {"planned": [None, "2026-Q4"]}),
        ("file", "asset_update", {"planned": ["2026-Q4", "2027-Q1"]}),
    ]


def test_what_the_file_changed_while_nobody_ran_is_recorded_at_the_start() -> None:
    old = {"assets": {"pole-17": {"planned": "2026-Q4", "serial": "S1"}, "shed": None, "same": {"brand": "Axis"}}}
    new = {"assets": {"pole-17": {"planned": "2027-Q1", "serial": "S2"}, "new": {}, "same": {"brand": "Axis"}}}
    entries = entries_of_file(old, new)
    assert [(entry.who, entry.what, entry.detail) for entry in entries] == [
        (
            "file",
            "asset_update",
            {"asset": "pole-17", "changed": {"planned": ["2026-Q4", "2027-Q1"], "serial": ["***", "***"]}},
        ),
        ("file", "asset_add", {"asset": "new", "changed": {}}),
        ("file", "asset_remove", {"asset": "shed", "changed": {}}),
    ]
    assert entries_of_file(None, new) == []
    assert entries_of_file({}, {}) == []


async def test_what_is_kept_of_an_asset_is_its_overlay(world: World) -> None:
    await add(world)
    assert world.store.assets == {"pole-17": Overlay(keys=POLE)}


async def test_the_mac_address_of_a_neighbour_tells_the_maker_and_stays_among_few(world: World) -> None:
    await world.controller.assets.add("pole-17", {"brand": "Swann"}, OPS, confidential=True)
    await world.controller.update("front", {"asset": "pole-17"}, OPS)
    world.controller.assets.note_mac("front", "c4:79:05:00:00:01")
    shown = world.controller.assets.asset("pole-17", confidential=True)
    assert (shown.maker.value, shown.maker.by) == ("Uniview", "registry")
    assert "c4:79:05:00:00:01" in shown.model_dump_json()
    assert "c4:79:05" not in world.controller.assets.asset("pole-17", confidential=False).model_dump_json()


async def test_what_a_device_told_is_kept_below_the_operators_word_and_recorded_without_values(world: World) -> None:
    await world.controller.assets.add("pole-17", {"brand": "EZVIZ", "model": "C3W"}, OPS, confidential=True)
    told = {"manufacturer": "HIKVISION", "model": "CS-C3W", "firmware": "V5.7.99", "serial": "SERIAL-9"}
    shown = await world.controller.assets.note_device("pole-17", told, OPS, confidential=True)
    assert (shown.model.value, shown.model.by) == ("C3W", "operator")
    assert [each.value for each in shown.model.contradicted_by] == ["CS-C3W"]
    assert (shown.maker.value, shown.maker.by) == ("Hikvision", "registry")  # of its brand, not of its own words
    assert {each.by for each in shown.findings if each.field in {"firmware", "serial"}} == {"onvif"}
    entry = world.store.entries[-1]
    assert (entry.who, entry.what, entry.detail["asset"]) == ("http:ops", "asset_device", "pole-17")
    assert "SERIAL-9" not in repr(entry)
    with pytest.raises(Rejected) as refused:
        await world.controller.assets.note_device("pole-18", told, OPS, confidential=True)
    assert refused.value.code is Code.UNKNOWN_ASSET
    for text in ("V5.7.99", "SERIAL-9"):
        assert text not in world.controller.assets.asset("pole-17", confidential=False).model_dump_json()


async def test_a_brand_that_one_list_names_is_a_question_and_no_verdict(world: World) -> None:
    asked = await world.controller.assets.add("pole-17", {"brand": "TRENDnet"}, OPS, confidential=True)
    assert (asked.maker.value, asked.scope) == (None, ())
    assert [question.partition(" (")[0] for question in asked.questions] == ["TRENDnet is made by Hikvision"]
    told = await world.controller.assets.update("pole-17", {"maker": "Axis"}, OPS, confidential=True)
    assert told.questions == ()
