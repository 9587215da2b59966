"""`transcoder bench` as a user runs it: what it ends with, what it refuses, and that Ctrl-C leaves nothing behind."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.support.kept_kernels import environment
from transcoder.lab.bench.capacity import Step
from transcoder.lab.bench.command import _step, _table, bench_options
from transcoder.lab.bench.load import Sample
from transcoder.lab.bench.processes import children

ROOT = Path(__file__).parents[3]
BENCH = [sys.executable, "-c", "from transcoder.cli.main import main; main()", "bench"]
SHORT = ["--size", "320x180", "--fps", "10", "--seconds", "1"]
"""One number of streams is tried, then the time is over."""


def _run(*arguments: str, cache: Path | None = None) -> subprocess.CompletedProcess[str]:
    env = {**(environment(cache) if cache else os.environ), "COLUMNS": "160"}
    return subprocess.run([*BENCH, *arguments], capture_output=True, text=True, timeout=100, check=False, env=env)


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="module")
def runs(cache: Path) -> dict[str, Future[subprocess.CompletedProcess[str]]]:
    """A run for a person and one for a program, side by side: nothing is said here about speed."""
    with ThreadPoolExecutor() as threads:
        return {
            "text": threads.submit(_run, *SHORT, cache=cache),
            "json": threads.submit(_run, *SHORT, "--json", cache=cache),
        }


@pytest.mark.e2e
@pytest.mark.xdist_group("bench")
def test_a_run_ends_with_what_the_machine_carries(runs: dict[str, Future[subprocess.CompletedProcess[str]]]):
    done = runs["text"].result()
    last = done.stdout.strip().splitlines()[-1]
    found = re.fullmatch(r"this machine carries about ([0-9]+) streams of 320x180 at 10 fps", last)
    assert found, done.stdout + done.stderr
    # a machine that carries none says so to scripts as well
    assert done.returncode == (0 if int(found[1]) else 1)
    assert "Traceback" not in done.stderr


@pytest.mark.e2e
@pytest.mark.xdist_group("bench")
def test_json_is_all_that_is_printed(runs: dict[str, Future[subprocess.CompletedProcess[str]]]):
    done = runs["json"].result()
    document = json.loads(done.stdout)
    assert document["of"] == "320x180 at 10 fps"
    assert {step["streams"] for step in document["steps"]} == {1}
    step = document["steps"][-1]
    assert document["streams"] == (1 if step["carried"] else 0)
    assert step["cores"] > 0
    assert step["mb_a_stream"] > 0
    assert step["delay_p50_ms"] <= step["delay_p99_ms"]
    assert set(step["split_cores"]) == {"service", "fork_server", "decode", "stages", "encode", "rest"}


def test_json_holds_what_the_table_shows():
    sample = Sample(
        streams=4,
        fps=25.0,
        seconds=8.0,
        cores=0.5,
        pss=400 << 20,
        expected=200.0,
        pictures=(200, 199, 200, 150),
        kbps=1000.0,
        delays_s=(0.010, 0.020, 0.030),
    )
    step = Step(sample=sample, carried=False, why_not="a reader got 75% of the pictures")
    shown = dict(zip(*([*column] for column in _columns(step)), strict=True))
    values = _step(step)
    assert shown["carried"] == "no"
    assert shown["why not"] == values["why_not"] == "a reader got 75% of the pictures"
    pairs = {
        "streams": ("streams", 4),
        "cores": ("cores", 0.5),
        "streams a core": ("streams_per_core", 8.0),
        "MB a stream": ("mb_a_stream", 100.0),
        "delay p50 ms": ("delay_p50_ms", 20.0),
        "p99 ms": ("delay_p99_ms", 30.0),
    }
    for heading, (name, expected) in pairs.items():
        assert float(shown[heading]) == values[name] == expected


def _columns(step: Step) -> tuple[list[str], list[str]]:
    table = _table([step])
    return [str(column.header) for column in table.columns], [str(next(iter(column.cells))) for column in table.columns]


@pytest.mark.process
@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--size", "wide"], "--size: wide is not WIDTHxHEIGHT"),
        (["--size", "321x180"], "--size: a scene needs even dimensions of at least 192x96, not 321x180"),
        (["--size", "9998x180"], "--size: 9998x180 is larger than 7680x4320"),
        (["--fps", "0"], "--fps: 0 is not from 1 to 120"),
        (["--fps", "1000"], "--fps: 1000 is not from 1 to 120"),
        (["--codec", "av1"], "--codec: av1 is neither h264 nor h265"),
        (["--profile", "fast"], "--profile: fast is none of economy, balanced, quality"),
        (["--source", "/not/there.mp4"], "--source: /not/there.mp4 is no file"),
        (["--seconds", "0"], "--seconds"),
    ],
)
def test_bad_arguments_are_named(arguments: list[str], says: str):
    done = _run(*arguments)
    assert done.returncode == 2
    assert says in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""


@pytest.mark.e2e
def test_a_source_without_video_is_named(tmp_path: Path):
    source = tmp_path / "text.mp4"
    source.write_text("no video\n")
    done = _run("--source", str(source), "--seconds", "1")
    assert done.returncode == 2
    assert f"{source} can't be read as video" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.e2e
@pytest.mark.parametrize("after", ["transcoder.lab.cameras", "measured_gateway", "bench.readers"])
def test_ctrl_c_leaves_nothing_running(after: str, cache: Path):
    process = subprocess.Popen(
        [*BENCH, "--size", "320x180", "--fps", "10"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        env=environment(cache),
    )
    try:
        seen = _wait_for_child(process.pid, after)
        started = time.monotonic()
        os.killpg(process.pid, signal.SIGINT)  # as a terminal does
        _, errors = process.communicate(timeout=30)
    finally:
        process.kill()
    assert process.returncode == 130
    assert time.monotonic() - started < 20
    assert "Traceback" not in errors
    end = time.monotonic() + 5
    while (left := [pid for pid in seen if _alive(pid)]) and time.monotonic() < end:
        time.sleep(0.1)
    assert not left


def _wait_for_child(pid: int, name: str) -> list[int]:
    """Every descendant as soon as there is one of that name."""
    end = time.monotonic() + 60
    while time.monotonic() < end:
        found = children(pid)
        if any(name in _command(child) for child in found):
            time.sleep(0.3)
            return children(pid)
        time.sleep(0.05)
    raise AssertionError(f"no {name} in a minute")


def _command(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
    except OSError:
        return ""


def _alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_what_is_asked_for_reaches_the_cameras(tmp_path: Path):
    source = tmp_path / "clip.mp4"
    source.touch()
    cameras = bench_options("1280x720", 12, source, "h265", "economy")
    arguments = cameras.arguments(3)
    for name, value in {
        "--cameras": "3", "--codec": "h265", "--width": "1280", "--height": "720", "--fps": "12",
        "--source": str(source),
    }.items():  # fmt: skip
        assert arguments[arguments.index(name) + 1] == value
