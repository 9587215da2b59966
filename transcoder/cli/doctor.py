"""The command `transcoder doctor` is here."""

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from transcoder.cli.arguments import AsJson
from transcoder.cli.failure import errors_end_the_command
from transcoder.cli.interruption import ended_as_by_ctrl_c


def doctor(
    config: Annotated[Path | None, typer.Argument(help="The configuration file (YAML).", metavar="[CONFIG]")] = None,
    as_json: AsJson = False,
    internet: Annotated[
        bool, typer.Option("--internet", help="Connect from the cameras' side to the internet, which has to fail.")
    ] = False,
    internet_address: Annotated[
        list[str] | None, typer.Option(metavar="ADDRESS:PORT", help="To connect to, in place of public resolvers.")
    ] = None,
) -> None:
    """Examine this machine: can the gateway run here as it is meant to, and what helps? Exit 1 for an error."""
    from rich.console import Console  # noqa: PLC0415  # --help stays fast

    from transcoder.doctor import command  # noqa: PLC0415
    from transcoder.logs import configure_logs  # noqa: PLC0415

    configure_logs(json=False, level="error")
    with errors_end_the_command(), ended_as_by_ctrl_c():  # no process and no folder is left behind
        options = command.DoctorOptions(config=config, as_json=as_json, tries_internet=internet)
        if internet_address:
            options = replace(options, tries_internet=True, elsewhere=tuple(internet_address))
        code = command.doctor(options, Console())
    raise typer.Exit(code)
