"""The command `transcoder swap STREAM` is here."""

from pathlib import Path
from typing import Annotated, Any

import typer

from transcoder.cli.arguments import Password, Username
from transcoder.cli.backup import DEFAULT_CONFIG
from transcoder.cli.failure import errors_end_the_command, fail
from transcoder.errors import TransportError
from transcoder.exit_codes import NO, OK


def swap(
    stream: Annotated[str, typer.Argument(metavar="STREAM", help="The stream's id.")],
    source: Annotated[str | None, typer.Option(metavar="URL", help="The new camera's rtsp:// or rtsps:// URL.")] = None,
    asset: Annotated[str | None, typer.Option(metavar="ID", help="The new camera's asset, of `assets`.")] = None,
    config: Annotated[
        Path, typer.Option(metavar="FILE", help="The running gateway's file, with its API and a token.")
    ] = DEFAULT_CONFIG,
    username: Username = None,
    password: Password = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Switch without a question.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Switch even if the new camera sends no pictures.")] = False,
    rollback: Annotated[
        bool, typer.Option("--rollback", help="Switch back to the camera that the last swap replaced.")
    ] = False,
    token_file: Annotated[
        Path | None, typer.Option(metavar="FILE", help="The token to use instead of the configuration's.")
    ] = None,
) -> None:
    """Look at another camera and have a stream of the running gateway pull it: the URL stays, and no reader is lost."""
    from transcoder.cli.gateway_client import GatewayClient  # noqa: PLC0415  # --help stays fast
    from transcoder.cli.swap_text import swap_lines  # noqa: PLC0415
    from transcoder.cli.token_file import read_token  # noqa: PLC0415
    from transcoder.config import load  # noqa: PLC0415

    if rollback and (source or asset or force):
        raise fail("--rollback takes no --source, --asset or --force: the camera before is known")
    if not rollback and source is None:
        raise fail("give --source with the URL of the new camera, or --rollback")
    with errors_end_the_command():
        client = GatewayClient(load(config), config, changes=True, token=read_token(token_file))
        try:
            if rollback:
                told = client.swap(stream, {}, is_rollback=True)
            else:
                keys = _camera(source or "", asset, username, password)
                seen = str(client.stream(stream).get("etag", ""))  # the question is about the camera of now
                planned = client.swap(stream, {**keys, "plan": True}, if_match=seen)
                typer.echo("\n".join(swap_lines(planned)))
                _decide(planned, yes=yes, force=force)
                told = client.swap(stream, {**keys, "force": force}, if_match=seen)
        except TransportError as error:
            typer.echo(str(error), err=True)
            raise typer.Exit(NO) from None
    if rollback:
        typer.echo("\n".join(swap_lines(told)))
    way_back = "" if rollback else f"; back again: transcoder swap {stream} --rollback --config {config}"
    typer.echo(f"{stream} pulls {'the camera before' if rollback else 'the new camera'} from now on{way_back}")


def _decide(planned: dict[str, Any], *, yes: bool, force: bool) -> None:
    """Go on, or end the command.

    Raises:
        typer.Exit: the new camera sends no pictures, or the answer is no.
    """
    if planned["problem"] is not None and not force:
        typer.echo("nothing was changed: --force switches to a camera that sends no pictures", err=True)
        raise typer.Exit(NO)
    if not yes and not typer.confirm("switch?"):
        raise typer.Exit(OK)


def _camera(source: str, asset: str | None, username: str | None, password: str | None) -> dict[str, Any]:
    login = {key: value for key, value in (("username", username), ("password", password)) if value is not None}
    keys: dict[str, Any] = {"source": {"url": source, **login} if login else source}
    return keys if asset is None else {**keys, "asset": asset}
