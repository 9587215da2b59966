"""What counts as a change of a configuration of several files."""

import os
from pathlib import Path

import pytest

from transcoder.config.watch import SETTLE_S, WatchedFiles


@pytest.fixture
def path(tmp_path: Path) -> Path:
    (tmp_path / "conf.d").mkdir()
    (tmp_path / "conf.d/a.yaml").write_text("streams: {}\n")
    path = tmp_path / "gateway.yaml"
    path.write_text("include: conf.d/*.yaml\n")
    return path


def _touch(path: Path, text: str) -> None:
    path.write_text(text)
    os.utime(path, ns=(1, path.stat().st_mtime_ns + 1_000_000))  # whatever the clock of the file system does


def test_what_is_left_alone_stays_the_same(path: Path) -> None:
    files = WatchedFiles(path)
    assert files.stamp() == files.stamp()
    (path.parent / "conf.d/notes.txt").write_text("x")
    assert files.stamp() == WatchedFiles(path).stamp()


def test_an_included_file_that_is_changed_added_or_removed_is_a_change(path: Path) -> None:
    files = WatchedFiles(path)
    stamps = [files.stamp()]
    _touch(path.parent / "conf.d/a.yaml", "streams: {a: 1}\n")
    stamps.append(files.stamp())
    (path.parent / "conf.d/b.yaml").write_text("")
    stamps.append(files.stamp())
    (path.parent / "conf.d/a.yaml").unlink()
    stamps.append(files.stamp())
    assert len(set(stamps)) == 4


def test_a_file_that_is_no_yaml_any_more_leaves_the_others_watched(path: Path) -> None:
    files = WatchedFiles(path)
    files.stamp()
    _touch(path, "streams: [")
    broken = files.stamp()
    _touch(path.parent / "conf.d/a.yaml", "streams: {b: 1}\n")
    assert files.stamp() != broken


def test_a_missing_file_is_told_apart(path: Path) -> None:
    files = WatchedFiles(path)
    path.unlink()
    assert files.stamp() is None


def test_a_change_is_taken_up_once_it_is_left_alone(tmp_path: Path) -> None:
    """A file that is truncated and written in pieces is a valid one with half of its streams in between."""
    path = tmp_path / "gateway.yaml"
    path.write_text("streams: {}\n")
    files = WatchedFiles(path)
    assert not files.look(100.0)
    assert not files.look(200.0)
    with path.open("w") as file:
        for number in range(1, 8):
            file.write(f"# {number}\n")
            file.flush()
            assert not files.look(200.0 + number * 0.9 * SETTLE_S)
    assert not files.look(200.0 + 7 * 0.9 * SETTLE_S + 0.9 * SETTLE_S)
    assert files.look(200.0 + 8 * SETTLE_S)
    assert not files.look(300.0)
    path.unlink()
    assert not files.look(400.0)
    assert not files.look(500.0)
    path.write_text("streams: {}\n")
    assert not files.look(600.0)
    assert files.look(601.0)
