"""This module runs the demo from its first process to its verdict."""

import asyncio
import contextlib
import json
import signal
import sys
from collections.abc import Coroutine
from typing import Any

from transcoder import clock
from transcoder.lab.child import Child
from transcoder.lab.demo import cameras, tables, verdict
from transcoder.lab.demo.kernels import try_workers
from transcoder.lab.demo.options import HOST, OWN_STREAM, DemoOptions, configuration, state_dir
from transcoder.lab.demo.reader import ReaderLink
from transcoder.lab.demo.screen import Screen
from transcoder.lab.demo.verdict import Verdict
from transcoder.net.stop_signals import STOP_SIGNALS, stop_signals
from transcoder.service.gateway import Gateway
from transcoder.service.sandbox import SandboxOptions, missing_measures, refusal
from transcoder.service.status import StreamState
from transcoder.service.stream import Stream

SIMULATOR = "transcoder.lab.cameras"
REFRESH_S = 0.5
START_LIMIT_S = 20.0
"""Seconds until the clock of `seconds` starts at the latest, whether every stream plays or not."""
CAMERAS_LIMIT_S = 20.0
"""Seconds that reading the cameras themselves may take beyond `seconds`."""
SLOW_START_S = 1.5
"""Seconds: a gateway that takes longer to start is compiling."""
GATEWAY_STOP_S = 5.0


class _Stopped(Exception):  # noqa: N818  # no error: Ctrl-C
    """The user stopped the demo before there was anything to judge."""


async def run_demo(options: DemoOptions) -> bool:
    """Run the demo.

    Args:
        options: options, which this function checks.

    Returns:
        Whether the verdict is clean.

    Raises:
        ConfigError: the options can't be used.
        TransportError: a process or a listener could not be started.
        WorkerError: there can be no workers.
    """
    options.check()
    return await _Demo(options).run()


