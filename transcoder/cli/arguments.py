"""Several commands share these arguments."""

from pathlib import Path
from typing import Annotated

import typer

ConfigPath = Annotated[Path, typer.Argument(help="The configuration file (YAML).", metavar="CONFIG")]
Username = Annotated[str | None, typer.Option(help="To log in with; also taken from the URL.")]
Password = Annotated[
    str | None, typer.Option(envvar="TRANSCODER_PASSWORD", help="Likewise; better in the environment than here.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
