"""Cameras whose RTSP is odd, behind one gateway, read by ffmpeg: all play, each over one session."""

import json
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support.control_world import Gateway, running
from tests.support.gateway_process import wait_for

pytestmark = pytest.mark.e2e

CAMERAS = {
    "foscam": "longse cseq=zero",
    "lagging": "longse cseq=lagging",
    "axis": "longse session_control=rtsp://192.0.2.9/aggregate?session=1 play_at=session_control",
    "single": "longse play_at=media",
    "parameter": "longse signs_of_life=GET_PARAMETER session_timeout_s=4",
    "vstarcam": "longse closes_after_401=true",
    "relative": "longse redirect=relative",
    "unsized": "longse content_length=none",
    "apart": "longse parameter_sets=apart",
    "undescribed": "longse sent_payload_type=97",
    "bursts": "longse burst_s=2",
    "backward": "longse clock_ratio=-1",
}
KEPT_S = 9.0
"""Seconds in which a session of 4 s ends twice if nothing keeps it alive."""


@contextmanager
def simulated(folder: Path) -> Iterator[list[str]]:
    """The cameras as one process; their URLs."""
    command = [sys.executable, "-m", "transcoder.lab.cameras", "--password", "s3cret", "--cache", str(folder / "cache")]
    command += ["--width", "320", "--height", "180", "--fps", "10", "--gop-s", "1", "--commands"]
    for camera in CAMERAS.values():
        command += ["--camera", camera]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        for line in process.stdout:
            event = json.loads(line)
            if event["event"] == "ready":
                yield event["urls"]
                break
    finally:
        process.kill()
        process.wait()


def frames(ffmpeg: str, url: str) -> tuple[int, int]:
    """The exit code of ffmpeg, and how many of five frames it read."""
    command = [ffmpeg, "-nostdin", "-v", "error", "-rtsp_transport", "tcp", "-i", url]
    command += ["-frames:v", "5", "-f", "framecrc", "-"]
    read = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    return read.returncode, len([line for line in read.stdout.splitlines() if not line.startswith("#")])


def test_cameras_with_odd_manners_play(tmp_path: Path, state_dir: Path) -> None:
    ffmpeg = shutil.which("ffmpeg")
    if ffmpeg is None:
        pytest.skip("ffmpeg is not installed")
    with simulated(tmp_path) as urls:
        streams = {name: {"source": url} for name, url in zip(CAMERAS, urls, strict=True)}
        gateway = Gateway(tmp_path, state_dir / "numba", None, streams)
        with running(gateway):
            wait_for(
                lambda: all(gateway.stream(name)["state"]["source"]["connected"] for name in CAMERAS), 30, "all play"
            )
            began = time.monotonic()
            with ThreadPoolExecutor(4) as readers:
                found = readers.map(lambda name: frames(ffmpeg, gateway.url(name)), CAMERAS)
                assert dict(zip(CAMERAS, found, strict=True)) == dict.fromkeys(CAMERAS, (0, 5))
            time.sleep(max(0.0, began + KEPT_S - time.monotonic()))
            for name in CAMERAS:
                source = gateway.stream(name)["state"]["source"]
                assert (source["connects"], source["losses"]) == (1, 0), name
