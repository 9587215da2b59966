"""The peers are the programs that people run today: ffmpeg behind GStreamer's RTSP server, and that server alone."""

import contextlib
import json
import shutil
import socket
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from typing_extensions import override

from transcoder.lab.bench import processes
from transcoder.lab.bench.load import Side

SYSTEM_PYTHON = "/usr/bin/python3"
"""The interpreter for which Debian packages GStreamer's bindings."""
_SERVER = Path(__file__).with_name("gstreamer_server.py")
_RTP_PAYLOAD = "1400"


def available() -> dict[str, bool]:
    """Return, for each peer by its name, whether this machine has it."""
    gstreamer = False
    if Path(SYSTEM_PYTHON).exists():
        code = "import gi; gi.require_version('GstRtspServer', '1.0'); from gi.repository import GstRtspServer"
        gstreamer = subprocess.run([SYSTEM_PYTHON, "-c", code], capture_output=True, check=False).returncode == 0
    return {"ffmpeg": gstreamer and shutil.which("ffmpeg") is not None, "gstreamer": gstreamer}


class Server:
    """Runs GStreamer's RTSP server.

    Args:
        arguments: the arguments of gstreamer_server.
    """

    def __init__(self, *arguments: str) -> None:
        self.process = subprocess.Popen(
            [SYSTEM_PYTHON, str(_SERVER), *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        assert self.process.stdout is not None
        self.port = int(json.loads(self.process.stdout.readline())["port"])

    def urls(self, count: int) -> list[str]:
        """Return the URLs of the server's streams."""
        return [f"rtsp://127.0.0.1:{self.port}/s{index}" for index in range(count)]


def _start(command: list[str]) -> subprocess.Popen[bytes]:
    return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def stop(started: list[subprocess.Popen[bytes]]) -> None:
    """End processes, and kill those that are slow to end."""
    for process in started:
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
    for process in started:
        try:
            process.wait(3.0)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


class FfmpegSide(Side):
    """Runs one ffmpeg a stream, whose output GStreamer's RTSP server relays.

    Args:
        encoder: the options after `-c:v libx264`.
        gop: the number of pictures between IDR pictures; None: ffmpeg's own choice.
        fps: the frame rate of the cameras. If ffmpeg has to guess it, from timestamps and an SPS without a fixed rate,
            it now and then guesses a rate three times as high, and encodes every picture three times.
    """

    def __init__(self, encoder: Sequence[str], gop: int | None, fps: float) -> None:
        self._encoder = [*encoder, *(["-g", str(gop)] if gop else []), "-r", f"{fps:g}"]
        self._started: list[subprocess.Popen[bytes]] = []

    @override
    async def start(self, sources: Sequence[str]) -> list[str]:
        ports = free_ports(len(sources))
        server = Server("relay", *map(str, ports))
        self._started.append(server.process)
        for url, port in zip(sources, ports, strict=True):
            command = ["ffmpeg", "-nostdin", "-v", "error", "-rtsp_transport", "tcp", "-i", url, "-an"]
            command += ["-c:v", "libx264", *self._encoder]
            command += ["-f", "rtp", f"rtp://127.0.0.1:{port}?pkt_size={_RTP_PAYLOAD}"]
            self._started.append(_start(command))
        return server.urls(len(sources))

    @override
    def pids(self) -> list[int]:
        return [process.pid for process in self._started]

    @override
    async def report(self) -> dict[str, Any]:
        return {}

    @override
    async def stop(self) -> None:
        stop(self._started)


class GStreamerSide(Side):
    """Runs GStreamer's RTSP server, which pulls and re-encodes by itself.

    Args:
        encoder: the properties of x264enc.
        fps: the frame rate of the cameras.
    """

    def __init__(self, encoder: str, fps: float) -> None:
        self._fps = fps
        self._encoder = f"x264enc {encoder}"
        self._server: Server | None = None

    @override
    async def start(self, sources: Sequence[str]) -> list[str]:
        self._server = Server("reencode", f"{self._fps:g}", self._encoder, *sources)
        return self._server.urls(len(sources))

    @override
    def pids(self) -> list[int]:
        assert self._server is not None
        return [self._server.process.pid, *processes.children(self._server.process.pid)]

    @override
    async def report(self) -> dict[str, Any]:
        return {}

    @override
    async def stop(self) -> None:
        if self._server is not None:
            stop([self._server.process])


def free_ports(count: int) -> list[int]:
    """Return even UDP ports whose odd neighbour, for RTCP, is free too."""
    found: list[int] = []
    for port in range(20_000, 60_000, 2):
        if len(found) == count:
            break
        with contextlib.ExitStack() as stack, contextlib.suppress(OSError):
            for number in (port, port + 1):
                stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)).bind(("127.0.0.1", number))
            found.append(port)
    return found
