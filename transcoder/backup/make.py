"""A backup is made here, also beside a running gateway, which notices nothing.

Source: https://www.sqlite.org/backup.html (a copy of a database in use is one moment of it).
"""

import io
import sqlite3
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from transcoder.backup.archive import digest, open_archive, write_archive
from transcoder.backup.manifest import STATE_FILES, BackupError, Manifest, Member, is_inside
from transcoder.backup.own_names import is_hidden
from transcoder.config import ConfigFile, load_file
from transcoder.config.include import MAX_FILE_BYTES
from transcoder.config.permissions import named_files
from transcoder.config.substitution import read_bounded
from transcoder.regular_file import check_regular
from transcoder.service.audit import find_break
from transcoder.service.audit_records import records_of
from transcoder.service.state_copy import read_beside
from transcoder.service.state_database import FILE_NAME, DamagedError, read_state, schema_version
from transcoder.service.state_folder import database_files
from transcoder.service.state_reader import read_kept
from transcoder.service.store import now_text


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """Says what a backup holds.

    Attributes:
        manifest: the manifest.
        left_out: the files that the configuration names and that are not in the backup.
        broken: why the audit log is not whole, "" where it is.
    """

    manifest: Manifest
    left_out: tuple[str, ...]
    broken: str


def make_backup(config: Path, target: Path, *, secrets: bool) -> Made:
    """Write the configuration and the state of a gateway into an archive.

    Args:
        config: the configuration file.
        target: the path of the archive; a backup there is replaced.
        secrets: whether files with passwords, tokens and keys are in it.

    Raises:
        ConfigError: the configuration is not valid.
        BackupError: the backup can't be made.
        StoreError: the state is gone.
    """
    file = load_file(config)
    try:
        if target.exists() or target.is_symlink():
            _check_replaceable(target)
        kept, left_out = _configuration(config, file, secrets=secrets)
        contents: dict[str, Path | bytes] = dict(kept)
        with tempfile.TemporaryDirectory(dir=target.absolute().parent, prefix=".backup-") as folder:
            copy = Path(folder) / FILE_NAME
            records, head, broken = _state(file.config.state_dir, copy, contents)
            manifest = Manifest(
                made_at=now_text(),
                made_by=version("transcoder"),
                node=file.config.node,
                configuration=config.name,
                state_dir=_state_dir(file.config.state_dir, config.parent),
                records=records,
                head=head,
                files=tuple(_members(contents)),
            )
            write_archive(target, manifest, contents)
    except OSError as error:
        raise BackupError(f"the backup can't be made: {error.filename or target}: {error.strerror or error}") from None
    return Made(manifest=manifest, left_out=tuple(left_out), broken=broken)


def _check_replaceable(target: Path) -> None:
    """Refuse to write over anything but a backup.

    Raises:
        BackupError: another file is there.
    """
    try:
        with open_archive(target):
            return
    except BackupError:
        raise BackupError(f"{target} is there and no backup: name another file, or remove it") from None


def _configuration(config: Path, file: ConfigFile, *, secrets: bool) -> tuple[dict[str, bytes], list[str]]:
    """Read the files of the configuration; return those that are kept, by name in the archive, and those left out."""
    kept, left_out = {}, []
    wanted = [(path, True) for path in file.files or (config,)]
    wanted += [(config.parent / name, secrets or not secret) for name, secret in named_files(file.data)]
    for path, is_kept in wanted:
        name = _relative(path, config.parent)
        if name is None or not is_kept or (path != config and is_hidden(name)):
            left_out.append(str(path))
            continue
        try:
            kept[f"config/{name}"] = read_bounded(path, MAX_FILE_BYTES)
        except ValueError as error:
            raise BackupError(f"{path} {error}") from None
    return kept, sorted(set(left_out))


def _relative(path: Path, folder: Path) -> str | None:
    """Return a path relative to a folder, None where it leads out of it."""
    path, folder = Path(path).absolute(), folder.absolute()
    name = str(path.relative_to(folder)) if path.is_relative_to(folder) else ""
    return name if is_inside(name) else None


def _state_dir(folder: Path | None, beside: Path) -> str | None:
    """Return the folder of the state as the manifest has it."""
    return None if folder is None else _relative(folder, beside) or str(folder.absolute())


def _state(folder: Path | None, copy: Path, contents: dict[str, Path | bytes]) -> tuple[int, str, str]:
    """Copy the state; return the number of audit records, the newest hash, and why the chain is broken."""
    if folder is None:
        return 0, "", ""
    for name in STATE_FILES:
        check_regular(folder / name)
        if name != FILE_NAME and (folder / name).exists():
            contents[f"state/{name}"] = read_bounded(folder / name, MAX_FILE_BYTES)
    path = folder / FILE_NAME
    check_regular(*database_files(path))
    if not path.exists() or not path.stat().st_size:
        read_kept(folder)  # it knows whether there were changes
        return 0, "", ""
    try:
        copy_database(folder / FILE_NAME, copy)
        with closing(sqlite3.connect(copy)) as database:
            if not schema_version(database):  # a first start was killed
                return 0, "", ""
            database.execute("PRAGMA journal_mode = DELETE")  # one file, which needs no other beside it
            read_state(database)
            records = list(records_of(database))
    except (sqlite3.Error, DamagedError, ValueError) as error:
        raise BackupError(f"{folder / FILE_NAME} can't be copied: {error}") from None
    contents[f"state/{FILE_NAME}"] = copy
    return len(records), records[-1].hash if records else "", find_break(records) or ""


def copy_database(source: Path, target: Path) -> None:
    """Copy a database, one moment of it, also while it is written; it may lie on a disk that can't be.

    Raises:
        sqlite3.Error: it can't be read.
        OSError: there is no room for the copy.
    """

    def take(database: sqlite3.Connection) -> None:
        target.unlink(missing_ok=True)  # a first try may have left a part
        with closing(sqlite3.connect(target)) as into:
            database.backup(into)

    read_beside(source, take)


def _members(contents: Mapping[str, Path | bytes]) -> Iterator[Member]:
    for name, content in contents.items():
        with content.open("rb") if isinstance(content, Path) else io.BytesIO(content) as file:
            size, found = digest(file)
        yield Member(name=name, bytes=size, sha256=found)
