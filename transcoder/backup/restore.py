"""A backup is put back here: whole or not at all, with everything that was there before kept aside.

The archive is read twice. First every digest is compared and nothing is written. Then its files are written beside
their places, compared again, and moved into them. From the first move to the last one a file in the state's folder
keeps gateways from starting: after a power cut among them the restore is made again, and finds the same archive.
"""

import os
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from typing import IO, Final

from transcoder import clock
from transcoder.backup.archive import open_archive, read_files, read_some, sync_folder
from transcoder.backup.manifest import STAGED, STATE_FILES, BackupError, Manifest
from transcoder.backup.own_names import check_own_names, is_hidden
from transcoder.regular_file import check_regular
from transcoder.service.audit import GENESIS, find_break
from transcoder.service.audit_records import records_of
from transcoder.service.state_database import FILE_NAME, DamagedError, read_state
from transcoder.service.state_folder import LOCK_NAME, RESTORING_NAME, lock_folder, space_of
from transcoder.service.state_marker import MARKER_NAME, Remembered, read_marker, write_marker

LOG_NAMES: Final = (f"{FILE_NAME}-wal", f"{FILE_NAME}-shm", f"{FILE_NAME}-journal")
"""Files beside a database that belong to it alone: another database would be damaged by them."""
_OWN_NAMES: Final = frozenset({*STATE_FILES, *LOG_NAMES, MARKER_NAME, RESTORING_NAME, LOCK_NAME})
"""Files of the state's folder that no file of the configuration may be: a database would be changed after its check."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Restored:
    """Says what a restore has done.

    Attributes:
        manifest: the manifest of the backup.
        config: the path of the configuration file.
        state_dir: the folder of the state, None where the backup has none.
        aside: what was there before, where it lies now.
        broken: why the audit log is not whole, "" where it is; it was so when the backup was made.
    """

    manifest: Manifest
    config: Path
    state_dir: Path | None
    aside: tuple[Path, ...]
    broken: str


def restore_backup(archive: Path, config: Path | None, state_dir: Path | None) -> Restored:
    """Put the configuration and the state of a backup in their places.

    Args:
        archive: the path of the archive.
        config: the path that the configuration file gets; None for its old name, in the present folder.
        state_dir: the folder of the state; None for where it was, if that is in the configuration's folder.

    Raises:
        BackupError: nothing was changed; or, if the text says so, the restore is to be made again.
    """
    try:
        with open_archive(archive) as (tar, manifest):
            read_files(tar, manifest, lambda *_: None)
        if config is None and is_hidden(manifest.configuration):
            raise BackupError(f"the configuration's name was {manifest.configuration}: say where it goes, before FILE")
        config = config or Path(manifest.configuration)
        state_dir = _state_dir(manifest, config, state_dir)
        with ExitStack() as stack:
            if state_dir is not None:
                state_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
                stack.enter_context(_locked(state_dir))
            return _replace(archive, manifest, config, state_dir)
    except OSError as error:
        reason = f"{error.filename or archive}: {error.strerror or error}"
        unfinished = state_dir is not None and (state_dir / RESTORING_NAME).exists()
        after = "no gateway starts before it is restored again" if unfinished else "nothing was changed"
        raise BackupError(f"it can't be restored: {reason}; {after}") from None


def _state_dir(manifest: Manifest, config: Path, wanted: Path | None) -> Path | None:
    """Return where the state goes: an archive says so only within the configuration's folder."""
    if not any(member.place[0] == "state" for member in manifest.files):
        return None
    if wanted is not None:
        return wanted
    if manifest.state_dir is None or PurePosixPath(manifest.state_dir).is_absolute():
        raise BackupError(f"the state was in {manifest.state_dir}: say where it goes with --state-dir FOLDER")
    return config.parent / manifest.state_dir


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Keep gateways from the state.

    Raises:
        BackupError: a gateway runs with it.
        OSError: nothing can be written there.
    """
    try:
        held, blocked = lock_folder(folder)
    except ValueError:
        raise BackupError(f"a gateway runs with {folder}: stop it first") from None
    try:
        if blocked is not None:
            raise blocked
        yield
    finally:
        if held is not None:
            os.close(held)


def _replace(archive: Path, manifest: Manifest, config: Path, state_dir: Path | None) -> Restored:
    places = {member.name: _place(member.name, manifest, config, state_dir) for member in manifest.files}
    if len({place.parent.resolve() / place.name for place in places.values()}) != len(places):
        raise BackupError("two of its files have one place: nothing was changed")
    for name, place in places.items():
        is_own = state_dir is not None and place.parent.resolve() == state_dir.resolve() and place.name in _OWN_NAMES
        if is_own and not name.startswith("state/"):
            raise BackupError(f"{name} is no file of a configuration, but of the state: nothing was changed")
    check_own_names(manifest, lambda names: read_some(archive, manifest, names))
    stage = {name: place.with_name(f"{place.name}{STAGED}") for name, place in places.items()}
    try:
        _stage(archive, manifest, stage, places)
        changed, broken = _check_state(stage.get(f"state/{FILE_NAME}"), manifest)
        stamp = datetime.fromtimestamp(clock.wall_clock(), UTC).strftime("%Y%m%dT%H%M%SZ")
        aside = _keep_aside(list(places.values()), state_dir, stamp)
        if state_dir is not None:
            _begin(state_dir, changed)
        _move(stage, places)
        if state_dir is not None:
            _end(state_dir, changed)
    finally:
        for path in stage.values():
            with suppress(OSError):
                path.unlink(missing_ok=True)
    return Restored(manifest=manifest, config=config, state_dir=state_dir, aside=tuple(aside), broken=broken)


def _move(stage: dict[str, Path], places: dict[str, Path]) -> None:
    """Move the files into their places.

    Raises:
        BackupError: the disk failed among the moves.
    """
    for name, place in places.items():
        try:
            stage[name].replace(place)
            sync_folder(place.parent)
        except OSError as error:
            raise BackupError(
                f"{place}: {error.strerror or error}; a part was restored: make the restore again, "
                "what was there before lies beside it"
            ) from None


def _place(name: str, manifest: Manifest, config: Path, state_dir: Path | None) -> Path:
    """Return the path that a file of the archive gets.

    Raises:
        BackupError: a link leads out of the configuration's folder.
    """
    if name.startswith("state/"):
        assert state_dir is not None  # noqa: S101  # for the type checker
        place = state_dir / name.removeprefix("state/")
    elif name == f"config/{manifest.configuration}":
        place = config
    else:
        place = config.parent / name.removeprefix("config/")
        if not place.parent.resolve().is_relative_to(config.parent.resolve()):
            raise BackupError(f"{place.parent} leads out of {config.parent}: nothing was changed")
    if place.is_dir():
        raise BackupError(f"{place} is a folder: nothing was changed")
    return place


def _stage(archive: Path, manifest: Manifest, stage: dict[str, Path], places: dict[str, Path]) -> None:
    """Write the files beside their places, and compare them again: the archive may have changed meanwhile."""
    with ExitStack() as stack:
        files: dict[str, IO[bytes]] = {}
        for name, path in stage.items():
            _make_folders(path.parent)
            path.unlink(missing_ok=True)
            files[name] = stack.enter_context(_new_file(path, like=places[name]))
        _check_room(manifest, stage)
        with open_archive(archive) as (tar, again):
            if again != manifest:
                raise BackupError(f"{archive} has changed meanwhile: nothing was changed")
            read_files(tar, again, lambda name, piece: files[name].write(piece))
        for file in files.values():
            file.flush()
            os.fsync(file.fileno())


def _make_folders(folder: Path) -> None:
    if not folder.exists():
        _make_folders(folder.parent)
        folder.mkdir(mode=0o700)
        _own_as(folder, folder.parent)


def _new_file(path: Path, *, like: Path) -> IO[bytes]:
    """Make a file with the owner and mode of the one that it will replace, or for the owner of its folder alone."""
    is_there = like.is_file() and not like.is_symlink()
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    _own_as(path, like if is_there else path.parent)
    if is_there:
        os.fchmod(descriptor, like.stat().st_mode & 0o640)
    return os.fdopen(descriptor, "wb")


def _own_as(path: Path, like: Path) -> None:
    """Give a path the owner of another; only root can, and only root has to."""
    if os.geteuid() == 0:
        found = like.stat()
        os.chown(path, found.st_uid, found.st_gid, follow_symlinks=False)


def _check_room(manifest: Manifest, stage: dict[str, Path]) -> None:
    for folder in {path.parent for path in stage.values()}:
        wanted = sum(member.bytes for member in manifest.files if stage[member.name].parent == folder)
        if space_of(folder).free_bytes < wanted:
            raise BackupError(f"{folder} has no room for {wanted} bytes: nothing was changed")


def _check_state(database: Path | None, manifest: Manifest) -> tuple[Remembered, str]:
    """Read the database as a gateway would; return what has changes in it, and a fault of its audit log.

    Raises:
        BackupError: it is damaged, of a newer version, or its audit log is not the one of the manifest.
    """
    if database is None:
        return Remembered(streams=frozenset()), ""
    try:
        with closing(sqlite3.connect(f"{database.absolute().as_uri()}?immutable=1", uri=True)) as opened:
            state = read_state(opened)
            found = opened.execute("PRAGMA integrity_check").fetchone()[0]
            records = list(records_of(opened))
    except (sqlite3.Error, DamagedError, ValueError, TypeError) as error:
        raise BackupError(f"its state can't be used: {error}; nothing was changed") from None
    if found != "ok":
        raise BackupError(f"its state is damaged: {found}; nothing was changed")
    if (len(records), records[-1].hash if records else GENESIS) != (manifest.records, manifest.head or GENESIS):
        raise BackupError("its audit log is not the one that its manifest names; nothing was changed")
    changed = Remembered(streams=frozenset(state.overlays), has_assets=bool(state.assets.overlays))
    return changed, find_break(records) or ""


def _keep_aside(places: list[Path], state_dir: Path | None, stamp: str) -> list[Path]:
    """Keep everything that is about to be replaced under another name."""
    aside: list[Path] = []
    if state_dir is not None:
        folder = state_dir / f"before-restore-{stamp}"
        names = [name for name in (*STATE_FILES, *LOG_NAMES, MARKER_NAME) if (state_dir / name).exists()]
        if names:
            folder.mkdir(mode=0o700, exist_ok=True)
            _own_as(folder, state_dir)
            for name in names:
                _copy(state_dir / name, folder / name)
            sync_folder(folder)
            aside.append(folder)
    for place in places:
        if place.parent != state_dir and place.is_file():
            kept = place.with_name(f"{place.name}.before-restore-{stamp}")
            _copy(place, kept)
            aside.append(kept)
    return aside


def _copy(source: Path, target: Path) -> None:
    """Copy a file with its mode and owner; it is on the disk afterwards."""
    check_regular(source)
    shutil.copy2(source, target)
    _own_as(target, source)
    with target.open("rb") as file:
        os.fsync(file.fileno())


def _begin(state_dir: Path, changed: Remembered) -> None:
    """Keep gateways from starting, then remove what would damage another database."""
    unfinished = state_dir / RESTORING_NAME
    check_regular(unfinished)
    unfinished.write_text("a backup is being restored here: make the restore again\n")
    _own_as(unfinished, state_dir)
    remembered = read_marker(state_dir)
    both = changed.and_also(remembered) if remembered is not None else changed
    if both.streams is not None:  # it may name too many streams, never too few; one that is damaged names all
        write_marker(state_dir, both.streams, has_assets=both.has_assets)
        _own_as(state_dir / MARKER_NAME, state_dir)
    sync_folder(state_dir)
    for name in LOG_NAMES:
        (state_dir / name).unlink(missing_ok=True)


def _end(state_dir: Path, changed: Remembered) -> None:
    write_marker(state_dir, changed.streams or frozenset(), has_assets=changed.has_assets)
    _own_as(state_dir / MARKER_NAME, state_dir)
    with suppress(FileNotFoundError):
        (state_dir / RESTORING_NAME).unlink()
    sync_folder(state_dir)
