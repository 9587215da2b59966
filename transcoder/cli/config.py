"""The commands `transcoder config show|diff|export|schema` are here."""

import typer

from transcoder.cli.arguments import ConfigPath
from transcoder.cli.failure import errors_end_the_command
from transcoder.exit_codes import NO, OK

app = typer.Typer(help="What the file says and what was changed at runtime.", no_args_is_help=True)


@app.command()
def show(config: ConfigPath) -> None:
    """Print the effective configuration, file and runtime changes together, without secrets."""
    from transcoder.cli import config_text  # noqa: PLC0415  # --help stays fast

    with errors_end_the_command():
        _, effective = config_text.read_effective(config)
    typer.echo(config_text.show(effective), nl=False)


@app.command()
def diff(config: ConfigPath) -> None:
    """Print the changes that were made at runtime; exit 1 if there are any."""
    from transcoder.cli import config_text  # noqa: PLC0415  # --help stays fast

    with errors_end_the_command():
        _, effective = config_text.read_effective(config)
    lines = list(config_text.diff(effective))
    for line in lines:
        typer.echo(line)
    raise typer.Exit(NO if lines else OK)


@app.command()
def export(config: ConfigPath) -> None:
    """Print a file with the runtime changes and the included files in it, PASSWORDS TOO, to replace the present one."""
    from transcoder.cli import config_text  # noqa: PLC0415  # --help stays fast

    with errors_end_the_command():
        file, effective = config_text.read_effective(config)
    typer.echo(config_text.export(file, effective), nl=False)


@app.command()
def schema() -> None:
    """Print the JSON Schema of the configuration file, for editors."""
    import json  # noqa: PLC0415  # --help stays fast

    from transcoder.config import json_schema  # noqa: PLC0415

    typer.echo(json.dumps(json_schema(), indent=2))
