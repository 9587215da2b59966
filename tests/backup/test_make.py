"""Backups: what is in them, what is left out, and a store that goes on beside it."""

import json
import os
import shutil
import sqlite3
import tarfile
from contextlib import closing
from pathlib import Path

import pytest

from tests.backup.conftest import fill
from transcoder.backup.make import make_backup
from transcoder.backup.manifest import BackupError
from transcoder.service.audit import Entry
from transcoder.service.state_database import FILE_NAME
from transcoder.service.state_reader import read_audit
from transcoder.service.store import Store, StoreError

PLAIN = ["config/gateway.yaml", "config/conf.d/back.yaml", "state/verify.key", "state/state.sqlite"]


def names(path: Path) -> list[str]:
    with tarfile.open(path) as tar:
        return tar.getnames()


def test_secrets_are_taken_only_when_they_are_asked_for(site: Path, tmp_path: Path) -> None:
    made = make_backup(site / "gateway.yaml", tmp_path / "x.tar", secrets=False)
    assert names(tmp_path / "x.tar") == ["manifest.json", *PLAIN]
    assert sorted(made.left_out) == [str(site / "ops.token"), str(site / "secrets" / "front")]
    content = (tmp_path / "x.tar").read_bytes()
    assert b"front-password" not in content
    assert b"ops-token" not in content
    made = make_backup(site / "gateway.yaml", tmp_path / "x.tar", secrets=True)
    assert set(names(tmp_path / "x.tar")) == {"manifest.json", *PLAIN, "config/ops.token", "config/secrets/front"}
    assert made.left_out == ()
    assert (tmp_path / "x.tar").stat().st_mode & 0o777 == 0o600
    assert sorted(os.listdir(tmp_path)) == ["site", "x.tar"]


def test_the_manifest_names_the_head_that_audit_verify_prints(site: Path, tmp_path: Path) -> None:
    made = make_backup(site / "gateway.yaml", tmp_path / "x.tar", secrets=False)
    records = read_audit(site / "state")
    assert records is not None
    assert (made.manifest.records, made.manifest.head) == (2, records[-1].hash)
    with tarfile.open(tmp_path / "x.tar") as tar:
        file = tar.extractfile("manifest.json")
        assert file is not None
        told = json.load(file)
    assert (told["node"], told["configuration"], told["state_dir"]) == ("gw7", "gateway.yaml", "state")


async def test_a_store_that_is_in_use_is_copied_as_it_is_at_one_moment(site: Path, tmp_path: Path) -> None:
    store = Store(site / "state")
    await store.open()
    await store.commit([Entry(who="a", what="b", detail={})])  # it lies in the write-ahead log
    assert (site / "state" / "state.sqlite-wal").stat().st_size
    made = make_backup(site / "gateway.yaml", tmp_path / "x.tar", secrets=False)
    await store.commit([Entry(who="a", what="c", detail={})])
    await store.close()
    assert made.manifest.records == 3
    with tarfile.open(tmp_path / "x.tar") as tar:
        tar.extract(f"state/{FILE_NAME}", tmp_path / "out", filter="data")
    with closing(sqlite3.connect(f"file:{tmp_path}/out/state/{FILE_NAME}?immutable=1", uri=True)) as database:
        assert database.execute("SELECT count(*) FROM audit").fetchone() == (3,)
        assert database.execute("SELECT stream FROM overlay ORDER BY stream").fetchall() == [("back",), ("front",)]


def test_a_gateway_that_kept_nothing_has_a_backup_of_its_configuration(tmp_path: Path) -> None:
    (tmp_path / "gw.yaml").write_text("streams: {}\n")
    made = make_backup(tmp_path / "gw.yaml", tmp_path / "x.tar", secrets=False)
    assert names(tmp_path / "x.tar") == ["manifest.json", "config/gw.yaml"]
    assert (made.manifest.records, made.manifest.head) == (0, "")


