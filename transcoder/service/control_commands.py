"""The commands `config` and `audit` of the command line."""

from pathlib import Path
from typing import Annotated

import typer

from transcoder.errors import TranscoderError

ConfigPath = Annotated[Path, typer.Argument(help="The configuration file (YAML).", metavar="CONFIG")]

USAGE = 2

config_app = typer.Typer(help="What the file says and what was changed at runtime.", no_args_is_help=True)
audit_app = typer.Typer(help="Who changed what, and each channel first seen.", no_args_is_help=True)


def _fail(error: TranscoderError) -> typer.Exit:
    typer.echo(str(error), err=True)
    return typer.Exit(USAGE)


@config_app.command()
def show(config: ConfigPath) -> None:
    """Print what holds, file and runtime changes together, without secrets."""
    from transcoder.service import config_command  # noqa: PLC0415  # --help stays fast

    try:
        _, model = config_command.read_model(config)
    except TranscoderError as error:
        raise _fail(error) from None
    typer.echo(config_command.show(model), nl=False)


@config_app.command()
def diff(config: ConfigPath) -> None:
    """Print what was changed at runtime; exit 1 if anything was."""
    from transcoder.service import config_command  # noqa: PLC0415  # --help stays fast

    try:
        _, model = config_command.read_model(config)
    except TranscoderError as error:
        raise _fail(error) from None
    lines = list(config_command.diff(model))
    for line in lines:
        typer.echo(line)
    raise typer.Exit(1 if lines else 0)


@config_app.command()
def export(config: ConfigPath) -> None:
    """Print a file with the runtime changes in it, PASSWORDS INCLUDED, to take the place of the present one."""
    from transcoder.service import config_command  # noqa: PLC0415  # --help stays fast

    try:
        file, model = config_command.read_model(config)
    except TranscoderError as error:
        raise _fail(error) from None
    typer.echo(config_command.export(file, model), nl=False)


@config_app.command()
def schema() -> None:
    """Print the JSON Schema of the configuration file, for editors."""
    import json  # noqa: PLC0415  # --help stays fast

    from transcoder.config import json_schema  # noqa: PLC0415

    typer.echo(json.dumps(json_schema(), indent=2))


@audit_app.command()
def verify(
    config: ConfigPath,
    head: Annotated[str | None, typer.Option(metavar="HASH", help="That the log must contain, kept elsewhere.")] = None,
) -> None:
    """Say whether the log is whole: nothing changed, nothing taken out; exit 1 if it is not."""
    from transcoder.config import load  # noqa: PLC0415  # --help stays fast
    from transcoder.service.audit import GENESIS, find_break  # noqa: PLC0415
    from transcoder.service.store import read_audit  # noqa: PLC0415

    try:
        records = read_audit(load(config).state_dir) or []
    except TranscoderError as error:
        raise _fail(error) from None
    problem = find_break(records)
    if problem is None and head is not None and head not in {GENESIS, *(record.hash for record in records)}:
        problem = "it doesn't contain the given record: what came after it, and itself, was taken out"
    if problem is not None:
        typer.echo(f"the audit log is not whole: {problem}")
        raise typer.Exit(1)
    typer.echo(f"the audit log is whole: {len(records)} records, head {records[-1].hash if records else GENESIS}")


@audit_app.command("export")
def export_audit(config: ConfigPath) -> None:
    """Print the log, a JSON line for each record, oldest first."""
    from transcoder.config import load  # noqa: PLC0415  # --help stays fast
    from transcoder.service.store import read_audit  # noqa: PLC0415

    try:
        records = read_audit(load(config).state_dir) or []
    except TranscoderError as error:
        raise _fail(error) from None
    for record in records:
        typer.echo(record.to_json())
