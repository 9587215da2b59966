"""The marker beside the state."""

import stat
from pathlib import Path

import pytest

from transcoder.service.state_marker import MARKER_NAME, Remembered, read_marker, write_marker


def test_what_was_written_is_read(tmp_path: Path) -> None:
    assert read_marker(tmp_path) is None
    assert read_marker(tmp_path / "none") is None
    for names in ({"front", "yard"}, set()):
        write_marker(tmp_path, frozenset(names))
        assert read_marker(tmp_path) == Remembered(streams=frozenset(names))
    write_marker(tmp_path, frozenset(), has_assets=True)
    remembered = read_marker(tmp_path)
    assert remembered == Remembered(streams=frozenset(), has_assets=True)
    assert not remembered.is_empty
    assert [path.name for path in tmp_path.iterdir()] == [MARKER_NAME]
    assert stat.S_IMODE((tmp_path / MARKER_NAME).stat().st_mode) == 0o600


@pytest.mark.parametrize("content", [b"", b"\0" * 4096, b"{}", b"[]", b'{"streams": 5}', b'{"streams": [1]}', b"\xff"])
def test_a_damaged_marker_means_any_stream(tmp_path: Path, content: bytes) -> None:
    (tmp_path / MARKER_NAME).write_bytes(content)
    assert read_marker(tmp_path) == Remembered(streams=None)


def test_a_marker_of_a_version_without_assets_is_read(tmp_path: Path) -> None:
    (tmp_path / MARKER_NAME).write_text('{"about": "", "streams": []}')
    remembered = read_marker(tmp_path)
    assert remembered == Remembered(streams=frozenset())
    assert remembered.is_empty
