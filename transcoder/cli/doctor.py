"""The command `transcoder doctor` is here."""

from pathlib import Path
from typing import Annotated

import typer

from transcoder.cli.arguments import AsJson
from transcoder.cli.failure import errors_end_the_command


def doctor(
    config: Annotated[Path | None, typer.Argument(help="The configuration file (YAML).", metavar="[CONFIG]")] = None,
    as_json: AsJson = False,
) -> None:
    """Examine this machine: is a worker contained, and what helps where a measure is missing? Exit 1 for an error."""
    from rich.console import Console  # noqa: PLC0415  # --help stays fast

    from transcoder.doctor import command  # noqa: PLC0415
    from transcoder.logs import configure_logs  # noqa: PLC0415

    configure_logs(json=False, level="error")
    with errors_end_the_command():
        code = command.doctor(command.DoctorOptions(config=config, as_json=as_json), Console())
    raise typer.Exit(code)
