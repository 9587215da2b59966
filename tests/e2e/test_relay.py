"""Cameras of both codecs are relayed: readers decode every picture, nothing else passes, and no verdict is clean."""

import shutil
import subprocess
import time
from functools import partial
from pathlib import Path

import pytest

from tests.e2e.test_swap import cameras
from tests.support.control_world import Gateway, running
from tests.support.gateway_process import CONSOLE_SCRIPT, wait_for
from transcoder.lab.reader.playback import Playback

pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("swap")]

SIZE = (640, 360)
OUTAGE_S = 8.0
"""Seconds without the camera: longer than the pause after which the last IDR is repeated."""


def is_online(gateway: Gateway, name: str) -> bool:
    return gateway.stream(name)["state"]["status"] == "online"


def has_frames(playback: Playback) -> bool:
    return playback.counts.frames > 40


@pytest.mark.timeout(180)
def test_pictures_pass_undecoded(tmp_path: Path, state_dir: Path) -> None:
    ffprobe = shutil.which("ffprobe")
    if ffprobe is None:
        pytest.skip("ffmpeg is not installed")
    old = cameras(tmp_path / "h264", "hikvision gop_s=1", SIZE, "h264")
    new = cameras(tmp_path / "h265", "axis gop_s=1 slow_fps=10", SIZE, "h265")
    with running(old, new):
        video = {"mode": "relay", "relay_reason": "a test"}
        streams = {
            "h264": {"source": old.urls[0], "video": video},
            "hevc": {"source": new.urls[0], "video": video | {"codec": "h265"}},
        }
        gateway = Gateway(tmp_path, state_dir / "numba", None, streams, defaults={"video": {"bitrate_kbps": 500}})
        playbacks = {name: Playback() for name in streams}
        with running(gateway):
            for name, playback in playbacks.items():
                wait_for(partial(is_online, gateway, name), 60, f"{name} plays")
                playback.start(gateway.url(name))
            for name in streams:
                wait_for(partial(has_frames, playbacks[name]), 60, f"{name} is decoded")
                command = [*CONSOLE_SCRIPT, "verify", gateway.url(name), "--seconds", "3"]
                verified = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
                assert verified.returncode == 1, verified.stdout
                assert "relayed: pixels were not decoded" in verified.stdout
                shown = [ffprobe, "-v", "error", "-show_entries", "stream=codec_name,width,height", "-of", "csv=p=0"]
                shown += ["-rtsp_transport", "tcp", gateway.url(name)]
                probed = subprocess.run(shown, capture_output=True, text=True, timeout=60, check=False)
                assert (probed.stdout.strip(), probed.stderr) == (f"{name},640,360", "")
                assert gateway.stream(name)["state"]["worker"]["pid"] is None
            old.end(9)
            time.sleep(OUTAGE_S)
            assert gateway.stream("h264")["state"]["output"]["repeated"] > 0
            for playback in playbacks.values():
                playback.stop()
                playback.join(10)
    for name, playback in playbacks.items():
        counts = playback.counts
        assert (counts.codec, counts.connects, counts.errors, counts.steps_back) == (name, 1, 0, 0)
        assert counts.oddities() == []
