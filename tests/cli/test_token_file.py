"""A token of a file of its own."""

from pathlib import Path

import pytest

from transcoder.cli.token_file import MAX_TOKEN, read_token
from transcoder.errors import TranscoderError


def test_a_token_is_read_without_its_end_of_line(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("e" * 20 + "\n")
    assert read_token(tmp_path / "token") == "e" * 20
    assert read_token(None) == ""


@pytest.mark.parametrize("content", [None, b"\xff\xfe", b"e" * (MAX_TOKEN + 1)])
def test_what_is_no_token_is_refused_by_the_name_of_its_option(tmp_path: Path, content: bytes | None) -> None:
    if content is not None:
        (tmp_path / "token").write_bytes(content)
    with pytest.raises(TranscoderError, match=r"--token-file: .*token can't be read"):
        read_token(tmp_path / "token")
    with pytest.raises(TranscoderError, match="can't be read"):
        read_token(tmp_path)
