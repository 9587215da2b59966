"""The commands `transcoder audit verify|export`."""

from typing import Annotated

import typer

from transcoder.cli.exits import ConfigPath, fail
from transcoder.errors import TranscoderError
from transcoder.exit_codes import USAGE

app = typer.Typer(help="Who changed what, and each channel first seen.", no_args_is_help=True)


@app.command()
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
        raise fail(error, USAGE) from None
    problem = find_break(records)
    if problem is None and head is not None and head not in {GENESIS, *(record.hash for record in records)}:
        problem = "it doesn't contain the given record: what came after it, and itself, was taken out"
    if problem is not None:
        typer.echo(f"the audit log is not whole: {problem}")
        raise typer.Exit(1)
    typer.echo(f"the audit log is whole: {len(records)} records, head {records[-1].hash if records else GENESIS}")


@app.command("export")
def export_audit(config: ConfigPath) -> None:
    """Print the log, a JSON line for each record, oldest first."""
    from transcoder.config import load  # noqa: PLC0415  # --help stays fast
    from transcoder.service.store import read_audit  # noqa: PLC0415

    try:
        records = read_audit(load(config).state_dir) or []
    except TranscoderError as error:
        raise fail(error, USAGE) from None
    for record in records:
        typer.echo(record.to_json())
