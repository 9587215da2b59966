"""`transcoder bench` finds in about two minutes how many streams this machine carries."""

import asyncio
import json
import re
import tempfile
import time
from pathlib import Path
from typing import Any, get_args

from rich.console import Console
from rich.table import Table

from transcoder.config.stream import MAX_FPS, EncoderConfig
from transcoder.lab.bench.capacity import Step, grow
from transcoder.lab.bench.load import CameraOptions, GatewaySide
from transcoder.lab.cameras.scenes import SceneOptions
from transcoder.net.stop_signals import stop_signals

MEASURE_S = 8.0
MB = 1 << 20
MAX_SIZE = (7680, 4320)
"""Largest width and height, 8K: beyond that size the cameras take minutes to prepare."""
PROFILES: tuple[str, ...] = get_args(EncoderConfig.model_fields["profile"].annotation)


def bench_options(size: str, fps: int, source: Path | None, codec: str, profile: str) -> CameraOptions:
    """Turn the words of the command line into options of cameras.

    Raises:
        ValueError: a word makes no sense.
    """
    match = re.fullmatch(r"([0-9]{2,4})x([0-9]{2,4})", size)
    if match is None:
        raise ValueError(f"--size: {size} is not WIDTHxHEIGHT")
    if codec not in {"h264", "h265"}:
        raise ValueError(f"--codec: {codec} is neither h264 nor h265")
    if profile not in PROFILES:
        raise ValueError(f"--profile: {profile} is none of {', '.join(PROFILES)}")
    if source is not None and not source.is_file():
        raise ValueError(f"--source: {source} is no file")
    width, height = int(match[1]), int(match[2])
    if not 1 <= fps <= MAX_FPS:
        raise ValueError(f"--fps: {fps} is not from 1 to {MAX_FPS}")
    if width > MAX_SIZE[0] or height > MAX_SIZE[1]:
        raise ValueError(f"--size: {size} is larger than {MAX_SIZE[0]}x{MAX_SIZE[1]}")
    try:
        SceneOptions(width=width, height=height, fps=fps)
    except ValueError as error:
        raise ValueError(f"--size: {error}") from None
    return CameraOptions(width=width, height=height, fps=fps, codec=codec, source=source)


async def run_bench(cameras: CameraOptions, stream: dict[str, Any], *, budget_s: float, as_json: bool) -> int:
    """Try more and more streams and say how many were carried.

    Args:
        cameras: options of the cameras.
        stream: keys of every stream.
        budget_s: seconds after which no further number is tried.
        as_json: print JSON alone.

    Returns:
        How many streams were carried.

    Raises:
        TransportError: cameras, gateway or readers did not come up; the process has said why on standard error.
        CancelledError: Ctrl-C or SIGTERM ended it, and with it every process that it started.
    """
    task = asyncio.current_task()
    assert task is not None  # noqa: S101  # a coroutine runs in a task
    with stop_signals(task.cancel):
        return await _run_bench(cameras, stream, budget_s=budget_s, as_json=as_json)


async def _run_bench(cameras: CameraOptions, stream: dict[str, Any], *, budget_s: float, as_json: bool) -> int:
    console = Console(stderr=True)
    started = time.monotonic()
    steps: list[Step] = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)  # the folder is kept from step to step, so that kernels are compiled once
        if not as_json:
            console.print("cameras, gateway and readers all run on this machine; the first step prepares them")
        async for step in grow(lambda: GatewaySide(folder, stream), cameras, seconds=MEASURE_S):
            steps.append(step)
            if not as_json:
                console.print(f"{step.sample.streams:4d} streams: {step.why_not or 'carried'}")
            if time.monotonic() - started > budget_s:
                break
    carried = [step for step in steps if step.carried]
    best = max(carried, key=lambda step: step.sample.streams) if carried else None
    count = best.sample.streams if best is not None else 0
    what = f"{cameras.source.name} at" if cameras.source else f"{cameras.width}x{cameras.height} at"
    what += f" {steps[0].sample.fps:g} fps"
    if as_json:
        document = {"streams": count, "of": what, "steps": [_step(step) for step in steps]}
        Console().print_json(json.dumps(document))
    else:
        Console().print(_table(steps))
        Console().print(f"this machine carries about {count} streams of {what}", soft_wrap=True)
    return count


def _step(step: Step) -> dict[str, Any]:
    sample = step.sample
    p50, p99 = sample.delay_s(0.5), sample.delay_s(0.99)
    return {
        "streams": sample.streams,
        "carried": step.carried,
        "why_not": step.why_not,
        "cores": round(sample.cores, 3),
        "streams_per_core": round(sample.streams_per_core, 2),
        "split_cores": {name: round(value, 3) for name, value in sample.split.items()},
        "mb_a_stream": round(sample.pss / MB / sample.streams, 1),
        "delay_p50_ms": round(p50 * 1000, 1) if p50 is not None else None,
        "delay_p99_ms": round(p99 * 1000, 1) if p99 is not None else None,
        "delivered": round(sample.delivered, 4),
    }


def _table(steps: list[Step]) -> Table:
    table = Table("streams", "carried", "cores", "streams a core", "MB a stream", "delay p50 ms", "p99 ms", "why not")
    for step in sorted(steps, key=lambda step: step.sample.streams):
        shown = _step(step)
        names = ("streams", "carried", "cores", "streams_per_core", "mb_a_stream", "delay_p50_ms", "delay_p99_ms")
        cells = [shown[name] for name in names]
        cells[1] = "yes" if step.carried else "no"
        table.add_row(*map(str, cells), step.why_not)
    return table
