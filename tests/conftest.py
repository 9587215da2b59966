"""What tests of several folders share: where recorded camera traffic is, and how the growth of work is measured."""

import math
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support import fresh_checkout
from tests.support.cameras import Cameras
from tests.support.examples import load_profile

pytest_plugins = ["tests.support.plugin", "pytester"]

KERNELS = Path(__file__).parent.parent / ".pytest_cache" / "numba"
"""Compiled kernels, kept from run to run; a change of their sources makes another folder in it."""
os.environ.setdefault("NUMBA_CACHE_DIR", str(KERNELS))  # before any test imports a kernel

load_profile()


def _folder(name: str) -> Path:
    root = os.environ.get("TRANSCODER_TEST_DATA")
    if not root:
        pytest.skip("TRANSCODER_TEST_DATA is not set: recorded camera traffic is not part of the project")
    folder = Path(root) / name
    if not folder.is_dir():
        pytest.skip(f"TRANSCODER_TEST_DATA has no folder {name}")
    return folder


@pytest.fixture(scope="session")
def vectors() -> Path:
    """Folder of recorded RTSP, SDP and RTP."""
    return _folder("vectors")


@pytest.fixture(scope="session")
def footage() -> Path:
    """Folder of recorded streams."""
    return _folder("footage")


@pytest.fixture(scope="session")
def assert_linear() -> Callable[..., None]:
    """Assert that twice the input costs at most three times the processor time, and no more than a bound."""

    def check(make: Callable[[int], Any], run: Callable[[Any], object], size: int, *, at_most_s: float) -> None:
        def seconds(data: Any) -> float:
            started = time.thread_time()
            run(data)
            return time.thread_time() - started

        inputs = make(size), make(2 * size)
        times: list[tuple[float, ...]] = []
        small = large = math.inf
        # by turns, so that another process which has the cache for a while disturbs both; twice at least, since what
        # disturbs the small input alone would hide a fault, and more often only where the large one was disturbed
        while len(times) < 2 or (len(times) < 5 and not is_linear(small, large, at_most_s)):
            times.append(tuple(map(seconds, inputs)))
            small, large = map(min, zip(*times, strict=True))
        assert large <= at_most_s
        assert is_linear(small, large, at_most_s), (small, large)

    def is_linear(small: float, large: float, at_most_s: float) -> bool:
        return large <= at_most_s and large <= 3 * small + 0.003  # below that the clock and the cache decide

    return check


@pytest.fixture(scope="session")
def cameras(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cameras]:
    """A Hikvision-like, a Dahua-like, a Uniview-like and an H264DVR-like camera."""
    with Cameras(tmp_path_factory.mktemp("content")) as started:
        yield started


@pytest.fixture(scope="session")
def state_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Shared by all gateways; the kernels are compiled into it now, so that no camera plays while they are."""
    folder = tmp_path_factory.mktemp("state")
    kernels = Path(os.environ["NUMBA_CACHE_DIR"])
    kernels.mkdir(parents=True, exist_ok=True)
    (folder / "numba").symlink_to(kernels)
    if fresh_checkout.has_compiled(kernels):
        return folder
    load = "import pathlib, sys; from transcoder.worker import preload; preload.load(pathlib.Path(sys.argv[1]))"
    load += "; preload.finish_compiling()"
    subprocess.run([sys.executable, "-c", load, folder / "numba"], check=True, timeout=100)
    return folder
