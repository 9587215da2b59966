"""The command line."""

import sys
from importlib.metadata import entry_points
from pathlib import Path
from typing import Annotated

import typer
import uvloop

from transcoder.cli import audit, config
from transcoder.cli.exits import ConfigPath, fail
from transcoder.config import load, load_file
from transcoder.errors import ConfigError, TranscoderError
from transcoder.exit_codes import USAGE

app = typer.Typer(
    help="Takes legacy IP cameras in and serves clean, re-encoded streams to any video management system.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

app.add_typer(config.app, name="config")
app.add_typer(audit.app, name="audit")


@app.command()
def run(
    config: ConfigPath,
    log_json: Annotated[bool, typer.Option("--log-json", help="Log JSON lines instead of text.")] = False,
    log_level: Annotated[str, typer.Option(help="debug, info, warning or error.")] = "info",
) -> None:
    """Run the gateway until SIGTERM or Ctrl-C."""
    from transcoder.app import App, run_until_stopped  # noqa: PLC0415  # --help stays fast
    from transcoder.logs import configure_logs  # noqa: PLC0415

    try:
        file = load_file(config)
    except ConfigError as error:
        raise fail(str(error), USAGE) from None
    try:
        configure_logs(json=log_json, level=log_level)
    except ValueError as error:
        raise fail(f"--log-level: {error}", USAGE) from None
    try:
        uvloop.run(run_until_stopped(App(config, file, debug=log_level.lower() == "debug")))
    except TranscoderError as error:
        raise fail(str(error), USAGE) from None


@app.command()
def check(config: ConfigPath) -> None:
    """Say whether a configuration file is valid, and every problem if it is not."""
    try:
        settings = load(config)
    except ConfigError as error:
        raise fail(str(error), USAGE) from None
    enabled = sum(stream.enabled for stream in settings.streams.values())
    typer.echo(f"{config}: valid, {len(settings.streams)} streams, {enabled} enabled")


Username = Annotated[str | None, typer.Option(help="To log in with; also taken from the URL.")]
Password = Annotated[
    str | None, typer.Option(envvar="TRANSCODER_PASSWORD", help="Likewise; better in the environment than here.")
]


@app.command()
def probe(
    url: Annotated[str, typer.Argument(metavar="URL", help="rtsp:// URL of a camera.")],
    seconds: Annotated[float, typer.Option(metavar="S", help="How long it is watched.")] = 10.0,
    transport: Annotated[str, typer.Option(help="auto, tcp or udp.")] = "auto",
    username: Username = None,
    password: Password = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the findings as JSON.")] = False,
) -> None:
    """Visit a camera: what it is, what it sends, and every metadata channel that would be stripped."""
    from rich.console import Console  # noqa: PLC0415  # --help stays fast

    from transcoder.probe import command  # noqa: PLC0415

    options = command.ProbeOptions(
        url=url, username=username, password=password, transport=transport, seconds=seconds, as_json=as_json
    )
    raise typer.Exit(command.probe(options, Console(), Console(stderr=True)))


@app.command()
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
    as_json: Annotated[bool, typer.Option("--json", help="Print the verdict as JSON.")] = False,
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


def _add_installed() -> None:
    """Add the commands of packages that are installed beside the product: the laboratory's `demo` and `bench`."""
    for entry in entry_points(group="transcoder.commands"):
        app.command(name=entry.name)(entry.load())


def main() -> None:
    """Entry point of the console script."""
    _add_installed()
    sys.exit(app())
