"""`python -m transcoder.lab.cameras` runs cameras on the local network; JSON lines on standard output describe them."""

import argparse
import asyncio
import gc
import secrets
import signal
import sys
from contextlib import AsyncExitStack, suppress
from pathlib import Path

import uvloop

from transcoder.codecs.nal import Codec
from transcoder.errors import TranscoderError
from transcoder.lab.cameras.access_units import Coding
from transcoder.lab.cameras.commands import CommandReader, can_be_commanded, description
from transcoder.lab.cameras.families import FAMILIES
from transcoder.lab.cameras.fleet import MIXED, FleetOptions, build, default_cache
from transcoder.lab.cameras.scenes import SceneOptions
from transcoder.lab.cameras.server import SimulatedCamera
from transcoder.lab.json_lines import emit


def parser() -> argparse.ArgumentParser:
    """Make the parser of the command line."""
    made = argparse.ArgumentParser(
        prog="python -m transcoder.lab.cameras",
        description="Simulated legacy cameras: RTSP servers with the private channels and defects of real ones.",
        epilog='Standard output: JSON lines; {"event": "ready", ...} when all cameras listen.',
    )
    made.add_argument("--cameras", type=int, default=4, metavar="N")
    made.add_argument(
        "--family",
        "--vendor",
        default=MIXED,
        metavar="NAMES",
        help=f"{MIXED}, or some of {', '.join(FAMILIES)}, separated by commas; taken in turn",
    )
    made.add_argument("--families", action="store_true", help="tell what is special about each family, and end")
    made.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", help="change a switch of all cameras")
    made.add_argument(
        "--camera",
        action="append",
        default=[],
        metavar="'FAMILY NAME=VALUE ...'",
        help="one camera and its switches; may be repeated, and stands instead of --cameras and --family",
    )
    made.add_argument("--width", type=int, default=1280)
    made.add_argument("--height", type=int, default=720)
    made.add_argument("--fps", type=int, default=25)
    made.add_argument("--seconds", type=float, default=8.0, help="length of the loop")
    made.add_argument("--noise", type=float, default=1.5, help="sensor noise in luma steps; 5 is night")
    made.add_argument("--counter", action="store_true", help="number the pictures with a readable strip of cells")
    made.add_argument("--scene-seed", type=int, default=1)
    made.add_argument("--source", type=Path, metavar="FILE", help="show this footage instead of a scene")
    made.add_argument("--codec", choices=("h264", "h265"), help="of all cameras; default: of each family")
    made.add_argument("--bitrate-kbps", type=int)
    made.add_argument("--gop-s", type=float, default=4.0)
    made.add_argument(
        "--coding",
        choices=list(Coding),
        default=Coding.BITRATE,
        help="quality: as native streams, which skip what shows noise alone; bitrate: constant, noise and all",
    )
    made.add_argument("--host", default="127.0.0.1")
    made.add_argument("--port-base", type=int, default=0, help="port of the first camera; 0: any for each")
    made.add_argument("--username", default="admin")
    made.add_argument("--password", help="without it no login is asked for")
    made.add_argument("--canary-seed", help="default: random")
    made.add_argument("--cache", type=Path, default=None, metavar="DIR", help="folder for encoded content")
    made.add_argument("--list", action="store_true", help="one JSON line for each camera before ready, canaries too")
    made.add_argument("--commands", action="store_true", help="take commands from standard input; its end means quit")
    return made


def main(arguments: list[str] | None = None) -> int:
    """Run the cameras until SIGTERM, SIGINT, or the end of the commands.

    Returns:
        0: done; 2: wrong usage.
    """
    given = parser().parse_args(arguments)
    if given.families:
        width = max(map(len, FAMILIES))
        sys.stdout.writelines(f"{name:{width}}  {family.summary}\n" for name, family in FAMILIES.items())
        return 0
    if given.commands and not can_be_commanded():
        sys.stderr.write("--commands needs a pipe on standard input\n")
        return 2
    try:
        options = _options(given)
        cameras = build(options, _report_progress)
    except (TranscoderError, ValueError) as error:
        sys.stderr.write(f"{error}\n")
        return 2
    gc.freeze()
    with suppress(KeyboardInterrupt):
        asyncio.Runner(loop_factory=uvloop.new_event_loop).run(
            _serve(cameras, options.seed, given.list, given.commands)
        )
    return 0


def _options(given: argparse.Namespace) -> FleetOptions:
    return FleetOptions(
        cameras=given.cameras,
        families=tuple(given.family.split(",")),
        settings=tuple(given.set),
        each=tuple(given.camera),
        scene=SceneOptions(
            width=given.width,
            height=given.height,
            fps=given.fps,
            seconds=given.seconds,
            seed=given.scene_seed,
            noise=given.noise,
            counter=given.counter,
        ),
        codec=Codec(given.codec.upper()) if given.codec else None,
        bitrate_kbps=given.bitrate_kbps,
        gop_s=given.gop_s,
        coding=Coding(given.coding),
        source=given.source,
        cache=given.cache or default_cache(),
        host=given.host,
        port_base=given.port_base,
        username=given.username,
        password=given.password,
        seed=given.canary_seed or secrets.token_hex(8),
    )


def _report_progress(done: int, total: int) -> None:
    if done % 25 == 0 or done == total:
        emit("preparing", done=done, total=total)


async def _serve(cameras: list[SimulatedCamera], seed: str, list_cameras: bool, commands: bool) -> None:
    done = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, done.set)
    async with AsyncExitStack() as stack:
        for camera in cameras:
            await stack.enter_async_context(camera)
        if list_cameras:
            for camera in cameras:
                emit("camera", **description(camera))
        emit("ready", cameras=len(cameras), urls=[camera.url for camera in cameras], canary_seed=seed)
        waiting: set[asyncio.Task[None]] = {loop.create_task(_wait(done))}
        if commands:
            waiting.add(loop.create_task(CommandReader(cameras).run()))
        _, pending = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        for task in pending:
            task.cancel()


async def _wait(done: asyncio.Event) -> None:
    await done.wait()


if __name__ == "__main__":
    sys.exit(main())
