"""Cameras of both codecs are relayed: readers decode every picture, nothing else passes, and no verdict is clean."""

import shutil
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import pytest

from tests.e2e.test_swap import cameras
from tests.support import warm_start
from tests.support.control_world import Gateway, running
from tests.support.gateway_process import wait_for
from transcoder.lab.reader.playback import Playback

pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("swap")]

SIZE = (320, 180)
REPEAT_AFTER_S = 2.0
"""Seconds without a picture after which the last IDR is repeated here: less than the product's, to wait less."""
OUTAGE_S = REPEAT_AFTER_S + 2.0
"""Seconds without the camera: longer than that pause."""


def is_online(gateway: Gateway, name: str) -> bool:
    return gateway.stream(name)["state"]["status"] == "online"


def has_frames(playback: Playback) -> bool:
    return playback.counts.frames > 40


def look(gateway: Gateway, name: str, playback: Playback, ffprobe: str) -> None:
    """Look at a stream in three ways: pictures are decoded, the verdict tells of the relay, ffprobe finds no fault."""
    wait_for(partial(has_frames, playback), 60, f"{name} is decoded")
    verified = warm_start.run(["verify", gateway.url(name), "--seconds", "3"], 60)
    assert verified.returncode == 1, verified.stdout
    assert "relayed: pixels were not decoded" in verified.stdout
    shown = [ffprobe, "-v", "error", "-show_entries", "stream=codec_name,width,height", "-of", "csv=p=0"]
    shown += ["-rtsp_transport", "tcp", gateway.url(name)]
    probed = subprocess.run(shown, capture_output=True, text=True, timeout=60, check=False)
    assert (probed.stdout.strip(), probed.stderr) == (f"{name},{SIZE[0]},{SIZE[1]}", "")
    assert gateway.stream(name)["state"]["worker"]["pid"] is None


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
        gateway.limits = {"transcoder.service.relay.REPEAT_AFTER_S": REPEAT_AFTER_S}
        playbacks = {name: Playback() for name in streams}
        with running(gateway):
            for name, playback in playbacks.items():
                wait_for(partial(is_online, gateway, name), 60, f"{name} plays")
                playback.start(gateway.url(name))
            with ThreadPoolExecutor() as pool:
                list(pool.map(lambda name: look(gateway, name, playbacks[name], ffprobe), streams))
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
