"""What end-to-end tests run: gateways, cameras and readers as processes, real footage."""

import gzip
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.support.control_world import Broker
from tests.support.gateway_process import GatewayProcess

DEBIAN_FOOTAGE = Path("/usr/share/doc/opencv-doc/examples/data/vtest.avi")


@pytest.fixture
def start_gateway(tmp_path: Path, state_dir: Path) -> Iterator[Callable[..., GatewayProcess]]:
    """Start a gateway with these streams; it is ended with the test."""
    with ExitStack() as stack:

        def start(streams: dict[str, Any], **options: Any) -> GatewayProcess:
            return stack.enter_context(GatewayProcess(tmp_path, state_dir, streams, **options))

        yield start


@pytest.fixture(scope="module")
def standing_gateway(tmp_path_factory: pytest.TempPathFactory, state_dir: Path) -> Iterator[GatewayProcess]:
    """A gateway without streams for the tests of a file, each of which has it serve its own."""
    with GatewayProcess(tmp_path_factory.mktemp("gateway"), state_dir, {}) as gateway:
        yield gateway


@pytest.fixture(scope="session")
def surveillance_footage(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """vtest.avi: pedestrians seen by a fixed camera, 768x576, 10 pictures a second."""
    shared = Path(os.environ.get("TRANSCODER_TEST_DATA") or "/nonexistent") / "footage" / "opencv_vtest.avi"
    for found in (DEBIAN_FOOTAGE, shared):
        if found.is_file():
            return found
    packed = DEBIAN_FOOTAGE.with_suffix(".avi.gz")
    if not packed.is_file():
        pytest.skip("vtest.avi is not here (Debian's package opencv-doc)")
    unpacked = tmp_path_factory.mktemp("footage") / "vtest.avi"
    with gzip.open(packed) as source, unpacked.open("wb") as target:
        shutil.copyfileobj(source, target)
    return unpacked


@pytest.fixture
def numba(state_dir: Path) -> Path:
    """The folder of compiled kernels, for gateways that keep a state of their own."""
    return state_dir / "numba"


@pytest.fixture
def broker(tmp_path: Path) -> Broker:
    """An MQTT broker that is not started yet."""
    return Broker(tmp_path)
