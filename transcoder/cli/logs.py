"""The command `transcoder logs STREAM` is here."""

from pathlib import Path
from typing import Annotated, Any

import typer

from transcoder.cli.arguments import AsJson
from transcoder.cli.backup import DEFAULT_CONFIG
from transcoder.cli.failure import errors_end_the_command, fail
from transcoder.cli.interruption import ended_as_by_ctrl_c
from transcoder.errors import TransportError
from transcoder.exit_codes import NO, OK


def logs(
    names: Annotated[
        list[str],
        typer.Argument(
            metavar="[CONFIG] STREAM",
            help="The running gateway's file, gateway.yaml without one, with its API and a token; the stream's id.",
        ),
    ],
    since: Annotated[
        str | None, typer.Option(metavar="TIME", help="From when on, such as 2026-11-28T21:30:00Z.")
    ] = None,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on with what happens from now on.")] = False,
    as_json: AsJson = False,
) -> None:
    """Print what happened to a stream of the running gateway: its state, and its last events."""
    import json  # noqa: PLC0415  # --help stays fast

    from transcoder.cli.event_lines import event_line, state_line  # noqa: PLC0415
    from transcoder.cli.gateway_client import GatewayClient  # noqa: PLC0415
    from transcoder.config import load  # noqa: PLC0415

    if len(names) > 2:
        raise fail("give CONFIG and STREAM, or STREAM alone")
    if len(names) == 1 and not {".", "/"}.isdisjoint(names[0]):  # which no id of a stream has
        raise fail(f"{names[0]} is no id of a stream: give CONFIG and STREAM, or STREAM alone")
    config, stream = Path(names[0]) if len(names) == 2 else DEFAULT_CONFIG, names[-1]

    def show(event: dict[str, Any]) -> None:
        typer.echo(json.dumps(event, ensure_ascii=False) if as_json else event_line(event))

    with errors_end_the_command():
        client = GatewayClient(load(config), config, addresses=True)
        try:
            known = client.stream_events(stream)
            shown = known if since is None else client.stream_events(stream, since)
            for event in shown:
                show(event)
            if not as_json:
                typer.echo(state_line(client.stream(stream)))
            if follow:
                with ended_as_by_ctrl_c():
                    for event in client.follow(stream, known[-1]["sequence"] if known else 0):
                        show(event)
        except TransportError as error:
            typer.echo(str(error), err=True)
            raise typer.Exit(NO) from None
        except KeyboardInterrupt:  # there is no other way to end what follows for ever
            raise typer.Exit(OK) from None
