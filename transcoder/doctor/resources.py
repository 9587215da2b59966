"""Memory, processor time and descriptors against the number of streams, with limits of control groups counted.

What a stream takes was measured, and stands in docs/performance.md. It is a guess for other cameras and machines, so
that nothing here is an error but what no machine could carry.
"""

import contextlib
import resource
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from transcoder.doctor.finding import Finding, Subject
from transcoder.doctor.ports import gateway_of
from transcoder.service.processors import groups_of, usable_cores

STREAM_MB: Final = 80
"""Megabytes of one more stream of 1080p: 67 were measured (benchmarks/results/memory.md)."""
GATEWAY_MB: Final = 190
"""Megabytes of a gateway with one stream, whose service and fork server fall on it (benchmarks/results/capacity.md)."""
STREAM_CORES: Final = 0.33
"""The share of a core of a stream of 1080p at 25 pictures a second (benchmarks/results/capacity.md)."""
SMALL_CORES: Final = 0.05
"""The share of a core of a small stream; a machine without even that for each stream is too small for any cameras."""
STREAM_FILES: Final = 16
"""Descriptors of a stream: camera, two ports, socket and pidfd of each of two processes, a memory, eight readers."""
OWN_FILES: Final = 200
"""Descriptors of the gateway besides: listeners, store, libraries, clients of the API."""
_MEGABYTE: Final = 1_000_000
_BENCH: Final = "transcoder bench measures how many streams this machine carries"


async def resources(subject: Subject) -> list[Finding]:
    """Compare what the machine has with what the streams are taken to need."""
    streams, process = 0, Path("/proc/self")
    if subject.file is not None:
        streams = sum(stream.enabled for stream in subject.file.config.streams.values())
        gateway = gateway_of(subject.file.config)
        process = Path(f"/proc/{gateway}") if gateway is not None else process
    own = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    return [
        memory_finding(streams, *usable_memory(process)),
        cores_finding(streams, usable_cores(process)),
        files_finding(streams, _open_files(process) or own),
    ]


def memory_finding(streams: int, usable: int, whose: str) -> Finding:
    """Say whether memory is enough.

    Args:
        streams: the streams that are enabled.
        usable: bytes that may be used in all.
        whose: "the machine" or the control group that limits it.
    """
    usable //= _MEGABYTE
    needed = GATEWAY_MB + STREAM_MB * max(streams - 1, 0)
    text = f"{usable} MB of {whose}; {_counted(streams)} of 1080p take{'s' if streams == 1 else ''} some {needed} MB"
    if usable < needed:
        advice = "more memory or fewer streams; larger pictures take more, smaller ones less"
        return Finding(check="memory", level="warning", text=text, advice=advice)
    return Finding(check="memory", level="ok", text=text)


def cores_finding(streams: int, cores: float) -> Finding:
    """Say whether the cores are enough for streams of 1080p, or for any.

    Args:
        streams: the streams that are enabled.
        cores: the cores that may be used.
    """
    verb = "takes" if streams == 1 else "take"
    text = f"{cores:g} cores; {_counted(streams)} of 1080p25 {verb} some {streams * STREAM_CORES:.1f}"
    if cores < streams * SMALL_CORES:
        return Finding(check="cores", level="error", text=text, advice="more cores or fewer streams")
    if cores < streams * STREAM_CORES:
        return Finding(
            check="cores", level="warning", text=text, advice=f"{_BENCH}; admission says what happens past it"
        )
    return Finding(check="cores", level="ok", text=text)


def files_finding(streams: int, limit: int) -> Finding:
    """Say whether the gateway may open enough descriptors."""
    needed = OWN_FILES + STREAM_FILES * streams
    text = f"{limit if limit != resource.RLIM_INFINITY else 'any number'} may be open; {needed} are wanted"
    if limit != resource.RLIM_INFINITY and limit < needed:
        return Finding(
            check="open files", level="warning", text=text, advice="raise ulimit -n, or LimitNOFILE= of the unit"
        )
    return Finding(check="open files", level="ok", text=text)


def _counted(streams: int) -> str:
    return f"{streams} {'stream' if streams == 1 else 'streams'}"


def usable_memory(process: Path = Path("/proc/self"), meminfo: Path = Path("/proc/meminfo")) -> tuple[int, str]:
    """Return the bytes of memory that a process may use, and whose limit that is.

    Args:
        process: the folder of the process in /proc.
        meminfo: the file of the machine's memory.
    """
    total = next(int(line.split()[1]) for line in meminfo.read_text().splitlines() if line.startswith("MemTotal:"))
    limits = [
        (limit, f"the control group {group}") for group in groups_of(process, "memory") for limit in _limit(group)
    ]
    return min([(total * 1024, "the machine"), *limits])


def _limit(group: Path) -> Iterator[int]:
    """Yield the limit of a group: version 2 has `max` for none, version 1 a number that no machine has."""
    for name in ("memory.max", "memory.limit_in_bytes"):
        with contextlib.suppress(OSError, ValueError):
            yield int((group / name).read_text())


def _open_files(process: Path) -> int | None:
    """Return the descriptors that a process may have open at most, None where that has no limit or can't be seen."""
    with contextlib.suppress(OSError, ValueError, StopIteration):
        line = next(line for line in (process / "limits").read_text().splitlines() if line.startswith("Max open files"))
        return int(line.split()[3])
    return None
