"""The arguments that commands share, and the way in which one ends with an error."""

from pathlib import Path
from typing import Annotated

import typer

ConfigPath = Annotated[Path, typer.Argument(help="The configuration file (YAML).", metavar="CONFIG")]


def fail(problem: object, status: int) -> typer.Exit:
    """Print a problem on standard error and return the exit to raise.

    Args:
        problem: an error or a line of text.
        status: NO or USAGE.
    """
    typer.echo(str(problem), err=True)
    return typer.Exit(status)
