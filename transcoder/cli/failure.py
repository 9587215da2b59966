"""A command that can't do its work ends with one line on standard error and an exit code, without a traceback."""

import atexit
import contextlib
import os
import sys
from collections.abc import Iterator
from typing import NoReturn

import typer

from transcoder.errors import TranscoderError
from transcoder.exit_codes import USAGE


@contextlib.contextmanager
def errors_end_the_command() -> Iterator[None]:
    """Turn an error of the product that is raised inside into the end of the command.

    Raises:
        typer.Exit: with the code for usage, once the error's text is printed.
    """
    try:
        yield
    except TranscoderError as error:
        raise fail(error) from None


def fail(problem: object) -> typer.Exit:
    """Print a problem on standard error and return the exit to raise.

    Args:
        problem: an error or a line of text.
    """
    typer.echo(str(problem), err=True)
    return typer.Exit(USAGE)


def end_at_once(code: int) -> NoReturn:
    """End the process: everything is stopped, and a thread that still waits for a resolver can't hold it for minutes.

    Args:
        code: the exit code.
    """
    atexit._run_exitfuncs()  # noqa: SLF001  # unlike the end of the interpreter it waits for no thread
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)
