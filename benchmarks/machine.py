"""This module describes the machine that a benchmark ran on."""

import os
import platform
import shutil
import subprocess
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from transcoder.lab.bench.processes import children, cpu_seconds, pss_bytes

__all__ = ["children", "cpu_seconds", "describe", "pss_bytes"]

_PACKAGES = ("av", "numpy", "numba", "uvloop")


def describe() -> dict[str, str]:
    """Return the machine and the versions, for the head of a table."""
    model = next(
        (
            line.split(":", 1)[1].strip()
            for line in Path("/proc/cpuinfo").read_text().splitlines()
            if "model name" in line
        ),
        platform.machine(),
    )
    return {
        "cpu": f"{model}, {os.cpu_count()} cores",
        "kernel": platform.release(),
        "python": platform.python_version(),
        **{name: _version(name) for name in _PACKAGES},
        **_programs(),
    }


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "-"


def _programs() -> dict[str, str]:
    """Return the versions of the peers that are installed."""
    found = {}
    for name, argument in (("ffmpeg", "-version"), ("gst-launch-1.0", "--version")):
        if shutil.which(name):
            output = subprocess.run([name, argument], capture_output=True, text=True, check=False).stdout
            words = output.split()
            found[name.removesuffix("-launch-1.0")] = words[2] if len(words) > 2 else "?"
    return found
