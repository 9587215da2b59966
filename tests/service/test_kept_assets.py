"""What is kept of assets outlives a restart, within bounds."""

import sqlite3
from contextlib import closing
from pathlib import Path

from tests.service.test_state_database import recorded
from transcoder.assets.findings import Finding
from transcoder.assets.history import MAX_CHANGES, StateChange
from transcoder.config.kept_changes import Overlay
from transcoder.service.audit import Entry
from transcoder.service.kept_assets import TABLES, KeptAssets, read_assets, write_changes, write_finding
from transcoder.service.state_reader import read_kept
from transcoder.service.store import Store

MAKER = Finding(field="maker", value="Hikvision", by="stream", evidence=("realm",), seen="2026-11-29T07:00:05.000Z")
LEGACY = StateChange(
    asset="pole-17", state="legacy", at="2026-11-29T07:00:06.000Z", because="front was not verified yet"
)


def memory() -> sqlite3.Connection:
    database = sqlite3.connect(":memory:", isolation_level=None)
    database.executescript(TABLES)
    return database


def test_the_recorded_database_has_an_asset(tmp_path: Path) -> None:
    kept = read_kept(recorded(tmp_path / "state", 3))
    assert kept is not None
    assert kept.assets == KeptAssets(
        overlays={"pole-17": Overlay(keys={"planned": "2027-Q2"})},
        findings={"asset:pole-17": (MAKER,)},
        history={"pole-17": (LEGACY,)},
    )


def test_a_database_of_before_has_none(tmp_path: Path) -> None:
    for version in (1, 2):
        kept = read_kept(recorded(tmp_path / str(version), version))
        assert kept is not None
        assert kept.assets == KeptAssets()


async def test_changes_findings_and_states_outlive_a_restart(tmp_path: Path) -> None:
    store = Store(tmp_path)
    await store.open()
    entry = Entry(who="http:ops", what="asset_add", detail={"asset": "pole-17"})
    both = {"pole-17": Overlay(keys={"brand": "Annke"}), "gone": Overlay(keys={})}
    await store.commit([entry], assets=both)
    await store.commit([entry], assets={"gone": None})
    store.note_finding("asset:pole-17", MAKER)
    store.note_states([LEGACY])
    await store.close()
    found = (await Store(tmp_path).open()).assets
    assert found.overlays == {"pole-17": Overlay(keys={"brand": "Annke"})}
    assert (found.findings, found.history) == ({"asset:pole-17": (MAKER,)}, {"pole-17": (LEGACY,)})


async def test_findings_about_a_stream_go_to_its_asset_or_are_dropped(tmp_path: Path) -> None:
    store = Store(tmp_path)
    await store.open()
    for stream in ("front", "yard"):
        store.note_finding(f"stream:{stream}", MAKER)
    store.move_findings("stream:front", "asset:pole-17")
    store.move_findings("stream:yard", "")
    await store.close()
    assert (await Store(tmp_path).open()).assets.findings == {"asset:pole-17": (MAKER,)}


def test_the_same_finder_has_one_word_about_a_field() -> None:
    with closing(memory()) as database:
        for value in ("Hikvision", "Dahua"):
            write_finding(database, "asset:a", Finding(field="maker", value=value, by="stream"))
        write_finding(database, "asset:a", Finding(field="maker", value="Uniview", by="registry"))
        assert [found.value for found in read_assets(database).findings["asset:a"]] == ["Dahua", "Uniview"]


def test_of_an_asset_that_changes_for_ever_the_first_change_and_the_newest_stay() -> None:
    count = 3 * MAX_CHANGES
    changes = [StateChange(asset="a", state="legacy", at=str(number)) for number in range(count)]
    with closing(memory()) as database:
        write_changes(database, [StateChange(asset="b", state="legacy", at="0"), *changes])
        history = read_assets(database).history
        assert [int(change.at) for change in history["a"]] == [0, *range(count - MAX_CHANGES + 1, count)]
        assert len(history["b"]) == 1


def test_a_row_that_was_damaged_is_left_out() -> None:
    with closing(memory()) as database:
        write_finding(database, "asset:a", MAKER)
        write_changes(database, [LEGACY])
        database.execute("UPDATE finding SET document = '{'")
        database.execute("UPDATE asset_change SET state = 'lost'")
        assert read_assets(database) == KeptAssets()
