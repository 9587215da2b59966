"""The register derives the states of assets from verdicts, findings and the configuration."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.support.kept_store import KeptStore
from transcoder.assets.findings import Finding
from transcoder.assets.history import MAX_CHANGES, StateChange
from transcoder.config import Config, parse
from transcoder.service.asset_register import LOOK_S, AssetRegister, kept_facts
from transcoder.service.kept_assets import KeptAssets
from transcoder.service.store import time_text
from transcoder.service.verdicts import Verdict, VerdictKind

NOW = datetime(2026, 11, 29, 12, tzinfo=UTC).timestamp()
DAY = 86_400.0
CONFIG = """
streams:
  front: {source: 'rtsp://10.0.0.2/', asset: pole-17}
  bare: {source: 'rtsp://10.0.0.4/'}
assets: {pole-17: {}, pole-18: {maker: Axis}}
"""


def config(text: str = CONFIG, **changes: str) -> Config:
    for old, new in changes.items():
        text = text.replace(old.replace("_", "-"), new)
    return parse(text, Path("/nonexistent"), {})


class World:
    def __init__(self, kept: KeptAssets | None = None, verdicts: tuple[Verdict, ...] = ()) -> None:
        self.config, self.store = config(), KeptStore()
        self.told: list[tuple[str, str, str]] = []
        self.register = AssetRegister(lambda: self.config, kept or KeptAssets(), verdicts, self.store, self._told)

    def _told(self, change: StateChange, before: str) -> None:
        self.told.append((change.asset, before, change.state))

    def change(self, new: Config, now: float = NOW) -> None:
        old, self.config = self.config, new
        self.register.config_changed(old, new, now)

    def verdict(
        self, kind: VerdictKind = "clean", at: float = NOW, stream: str = "front", seconds: float = 60
    ) -> Verdict:
        made = Verdict(number=1, stream=stream, at=time_text(at), kind=kind, seconds=seconds)
        return self.register.tagged(made)

    def state(self, asset: str = "pole-17", now: float = NOW) -> str:
        return self.register.look(now).by_id[asset].state


def test_a_clean_verdict_cleans_an_asset_and_an_unclean_one_ends_it() -> None:
    world = World()
    assert world.state() == "legacy"
    world.register.note_verdict(world.verdict())
    assert world.state() == "cleaned"
    world.register.note_verdict(world.verdict("nothing to judge", NOW + 1))
    assert world.state(now=NOW + 1) == "cleaned"
    world.register.note_verdict(world.verdict("unclean", NOW + 2))
    assert world.state(now=NOW + 2) == "legacy"
    assert world.told == [
        ("pole-17", "", "legacy"), ("pole-18", "", "legacy"), ("pole-17", "legacy", "cleaned"),
        ("pole-17", "cleaned", "legacy"),
    ]  # fmt: skip
    assert [(change.asset, change.state) for change in world.store.states] == [
        (asset, state) for asset, _, state in world.told
    ]


def test_a_state_is_derived_anew_each_hour_and_a_verdict_grows_old() -> None:
    world = World()
    world.register.note_verdict(world.verdict())
    first = world.register.look(NOW)
    assert world.register.look(NOW + LOOK_S - 1) is first
    assert world.register.look(NOW + LOOK_S) is not first
    assert world.state(now=NOW + 30 * DAY) == "cleaned"
    assert world.state(now=NOW + 30 * DAY + LOOK_S) == "legacy"
    assert world.state(now=NOW) == "cleaned", "the clock was put back"


def test_the_verdict_that_came_last_counts_also_where_the_clock_was_set_back() -> None:
    world = World()
    world.register.note_verdict(world.verdict("clean", NOW + 3600))
    world.register.note_verdict(world.verdict("unclean", NOW))
    assert world.state() == "legacy"
    world.register.note_verdict(world.verdict("unclean", NOW + 9 * 365 * DAY))
    world.register.note_verdict(world.verdict("clean", NOW))
    assert world.state() == "cleaned"


def test_verdicts_of_earlier_lives_count_for_the_camera_and_asset_that_they_were_of() -> None:
    verdict = World().verdict()
    assert (verdict.asset, bool(verdict.camera), "10.0.0.2" in verdict.camera) == ("pole-17", True, False)
    assert World(verdicts=(verdict,)).state() == "cleaned"
    assert World(verdicts=(replace(verdict, asset=""),)).state() == "cleaned", "it was named later"
    assert World(verdicts=(replace(verdict, asset="pole-18"),)).state() == "legacy"
    assert World(verdicts=(replace(verdict, camera="other"),)).state() == "legacy"
    assert World(verdicts=(replace(verdict, stream="gone"),)).state() == "legacy"


@pytest.mark.parametrize("change", [{"10.0.0.2": "10.0.0.9"}, {"asset: pole-17": "asset: pole-18"}])
def test_another_camera_or_asset_has_to_be_verified_anew(change: dict[str, str]) -> None:
    world = World()
    world.register.note_verdict(world.verdict())
    text = CONFIG
    for old, new in change.items():
        text = text.replace(old, new)
    world.change(config(text))
    asset = world.config.streams["front"].asset or ""
    assert world.state(asset) == "legacy"
    world.register.note_verdict(world.verdict(at=NOW + 60))
    assert world.state(asset, NOW + 60) == "legacy", "the camera before was read for a part of that minute"
    world.register.note_verdict(world.verdict(at=NOW + 300))
    assert world.state(asset, NOW + 300) == "cleaned"


def test_a_swap_replaces_the_asset_and_its_history_tells_both() -> None:
    world = World()
    world.register.note_verdict(world.verdict())
    assert world.state() == "cleaned"
    text = CONFIG.replace("asset: pole-17", "asset: pole-18").replace("pole-17: {}", "pole-17: {successor: pole-18}")
    world.change(config(text))
    assert (world.state(), world.state("pole-18")) == ("replaced", "replaced")
    history = world.register.look(NOW).by_id["pole-17"].history
    assert [change.state for change in history] == ["cleaned", "replaced"]


def test_findings_about_a_stream_are_its_assets() -> None:
    world = World()
    finding = Finding(field="maker", value="Hikvision", by="stream", seen="2026-11-29T12:00:00.000Z")
    world.register.note_finding("stream:front", finding)
    world.register.note_finding("stream:front", replace(finding, seen="later"))
    assert world.store.findings == [("asset:pole-17", finding)], "seen again is nothing new"
    assert world.register.look(NOW).by_id["pole-17"].maker.value == "Hikvision"


def test_an_asset_that_is_named_later_takes_what_was_found_out_of_its_stream() -> None:
    world = World()
    finding = Finding(field="maker", value="Dahua", by="stream")
    world.register.note_finding("stream:bare", finding)
    assert world.store.findings == [("stream:bare", finding)]
    text = CONFIG.replace("10.0.0.4/'", "10.0.0.4/', asset: shed").replace("pole-17: {}", "pole-17: {}, shed: {}")
    world.change(config(text))
    assert world.store.findings == [("asset:shed", finding)]
    assert world.register.look(NOW).by_id["shed"].maker.value == "Dahua"


def test_what_was_found_out_of_a_stream_does_not_outlive_its_camera() -> None:
    world = World()
    world.register.note_finding("stream:bare", Finding(field="maker", value="Dahua", by="stream"))
    text = CONFIG.replace("10.0.0.4/'", "10.0.0.5/', asset: shed").replace("pole-17: {}", "pole-17: {}, shed: {}")
    world.change(config(text))
    assert world.register.look(NOW).by_id["shed"].maker.value == ""
    assert world.store.findings == [("", Finding(field="maker", value="Dahua", by="stream"))]


def test_history_is_bounded_and_outlives_a_restart() -> None:
    world = World()
    for number in range(2 * MAX_CHANGES):
        kind: VerdictKind = "unclean" if number % 2 else "clean"
        world.register.note_verdict(world.verdict(kind, NOW + number))
        world.register.look(NOW + number)
    history = world.register.look(NOW + 2 * MAX_CHANGES).by_id["pole-17"].history
    assert len(history) == MAX_CHANGES
    assert history[0].at == time_text(NOW)
    again = World(kept=KeptAssets(history={"pole-17": history}))
    assert (again.state(), again.told) == ("legacy", [("pole-18", "", "legacy")])


def test_a_command_beside_the_gateway_sees_the_same() -> None:
    verdict = World().verdict()
    facts = kept_facts(config(), KeptAssets(), [verdict])
    assert facts.verdicts["front"].clean_at == NOW


def test_an_id_that_is_given_anew_is_another_box() -> None:
    world = World()
    world.register.note_finding("asset:pole-18", Finding(field="model", value="DS-2CD", by="onvif"))
    assert world.register.look(NOW).by_id["pole-18"].model.value == "DS-2CD"
    before = world.config
    world.change(config(CONFIG.replace(", pole-18: {maker: Axis}", "")))
    world.change(before)
    assert world.register.look(NOW).by_id["pole-18"].findings == ()
    assert "asset:pole-18" not in {subject for subject, _ in world.store.findings}


def test_a_rendition_that_is_clean_says_nothing_of_the_main_output_and_one_that_is_not_does() -> None:
    world = World()
    renditions = "asset: pole-17, renditions: {small: {size: 320x180}}"
    world.config = with_small = config(CONFIG.replace("asset: pole-17", renditions))
    world.register.note_verdict(replace(world.verdict(), rendition="small"))
    assert world.state() == "legacy"
    world.register.note_verdict(world.verdict(at=NOW + 60))
    assert world.state(now=NOW + 60) == "cleaned"
    world.register.note_verdict(replace(world.verdict("unclean", at=NOW + 120), rendition="small"))
    world.register.note_verdict(world.verdict(at=NOW + 180))
    assert world.state(now=NOW + 180) == "legacy"
    assert "front was found unclean" in world.register.look(NOW + 180).by_id["pole-17"].because
    world.change(config(), NOW + 180)  # a rendition that is gone is read by nobody
    assert world.state(now=NOW + 180) == "cleaned"
    world.change(with_small, NOW + 180)
    world.register.note_verdict(replace(world.verdict(at=NOW + 240), rendition="small"))
    assert world.state(now=NOW + 240) == "cleaned"
