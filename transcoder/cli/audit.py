"""The commands `transcoder audit verify|export` are here."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from transcoder.cli.arguments import ConfigPath
from transcoder.cli.failure import errors_end_the_command
from transcoder.exit_codes import NO

if TYPE_CHECKING:
    from collections.abc import Sequence

    from transcoder.service.audit import Record

app = typer.Typer(help="Who changed what, and each channel first seen.", no_args_is_help=True)


@app.command()
def verify(
    config: ConfigPath,
    head: Annotated[str | None, typer.Option(metavar="HASH", help="That the log must contain, kept elsewhere.")] = None,
) -> None:
    """Say whether the log is whole: nothing changed, nothing taken out; exit 1 if it is not, or if there is none."""
    from transcoder.service.audit import GENESIS, find_break  # noqa: PLC0415  # --help stays fast

    records = _records(config)
    problem = find_break(records)
    if problem is None and head is not None and head not in {GENESIS, *(record.hash for record in records)}:
        problem = "it doesn't contain the given record: what came after it, and itself, was taken out"
    if problem is not None:
        typer.echo(f"the audit log is not whole: {problem}")
        raise typer.Exit(NO)
    typer.echo(f"the audit log is whole: {len(records)} records, head {records[-1].hash if records else GENESIS}")


@app.command("export")
def export_audit(config: ConfigPath) -> None:
    """Print the log, a JSON line for each record, oldest first."""
    for record in _records(config, told_on_stderr=True):
        typer.echo(record.to_json())


def _records(config: Path, *, told_on_stderr: bool = False) -> "Sequence[Record]":
    """Read the records of the gateway that a configuration file describes.

    Args:
        config: the configuration file.
        told_on_stderr: whether standard output holds records and nothing else.

    Raises:
        typer.Exit: there is no log. A log that is missing proves nothing, whoever took it away.
    """
    from transcoder.config import load  # noqa: PLC0415  # --help stays fast
    from transcoder.service.state_database import FILE_NAME  # noqa: PLC0415
    from transcoder.service.state_reader import read_audit  # noqa: PLC0415

    with errors_end_the_command():
        folder = load(config).state_dir
        if folder is None:
            typer.echo("there is no audit log: state_dir is null, so that nothing is kept", err=told_on_stderr)
            raise typer.Exit(NO)
        path = folder / FILE_NAME
        records = read_audit(folder) if not path.exists() or path.stat().st_size else None
    if records is None:
        typer.echo(
            f"there is no audit log at {path}: no gateway ran with this state_dir yet, or the log was taken away",
            err=told_on_stderr,
        )
        raise typer.Exit(NO)
    return records
