"""The inventory of a configuration: who feeds what, who took over, and what that makes of each asset."""

from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from transcoder.assets.findings import Finding
from transcoder.assets.history import StateChange
from transcoder.assets.inventory import Judged, KeptFacts, build_inventory
from transcoder.config import parse

NOW = datetime(2026, 11, 29, 12, tzinfo=UTC).timestamp()
CONFIG = """
node: gw1
streams:
  front: {source: 'rtsp://10.0.0.2/', asset: pole-3}
  back: {source: 'rtsp://10.0.0.3/', asset: recorder}
  yard: {source: 'rtsp://10.0.0.3/2', asset: recorder}
  bare: {source: 'rtsp://10.0.0.4/'}
assets:
  pole-1: {maker: Hikvision, successor: pole-2}
  pole-2: {maker: Dahua, successor: pole-3, replaced: 2026-05-01}
  pole-3: {maker: Axis}
  recorder: {country: CN}
  shed: {maker: Dahua, retired: 2026-02-01}
"""


def labels(maker: str, country: str, on: date) -> tuple[str, ...]:
    assert on == date(2026, 11, 29)
    return ("uk-nil",) if country == "CN" else ("ndaa-889",) if maker in {"Hikvision", "Dahua"} else ()


def inventory(kept: KeptFacts | None = None):
    return build_inventory(parse(CONFIG, Path("/nonexistent"), {}), kept or KeptFacts(), NOW, labels_for=labels)


def test_each_asset_has_its_streams_scope_and_state() -> None:
    found = {asset.id: (asset.streams, asset.scope, asset.state) for asset in inventory().assets}
    assert found == {
        "pole-1": ((), ("ndaa-889",), "replaced"),  # through pole-2, which went in its turn
        "pole-2": ((), ("ndaa-889",), "replaced"),
        "pole-3": (("front",), (), "replaced"),
        "recorder": (("back", "yard"), ("uk-nil",), "legacy"),
        "shed": ((), ("ndaa-889",), "retired"),
    }


def test_a_recorder_is_cleaned_when_each_of_its_channels_was_found_clean() -> None:
    at = NOW - 3600
    one = KeptFacts(verdicts={"back": Judged(clean_at=at)})
    assert inventory(one).by_id["recorder"].state == "legacy"
    both = KeptFacts(verdicts={"back": Judged(clean_at=at), "yard": Judged(clean_at=NOW)})
    recorder = inventory(both).by_id["recorder"]
    assert (recorder.state, recorder.clean_at) == ("cleaned", "2026-11-29T11:00:00.000Z")


def test_a_finding_tells_the_maker_where_the_operator_does_not() -> None:
    finding = Finding(field="maker", value="Uniview", by="registry", evidence=("prefix c47905",))
    recorder = inventory(KeptFacts(findings={"recorder": (finding,)})).by_id["recorder"]
    assert (recorder.maker.value, recorder.maker.by, recorder.maker_name) == ("Uniview", "registry", "Uniview")
    assert inventory().by_id["recorder"].maker_name == "unknown"


def test_a_state_began_with_the_newest_change_of_its_history() -> None:
    history = (
        StateChange(asset="shed", state="legacy", at="2025-01-01T00:00:00.000Z"),
        StateChange(asset="shed", state="retired", at="2026-02-01T00:00:00.000Z"),
    )
    shed = inventory(KeptFacts(history={"shed": history})).by_id["shed"]
    assert (shed.since, shed.history) == ("2026-02-01T00:00:00.000Z", history)
    assert inventory(KeptFacts(history={"shed": history[:1]})).by_id["shed"].since == ""


def test_a_state_change_survives_the_way_through_json() -> None:
    change = StateChange(asset="shed", state="retired", at="2026-02-01T00:00:00.000Z", because="retired")
    assert StateChange.from_dict(change.to_dict()) == change


