"""The archive is a plain tar, its manifest first; nothing of it is believed before every digest was compared.

It is not compressed, so that it can't unfold into more than its size, and has regular files only.
"""

import hashlib
import io
import os
import tarfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Final

from transcoder.backup.manifest import (
    MANIFEST_NAME,
    MAX_MANIFEST_BYTES,
    MAX_MEMBERS,
    BackupError,
    Manifest,
    read_manifest,
)

PIECE: Final = 1 << 20
"""Bytes that are read at once."""

BLOCK: Final = 512
"""Bytes of a header; files are filled up to a multiple of it."""
MAX_LONG_NAME: Final = 8192
"""Bytes of the entry that holds a long name: twice the longest path of Linux."""
_SIZE_FIELD: Final = slice(124, 136)
_TYPE_FIELD: Final = slice(156, 157)
_BINARY: Final = 0x80
"""The first byte of a size that is no octal number: of a file over 8 GiB."""
_TYPES: Final = frozenset({tarfile.REGTYPE, tarfile.XHDTYPE})

Take = Callable[[str, bytes], object]
"""Takes the pieces of a file in turn, with its name in the archive."""


def digest(file: IO[bytes]) -> tuple[int, str]:
    """Return the size and the SHA-256 of a file from where it is read."""
    found, size = hashlib.sha256(), 0
    while piece := file.read(PIECE):
        found.update(piece)
        size += len(piece)
    return size, found.hexdigest()


def write_archive(target: Path, manifest: Manifest, contents: Mapping[str, Path | bytes]) -> None:
    """Write an archive for its owner alone, in place of an older one only when it is whole and on the disk.

    Args:
        target: the path of the archive.
        manifest: the manifest.
        contents: each file's content, or the path of it, by the name in the archive.

    Raises:
        OSError: it can't be written.
        BackupError: a file has changed since the manifest was made.
    """
    new = target.with_name(f".{target.name}.new")
    new.unlink(missing_ok=True)
    descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            with tarfile.open(fileobj=file, mode="w:", format=tarfile.PAX_FORMAT) as tar:
                _add(tar, MANIFEST_NAME, manifest.to_json(), len(manifest.to_json()))
                for member in manifest.files:
                    _add(tar, member.name, contents[member.name], member.bytes)
            file.flush()
            os.fsync(file.fileno())
        new.replace(target)
    except BaseException:
        new.unlink(missing_ok=True)
        raise
    sync_folder(target.parent)


def _add(tar: tarfile.TarFile, name: str, content: Path | bytes, size: int) -> None:
    with content.open("rb") if isinstance(content, Path) else io.BytesIO(content) as file:
        entry = tarfile.TarInfo(name)
        entry.size, entry.mode = file.seek(0, os.SEEK_END), 0o600
        if entry.size != size:
            raise BackupError(f"{name} has changed meanwhile: try again")
        file.seek(0)
        tar.addfile(entry, file)


@contextmanager
def open_archive(path: Path) -> Iterator[tuple[tarfile.TarFile, Manifest]]:
    """Open an archive and read its manifest.

    Raises:
        BackupError: it is no backup, or of a newer version.
        OSError: it can't be read.
    """
    if not path.is_file():
        raise BackupError(f"{path}: there is no such file" if not path.exists() else f"{path}: it is no file")
    try:
        with path.open("rb") as file:
            _check_entries(file)
        with tarfile.open(path, mode="r:") as tar:
            yield tar, _first(tar)
    except (tarfile.TarError, ValueError, OverflowError):
        raise BackupError(f"{path}: it is no backup, or is cut short") from None
    except BackupError as error:
        raise BackupError(f"{path}: {error}") from None


def _check_entries(file: IO[bytes]) -> None:
    """Walk the headers of an archive before anything is read by them: regular files, with names of a bounded length.

    Raises:
        ValueError: there is another entry, or there are too many.

    Source: POSIX.1-2017, pax, "ustar Interchange Format".
    """
    end = file.seek(0, os.SEEK_END)
    file.seek(0)
    for _ in range(2 * (MAX_MEMBERS + 2)):  # each file may have an entry with a long name before it
        header = file.read(BLOCK)
        if len(header) < BLOCK or not any(header):
            return
        digits = header[_SIZE_FIELD]
        size = int.from_bytes(digits[1:], "big") if digits[0] == _BINARY else int(digits.rstrip(b"\0 ") or b"0", 8)
        if header[_TYPE_FIELD] not in _TYPES or (header[_TYPE_FIELD] == tarfile.XHDTYPE and size > MAX_LONG_NAME):
            raise ValueError
        if file.seek(-(-size // BLOCK) * BLOCK, os.SEEK_CUR) > end:
            raise ValueError
    raise ValueError


def _first(tar: tarfile.TarFile) -> Manifest:
    first = tar.next()
    if first is None or first.name != MANIFEST_NAME or not _is_plain(first) or first.size > MAX_MANIFEST_BYTES:
        raise BackupError("it is no backup: its first file is no manifest")
    return read_manifest(_open(tar, first).read())


def read_files(tar: tarfile.TarFile, manifest: Manifest, take: Take) -> None:
    """Read every file of an archive, and compare it with the manifest.

    Args:
        tar: the archive, its manifest read.
        manifest: the manifest.
        take: takes what was read, before the whole file was compared.

    Raises:
        BackupError: a file is missing, is another than the manifest says, or is no regular file.
    """
    wanted = {member.name: member for member in manifest.files}
    while (entry := tar.next()) is not None:
        member = wanted.pop(entry.name, None)
        if member is None:
            raise BackupError(f"it has a file that its manifest does not name: {entry.name!r}")
        if not _is_plain(entry) or entry.size != member.bytes:
            raise BackupError(f"{member.name} is not the file that the manifest names")
        file, found = _open(tar, entry), hashlib.sha256()
        while piece := file.read(PIECE):
            found.update(piece)
            take(member.name, piece)
        if found.hexdigest() != member.sha256:
            raise BackupError(f"{member.name} is damaged: its SHA-256 is another one")
    if wanted:
        raise BackupError(f"it is cut short: {min(wanted)} is missing")


def read_some(path: Path, manifest: Manifest, names: frozenset[str]) -> dict[str, bytes]:
    """Read some small files of an archive once more.

    Args:
        path: the path of the archive.
        manifest: the manifest that was read of it.
        names: the names of the files in the archive.

    Raises:
        BackupError: the archive is another one meanwhile.
        OSError: it can't be read.
    """
    found = {name: bytearray() for name in names}

    def take(name: str, piece: bytes) -> None:
        if name in found:
            found[name] += piece

    with open_archive(path) as (tar, again):
        if again != manifest:
            raise BackupError("it has changed meanwhile: nothing was changed")
        read_files(tar, again, take)
    return {name: bytes(content) for name, content in found.items()}


def _is_plain(entry: tarfile.TarInfo) -> bool:
    """Return whether an entry is a file that lies in the archive in full, and no link, device or file with holes."""
    return entry.type == tarfile.REGTYPE and not entry.issparse()


def _open(tar: tarfile.TarFile, entry: tarfile.TarInfo) -> IO[bytes]:
    file = tar.extractfile(entry)
    if file is None:
        raise BackupError(f"{entry.name!r} is no regular file")
    return file


def sync_folder(folder: Path) -> None:
    """Have the names in a folder reach the disk."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
