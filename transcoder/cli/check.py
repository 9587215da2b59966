"""The command `transcoder check` is here."""

import typer

from transcoder.cli.arguments import AsJson, ConfigPath
from transcoder.exit_codes import OK, USAGE


def check(config: ConfigPath, as_json: AsJson = False) -> None:
    """Say whether a configuration file is valid, and every problem with its line if it is not."""
    from transcoder.cli.check_text import examined  # noqa: PLC0415  # --help stays fast

    report = examined(config)
    if as_json:
        typer.echo(report.as_json())
    else:
        for line in report.complaints():
            typer.echo(line, err=True)
        if report.is_valid:
            typer.echo(report.summary())
    raise typer.Exit(OK if report.is_valid else USAGE)
