"""The command `transcoder fleet plan` is here."""

from pathlib import Path
from typing import Annotated

import typer

from transcoder.cli.arguments import AsJson
from transcoder.cli.failure import errors_end_the_command
from transcoder.exit_codes import OK, USAGE

app = typer.Typer(help="Several gateways that share many cameras.", no_args_is_help=True)


@app.callback()
def _fleet() -> None:
    """Keep `plan` a command of its own: Typer takes a single one for the whole."""


@app.command()
def plan(
    fleet: Annotated[Path, typer.Argument(help="The fleet's slots, addresses and streams (YAML).", metavar="FLEET")],
    earlier: Annotated[
        Path | None, typer.Option(metavar="DIR", help="With the configurations of the present plan: move little.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option(metavar="DIR", help="For a configuration a shard; without it nothing is written.")
    ] = None,
    measured: Annotated[
        list[Path] | None,
        typer.Option(metavar="FILE", help="An answer to GET /api/v1/streams, for measured costs; may be repeated."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Say which gateway has which cameras, what that fills and what moves, and write each one's configuration."""
    from transcoder.cli.fleet_files import planned  # noqa: PLC0415  # --help stays fast

    with errors_end_the_command():
        made = planned(fleet, earlier, out, measured or ())
        if not made.problems and out is not None:
            made.write(out)
    if as_json:
        typer.echo(made.as_json())
    else:
        for line in made.lines():
            typer.echo(line)
        for line in made.problems:
            typer.echo(line, err=True)
        if not made.problems and out is not None:
            typer.echo(f"{out}: {made.written()}")
    raise typer.Exit(USAGE if made.problems else OK)
