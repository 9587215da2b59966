"""A camera's codec is switched while it streams: pictures go on, whatever is described, and probe tells."""

import asyncio
import json
import shutil
import subprocess
import time
from pathlib import Path

import pytest

from tests.e2e.test_defects import FPS, DefectiveCamera, simulator
from tests.support.control_world import Gateway, running
from tests.support.gateway_process import CONSOLE_SCRIPT, wait_for
from tests.support.rtsp_reader import RtspReader

pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("defects")]

CAMERAS = {
    "switched": DefectiveCamera("longse codec_switch_every_s=4"),
    # the camera ends the session with every second switch: what it describes then is stale, or true
    "stale": DefectiveCamera("longse codec_switch_every_s=4 close_every_s=7"),
    "described": DefectiveCamera("longse codec_switch_every_s=4 close_every_s=7 describes_switch=true"),
    "back": DefectiveCamera("dahua codec_switch_every_s=4"),
}
PROBED = DefectiveCamera("dahua codec_switch_every_s=4")
"""The camera that only the probe reads: it switches by the time since its first reader came, whatever it describes."""
WATCHED_S = 12.0


@pytest.mark.timeout(120)
async def test_a_codec_that_is_switched(tmp_path: Path, state_dir: Path) -> None:
    ffmpeg = shutil.which("ffmpeg")
    if ffmpeg is None:
        pytest.skip("ffmpeg is not installed")
    with simulator({**CAMERAS, "probed": PROBED}, tmp_path / "content") as described:
        *streams, probed_url = [one["url"] for one in described]
        urls = dict(zip(CAMERAS, streams, strict=True))
        probe = [*CONSOLE_SCRIPT, "probe", probed_url, "--seconds", "9", "--json"]
        probing = subprocess.Popen(probe, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        try:
            gateway = Gateway(
                tmp_path, state_dir / "numba", None, {name: {"source": url} for name, url in urls.items()}
            )
            with running(gateway):
                wait_for(
                    lambda: all(gateway.stream(name)["state"]["source"]["codec"] for name in CAMERAS), 30, "all play"
                )
                codecs: dict[str, set[str]] = {name: set() for name in CAMERAS}
                reader = RtspReader(gateway.url("switched"))
                command = [ffmpeg, "-nostdin", "-v", "error", "-rtsp_transport", "tcp", "-i", gateway.url("stale")]
                # in ticks of RTP: by itself ffmpeg counts pictures at the announced rate, and a pause leaves some alike
                command += ["-t", str(WATCHED_S), "-fps_mode", "passthrough", "-enc_time_base", "1/90000"]
                command += ["-f", "null", "-"]
                decoding = await asyncio.create_subprocess_exec(*command, stderr=subprocess.PIPE)
                async with reader:
                    await reader.play()
                    end = time.monotonic() + WATCHED_S
                    while time.monotonic() < end:
                        for name in CAMERAS:
                            codecs[name].add(gateway.stream(name)["state"]["source"]["codec"])
                        await asyncio.sleep(0.5)
                    assert reader.marked > 0.5 * FPS * WATCHED_S  # an outage has a picture a second
                _, errors = await asyncio.wait_for(decoding.communicate(), 20)
                assert (decoding.returncode, errors) == (0, b"")
                states = {name: gateway.stream(name)["state"] for name in CAMERAS}
            probed = json.loads(probing.communicate(timeout=30)[0])
        finally:
            probing.kill()
    assert codecs == {name: {"H264", "H265"} for name in CAMERAS}
    for name in ("switched", "back"):
        source = states[name]["source"]
        assert (source["connects"], source["losses"], states[name]["problem"]) == (1, 0, None), name
    assert all(state["faults"]["worker_starts"] == 1 for state in states.values())
    assert all("H26" in line for line in probed["video"]["codec_switches"])
    assert "described_as" not in probed["video"]
