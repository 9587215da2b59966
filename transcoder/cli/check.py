"""The command `transcoder check` is here."""

from typing import Annotated

import typer

from transcoder.cli.arguments import AsJson, ConfigPath


def check(
    config: ConfigPath,
    connect: Annotated[
        bool, typer.Option("--connect", help="Visit each camera once, too; exit 1 if one fails.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Say whether a configuration file is valid, and every problem with its line if it is not."""
    from transcoder.cli.check_text import examined, visited  # noqa: PLC0415  # --help stays fast

    report = examined(config)
    if not as_json:
        for line in report.complaints():
            typer.echo(line, err=True)
        if report.is_valid:
            for line in report.preset_lines():
                typer.echo(line)
            typer.echo(report.summary())
    if connect and report.config is not None:
        if not as_json:
            typer.echo("visiting the cameras, a few seconds each", err=True)
        report = visited(report, report.config)
    if as_json:
        typer.echo(report.as_json())
    else:
        for line in report.camera_lines():
            typer.echo(line)
    raise typer.Exit(report.exit_code)
