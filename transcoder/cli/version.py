"""`transcoder --version` tells what a report of a fault needs: the product, and what it runs on."""

import contextlib
import ctypes
import platform
from importlib.metadata import PackageNotFoundError, files, version

from transcoder.product import NAME

UNKNOWN = "unknown"


def version_text() -> str:
    """Return a few lines of versions."""
    system = platform.uname()
    libraries = f"PyAV {_version('av')} with FFmpeg {_ffmpeg()}, Numba {_version('numba')}"
    return "\n".join(
        [
            f"{NAME} {_version(NAME)}",
            f"Python {platform.python_version()}, {libraries}",
            f"{system.system} {system.release} {system.machine}",
        ]
    )


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return UNKNOWN


def _ffmpeg() -> str:
    """Ask the library that PyAV's wheel brings: to import PyAV takes as long as everything else."""
    with contextlib.suppress(PackageNotFoundError, OSError, AttributeError):
        for file in files("av") or ():
            if file.name.startswith("libavutil"):
                ask = ctypes.CDLL(str(file.locate())).av_version_info
                ask.restype = ctypes.c_char_p
                return str(ask().decode())
    return UNKNOWN
