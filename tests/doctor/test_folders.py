"""The folder of the state as a doctor sees it: every way in which it can't be used, and what lies in it."""

import os
import sqlite3
from pathlib import Path
from types import SimpleNamespace

import pytest

from transcoder.config import load_file
from transcoder.doctor.finding import Finding, Subject
from transcoder.doctor.folders import folder_finding, folders
from transcoder.service.audit import Entry
from transcoder.service.store import Store


def subject(folder: Path) -> Subject:
    path = folder / "gw.yaml"
    path.write_text("streams: {}\n")
    return Subject(path=path, file=load_file(path))


async def levels(folder: Path) -> dict[str, Finding]:
    return {finding.check: finding for finding in await folders(subject(folder))}


async def test_a_folder_that_is_to_be_made_is_all_right(tmp_path: Path) -> None:
    found = await levels(tmp_path)
    assert [finding.level for finding in found.values()] == ["ok", "ok"]
    assert "can be made" in found["state folder"].text
    assert not (tmp_path / "state").exists()


async def test_what_was_kept_is_read_and_the_chain_is_walked(tmp_path: Path) -> None:
    store = Store(tmp_path / "state")
    await store.open()
    await store.commit([Entry(who="a", what="b", detail={}), Entry(who="a", what="c", detail={})])
    await store.close()
    found = await levels(tmp_path)
    assert (found["state"].text, found["audit"].text) == ("0 streams changed", "2 records, whole")
    database = sqlite3.connect(tmp_path / "state" / "state.sqlite")
    database.execute("DROP TRIGGER audit_is_not_changed")
    database.execute("UPDATE audit SET what = 'd' WHERE sequence = 2")
    database.commit()
    database.close()
    found = await levels(tmp_path)
    assert (found["audit"].level, found["audit"].text) == ("error", "not whole: record 2 was changed")


async def test_a_database_that_is_none_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "state").mkdir()
    (tmp_path / "state" / "state.sqlite").write_bytes(b"no database" * 100)
    found = await levels(tmp_path)
    assert (found["state folder"].level, found["state"].level) == ("ok", "error")
    assert "not a database" in found["state"].text


async def test_a_gateway_that_keeps_nothing_has_no_folder(tmp_path: Path) -> None:
    path = tmp_path / "gw.yaml"
    path.write_text("streams: {}\nstate_dir: null\n")
    [finding] = await folders(Subject(path=path, file=load_file(path)))
    assert (finding.level, finding.text) == ("ok", "state_dir is null: nothing is kept")


async def test_a_machine_alone_has_no_folder() -> None:
    assert await folders(Subject()) == []


def test_a_file_in_the_folders_place_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("")
    finding = folder_finding(tmp_path / "state")
    assert finding.level == "error"
    assert finding.text == f"{tmp_path / 'state'} is a file and no folder"
    assert "is a file and no folder" in folder_finding(tmp_path / "state" / "below").text


def test_a_folder_of_somebody_else_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "access", lambda *_, **__: False)
    finding = folder_finding(tmp_path)
    assert (finding.level, finding.text) == ("error", f"{tmp_path} can't be written by user {os.geteuid()}")


@pytest.mark.parametrize(
    ("changed", "level", "text"),
    [
        ({"f_flag": os.ST_RDONLY}, "error", "mounted read-only"),
        ({"f_bavail": 1024}, "error", "that is full: 4096 KiB are free"),
        ({"f_favail": 0}, "error", "no room for another file"),
        ({"f_bavail": 25_600}, "warning", "100 MiB are free"),
        ({"f_files": 0, "f_favail": 0}, "ok", "can be written"),
    ],
)
def test_a_file_system_without_room_is_told(
    changed: dict[str, int], level: str, text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usual = {"f_flag": 0, "f_frsize": 4096, "f_bavail": 1 << 20, "f_files": 1000, "f_favail": 500}
    monkeypatch.setattr(os, "statvfs", lambda _: SimpleNamespace(**(usual | changed)))
    finding = folder_finding(tmp_path)
    assert finding.level == level
    assert text in finding.text