OWN_RULES = """
streams:
  front: {source: 'rtsp://10.0.0.2/', asset: new}
  side: {source: 'rtsp://10.0.0.3/', asset: other}
assets:
  old: {brand: HiLook, successor: new}
  older: {maker: 'Hangzhou Hikvision Digital Technology Co., Ltd.', successor: other}
  new: {maker: Axis}
  other: {maker: Foscam}
  list: {brand: TRENDnet}
"""


def test_the_tables_tell_makers_of_brands_and_rules() -> None:
    found = build_inventory(parse(OWN_RULES, Path("/nonexistent"), {}), KeptFacts(), NOW).by_id
    old = found["old"]
    assert (old.maker.value, old.maker.by) == ("Hikvision", "registry")
    assert old.maker.evidence[0].startswith("HiLook is made by Hikvision")
    assert old.scope == ("ndaa-889", "fcc-covered", "uk-nil", "nl-country")
    assert old.state == "replaced"
    assert found["older"].maker_name == "Hikvision"
    # one list without evidence says who makes it: a question to the operator
    assert (found["list"].maker.value, found["list"].scope) == ("", ())


def test_a_maker_whose_country_is_not_known_is_no_way_out() -> None:
    found = build_inventory(parse(OWN_RULES, Path("/nonexistent"), {}), KeptFacts(), NOW).by_id
    assert found["older"].state != "replaced"
    told = OWN_RULES.replace("{maker: Foscam}", "{maker: Foscam, country: SE}")
    assert build_inventory(parse(told, Path("/nonexistent"), {}), KeptFacts(), NOW).by_id["older"].state == "replaced"


def test_another_spelling_of_a_maker_is_no_contradiction() -> None:
    findings = (
        Finding(field="maker", value="Hikvision", by="registry"),
        Finding(field="maker", value="Anjvision", by="stream"),
    )
    older = build_inventory(
        parse(OWN_RULES, Path("/nonexistent"), {}), KeptFacts(findings={"older": findings}), NOW
    ).by_id["older"]
    assert [finding.value for finding in older.maker.contradicted_by] == ["Anjvision"]


HIKVISION_MAC, AXIS_MAC = "44:19:b6:3f:5e:51", "00:40:8c:00:00:01"
OVER = """
node: gw1
streams: {front: {source: 'rtsp://10.0.0.2/', asset: new}}
assets: {old: {maker: Hikvision, successor: new}, new: {}}
"""


def over(*findings: Finding, new: str = "{}"):
    config = parse(OVER.replace("{}", new), Path("/nonexistent"), {})
    return build_inventory(config, KeptFacts(findings={"new": findings}), NOW).by_id


def mac_finding(value: str, by: Any) -> Finding:
    return Finding(field="mac", value=value, by=by)


def test_a_camera_that_tells_the_address_of_another_maker_is_not_believed_against_the_neighbour_table() -> None:
    axis = Finding(field="maker", value="Axis", by="registry")  # what followed from the realm came last, and is kept
    assert over(mac_finding(AXIS_MAC, "stream"), axis)["new"].maker.value == "Axis"
    new = over(mac_finding(AXIS_MAC, "stream"), axis, mac_finding(HIKVISION_MAC, "registry"))["new"]
    assert new.maker.value == ""
    assert {each.value for each in new.maker.contradicted_by} == {"Axis", "Hikvision"}
    assert over(axis, new=f"{{mac: '{HIKVISION_MAC}'}}")["new"].maker.value == ""


def test_a_camera_is_in_no_scope_only_where_no_finding_names_a_maker_in_scope_or_the_operator_says_so() -> None:
    axis = Finding(field="maker", value="Axis", by="registry")
    marks = Finding(field="maker", value="Dahua", by="stream")
    assert over(axis)["old"].state == "replaced"
    assert over(axis, marks)["old"].state == "legacy"
    assert over(axis, marks)["new"].maker.value == "Axis"
    assert over(axis, marks, new="{maker: Axis}")["old"].state == "replaced"
