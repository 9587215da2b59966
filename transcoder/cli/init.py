"""The command `transcoder init` is here."""

import os
from pathlib import Path
from typing import Annotated

import typer

from transcoder.cli.failure import fail


def init(
    file: Annotated[Path | None, typer.Argument(help="The file to write; without it the text is printed.")] = None,
) -> None:
    """Write a configuration file with every key, its meaning and its default, all commented out but a first stream."""
    from transcoder.config.template import template  # noqa: PLC0415  # --help stays fast

    text = template()
    if file is None:
        typer.echo(text, nl=False)
        return
    try:
        _write_new(file, text)
    except FileExistsError:
        raise fail(f"{file}: there is such a file already; it was left as it is") from None
    except OSError as error:
        raise fail(f"{file}: can't be written: {error.strerror}") from None
    typer.echo(f"{file} is written. Name your cameras under streams, then: transcoder check {file}")


def _write_new(file: Path, text: str) -> None:
    """Write a file that there was not before, for its owner alone: passwords will stand in it.

    Raises:
        OSError: the file can't be written, or there is one.
    """
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
            stream.write(text)
    except OSError:
        file.unlink(missing_ok=True)
        raise
