"""The command line."""

import sys
from pathlib import Path
from typing import Annotated

import typer
import uvloop

from transcoder.config import load, load_file
from transcoder.errors import ConfigError, TranscoderError
from transcoder.service.control_commands import audit_app, config_app

OK = 0
NO = 1
USAGE = 2

app = typer.Typer(
    help="Takes legacy IP cameras in and serves clean, re-encoded streams to any video management system.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

app.add_typer(config_app, name="config")
app.add_typer(audit_app, name="audit")

ConfigPath = Annotated[Path, typer.Argument(help="The configuration file (YAML).", metavar="CONFIG")]


def _fail(message: str, status: int) -> typer.Exit:
    typer.echo(message, err=True)
    return typer.Exit(status)


@app.command()
def run(
    config: ConfigPath,
    log_json: Annotated[bool, typer.Option("--log-json", help="Log JSON lines instead of text.")] = False,
    log_level: Annotated[str, typer.Option(help="debug, info, warning or error.")] = "info",
) -> None:
    """Run the gateway until SIGTERM or Ctrl-C."""
    from transcoder.service.control_plane import ControlPlane  # noqa: PLC0415  # --help stays fast
    from transcoder.service.gateway import run_until_stopped  # noqa: PLC0415
    from transcoder.service.logs import configure_logs  # noqa: PLC0415

    try:
        file = load_file(config)
    except ConfigError as error:
        raise _fail(str(error), USAGE) from None
    try:
        configure_logs(json=log_json, level=log_level)
    except ValueError as error:
        raise _fail(f"--log-level: {error}", USAGE) from None
    try:
        uvloop.run(run_until_stopped(ControlPlane(config, file, debug=log_level.lower() == "debug")))
    except TranscoderError as error:
        raise _fail(str(error), USAGE) from None


@app.command()
def check(config: ConfigPath) -> None:
    """Say whether a configuration file is valid, and every problem if it is not."""
    try:
        settings = load(config)
    except ConfigError as error:
        raise _fail(str(error), USAGE) from None
    enabled = sum(stream.enabled for stream in settings.streams.values())
    typer.echo(f"{config}: valid, {len(settings.streams)} streams, {enabled} enabled")


@app.command()
def demo(
    cameras: Annotated[int, typer.Option(metavar="N", help="Simulated legacy cameras.")] = 4,
    seconds: Annotated[float, typer.Option(metavar="S", help="How long the streams are watched.")] = 30.0,
    source: Annotated[
        str | None,
        typer.Option(metavar="FILE|URL", help="Your own footage: a file that the cameras show, or an rtsp:// camera."),
    ] = None,
    vendor: Annotated[
        str, typer.Option(metavar="FAMILY", help="Of all cameras: hikvision, dahua, uniview, h264dvr or mixed.")
    ] = "mixed",
    settings: Annotated[
        list[str] | None, typer.Option("--set", metavar="NAME=VALUE", help="Change a switch of all cameras.")
    ] = None,
    port: Annotated[int, typer.Option(help="RTSP port on 127.0.0.1; 0: any free one.")] = 0,
    as_json: Annotated[bool, typer.Option("--json", help="Print the verdict as JSON, and nothing else.")] = False,
    log_level: Annotated[str, typer.Option(help="debug, info, warning or error.")] = "error",
) -> None:
    """Show it all on this machine: simulated legacy cameras, the gateway, and a verdict on what it serves."""
    from transcoder.service.demo import DemoOptions, run_demo  # noqa: PLC0415  # --help stays fast
    from transcoder.service.logs import configure_logs  # noqa: PLC0415

    options = DemoOptions(
        cameras=cameras,
        seconds=seconds,
        source=source,
        vendor=vendor,
        settings=tuple(settings or ()),
        port=port,
        json=as_json,
    )
    try:
        configure_logs(json=False, level=log_level)
    except ValueError as error:
        raise _fail(f"--log-level: {error}", USAGE) from None
    try:
        clean = uvloop.run(run_demo(options))
    except TranscoderError as error:
        raise _fail(str(error), USAGE) from None
    raise typer.Exit(OK if clean else NO)


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

    from transcoder.service.probe import command  # noqa: PLC0415

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

    from transcoder.service.verify import command  # noqa: PLC0415

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


@app.command()
def bench(
    size: Annotated[str, typer.Option(metavar="WIDTHxHEIGHT", help="Of the simulated cameras.")] = "1920x1080",
    fps: Annotated[int, typer.Option(help="Of the simulated cameras.")] = 25,
    source: Annotated[Path | None, typer.Option(metavar="FILE", help="Footage of yours, instead of a scene.")] = None,
    codec: Annotated[str, typer.Option(help="What the cameras send: h264 or h265.")] = "h264",
    profile: Annotated[str, typer.Option(help="encoder.profile: economy, balanced or quality.")] = "balanced",
    seconds: Annotated[float, typer.Option(min=1, help="After so long no further number of streams is tried.")] = 120.0,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Measure how many streams this machine carries, in about two minutes."""
    from transcoder.service.bench.command import bench_options, run_bench  # noqa: PLC0415  # --help stays fast

    try:
        cameras = bench_options(size, fps, source, codec, profile)
    except ValueError as error:
        raise _fail(str(error), USAGE) from None
    try:
        count = uvloop.run(run_bench(cameras, {"encoder": {"profile": profile}}, budget_s=seconds, as_json=as_json))
    except TranscoderError as error:
        raise _fail(str(error), USAGE) from None
    raise typer.Exit(OK if count else NO)


def main() -> None:
    """Entry point of the console script."""
    sys.exit(app())
