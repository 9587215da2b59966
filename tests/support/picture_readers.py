"""These readers of a served stream are not this project's: ffmpeg and GStreamer, whose pictures come over a pipe."""

import os
import re
import shutil
import subprocess
import threading
import time
from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Self

import numpy as np
import pytest

from transcoder.lab.cameras.counter import read_counter


@dataclass(frozen=True, slots=True)
class Picture:
    """A decoded picture: its luma plane, when it came (monotonic seconds), and the number drawn into it."""

    luma: np.ndarray
    at: float
    counter: int | None


class PictureReader(ABC):
    """Runs a program that reads a URL and writes luma planes.

    Args:
        url: the URL of the stream.
        size: (width, height) of the stream's pictures.
        transport: "tcp" or "udp".
        folder: the folder for the program's messages.
    """

    program = ""

    def __init__(self, url: str, size: tuple[int, int], transport: str, folder: Path) -> None:
        if not shutil.which(self.program):
            pytest.skip(f"{self.program} is not installed")
        self.url = url
        self.width, self.height = size
        self.transport = transport
        self.messages = folder / f"{self.program}-{transport}-{os.urandom(4).hex()}.log"
        self.pictures: list[Picture] = []
        self.process: subprocess.Popen[bytes] | None = None

    @abstractmethod
    def command(self, pipe: int) -> list[str]:
        """Return the command line, which writes pictures to a descriptor."""

    @abstractmethod
    def times(self) -> list[float]:
        """Return the presentation times of the pictures, seconds."""

    def __enter__(self) -> Self:
        ours, theirs = os.pipe()
        with self.messages.open("wb") as log:
            self.process = subprocess.Popen(
                self.command(theirs),
                pass_fds=[theirs],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env={**os.environ, "GST_DEBUG_NO_COLOR": "1", "OPENBLAS_NUM_THREADS": "1"},
            )
        os.close(theirs)
        self._thread = threading.Thread(target=self._collect, args=(os.fdopen(ours, "rb"),), daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        assert self.process is not None
        self.process.kill()
        self.process.wait()
        self._thread.join()

    def _collect(self, pipe: IO[bytes]) -> None:
        with pipe:
            while len(data := pipe.read(self.width * self.height)) == self.width * self.height:
                luma = np.frombuffer(data, np.uint8).reshape(self.height, self.width)
                self.pictures.append(Picture(luma, time.monotonic(), read_counter(luma)))

    @property
    def connected(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def wait_for_pictures(self, count: int, timeout_s: float) -> None:
        deadline = time.monotonic() + timeout_s
        while len(self.pictures) < count:
            assert self.connected, self.messages.read_text()[-2000:]
            assert time.monotonic() < deadline, f"{self}: {len(self.pictures)} of {count} pictures"
            time.sleep(0.02)

    def __str__(self) -> str:
        return f"{self.program} over {self.transport}"


class FfmpegReader(PictureReader):
    program = "ffmpeg"

    def command(self, pipe: int) -> list[str]:
        # showinfo tells the time of each picture as it came; passthrough keeps ffmpeg from repeating or leaving out any
        return [
            *("ffmpeg", "-nostdin", "-hide_banner", "-loglevel", "info", "-nostats", "-threads", "1", "-copyts"),
            *(
                "-rtsp_transport",
                self.transport,
                "-i",
                self.url,
                "-map",
                "0:v",
                "-vf",
                "showinfo=checksum=0,extractplanes=y",
            ),
            *("-fps_mode", "passthrough", "-enc_time_base", "1/90000", "-f", "rawvideo"),
            f"pipe:{pipe}",
        ]

    def times(self) -> list[float]:
        text = self.messages.read_text(errors="replace")
        return [float(found) for found in re.findall(r"showinfo.* pts_time:(-?[\d.]+)", text)]


class GStreamerReader(PictureReader):
    program = "gst-launch-1.0"

    def command(self, pipe: int) -> list[str]:
        source = ["rtspsrc", f"location={self.url}", f"protocols={self.transport}", "latency=100"]
        form = f"video/x-raw,format=I420,width={self.width},height={self.height}"
        chain = ["decodebin", "!", form, "!", "identity", "name=seen", "silent=false"]
        luma = ["videoconvert", "!", "video/x-raw,format=GRAY8", "!", "fdsink", f"fd={pipe}", "sync=false"]
        return ["gst-launch-1.0", "-v", *source, "!", *chain, "!", *luma]

    def times(self) -> list[float]:
        text = self.messages.read_text(errors="replace")
        found = re.findall(r"seen: last-message = chain.*?pts: (\d+):(\d+):([\d.]+)", text)
        return [int(hours) * 3600 + int(minutes) * 60 + float(seconds) for hours, minutes, seconds in found]
