"""The commands `transcoder report` and `transcoder report verify` are here."""

from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Annotated, Final, Literal

import typer

from transcoder.cli.failure import errors_end_the_command, fail
from transcoder.exit_codes import NO, OK, USAGE
from transcoder.text import printable

MAX_SAID: Final = 200
"""Characters that a check repeats of a report, at most; names of gateways have 63."""

app = typer.Typer(
    help="How many cameras are still there, what they leak, and when the last one is gone.", invoke_without_command=True
)


@app.callback()
def make(
    context: typer.Context,
    config: Annotated[Path | None, typer.Option(metavar="FILE", help="The configuration file (YAML).")] = None,
    out: Annotated[Path | None, typer.Option(metavar="DIR", help="The folder to write to.")] = None,
    since: Annotated[
        datetime | None,
        typer.Option("--from", formats=["%Y-%m-%d"], metavar="DAY", help="The first day, such as 2026-01-01."),
    ] = None,
    until: Annotated[
        datetime | None,
        typer.Option("--to", formats=["%Y-%m-%d"], metavar="DAY", help="The last day, by default today."),
    ] = None,
    is_public: Annotated[
        bool, typer.Option("--public/--internal", help="For everybody, or with what helps an attacker.")
    ] = True,
    language: Annotated[Literal["en", "nl"], typer.Option("--lang", help="The language of the page.")] = "en",
    key: Annotated[
        Path | None, typer.Option(metavar="FILE", help="The key that signs, by default verify.key in the state_dir.")
    ] = None,
    network: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Counters of the camera network (deploy/nftables).")
    ] = None,
) -> None:
    """Write report.json, which is signed, report.html and assets.csv; or check one: `report verify FILE`."""
    from transcoder.cli.report_files import ReportOptions, write  # noqa: PLC0415  # --help stays fast

    if context.invoked_subcommand is not None:
        return
    if config is None or out is None:
        raise fail("give --config FILE and --out DIR")
    options = ReportOptions(
        config=config,
        out=out,
        since=since.date() if since else None,
        until=until.date() if until else None,
        audience="public" if is_public else "internal",
        language=language,
        key=key,
        network=network,
    )
    with errors_end_the_command():
        for line in write(options, warn=partial(typer.echo, err=True)):
            typer.echo(line)


@app.command()
def verify(
    report: Annotated[Path, typer.Argument(metavar="FILE", help="The report.json to check.")],
    key: Annotated[
        Path | None, typer.Option(metavar="FILE", help="The public key; without it the one that the report names.")
    ] = None,
) -> None:
    """Say whether a report is as it was signed; exit 1 if it was changed or another key signed it."""
    from transcoder.report.writing import check_report  # noqa: PLC0415  # --help stays fast
    from transcoder.verify.statement import ProofError  # noqa: PLC0415

    try:
        checked = check_report(report, key)
    except ProofError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(USAGE) from None
    if not checked.is_signed:
        typer.echo(f"not as it was signed: {report} was changed, or the key {checked.fingerprint} did not sign it")
        raise typer.Exit(NO)
    made = checked.statement
    said = printable(f"{made['audience']} report of {made['node']}, {made['at']}", MAX_SAID)
    typer.echo(f"as it was signed: {said}, key {checked.fingerprint}")
    if not checked.is_trusted:
        typer.echo("the key is the one that the report names: compare it with the operator's, or give it by --key")
    raise typer.Exit(OK)
