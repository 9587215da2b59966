"""Restores: everything is back, everything that was there is aside, and nothing is half done, whenever it is killed."""

import errno
import os
import shutil
import signal
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tests.backup.conftest import fill
from tests.backup.test_archive import manifest_of
from transcoder.assets.findings import Finding
from transcoder.assets.history import StateChange
from transcoder.backup import restore as module
from transcoder.backup.archive import write_archive
from transcoder.backup.make import make_backup
from transcoder.backup.manifest import BackupError
from transcoder.backup.restore import restore_backup
from transcoder.config.kept_changes import Overlay
from transcoder.service.audit import Entry
from transcoder.service.state_database import FILE_NAME
from transcoder.service.state_folder import RESTORING_NAME, Space
from transcoder.service.state_marker import read_marker
from transcoder.service.state_reader import read_audit, read_kept
from transcoder.service.store import Store, StoreError


@pytest.fixture
def archive(site: Path, tmp_path: Path) -> Path:
    make_backup(site / "gateway.yaml", tmp_path / "x.tar", secrets=True)
    return tmp_path / "x.tar"


def files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


async def state(folder: Path) -> tuple[set[str], int]:
    """What a gateway that starts with the folder finds: the streams with changes, and the records."""
    store = Store(folder)
    kept = await store.open()
    refusal = store.refusal
    await store.close()
    assert (refusal, kept.lost) == ("", "")
    return set(kept.overlays), len(read_audit(folder) or ())


async def test_on_an_empty_machine_everything_is_back(site: Path, archive: Path, tmp_path: Path) -> None:
    new = tmp_path / "new"
    restored = restore_backup(archive, new / "gateway.yaml", None)
    assert restored.aside == ()
    before, after = files(site), files(new)
    for name in ("gateway.yaml", "conf.d/back.yaml", "secrets/front", "ops.token", "state/verify.key"):
        assert after[name] == before[name]
    assert all((new / name).stat().st_mode & 0o777 == 0o600 for name in after)
    assert read_audit(new / "state") == read_audit(site / "state")
    assert await state(new / "state") == ({"front", "back"}, 2)


async def test_what_was_kept_of_assets_is_back(site: Path, tmp_path: Path) -> None:
    store = Store(site / "state")
    await store.open()
    changes = {"pole-17": Overlay(keys={"planned": "2027-Q2"})}
    await store.commit([Entry(who="test", what="asset_add", detail={"asset": "pole-17"})], assets=changes)
    store.note_finding("asset:pole-17", Finding(field="maker", value="Hikvision", by="stream"))
    store.note_states([StateChange(asset="pole-17", state="legacy", at="2026-11-29T07:00:06.000Z")])
    await store.close()
    make_backup(site / "gateway.yaml", tmp_path / "y.tar", secrets=True)
    restore_backup(tmp_path / "y.tar", tmp_path / "new" / "gateway.yaml", None)
    before, after = read_kept(site / "state"), read_kept(tmp_path / "new" / "state")
    assert before is not None
    assert after is not None
    assert after.assets == before.assets
    assert (set(after.assets.overlays), set(after.assets.history)) == ({"pole-17"}, {"pole-17"})


async def test_what_was_there_is_aside_and_can_be_put_back(site: Path, archive: Path) -> None:
    await fill(site / "state", "gate", fps=9)
    before = files(site)
    (site / "gateway.yaml").write_text("streams: {}\n")
    restored = restore_backup(archive, site / "gateway.yaml", None)
    assert await state(site / "state") == ({"front", "back"}, 2)
    kept = next(path for path in restored.aside if path.parent == site / "state")
    aside = next(path for path in restored.aside if path.name.startswith("gateway.yaml.before-restore-"))
    assert aside.read_text() == "streams: {}\n"
    assert (site / "gateway.yaml").read_bytes() == before["gateway.yaml"]
    shutil.copy(kept / FILE_NAME, site / "state" / FILE_NAME)
    assert await state(site / "state") == ({"front", "back", "gate"}, 3)


async def test_a_write_ahead_log_of_the_old_state_does_not_reach_the_new_one(site: Path, archive: Path) -> None:
    lines = site / "state"
    with closing(sqlite3.connect(lines / FILE_NAME)) as database:
        database.execute("PRAGMA journal_mode = WAL")
        database.execute("PRAGMA wal_autocheckpoint = 0")
        database.execute("DELETE FROM overlay")
        database.commit()
        shutil.copy(lines / f"{FILE_NAME}-wal", lines / "wal")  # as a killed gateway leaves it
    shutil.copy(lines / "wal", lines / f"{FILE_NAME}-wal")
    restored = restore_backup(archive, site / "gateway.yaml", None)
    assert await state(lines) == ({"front", "back"}, 2)
    [kept] = [path for path in restored.aside if path.parent == lines]
    assert (kept / f"{FILE_NAME}-wal").read_bytes() == (lines / "wal").read_bytes()


