"""Simulated cameras run in a process of their own; a test reads them from its process."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any, Self

SMALL = ["--width", "192", "--height", "96", "--fps", "10", "--seconds", "2", "--gop-s", "1", "--bitrate-kbps", "300"]


class Cameras:
    """Runs one camera of each of the first four families, or those that are given, one of a family at most.

    Attributes:
        listed: the simulator's description of each camera, by family.
        lines: the descriptions as the simulator wrote them.
    """

    def __init__(self, cache: Path, *given: str) -> None:
        self._command = [sys.executable, "-m", "transcoder.lab.cameras", *SMALL, "--cache", str(cache)]
        self._command += ["--password", "s3cr3t", "--list"]
        self._command += [part for each in given for part in ("--camera", each)] or ["--cameras", "4"]
        self.listed: dict[str, dict[str, Any]] = {}
        self.lines = ""

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(self._command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        assert self._process.stdout is not None
        for line in self._process.stdout:
            event = json.loads(line)
            if event["event"] == "camera":
                self.listed[event["family"]] = event
                self.lines += line
            if event["event"] == "ready":
                return self
        raise AssertionError(self._process.stderr.read() if self._process.stderr else "")

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        try:
            self._process.communicate(timeout=10)
        finally:
            self._process.kill()

    def url(self, family: str, *, login: bool = True) -> str:
        url = str(self.listed[family]["url"])
        return url if login else "rtsp://" + url.partition("@")[2]
