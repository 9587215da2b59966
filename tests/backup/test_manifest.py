"""A manifest names only files that a backup has: nothing leads out of its folder, nothing is named twice."""

import json
from typing import Any

import pytest

from transcoder.backup.manifest import BackupError, Manifest, Member, is_inside, read_manifest

DIGEST = "0" * 64
MANIFEST = Manifest(
    made_at="2026-11-29T07:00:00.000Z",
    made_by="0.1.0",
    node="gw1",
    configuration="gateway.yaml",
    state_dir="state",
    records=3,
    head=DIGEST,
    files=(
        Member(name="config/gateway.yaml", bytes=10, sha256=DIGEST),
        Member(name="config/conf.d/a.yaml", bytes=10, sha256=DIGEST),
        Member(name="state/state.sqlite", bytes=5 << 20, sha256=DIGEST),
        Member(name="state/verify.key", bytes=32, sha256=DIGEST),
    ),
)


def changed(**keys: Any) -> bytes:
    return json.dumps({**json.loads(MANIFEST.to_json()), **keys}).encode()


def with_file(**keys: Any) -> bytes:
    files = json.loads(MANIFEST.to_json())["files"]
    return changed(files=[*files, {"name": "config/b", "bytes": 1, "sha256": DIGEST, **keys}])


def test_it_is_read_as_it_was_written() -> None:
    assert read_manifest(MANIFEST.to_json()) == MANIFEST
    assert read_manifest(changed(state_dir="/var/lib/transcoder")).state_dir == "/var/lib/transcoder"
    assert read_manifest(changed(state_dir=None)).state_dir is None


@pytest.mark.parametrize(
    "name",
    [
        "config/../x", "config//etc/passwd", "/etc/passwd", "config/", "config", "config/./x", "config/a/../../x",
        "state/lock", "state/../x", "state/numba/x", "state/state.sqlite-wal", "other/x", "config/a\nb", "config/a\\b",
        "config/gateway.yaml", "config/a//b", "../config/x", "config/..", "",
        "config/" + "a/" * 1500 + "a",
    ],
)  # fmt: skip
def test_a_name_that_no_backup_has_is_refused(name: str) -> None:
    with pytest.raises(BackupError, match="it is no backup"):
        read_manifest(with_file(name=name))


@pytest.mark.parametrize(
    "content",
    [
        b"", b"[]", b"{}", b"\xff", b"[" * 100_000,
        changed(format="zip"), changed(version="1"), changed(files=[{}]), changed(files=None), changed(node=5),
        changed(records=-1), changed(records=True), changed(head=None), changed(state_dir="../x"), changed(state_dir=5),
        changed(configuration="../gateway.yaml"), changed(configuration="other.yaml"), changed(made_by="a\x1b[31m"),
        with_file(sha256="x"), with_file(bytes=-1), with_file(bytes=1.5), with_file(name=5), with_file(more=1),
        with_file(bytes=(4 << 20) + 1),
    ],
)  # fmt: skip
def test_what_is_damaged_is_refused(content: bytes) -> None:
    with pytest.raises(BackupError, match="it is no backup"):
        read_manifest(content)


def test_a_newer_form_is_refused_with_the_version_that_made_it() -> None:
    with pytest.raises(BackupError, match=r"made by a newer version \(9\.0\): update first"):
        read_manifest(changed(version=2, made_by="9.0"))
    with pytest.raises(BackupError, match=r"newer version \(unknown\)"):
        read_manifest(changed(version=2, made_by="\x1b[31m"))


def test_paths_that_stay_inside() -> None:
    assert [path for path in ("a", "a/b", ".hidden", "a..b", "/a", "..", "a/", "./a", "") if is_inside(path)] == [
        "a", "a/b", ".hidden", "a..b",
    ]  # fmt: skip