async def test_a_running_gateways_state_is_refused(site: Path, archive: Path) -> None:
    store = Store(site / "state")
    await store.open()
    before = files(site)
    with pytest.raises(BackupError, match=r"a gateway runs with .*: stop it first"):
        restore_backup(archive, site / "gateway.yaml", None)
    await store.close()
    assert {name for name in files(site) if name.startswith("gateway")} == {
        name for name in before if name.startswith("gateway")
    }
    restore_backup(archive, site / "gateway.yaml", None)


def test_a_damaged_archive_changes_nothing(site: Path, archive: Path) -> None:
    before = files(site)
    content = archive.read_bytes()
    place = content.index(b"front-password")
    archive.write_bytes(content[:place] + b"Front" + content[place + 5 :])
    with pytest.raises(BackupError, match="secrets/front is damaged: its SHA-256 is another one"):
        restore_backup(archive, site / "gateway.yaml", None)
    assert files(site) == before


async def test_the_state_of_a_newer_version_changes_nothing(site: Path, tmp_path: Path, archive: Path) -> None:
    """The archive was made by hand: our own backup refuses such a state, too."""
    copy = tmp_path / "newer.sqlite"
    shutil.copy(site / "state" / FILE_NAME, copy)
    with closing(sqlite3.connect(copy)) as database:
        database.execute("PRAGMA journal_mode = DELETE")
        database.execute("PRAGMA user_version = 99")
    contents = {"config/gateway.yaml": b"streams: {}\n", f"state/{FILE_NAME}": copy.read_bytes()}
    write_archive(archive, manifest_of(contents), dict(contents))
    before = files(site)
    with pytest.raises(BackupError, match=r"written by a newer version \(schema 99, .*; nothing was changed"):
        restore_backup(archive, site / "gateway.yaml", None)
    assert {name: data for name, data in files(site).items() if name != "state/lock"} == {
        name: data for name, data in before.items() if name != "state/lock"
    }


def test_a_state_elsewhere_is_restored_only_where_the_operator_says(site: Path, tmp_path: Path) -> None:
    with (site / "gateway.yaml").open("a") as file:
        file.write(f"state_dir: {tmp_path}/lib\n")
    (site / "state").rename(tmp_path / "lib")
    make_backup(site / "gateway.yaml", tmp_path / "y.tar", secrets=False)
    shutil.rmtree(tmp_path / "lib")
    with pytest.raises(BackupError, match=f"the state was in {tmp_path}/lib: say where it goes with --state-dir"):
        restore_backup(tmp_path / "y.tar", site / "gateway.yaml", None)
    assert not (tmp_path / "lib").exists()
    restore_backup(tmp_path / "y.tar", site / "gateway.yaml", tmp_path / "lib")
    assert read_kept(tmp_path / "lib") is not None


