"""Archives that are whole, and archives that somebody made to do harm."""

import hashlib
import io
import os
import tarfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from tests.backup.test_manifest import MANIFEST
from transcoder.backup.archive import open_archive, read_files, write_archive
from transcoder.backup.manifest import BackupError, Manifest, Member

CONTENTS = {"config/gateway.yaml": b"streams: {}\n", "state/verify.key": b"k" * 32, f"config/{'long/' * 40}ü": b"l"}


def manifest_of(contents: dict[str, bytes]) -> Manifest:
    files = (
        Member(name=name, bytes=len(data), sha256=hashlib.sha256(data).hexdigest()) for name, data in contents.items()
    )
    return replace(MANIFEST, files=tuple(files))


def read(path: Path) -> dict[str, bytes]:
    found: dict[str, bytes] = {}

    def take(name: str, piece: bytes) -> None:
        found[name] = found.get(name, b"") + piece

    with open_archive(path) as (tar, manifest):
        read_files(tar, manifest, take)
    return found


def test_what_was_written_is_read_by_us_and_by_tar(tmp_path: Path) -> None:
    path = tmp_path / "x.tar"
    write_archive(path, manifest_of(CONTENTS), dict(CONTENTS))
    assert read(path) == CONTENTS
    assert path.stat().st_mode & 0o777 == 0o600
    with tarfile.open(path) as tar:
        assert tar.getnames() == ["manifest.json", *CONTENTS]
        assert {entry.mode for entry in tar} == {0o600}
    assert os.listdir(tmp_path) == ["x.tar"]


def test_an_older_archive_stays_until_the_new_one_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "x.tar"
    write_archive(path, manifest_of(CONTENTS), dict(CONTENTS))
    with pytest.raises(BackupError, match="has changed meanwhile"):
        write_archive(path, manifest_of(CONTENTS), CONTENTS | {"state/verify.key": b"longer" * 8})
    assert read(path) == CONTENTS
    assert os.listdir(tmp_path) == ["x.tar"]


def make(path: Path, add: Callable[[tarfile.TarFile], None], manifest: Manifest | None = None) -> None:
    with tarfile.open(path, "w:", format=tarfile.PAX_FORMAT) as tar:
        content = (manifest or manifest_of(CONTENTS)).to_json()
        put(tar, "manifest.json", content)
        add(tar)


def put(tar: tarfile.TarFile, name: str, content: bytes = b"", **fields: object) -> None:
    entry = tarfile.TarInfo(name)
    entry.size = len(content)
    for field, value in fields.items():
        setattr(entry, field, value)
    tar.addfile(entry, io.BytesIO(content))


def put_all(tar: tarfile.TarFile) -> None:
    for name, content in CONTENTS.items():
        put(tar, name, content)


def each(change: Callable[[bytes], bytes], **fields: object) -> Callable[[tarfile.TarFile], None]:
    def add(tar: tarfile.TarFile) -> None:
        for name, content in CONTENTS.items():
            put(tar, name, change(content), **fields)

    return add


def more(name: str, content: bytes = b"", **fields: object) -> Callable[[tarfile.TarFile], None]:
    def add(tar: tarfile.TarFile) -> None:
        put_all(tar)
        put(tar, name, content, **fields)

    return add


def before(manifest: bytes) -> Callable[[tarfile.TarFile], None]:
    def add(tar: tarfile.TarFile) -> None:
        put(tar, "manifest.json", manifest)
        put_all(tar)

    return add


@pytest.mark.parametrize(
    "add",
    [
        more("config/other", b"x"),
        more("config/gateway.yaml", b"again"),
        more("manifest.json", manifest_of(CONTENTS).to_json()),
        before(manifest_of({"config/gateway.yaml": b"x"}).to_json()),
        more("../outside", b"x"),
        more("/etc/cron.d/x", b"x"),
        more("config/link", type=tarfile.SYMTYPE, linkname="/etc/passwd"),
        more("config/link", type=tarfile.LNKTYPE, linkname="/etc/passwd"),
        more("config/device", type=tarfile.CHRTYPE),
        more("config/pipe", type=tarfile.FIFOTYPE),
        more("config/folder", type=tarfile.DIRTYPE),
        more("config/old", type=tarfile.AREGTYPE),
        more("config/sparse", type=tarfile.GNUTYPE_SPARSE),
        more("n" * 9000, b"x"),
        more("config/holes", b"1\n0\n512\n", pax_headers={"GNU.sparse.major": "1", "GNU.sparse.minor": "0"}),
        lambda tar: put(tar, "config/gateway.yaml", CONTENTS["config/gateway.yaml"]),
        each(lambda content: content[::-1]),
        each(lambda content: content + b"x"),
        each(lambda _: b"", type=tarfile.SYMTYPE, linkname="x"),
    ],
)  # fmt: skip
def test_an_archive_with_anything_else_is_refused(add: Callable[[tarfile.TarFile], None], tmp_path: Path) -> None:
    make(tmp_path / "x.tar", add)
    with pytest.raises(BackupError):
        read(tmp_path / "x.tar")


def test_the_same_archive_without_it_is_read(tmp_path: Path) -> None:
    make(tmp_path / "x.tar", put_all)
    assert read(tmp_path / "x.tar") == CONTENTS


def test_a_file_that_unfolds_is_no_backup(tmp_path: Path) -> None:
    path = tmp_path / "x.tar.gz"
    with tarfile.open(path, "w:gz") as tar:
        put(tar, "manifest.json", manifest_of(CONTENTS).to_json())
        put_all(tar)
    with pytest.raises(BackupError, match="it is no backup"):
        read(path)


@pytest.mark.parametrize("content", [b"", b"x", b"\0" * 1024, b"x" * 4096])
def test_a_file_that_is_no_archive_is_refused(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "x.tar").write_bytes(content)
    with pytest.raises(BackupError, match="it is no backup"):
        read(tmp_path / "x.tar")


@pytest.mark.parametrize("share", [0.1, 0.3, 0.5, 0.7])
def test_an_archive_that_is_cut_short_is_refused(share: float, tmp_path: Path) -> None:
    path = tmp_path / "x.tar"
    write_archive(path, manifest_of(CONTENTS), dict(CONTENTS))
    used = path.read_bytes().rstrip(b"\0")
    path.write_bytes(used[: int(len(used) * share)])
    with pytest.raises(BackupError):
        read(path)


def test_a_folder_and_nothing_are_no_backup(tmp_path: Path) -> None:
    with pytest.raises(BackupError, match="it is no file"):
        read(tmp_path)
    with pytest.raises(BackupError, match="there is no such file"):
        read(tmp_path / "none.tar")
