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
    assert [path.name for path in tmp_path.iterdir()] == [MARKER_NAME]
    assert stat.S_IMODE((tmp_path / MARKER_NAME).stat().st_mode) == 0o600


@pytest.mark.parametrize("content", [b"", b"\0" * 4096, b"{}", b"[]", b'{"streams": 5}', b'{"streams": [1]}', b"\xff"])
def test_a_damaged_marker_means_any_stream(tmp_path: Path, content: bytes) -> None:
    (tmp_path / MARKER_NAME).write_bytes(content)
    assert read_marker(tmp_path) == Remembered(streams=None)
