"""The command `transcoder probe` is here."""

from pathlib import Path
from typing import Annotated

import typer

from transcoder.cli.arguments import AsJson, Password, Username
from transcoder.cli.interruption import ended_as_by_ctrl_c


def probe(
    url: Annotated[str, typer.Argument(metavar="URL", help="rtsp:// or rtsps:// URL of a camera.")],
    seconds: Annotated[float, typer.Option(metavar="S", help="How long it is watched.")] = 10.0,
    transport: Annotated[str, typer.Option(help="auto, tcp, udp or http.")] = "auto",
    username: Username = None,
    password: Password = None,
    onvif: Annotated[
        bool,
        typer.Option("--onvif", help="Ask it for make and firmware over ONVIF, and nothing else."),
    ] = False,
    config: Annotated[
        Path | None, typer.Option(metavar="FILE", help="With --onvif: whose sources.allow holds.")
    ] = None,
    asset: Annotated[
        str | None, typer.Option(metavar="ID", help="With --config: the running gateway keeps it, for this asset.")
    ] = None,
    token_file: Annotated[
        Path | None, typer.Option(metavar="FILE", help="The file of a token for the running gateway.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Visit a camera and list its make, its media, and every metadata channel that would be stripped."""
    from rich.console import Console  # noqa: PLC0415  # --help stays fast

    if onvif:
        from transcoder.cli.kept_device import keeper  # noqa: PLC0415
        from transcoder.discover import device_command  # noqa: PLC0415

        if asset is not None and config is None:
            raise typer.BadParameter("needs --config: the gateway's file says where its API is", param_hint="--asset")
        asked = device_command.DeviceOptions(
            url=url,
            username=username,
            password=password,
            config=config,
            keep=keeper(asset, token_file) if asset is not None else None,
            as_json=as_json,
        )
        with ended_as_by_ctrl_c():
            raise typer.Exit(device_command.ask(asked, Console(), Console(stderr=True)))
    from transcoder.probe import command  # noqa: PLC0415

    options = command.ProbeOptions(
        url=url, username=username, password=password, transport=transport, seconds=seconds, as_json=as_json
    )
    with ended_as_by_ctrl_c():
        code = command.probe(options, Console(), Console(stderr=True))
    raise typer.Exit(code)
