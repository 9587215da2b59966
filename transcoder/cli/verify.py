"""The command `transcoder verify` is here."""

from pathlib import Path
from typing import Annotated

import typer

from transcoder.cli.arguments import AsJson, Password, Username


def verify(
    source: Annotated[str, typer.Argument(metavar="URL|FILE", help="rtsp:// URL, .h264/.h265, pcap(ng), RTSP dump.")],
    seconds: Annotated[float, typer.Option(metavar="S", help="How long a URL is read.")] = 10.0,
    transport: Annotated[str, typer.Option(help="tcp or udp.")] = "tcp",
    username: Username = None,
    password: Password = None,
    codec: Annotated[str | None, typer.Option(help="h264 or h265, where a recording doesn't tell it.")] = None,
    canary: Annotated[
        list[str] | None, typer.Option(metavar="HEX", help="Bytes that must not occur, raw, hex or base64.")
    ] = None,
    canaries: Annotated[
        list[Path] | None, typer.Option(metavar="FILE", help="Canaries as the camera simulator lists them.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Read a stream or a recording independently and say whether anything but pixels is in it."""
    from rich.console import Console  # noqa: PLC0415  # --help stays fast

    from transcoder.verify import command  # noqa: PLC0415

    options = command.VerifyOptions(
        source=source,
        username=username,
        password=password,
        transport=transport,
        seconds=seconds,
        codec=codec,
        canaries=tuple(canary or ()),
        canary_files=tuple(canaries or ()),
        as_json=as_json,
    )
    raise typer.Exit(command.verify(options, Console(), Console(stderr=True)))
