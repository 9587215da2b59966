"""The command `transcoder verify` is here."""

from pathlib import Path
from typing import Annotated

import typer

from transcoder.cli.arguments import AsJson, Password, Username
from transcoder.cli.interruption import ended_as_by_ctrl_c


def verify(
    source: Annotated[
        str | None,
        typer.Argument(metavar="URL|FILE", help="rtsp:// or rtsps:// URL, .h264/.h265, pcap(ng), RTSP dump."),
    ] = None,
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
    signed: Annotated[Path | None, typer.Option(metavar="FILE", help="Write the signed statement there.")] = None,
    page: Annotated[Path | None, typer.Option(metavar="FILE", help="Write a page to read there, HTML.")] = None,
    key: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="The key that signs, by default state/verify.key."),
    ] = None,
    check: Annotated[Path | None, typer.Option(metavar="FILE", help="Check a signed statement instead.")] = None,
    public_key: Annotated[
        Path | None, typer.Option(metavar="FILE", help="The public key to check with, by default KEY.pub.")
    ] = None,
    api: Annotated[
        str | None,
        typer.Option(metavar="URL", help="The gateway's API, which tells the camera's pictures from the slate."),
    ] = None,
    token_file: Annotated[Path | None, typer.Option(metavar="FILE", help="The file of a token for --api.")] = None,
    as_json: AsJson = False,
) -> None:
    """Read a stream or a recording independently and say whether anything but pixels is in it."""
    from rich.console import Console  # noqa: PLC0415  # --help stays fast

    from transcoder.verify import command  # noqa: PLC0415

    key = key or command.DEFAULT_KEY
    if check is not None:
        trusted = public_key or key.with_name(key.name + ".pub")
        raise typer.Exit(command.check(check, trusted, Console(), Console(stderr=True)))
    if source is None:
        raise typer.BadParameter("a URL or a file is needed, or --check", param_hint="URL|FILE")
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
        signed=signed,
        key=key,
        page=page,
        api=api,
        token_file=token_file,
    )
    with ended_as_by_ctrl_c():
        code = command.verify(options, Console(), Console(stderr=True))
    raise typer.Exit(code)
