"""The commands `transcoder config show|diff|export|schema`."""

import typer

from transcoder.cli.exits import ConfigPath, fail
from transcoder.errors import TranscoderError
from transcoder.exit_codes import USAGE

app = typer.Typer(help="What the file says and what was changed at runtime.", no_args_is_help=True)


@app.command()
def show(config: ConfigPath) -> None:
    """Print what holds, file and runtime changes together, without secrets."""
    from transcoder.cli import effective as texts  # noqa: PLC0415  # --help stays fast

    try:
        _, effective = texts.read_effective(config)
    except TranscoderError as error:
        raise fail(error, USAGE) from None
    typer.echo(texts.show(effective), nl=False)


@app.command()
def diff(config: ConfigPath) -> None:
    """Print what was changed at runtime; exit 1 if anything was."""
    from transcoder.cli import effective as texts  # noqa: PLC0415  # --help stays fast

    try:
        _, effective = texts.read_effective(config)
    except TranscoderError as error:
        raise fail(error, USAGE) from None
    lines = list(texts.diff(effective))
    for line in lines:
        typer.echo(line)
    raise typer.Exit(1 if lines else 0)


@app.command()
def export(config: ConfigPath) -> None:
    """Print a file with the runtime changes in it, PASSWORDS INCLUDED, to take the place of the present one."""
    from transcoder.cli import effective as texts  # noqa: PLC0415  # --help stays fast

    try:
        file, effective = texts.read_effective(config)
    except TranscoderError as error:
        raise fail(error, USAGE) from None
    typer.echo(texts.export(file, effective), nl=False)


@app.command()
def schema() -> None:
    """Print the JSON Schema of the configuration file, for editors."""
    import json  # noqa: PLC0415  # --help stays fast

    from transcoder.config import json_schema  # noqa: PLC0415

    typer.echo(json.dumps(json_schema(), indent=2))
