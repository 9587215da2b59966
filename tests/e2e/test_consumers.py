"""Real consumers read a served stream: ffmpeg, GStreamer, mpv, motion."""

import asyncio
import os
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.gateway_process import GatewayProcess
from tests.support.gstreamer_reader import gstreamer_pipeline
from transcoder.lab.cameras.content import ContentOptions, from_scene
from transcoder.lab.cameras.families import FAMILIES
from transcoder.lab.cameras.scenes import SceneOptions
from transcoder.lab.cameras.server import SimulatedCamera

pytestmark = [pytest.mark.e2e, pytest.mark.long]

PROGRAMS = ("ffmpeg", "gst-launch-1.0", "mpv", "motion")

CANCELLED_ITSELF = "Could not write to resource"
"""rtspsrc that ends may cancel its own PAUSE before a byte of it is sent, and reports that as an error, against
GStreamer's own RTSP server, too. Then the same pipeline has to end well where PAUSE is waited for."""


async def reads(url: str, transport: str) -> bool:
    source = [
        "rtspsrc",
        f"location={url}",
        f"protocols={transport}",
        "latency=200",
        "!",
        "application/x-rtp,media=video",
    ]
    process = await asyncio.create_subprocess_exec(
        *gstreamer_pipeline(), *source, "!", "decodebin", "!", "fakesink", "num-buffers=32"
    )
    async with asyncio.timeout(20):
        return await process.wait() == 0


@pytest.mark.timeout(240)
@pytest.mark.parametrize("output", ["h264", "h265"])
async def test_every_consumer_reads_the_stream(
    output: str, tmp_path: Path, start_gateway: Callable[..., GatewayProcess]
) -> None:
    """Every line of the check passes but those of the RTSP over HTTP tunnel, which is not served."""
    script = Path(os.environ.get("TRANSCODER_TEST_DATA") or "/nonexistent") / "tools" / "ingest_check.sh"
    if not script.is_file():
        pytest.skip("TRANSCODER_TEST_DATA has no tools/ingest_check.sh")
    missing = [program for program in PROGRAMS if not shutil.which(program)]
    if not await asyncio.to_thread(gstreamer_pipeline):
        missing.append("python3-gi")
    if missing:
        pytest.skip(f"not installed: {', '.join(missing)}")
    scene = SceneOptions(width=640, height=360, fps=15, seconds=6.0)
    content = from_scene(ContentOptions(scene=scene, gop_s=2.0), tmp_path / "content")
    async with SimulatedCamera(FAMILIES["hikvision"].behaviour, content) as camera:
        gateway = await asyncio.to_thread(start_gateway, {"front": {"source": camera.url, "video": {"codec": output}}})
        process = await asyncio.create_subprocess_exec(
            "bash", str(script), gateway.url("front"), "4", stdout=asyncio.subprocess.PIPE
        )
        out, _ = await process.communicate()
        text = out.decode()
        print(text)
        lines = dict(re.findall(r"^(?:PASS|FAIL) (\S+)()", text, re.MULTILINE))
        assert {"ffmpeg-tcp", "ffmpeg-udp", "ffmpeg-decode-clean", "gst-tcp", "gst-udp", "mpv", "motion"} <= set(lines)
        failed = dict(re.findall(r"^FAIL (\S+) *(.*)", text, re.MULTILINE))
        for name in ("gst-tcp", "gst-udp"):
            if CANCELLED_ITSELF in failed.get(name, ""):
                assert await reads(gateway.url("front"), name.removeprefix("gst-")), text
                del failed[name]
        if failed:
            gateway.skip_if_overloaded()
        assert [name for name in failed if not name.endswith("-http")] == [], text
