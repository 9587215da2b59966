"""Cameras run here as processes that a test can kill; footage and encoders for them are here too."""

import shutil
import subprocess
import threading
from pathlib import Path
from typing import Any, Self

import av
import numpy as np
import pytest

from transcoder.lab.cameras.counter import draw_counter

SYSTEM_PYTHON = "/usr/bin/python3"
SCRIPT = Path(__file__).parent / "gstreamer_camera.py"


def gstreamer_server() -> None:
    """Skip where GStreamer's RTSP server can't be run."""
    code = "import gi; gi.require_version('GstRtspServer', '1.0'); from gi.repository import GstRtspServer"
    missing = (
        not Path(SYSTEM_PYTHON).exists()
        or subprocess.run([SYSTEM_PYTHON, "-c", code], check=False, capture_output=True, timeout=30).returncode
    )
    if missing:
        pytest.skip("GStreamer's RTSP server is not installed (gir1.2-gst-rtsp-server-1.0, python3-gi)")


class GStreamerCamera:
    """Runs GStreamer's RTSP server on one port, which the server keeps from start to start."""

    def __init__(self, files: dict[str, Path]) -> None:
        gstreamer_server()
        self._files = files
        self.port = 0
        self.process: subprocess.Popen[str] | None = None

    def start(self) -> None:
        self.process = subprocess.Popen(
            [SYSTEM_PYTHON, SCRIPT, str(self.port), *(f"{path}={file}" for path, file in self._files.items())],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        assert self.process.stdout is not None
        line = self.process.stdout.readline().split()
        assert line[:1] == ["ready"], line
        self.port = int(line[1])
        threading.Thread(target=self.process.stdout.read, daemon=True).start()

    def kill(self) -> None:
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    def url(self, path: str) -> str:
        return f"rtsp://127.0.0.1:{self.port}/{path}"

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()


def read_footage(path: Path, count: int, *, width: int = 0, counter: bool = False) -> list[np.ndarray]:
    """Return the first pictures of a file, planes of 4:2:0 one under the other, (height * 3 / 2, width)."""
    pictures: list[np.ndarray] = []
    with av.open(str(path)) as container:
        for frame in container.decode(video=0):
            height = round(width * frame.height / frame.width) & ~1 if width else None
            planes: Any = frame.to_ndarray(format="yuv420p", width=width or None, height=height)
            if counter:
                draw_counter(planes[: planes.shape[0] * 2 // 3], len(pictures))
            pictures.append(planes)
            if len(pictures) == count:
                break
    return pictures


def luma_of(planes: np.ndarray) -> np.ndarray:
    return planes[: planes.shape[0] * 2 // 3]


def encode_as_camera(pictures: list[np.ndarray], codec: str, fps: int, path: Path, *, gop: int, quantizer: int) -> Path:
    """Encode with GStreamer's x264enc or x265enc, as a camera of good quality would."""
    if not shutil.which("gst-launch-1.0"):
        pytest.skip("gst-launch-1.0 is not installed")
    rows, width = pictures[0].shape
    if codec == "h264":
        encoder = ["x264enc", "pass=quant", f"quantizer={quantizer}", "speed-preset=superfast", "bframes=0"]
        encoder += [f"key-int-max={gop}", "threads=1", "!", "video/x-h264,profile=high", "!", "h264parse"]
    else:
        encoder = ["x265enc", f"qp={quantizer}", "speed-preset=ultrafast", f"key-int-max={gop}"]
        encoder += ["option-string=bframes=0:pools=1", "!", "h265parse"]
    raw = path.with_suffix(".yuv")
    with raw.open("wb") as out:
        out.writelines(picture.tobytes() for picture in pictures)
    form = [f"width={width}", f"height={rows * 2 // 3}", f"framerate={fps}/1", "format=i420"]
    subprocess.run(
        [
            *("gst-launch-1.0", "-q", "filesrc", f"location={raw}", "!", "rawvideoparse", *form, "!"),
            *(*encoder, "!", "matroskamux", "!", "filesink", f"location={path}"),
        ],
        check=True,
        timeout=100,
    )
    raw.unlink()
    return path
