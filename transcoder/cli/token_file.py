"""A token for the API of the running gateway can stand in a file of its own, beside those of the configuration."""

from pathlib import Path
from typing import Final

from transcoder.errors import TranscoderError
from transcoder.regular_file import read_regular

MAX_TOKEN: Final = 4096
"""Bytes of a file with a token, at most: tokens are shorter than a line."""


def read_token(path: Path | None) -> str:
    """Return the token in a file; "" where none is given.

    Args:
        path: the file, None for none.

    Raises:
        TranscoderError: the file can't be read.
    """
    if path is None:
        return ""
    try:
        return read_regular(path, MAX_TOKEN).decode().strip()
    except (OSError, ValueError) as error:
        raise TranscoderError(f"--token-file: {path} can't be read: {error}") from None