async def test_files_outside_of_the_folder_are_named_and_left_out(tmp_path: Path) -> None:
    (tmp_path / "etc").mkdir()
    (tmp_path / "vms.secret").write_text("secret\n")
    await fill(tmp_path / "lib", "front")
    (tmp_path / "etc" / "gw.yaml").write_text(
        f"state_dir: {tmp_path}/lib\nrtsp: {{users: {{vms: {{password_file: ../vms.secret}}}}}}\nstreams: {{}}\n"
    )
    made = make_backup(tmp_path / "etc" / "gw.yaml", tmp_path / "x.tar", secrets=True)
    assert made.left_out == (str(tmp_path / "etc" / ".." / "vms.secret"),)
    assert made.manifest.state_dir == f"{tmp_path}/lib"
    assert b"secret\n" not in (tmp_path / "x.tar").read_bytes()


def test_nothing_but_a_backup_is_written_over(site: Path) -> None:
    before = (site / "gateway.yaml").read_text()
    for target in (site / "gateway.yaml", site / "state"):
        with pytest.raises(BackupError, match="is there and no backup"):
            make_backup(site / "gateway.yaml", target, secrets=False)
    (site / "link.tar").symlink_to("nowhere")
    with pytest.raises(BackupError, match="is there and no backup"):
        make_backup(site / "gateway.yaml", site / "link.tar", secrets=False)
    assert (site / "gateway.yaml").read_text() == before


def test_a_damaged_database_and_a_newer_one_are_said(site: Path, tmp_path: Path) -> None:
    with closing(sqlite3.connect(site / "state" / FILE_NAME)) as database:
        database.execute("PRAGMA user_version = 99")
    with pytest.raises(BackupError, match=r"can't be copied: it was written by a newer version \(schema 99, "):
        make_backup(site / "gateway.yaml", tmp_path / "x.tar", secrets=False)
    (site / "state" / FILE_NAME).write_bytes(b"no database at all" * 300)
    with pytest.raises(BackupError, match=r"state\.sqlite can't be copied: file is not a database"):
        make_backup(site / "gateway.yaml", tmp_path / "x.tar", secrets=False)
    assert os.listdir(tmp_path) == ["site"]


def test_a_broken_audit_log_is_kept_and_said(site: Path, tmp_path: Path) -> None:
    with closing(sqlite3.connect(site / "state" / FILE_NAME)) as database:
        database.executescript("DROP TRIGGER audit_is_not_changed; UPDATE audit SET who = 'x' WHERE sequence = 1")
    assert make_backup(site / "gateway.yaml", tmp_path / "x.tar", secrets=False).broken == "record 1 was changed"


def test_a_folder_that_can_not_be_written_is_said(site: Path, tmp_path: Path) -> None:
    with pytest.raises(BackupError, match=r"can't be made: .*No such file or directory"):
        make_backup(site / "gateway.yaml", tmp_path / "none" / "x.tar", secrets=False)


def test_a_state_of_a_first_start_that_was_killed_is_none(site: Path, tmp_path: Path) -> None:
    shutil.rmtree(site / "state")
    (site / "state").mkdir()
    with closing(sqlite3.connect(site / "state" / FILE_NAME)) as database:
        database.execute("PRAGMA journal_mode = WAL")
    made = make_backup(site / "gateway.yaml", tmp_path / "y.tar", secrets=False)
    assert (made.manifest.records, made.manifest.head) == (0, "")
    assert not [member for member in made.manifest.files if member.name.startswith("state/")]


def test_a_state_that_is_gone_is_no_backup_without_one(site: Path, tmp_path: Path) -> None:
    (site / "state" / FILE_NAME).unlink()
    with pytest.raises(StoreError, match="is empty or gone, and changes were in it"):
        make_backup(site / "gateway.yaml", tmp_path / "y.tar", secrets=False)
    assert not (tmp_path / "y.tar").exists()
