"""A stream is sent to servers of three kinds, which FFmpeg is; they end, come back, and are sent to again."""

import json
import shutil
import subprocess
import urllib.request
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.support.control_world import Cameras, free_port
from tests.support.gateway_process import GatewayProcess, wait_for

pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("push")]

SECONDS = 2
SUB = {"codec": "h265", "size": "192x108", "bitrate_kbps": 300, "on_demand": True}
SENT = {"rtsp": {"h264", "aac"}, "rtmp": {"h264", "aac"}, "mpegts": {"hevc", "aac"}}
KINDS = tuple(SENT)


@pytest.fixture(scope="module")
def camera(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    if not shutil.which("ffmpeg"):
        pytest.skip("ffmpeg is not installed")
    cameras = Cameras(tmp_path_factory.mktemp("cameras"), 1, "--set", "audio=true")
    cameras.start()
    yield cameras.urls[0]
    cameras.close()


class Receivers:
    """FFmpeg as a server of each kind; it ends by itself when it has received SECONDS of the stream."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._running: dict[str, tuple[subprocess.Popen[bytes], Path]] = {}
        ports = {kind: free_port() for kind in KINDS}
        self.urls = {
            "rtsp": f"rtsp://127.0.0.1:{ports['rtsp']}/in/front",
            "rtmp": f"rtmp://127.0.0.1:{ports['rtmp']}/live/k3y",
            "mpegts": f"udp://127.0.0.1:{ports['mpegts']}",
        }
        self.targets = self.urls | {"mpegts": {"url": self.urls["mpegts"], "rendition": "sub"}}

    def start(self, turn: int) -> None:
        """Receive from now on."""
        options = {"rtsp": ("-rtsp_flags", "listen"), "rtmp": ("-listen", "1"), "mpegts": ()}
        for kind, url in self.urls.items():
            file = self._folder / f"{kind}-{turn}.mkv"
            command = ["ffmpeg", "-nostdin", "-v", "error", "-analyzeduration", "1000000", *options[kind], "-i", url]
            command += ["-t", str(SECONDS), "-c", "copy", "-y", str(file)]
            self._running[kind] = subprocess.Popen(command, stderr=subprocess.DEVNULL), file

    def received(self) -> dict[str, set[str]]:
        """Return the codecs of which each receiver got half a second at least, once all have ended."""
        try:
            for process, _ in self._running.values():
                process.wait(30)
        finally:
            for process, _ in self._running.values():
                process.kill()
        return {kind: codecs(file) for kind, (_, file) in self._running.items()}


def codecs(file: Path) -> set[str]:
    command = ["ffprobe", "-v", "error", "-count_packets", "-show_entries", "stream=codec_name,nb_read_packets"]
    output = subprocess.run([*command, "-of", "json", str(file)], check=True, stdout=subprocess.PIPE).stdout
    streams = json.loads(output)["streams"]
    return {stream["codec_name"] for stream in streams if int(stream["nb_read_packets"]) >= 5}  # ten pictures a second


def ask(gateway: GatewayProcess, method: str = "GET", document: dict[str, Any] | None = None) -> dict[str, Any]:
    base = gateway.events("HTTP API")[0]["url"].rstrip("/")
    data = None if document is None else json.dumps(document).encode()
    request = urllib.request.Request(  # noqa: S310  # of our own gateway
        f"{base}/api/v1/streams/front", data, {"Content-Type": "application/json"}, method=method
    )
    with urllib.request.urlopen(request, timeout=30) as response:  # noqa: S310
        return dict(json.load(response))


def states(gateway: GatewayProcess) -> dict[str, Any]:
    return dict(ask(gateway)["state"]["push"])


def all_ended(gateway: GatewayProcess, times: int) -> bool:
    return all(push["losses"] >= times for push in states(gateway).values())


def test_three_kinds_of_servers_are_sent_to_and_sent_to_again(camera: str, tmp_path: Path, state_dir: Path) -> None:
    receivers = Receivers(tmp_path)
    streams = {
        "front": {"source": camera, "audio": "reencode", "video": {"bitrate_kbps": 500}, "renditions": {"sub": SUB}}
    }
    sections = {"push": {"allow": ["127.0.0.0/8"]}}
    with GatewayProcess(tmp_path, state_dir, streams, sections=sections) as gateway:
        wait_for(lambda: gateway.events("plays"), 30, "the camera plays")
        for turn in range(2):
            receivers.start(turn)
            ask(gateway, "PATCH", {"push": receivers.targets})  # the second time nothing changes
            assert receivers.received() == SENT
            wait_for(partial(all_ended, gateway, turn + 1), 10, "all ended")
        found = states(gateway)
        assert {kind: push["starts"] for kind, push in found.items()} == dict.fromkeys(KINDS, 2)
        assert all(push["bytes"] > 0 and push["problem"] for push in found.values())
        log = gateway.log_path.read_text()
        assert len(gateway.events("push started")) == 6  # one line for each begin
        assert len(gateway.events("push lost")) <= 4 * 6  # and few for each end, however often it is tried
        assert gateway.events("worker lost") == []  # H.265 with sound took too many threads
        assert "k3y" not in log + json.dumps(ask(gateway))
        # nothing is left of the processes once nothing is sent
        ask(gateway, "PATCH", {"push": dict.fromkeys(KINDS)})
        assert states(gateway) == {}
