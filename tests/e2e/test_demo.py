"""The demo as its user starts it, on a machine where nothing is cached yet."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import av
import numpy as np
import pytest

from tests.support.readme import masked, shown_by_readme

pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("demo")]


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory, state_dir: Path) -> Path:
    """A user's cache folder, with the kernels of an earlier demo."""
    folder = tmp_path_factory.mktemp("cache")
    (folder / "transcoder" / "demo").mkdir(parents=True)
    (folder / "transcoder" / "demo" / "numba").symlink_to(state_dir / "numba")
    return folder


@pytest.fixture(scope="module")
def footage(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """3 s of a moving bar: small, so that little is to be prepared."""
    path = tmp_path_factory.mktemp("footage") / "own.avi"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=15)
        stream.width, stream.height, stream.pix_fmt = 320, 240, "yuv420p"
        for index in range(45):
            picture = np.full((240, 320, 3), 90, np.uint8)
            picture[:, 4 * index : 4 * index + 30] = 200
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode(None))
    return path


@pytest.fixture
def demo(cache: Path, footage: Path) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    started = []

    def start(*arguments: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-m", "transcoder", "demo", "--source", footage, *arguments],
            env=os.environ | {"XDG_CACHE_HOME": str(cache)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.wait()
        for pipe in (process.stdout, process.stderr):
            assert pipe is not None
            pipe.close()


def left_running(cache: Path) -> list[str]:
    """Command lines of processes that were started with this cache folder, zombies aside."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            # the environment of the fork server and of workers is minimal; their command line names their cache folder
            command = (folder / "cmdline").read_text()
            environment = (folder / "environ").read_bytes().split(b"\0")
            if f"XDG_CACHE_HOME={cache}".encode() in environment or str(cache) in command:
                found.append(command.replace("\0", " "))
        except OSError:
            continue
    return [line for line in found if line]


def wait_until_none_is_left(cache: Path, within_s: float) -> None:
    end = time.monotonic() + within_s
    while (left := left_running(cache)) and time.monotonic() < end:
        time.sleep(0.1)
    assert left == []


def until_playing(process: subprocess.Popen[str]) -> None:
    assert process.stdout is not None
    assert process.stderr is not None
    for line in process.stdout:
        if ": playing, " in line:
            return
    raise AssertionError(process.stderr.read())


def test_a_clean_verdict_for_programs(demo, cache: Path) -> None:
    process = demo("--cameras", "2", "--vendor", "hikvision,uniview", "--seconds", "3", "--json")
    out, errors = process.communicate(timeout=110)
    assert process.returncode == 0, errors
    verdict = json.loads(out)
    assert verdict["clean"], verdict["reasons"]
    assert [stream["vendor"] for stream in verdict["streams"]] == ["hikvision", "uniview"]
    for stream in verdict["streams"]:
        assert (stream["codec"], stream["width"], stream["height"]) == ("h264", 320, 240)
        assert stream["frames"] >= 5  # a machine that is busy with other things leaves pictures out
        assert stream["decode_errors"] == 0
        assert stream["rtcp_packets"] >= 1
        assert stream["canaries_found"] == []
        assert stream["canaries_searched"] > stream["camera"]["canaries"] > 10
        assert stream["camera"]["missing"] == []
        assert any(kind.startswith("nal_in/") for kind in stream["dropped"])
    wait_until_none_is_left(cache, 2.0)


def test_the_readme_shows_what_it_prints(demo, cache: Path) -> None:
    process = demo("--cameras", "4", "--seconds", "6")
    out, errors = process.communicate(timeout=150)
    assert process.returncode == 0, out + errors
    shown, printed = shown_by_readme("stream camera"), masked(out)
    assert len(shown) >= 7
    assert [paragraph for paragraph in shown if paragraph not in printed] == []
    wait_until_none_is_left(cache, 2.0)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_with_the_verdict_so_far(demo, cache: Path, number: signal.Signals) -> None:
    process = demo("--cameras", "1", "--seconds", "600")
    until_playing(process)
    time.sleep(1.0)
    process.send_signal(number)
    out, errors = process.communicate(timeout=15)
    assert "verdict: " in out.splitlines()[-1], errors
    assert process.returncode in {0, 1}  # 1: the camera's own stream was not searched to its end yet
    wait_until_none_is_left(cache, 2.0)


def test_a_second_signal_kills_it(demo, cache: Path) -> None:
    process = demo("--cameras", "1", "--seconds", "600")
    until_playing(process)
    process.send_signal(signal.SIGINT)
    time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=5)
    assert process.returncode == -signal.SIGINT
    assert "Traceback" not in errors
    wait_until_none_is_left(cache, 2.0)


def test_nothing_outlives_it(demo, cache: Path) -> None:
    process = demo("--cameras", "1", "--seconds", "600")
    until_playing(process)
    assert len(left_running(cache)) >= 4  # itself, simulator, reader, fork server
    process.kill()
    process.wait()
    wait_until_none_is_left(cache, 2.0)


def test_a_camera_that_is_not_there(demo) -> None:
    process = demo("--cameras", "0", "--seconds", "1", "--source", "rtsp://127.0.0.1:1/x")
    out, errors = process.communicate(timeout=60)
    assert process.returncode == 1, errors
    assert out.splitlines()[-1].startswith("verdict: NOT clean: source never showed its camera (")


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--vendor", "acme"], "acme: no such family"),
        (["--source", __file__], "can't be read as video"),
        (["--cameras", "0"], "--cameras: 0 is not 1 to 100"),
    ],
)
def test_usage(demo, arguments: list[str], told: str) -> None:
    process = demo(*arguments)
    _, errors = process.communicate(timeout=30)
    assert process.returncode == 2
    assert told in errors
    assert len(errors.splitlines()) == 1