class _Demo:
    def __init__(self, options: DemoOptions) -> None:
        self._options = options
        self._screen = Screen(quiet_stdout=options.json)
        self._simulator = Child(SIMULATOR, *cameras.arguments(options), is_quiet=True)
        self._reader = ReaderLink()
        self._cameras: list[cameras.DemoCamera] = []
        self._gateway: Gateway | None = None
        self._stopped = asyncio.Event()
        self._watched_s = 0.0

    async def run(self) -> bool:
        with stop_signals(self._stopped.set, (*STOP_SIGNALS, signal.SIGHUP)):
            return await self._run()

    async def _run(self) -> bool:
        result = None
        try:
            with self._screen:
                urls = await self._start()
                await self._watch(urls)
                self._screen.progress("Reading the last frames ...")
                result = await self._result()
        except _Stopped:
            self._screen.line("verdict: NOT clean: stopped before the first picture")
            return False
        finally:
            await self._stop()
        return self._conclude(result)

    # -- start ---------------------------------------------------------------------------------------------------

    async def _start(self) -> dict[str, str]:
        state = state_dir()
        if self._options.cameras:
            self._screen.progress(f"Starting {verdict.count(self._options.cameras, 'simulated camera')} ...")
            preparing = cameras.start(self._simulator, self._prepared)
            self._cameras, measures = await self._or_stopped(_both(preparing, try_workers(state)))
        else:
            measures = await self._or_stopped(try_workers(state))
        sources = {camera.stream: camera.url for camera in self._cameras}
        if self._options.source_url is not None:
            sources[OWN_STREAM] = self._options.source_url
        is_contained = not refusal(measures, SandboxOptions(is_required=True))
        if not is_contained:
            self._screen.line(f"This machine does not allow the whole sandbox: {', '.join(missing_measures(measures))}")
        gateway = Gateway(configuration(self._options, sources, state, is_contained=is_contained))
        await self._or_stopped(self._start_gateway(gateway))
        urls = {name: gateway.server.url(HOST, name) for name in sources}
        if not self._screen.is_live:
            self._screen.line(f"Gateway on {HOST}:{gateway.server.port}; open in VLC, ffplay or your VMS:")
            for url in tables.listed(urls):
                self._screen.line(f"  {url}")
        await self._reader.start(urls, self._cameras)
        return urls

    def _prepared(self, done: int, total: int) -> None:
        share = f"{100 * done // total} %" if total else f"{done}"
        self._screen.progress(f"Preparing camera pictures, the first time only: {share}")

    async def _start_gateway(self, gateway: Gateway) -> None:
        started = clock.monotonic()
        start = asyncio.get_running_loop().create_task(gateway.start())
        self._gateway = gateway
        try:
            while not start.done():
                await asyncio.wait({start}, timeout=REFRESH_S)
                took = clock.monotonic() - started
                if not start.done() and took > SLOW_START_S:
                    self._screen.progress(f"Compiling the pixel kernels, the first time only: {took:.0f} s")
        finally:
            start.cancel()
        await start

    async def _or_stopped(self, work: Coroutine[Any, Any, Any]) -> Any:
        """Return the result of some work; raise _Stopped if the user stops the demo before."""
        loop = asyncio.get_running_loop()
        task, stop = loop.create_task(work), loop.create_task(self._stopped.wait())
        try:
            await asyncio.wait({task, stop}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            stop.cancel()
            if not task.done():
                task.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await task
        if task.cancelled():
            raise _Stopped
        return task.result()

    # -- watch ---------------------------------------------------------------------------------------------------

    async def _watch(self, urls: dict[str, str]) -> None:
        begun = clock.monotonic()
        playing_since: float | None = None
        while not self._stopped.is_set() and not self._reader.ended.is_set():
            now = clock.monotonic()
            if playing_since is None and (self._all_play() or now - begun > START_LIMIT_S):
                playing_since = now
            self._watched_s = now - playing_since if playing_since is not None else 0.0
            left = self._options.seconds - self._watched_s
            if left <= -CAMERAS_LIMIT_S or (left <= 0 and self._reader.cameras_read >= len(self._cameras)):
                return
            self._show(urls, left, started=playing_since is not None)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(min(REFRESH_S, left) if left > 0 else REFRESH_S):
                    await self._stopped.wait()

    def _all_play(self) -> bool:
        return all(self._reader.frames.get(stream.name) for stream in self._streams())

    def _streams(self) -> list[Stream]:
        return list(self._gateway.streams.values()) if self._gateway is not None else []

    def _family(self, stream: str) -> str:
        families = {camera.stream: camera.family for camera in self._cameras}
        return families.get(stream, "yours")

    def _rows(self) -> list[tables.Row]:
        return [
            tables.Row(
                status=stream.status,
                ledger=stream.ledger,
                family=self._family(stream.name),
                frames=self._reader.frames.get(stream.name, 0),
            )
            for stream in self._streams()
        ]

    def _show(self, urls: dict[str, str], left: float, *, started: bool) -> None:
        rows = self._rows()
        playing = sum(row.status.state is StreamState.PLAYING for row in rows)
        rest = f"{max(left, 0):.0f} s left" if started else "waiting for the first pictures"
        heading = f"transcoder demo: {playing} of {len(rows)} streams play, {rest}"
        note = (
            f"An independent client reads every stream back; {self._reader.cameras_read} of {len(self._cameras)} "
            "cameras searched directly. Ctrl-C ends with the verdict so far."
        )
        self._screen.show(tables.live(rows, urls, self._screen.console.width, heading, note))
        if started and self._screen.lines_due():
            for row in rows:
                self._screen.line(tables.plain_line(row))

    # -- end -----------------------------------------------------------------------------------------------------

    async def _result(self) -> dict[str, Any]:
        return await self._reader.finish()

    async def _stop(self) -> None:
        await self._reader.stop()
        if self._gateway is not None:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(GATEWAY_STOP_S):
                    await self._gateway.stop()
        await self._simulator.stop()

    def _away(self) -> dict[str, str]:
        """Return the streams that had no picture of their camera, each with the reason."""
        statuses = [stream.status for stream in self._streams()]
        return {status.name: status.problem for status in statuses if status.output.pictures <= status.output.repeated}

    def _conclude(self, result: dict[str, Any]) -> bool:
        read = {camera["name"]: camera for camera in result["cameras"]}
        names = [camera.stream for camera in self._cameras]
        made = Verdict(
            streams=result["streams"],
            cameras=read,
            families={camera.stream: camera.family for camera in self._cameras},
            dropped={
                stream.name: {f"{layer}/{kind}": entry.count for layer, kind, entry in stream.ledger}
                for stream in self._streams()
            },
            gateway={stream.name: _numbers(stream) for stream in self._streams()},
            reasons=verdict.reasons(result["streams"], read, names, self._away()),
            seconds=self._watched_s,
        )
        if self._options.json:
            sys.stdout.write(json.dumps(made.as_json()) + "\n")
            sys.stdout.flush()
        else:
            self._screen.print(tables.verdict_table(made, self._rows()))
        self._screen.line(made.line)
        return made.clean


def _numbers(stream: Stream) -> dict[str, Any]:
    """Return the numbers of a stream that a program may want beside the verdict."""
    status, output = stream.status, stream.status.output
    middle, high = output.delay_s(), output.delay_s(0.95)
    return {
        "state": status.state.value,
        "problem": status.problem,
        "delay_ms": round(middle * 1000, 1) if middle is not None else None,
        "delay_p95_ms": round(high * 1000, 1) if high is not None else None,
        "pictures_out": output.pictures,
        "repeated_out": output.repeated,
        "left_out": tables.left_out(status),
        "worker_deaths": status.worker.deaths,
    }


async def _both(first: Coroutine[Any, Any, Any], second: Coroutine[Any, Any, Any]) -> tuple[Any, Any]:
    """Run two coroutines at a time; neither outlives the other's failure."""
    loop = asyncio.get_running_loop()
    tasks = loop.create_task(first), loop.create_task(second)
    try:
        return await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
