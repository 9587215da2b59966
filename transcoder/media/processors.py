"""FFmpeg is told that this machine has one processor, so that nothing in it starts threads of its own accord.

PyAV gives each encoder of sound a filter graph, and FFmpeg gives that a thread for each processor. Where a sandbox
allows threads, which it does for H.265, a worker with sound then had more of them than its encoders have, and was taken
for one that somebody else steers.
"""

import ctypes
from pathlib import Path
from typing import Final

import av  # noqa: F401  # loads the library

MAPS: Final = Path("/proc/self/maps")
"""The list of the files that this process has loaded."""


def use_one() -> bool:
    """Have FFmpeg count one processor in this process and those forked from it; return whether the library was found.

    Source: libavutil/cpu.h, av_cpu_force_count.
    """
    for line in MAPS.read_text().splitlines():
        path = line.rpartition(" ")[2]
        if "libavutil" in path.rpartition("/")[2]:
            library = ctypes.CDLL(path)
            library.av_cpu_force_count.argtypes, library.av_cpu_force_count.restype = [ctypes.c_int], None
            library.av_cpu_force_count(1)
            return True
    return False
