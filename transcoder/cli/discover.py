"""The command `transcoder discover` is here."""

from pathlib import Path
from typing import Annotated

import typer

from transcoder.cli.arguments import AsJson
from transcoder.cli.interruption import ended_as_by_ctrl_c


def discover(
    network: Annotated[list[str], typer.Option(metavar="NETWORK", help="Such as 192.168.10.0/24; at most a /20.")],
    interface: Annotated[str, typer.Option(metavar="NAME", help="Whose network; default: as the kernel routes.")] = "",
    config: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Whose sources.allow holds and whose streams are known.")
    ] = None,
    ports: Annotated[str, typer.Option(metavar="LIST", help="The ports of RTSP.")] = "554,8554",
    rate: Annotated[float, typer.Option(metavar="N", help="Connections a second, at most 200.")] = 50.0,
    write: Annotated[Path | None, typer.Option(metavar="FILE", help="A new file: streams, not enabled.")] = None,
    as_json: AsJson = False,
) -> None:
    """Look for cameras on a network: what answers, what it seems to be, and what is no stream yet."""
    from rich.console import Console  # noqa: PLC0415  # --help stays fast

    from transcoder.discover import command  # noqa: PLC0415

    options = command.DiscoverOptions(
        networks=tuple(network),
        interface=interface,
        config=config,
        ports=ports,
        rate=rate,
        write=write,
        as_json=as_json,
    )
    with ended_as_by_ctrl_c():
        code = command.discover(options, Console(), Console(stderr=True))
    raise typer.Exit(code)
