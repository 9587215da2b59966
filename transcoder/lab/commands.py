"""This module holds `transcoder demo` and `transcoder bench`, which the command line finds by their entry points."""

from pathlib import Path
from typing import Annotated, Final

import typer

from transcoder.errors import TranscoderError
from transcoder.exit_codes import INTERRUPTED, NO, OK, USAGE

MIXED: Final = "mixed"
VENDORS: Final = (
    "hikvision,dahua,uniview,h264dvr,amatek,axis,flir,foscam,hipcam,intelbras,longse,reolink,tapo,tenda,tiandy,v380,"
    "mjpeg,mpeg4"
)
"""The simulator's families; its own list would cost each start of each command a tenth of a second."""


def _fail(problem: object) -> typer.Exit:
    typer.echo(str(problem), err=True)
    return typer.Exit(USAGE)


def demo(
    cameras: Annotated[int, typer.Option(metavar="N", help="Simulated legacy cameras.")] = 4,
    seconds: Annotated[float, typer.Option(metavar="S", help="How long the streams are watched.")] = 30.0,
    source: Annotated[
        str | None,
        typer.Option(metavar="FILE|URL", help="Your own footage: a file that the cameras show, or an rtsp:// camera."),
    ] = None,
    vendor: Annotated[
        str,
        typer.Option(
            metavar="NAMES",
            help=f"Of all cameras: {MIXED}, or some of these: {VENDORS.replace(',', ', ')}; separated by commas.",
        ),
    ] = MIXED,
    settings: Annotated[
        list[str] | None, typer.Option("--set", metavar="NAME=VALUE", help="Change a switch of all cameras.")
    ] = None,
    port: Annotated[int, typer.Option(help="RTSP port on 127.0.0.1; 0: any free one.")] = 0,
    as_json: Annotated[bool, typer.Option("--json", help="Print the verdict as JSON, and nothing else.")] = False,
    log_level: Annotated[str, typer.Option(help="debug, info, warning or error.")] = "error",
) -> None:
    """Show it all on this machine: simulated legacy cameras, the gateway, and a verdict on what it serves."""
    import uvloop  # noqa: PLC0415  # --help stays fast

    from transcoder.lab.demo import DemoOptions, run_demo  # noqa: PLC0415
    from transcoder.logs import configure_logs  # noqa: PLC0415

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
        raise _fail(f"--log-level: {error}") from None
    try:
        clean = uvloop.run(run_demo(options))
    except TranscoderError as error:
        raise _fail(error) from None
    raise typer.Exit(OK if clean else NO)


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
    import asyncio  # noqa: PLC0415  # --help stays fast

    import uvloop  # noqa: PLC0415

    from transcoder.lab.bench.command import bench_options, run_bench  # noqa: PLC0415

    try:
        cameras = bench_options(size, fps, source, codec, profile)
    except ValueError as error:
        raise _fail(error) from None
    try:
        count = uvloop.run(run_bench(cameras, {"encoder": {"profile": profile}}, budget_s=seconds, as_json=as_json))
    except asyncio.CancelledError:
        raise typer.Exit(INTERRUPTED) from None
    except TranscoderError as error:
        raise _fail(error) from None
    raise typer.Exit(OK if count else NO)
