"""Every benchmark runs with tiny parameters and prints JSON with what its table needs. Nothing is said about speed."""

import json
import os
import subprocess
import sys
from pathlib import Path

import av
import pytest
from av.video.frame import PictureType

from tests.support.kept_kernels import environment

ROOT = Path(__file__).parents[2]
_GATEWAY_ONLY = ["--sides", "gateway"]
_SMALL = ["--fps", "10", "--rounds", "1", "--seconds", "2"]

PROGRAMS = {
    # smaller pictures take longer: they would be copied until a cache doesn't hold them
    "kernels": (
        ["--width", "320", "--height", "240", "--seconds", "0.01", "--cache-dir", os.environ["NUMBA_CACHE_DIR"]],
        ["kernels", "memcpy_gb_per_s"],
    ),
    "macroblocks": (
        ["--only", "sad_16x16", "--cache-dir", os.environ["NUMBA_CACHE_DIR"]],
        ["kernels", "warm_s"],
    ),
    "stages": (["--size", "320x240", "--frames", "6"], ["runs"]),
    "ingest": (
        ["--cameras", "2", "--udp-cameras", "2", "--seconds", "1", "--repeats", "1", "--kbps", "500"],
        ["core", "tcp", "udp", "target"],
    ),
    "fanout": (["--shapes", "1x3", "--seconds", "1", "--kbps", "500", *_GATEWAY_ONLY], ["runs"]),
    "capacity": ([*_SMALL, "--sizes", "320x180", "--streams", "1", *_GATEWAY_ONLY], ["runs"]),
    "memory": (
        ["--size", "320x240", "--streams", "1", "--fps", "10", "--seconds", "1", "--profiles", "motion", "--parts"],
        ["runs"],
    ),
    "delay": (
        [*_SMALL, "--size", "320x180", "--joins", "1", "--sides", "direct,gateway"],
        ["runs"],
    ),
    "wall": (
        ["--streams", "2", "--size", "320x180", "--seconds", "1", "--rounds", "1"],
        ["streams", "pages"],
    ),
    "fleet_simulation": (
        ["--slots", "16", "--shards", "6", "--days", "4"],
        ["availability_percent", "gap_longest_s", "overlap_longest_s", "overlap_bound_s"],
    ),
    "soak": (
        ["--streams", "1", "--size", "320x180", "--fps", "10", "--seconds", "6", "--trouble-s", "2", "--look-s", "1"],
        ["looks", "service_slope_mb_h", "descriptors_last", "reader_connects"],
    ),
}  # fmt: skip


def _run(program: str, arguments: list[str], cache: Path | None = None) -> dict:
    done = subprocess.run(
        [sys.executable, "-m", f"benchmarks.{program}", *arguments, "--json"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
        env={**(environment(cache) if cache else os.environ), "PYTHONWARNINGS": "ignore"},
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return json.loads(done.stdout)


@pytest.mark.e2e
@pytest.mark.parametrize("program", PROGRAMS)
def test_program(program: str, tmp_path: Path) -> None:
    arguments, keys = PROGRAMS[program]
    output = tmp_path / "result.json"
    document = _run(program, [*arguments, "--output", str(output)], tmp_path / "cache")
    assert document["program"] == program
    assert document["machine"]["cpu"]
    assert document["command"].startswith(f"python -m benchmarks.{program} ")
    assert str(tmp_path) not in document["command"]
    assert set(keys) <= set(document["result"])
    assert document["tables"]
    assert json.loads(output.read_text()) == document


@pytest.mark.process
@pytest.mark.parametrize("path", ["45", "fanout"])
def test_instructions_run_the_paths_that_they_count(path: str) -> None:
    command = [sys.executable, "-m", "benchmarks.instructions", "--child", "1", path]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr[-2000:]


@pytest.mark.e2e
def test_quality(tmp_path: Path) -> None:
    pytest.importorskip("imageio_ffmpeg", reason="of the extra bench: brings libvmaf")
    arguments = ["--material", "day", "--size", "192x108", "--frames", "10", "--crfs", "17,23,30"]
    result = _run("quality", arguments)["result"]
    matched = result["materials"]["day"]["matched"]
    reference = matched["ffmpeg veryfast"]
    assert abs(reference["crf"] - 23) < 0.01  # a setting matched with itself
    assert {"economy", "balanced", "quality"} <= set(matched)
    points = result["materials"]["day"]["points"]["balanced"]
    assert [point["vmaf"] for point in points] == sorted((point["vmaf"] for point in points), reverse=True)
    assert [point["kbps"] for point in points] == sorted((point["kbps"] for point in points), reverse=True)


@pytest.mark.e2e
def test_idrs() -> None:
    pytest.importorskip("imageio_ffmpeg", reason="of the extra bench: brings libvmaf")
    arguments = ["--material", "day", "--size", "192x108", "--gops", "1.2", "--phases", "0.5"]
    [run] = _run("idrs", arguments)["result"]["runs"]
    [own], [followed, coarser] = run["own"], run["followed"]
    assert own["idrs"] == pytest.approx(1.0)
    assert followed["idrs"] == pytest.approx(1 / 1.2)
    assert followed["kbps"] > coarser["kbps"]
    assert min(own["vmaf"], followed["vmaf"]) > 60


@pytest.mark.process
@pytest.mark.parametrize("program", [*PROGRAMS, "idrs", "quality", "overhead", "renditions", "instructions"])
def test_help(program: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", f"benchmarks.{program}", "--help"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0
    assert "--json" in done.stdout


@pytest.mark.process
def test_renditions(tmp_path: Path) -> None:
    file = tmp_path / "day.mp4"
    command = [sys.executable, "-m", "benchmarks.material", "day", str(file), "--frames", "10", "--size", "320x180"]
    subprocess.run(command, cwd=ROOT, check=True)
    cache = ["--cache-dir", os.environ["NUMBA_CACHE_DIR"]]
    arguments = [str(file), "--size", "320x180", "--sub", "160x90", "--frames", "10", "--rounds", "1", *cache]
    sides = _run("renditions", arguments)["result"]["sides"]
    assert len(sides) == 4
    assert sides["the stream alone"]["ratio"] == 1


@pytest.mark.process
def test_a_material_is_written_as_a_camera_would_encode_it(tmp_path: Path) -> None:
    file = tmp_path / "day.mp4"
    command = [sys.executable, "-m", "benchmarks.material", "day", str(file), "--frames", "6", "--size", "320x180"]
    subprocess.run([*command, "--gop-s", "0.12"], cwd=ROOT, check=True)
    with av.open(str(file)) as container:
        stream = container.streams.video[0]
        frames = list(container.decode(stream))
    assert (stream.codec_context.name, stream.width, stream.height) == ("h264", 320, 180)
    assert stream.average_rate == 25
    assert len(frames) == 6
    assert [frame.pict_type for frame in frames] == [PictureType.I, PictureType.P, PictureType.P] * 2
    assert {(frame.format.name, frame.color_range) for frame in frames} == {("yuvj420p", 2)}
