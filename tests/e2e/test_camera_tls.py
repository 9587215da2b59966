"""A camera that offers nothing but TLS, behind the gateway: it plays, and another key has to be accepted."""

import asyncio
import shutil
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support.control_world import Gateway, running
from tests.support.gateway_process import CONSOLE_SCRIPT, wait_for
from transcoder.lab.cameras.behaviour import override
from transcoder.lab.cameras.certificate import Certificate
from transcoder.lab.cameras.content import ContentOptions, from_scene
from transcoder.lab.cameras.families import FAMILIES
from transcoder.lab.cameras.scenes import SceneOptions
from transcoder.lab.cameras.server import SimulatedCamera
from transcoder.source.camera_keys import fingerprints

pytestmark = pytest.mark.e2e


@contextmanager
def camera_on_a_thread(folder: Path) -> Iterator[tuple[SimulatedCamera, asyncio.AbstractEventLoop]]:
    scene = SceneOptions(width=320, height=180, fps=10, seconds=2.0)
    content = from_scene(ContentOptions(scene=scene, gop_s=1.0), folder)
    camera = SimulatedCamera(override(FAMILIES["longse"].behaviour, ["tls=1.3"]), content, password="s3cret")
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    asyncio.run_coroutine_threadsafe(camera.start(), loop).result(10)
    try:
        yield camera, loop
    finally:
        asyncio.run_coroutine_threadsafe(camera.stop(), loop).result(10)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)


def test_a_camera_over_tls(tmp_path: Path, state_dir: Path) -> None:
    ffmpeg = shutil.which("ffmpeg")
    if ffmpeg is None:
        pytest.skip("ffmpeg is not installed")
    with camera_on_a_thread(tmp_path) as (camera, loop):
        assert camera.certificate is not None
        probe = [*CONSOLE_SCRIPT, "probe", camera.url, "--seconds", "1", "--json"]
        probed = subprocess.run(probe, capture_output=True, text=True, timeout=60, check=True)
        assert fingerprints(camera.certificate.der)[1] in probed.stdout
        verify = [*CONSOLE_SCRIPT, "verify", camera.url, "--seconds", "1", "--json"]
        verified = subprocess.run(verify, capture_output=True, text=True, timeout=60, check=False)
        assert verified.returncode == 1  # a camera's own stream is not clean
        assert fingerprints(camera.certificate.der)[0] in verified.stdout

        gateway = Gateway(tmp_path, state_dir / "numba", None, {"a": {"source": camera.url}})
        with running(gateway):
            wait_for(lambda: gateway.stream("a")["state"]["source"]["connected"], 30, "it plays")
            command = [ffmpeg, "-nostdin", "-v", "error", "-rtsp_transport", "tcp", "-i", gateway.url("a")]
            command += ["-frames:v", "5", "-f", "framecrc", "-"]
            read = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
            assert read.returncode == 0, read.stderr

        asyncio.run_coroutine_threadsafe(camera.stop(), loop).result(10)
        camera.certificate = Certificate("127.0.0.1")
        asyncio.run_coroutine_threadsafe(camera.start(), loop).result(10)
        with running(gateway):  # the key that was learned is kept over a restart
            reason = "another TLS key than before"
            wait_for(lambda: reason in (gateway.stream("a")["state"]["problem"] or ""), 30, "the key is refused")
            assert camera.readers == 0
            assert gateway.http("POST", "/api/v1/streams/a/accept-key")[0] == 200
            wait_for(lambda: gateway.stream("a")["state"]["source"]["connected"], 30, "the key is accepted")