def test_a_link_out_of_the_folder_is_not_followed(site: Path, archive: Path, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    shutil.rmtree(site / "secrets")
    (site / "secrets").symlink_to(tmp_path / "elsewhere")
    (site / "ops.token").unlink()
    (site / "ops.token").symlink_to(tmp_path / "elsewhere" / "token")
    with pytest.raises(BackupError, match="secrets leads out of"):
        restore_backup(archive, site / "gateway.yaml", None)
    (site / "secrets").unlink()
    restore_backup(archive, site / "gateway.yaml", None)
    assert not (site / "ops.token").is_symlink()
    assert list((tmp_path / "elsewhere").iterdir()) == []


def test_two_files_of_one_place_are_refused(site: Path, archive: Path) -> None:
    """A file of the configuration that would take the place of the state."""
    state = (site / "state" / FILE_NAME).read_bytes()
    contents = {"config/gateway.yaml": b"streams: {}\n", f"config/state/{FILE_NAME}": b"x", f"state/{FILE_NAME}": state}
    write_archive(archive, manifest_of(contents), dict(contents))
    before = files(site)
    with pytest.raises(BackupError, match="two of its files have one place"):
        restore_backup(archive, site / "gateway.yaml", None)
    assert {**files(site), "state/lock": b""} == {**before, "state/lock": b""}


@pytest.mark.parametrize("name", ["state.sqlite-wal", "state.sqlite-journal", "state.remembered", "lock"])
def test_a_file_beside_the_database_is_none_of_the_configuration(name: str, site: Path, archive: Path) -> None:
    """The database was compared and read without it, and a gateway would read both."""
    state = (site / "state" / FILE_NAME).read_bytes()
    contents = {"config/gateway.yaml": b"streams: {}\n", f"config/state/{name}": b"x", f"state/{FILE_NAME}": state}
    write_archive(archive, manifest_of(contents), dict(contents))
    before = files(site)
    with pytest.raises(BackupError, match=rf"config/state/{name} is no file of a configuration.*: nothing was changed"):
        restore_backup(archive, site / "gateway.yaml", None)
    assert {**files(site), "state/lock": b""} == {**before, "state/lock": b""}


@pytest.mark.parametrize(
    "names",
    [
        ("config/a", "config/a/b"),
        ("config/gateway.yaml/b",),
        ("config/a", "config/a.restored"),
        ("config/a", "config/a.restored/b"),
    ],
)
def test_a_file_in_the_way_of_another_changes_nothing(names: tuple[str, ...], site: Path, archive: Path) -> None:
    contents = {"config/gateway.yaml": b"streams: {}\n", **dict.fromkeys(names, b"x")}
    write_archive(archive, manifest_of(contents), dict(contents))
    before = files(site)
    with pytest.raises(BackupError, match="stands in the way of another file"):
        restore_backup(archive, site / "gateway.yaml", None)
    assert files(site) == before


def test_a_disk_that_fails_among_the_moves_is_not_said_to_have_changed_nothing(
    site: Path, archive: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_: Path) -> None:
        raise OSError(errno.EIO, "Input/output error")

    contents = {"config/gateway.yaml": b"include: x\n", "config/x": b"{}"}
    write_archive(archive, manifest_of(contents), dict(contents))
    monkeypatch.setattr(module, "sync_folder", fail)
    with pytest.raises(BackupError, match="a part was restored: make the restore again") as caught:
        restore_backup(archive, site / "gateway.yaml", None)
    assert "nothing was changed" not in str(caught.value)


async def test_an_audit_log_that_was_broken_is_restored_and_said(site: Path, tmp_path: Path) -> None:
    with closing(sqlite3.connect(site / "state" / FILE_NAME)) as database:
        database.executescript("DROP TRIGGER audit_is_not_changed; UPDATE audit SET who = 'x' WHERE sequence = 1")
    make_backup(site / "gateway.yaml", tmp_path / "y.tar", secrets=False)
    restored = restore_backup(tmp_path / "y.tar", site / "gateway.yaml", None)
    assert restored.broken == "record 1 was changed"
    assert await state(site / "state") == ({"front", "back"}, 2)


def test_no_room_changes_nothing(site: Path, archive: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = files(site)
    monkeypatch.setattr(module, "space_of", lambda _: Space(free_bytes=10, free_files=None))
    with pytest.raises(BackupError, match="has no room for"):
        restore_backup(archive, site / "gateway.yaml", None)
    assert files(site) == before


@pytest.mark.process
@pytest.mark.parametrize("step", range(12))
async def test_killed_at_any_step_it_is_made_again(step: int, site: Path, archive: Path) -> None:
    """A process that is killed before its n-th step, of replacing, writing the marker and removing."""
    await fill(site / "state", "gate", fps=9)
    child = os.fork()
    if child == 0:
        _kill_before(step)
        try:
            restore_backup(archive, site / "gateway.yaml", None)
        finally:
            os._exit(0)
    _, status = os.waitpid(child, 0)
    unfinished = (site / "state" / RESTORING_NAME).exists()
    if unfinished:
        with pytest.raises(StoreError, match="make the restore again"):
            await Store(site / "state").open()
    else:
        old, new = ({"front", "back", "gate"}, 3), ({"front", "back"}, 2)
        assert await state(site / "state") in ((old, new) if os.WIFSIGNALED(status) else (new,))
    restore_backup(archive, site / "gateway.yaml", None)
    assert await state(site / "state") == ({"front", "back"}, 2)
    remembered = read_marker(site / "state")
    assert remembered is not None
    assert remembered.streams == {"front", "back"}
    assert not [name for name in files(site) if name.endswith((".restored", RESTORING_NAME, ".new"))]


def _kill_before(step: int) -> None:
    """Have this process kill itself before its n-th change of a name."""
    left = step

    def counted(real: object) -> object:
        def change(*arguments: object, **named: object) -> object:
            nonlocal left
            if left == 0:
                os.kill(os.getpid(), signal.SIGKILL)
            left -= 1
            return real(*arguments, **named)  # type: ignore[operator]

        return change

    Path.replace = counted(Path.replace)  # type: ignore[assignment,method-assign]
    module._begin = counted(module._begin)  # type: ignore[assignment]
    module._end = counted(module._end)  # type: ignore[assignment]
    module._keep_aside = counted(module._keep_aside)  # type: ignore[assignment]
