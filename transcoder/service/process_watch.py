"""A process is watched: does it hang, or has this machine no time for it? Only the former is the process's fault."""

import os
import re
from dataclasses import dataclass

_CLOCK_TICKS = 100
"""Jiffies a second in /proc (USER_HZ is 100 on every Linux)."""
_MEMORY = re.compile(rb"\nRssAnon:\s*(\d+) kB\nRssFile:.*\nRssShmem:\s*(\d+) kB\n(?:Vm.*\n)*?VmPTE:\s*(\d+) kB")
"""Memory of a process's own, that which others may have mapped too, tables of pages; proc_pid_status(5) has them
in this order."""
CPU_SPAN_S = 5.0
"""Seconds over which the processor time of a process is compared with the limit of its threads."""
_AWAKE = frozenset("RD")
"""The states of a process that computes, waits for a processor, or waits for the kernel (proc(5))."""
_BUSY = 0.5
"""The share of a core that a process in an endless loop takes even on a busy machine."""
_IDLE = 0.02
"""The share of a core that a process which is stopped or waits for ever does not reach."""
_MAX_STEP_S = 2.0
"""Seconds that count between two looks, at most; with more between them this process was away itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessSample:
    """Holds the state of a process at a moment.

    Attributes:
        state: the letter that proc(5) gives the process: R runs or wants to, S sleeps, T is stopped.
        cpu_s: processor time of the process so far, seconds.
        private_bytes: memory that the process shares with no file, and the tables of its pages.
        threads: the threads of the process.
        shared_bytes: the part of private_bytes that other processes may have mapped too.
    """

    state: str
    cpu_s: float
    private_bytes: int
    threads: int = 1
    shared_bytes: int = 0


def sample_process(pid: int) -> ProcessSample | None:
    """Look at a process; return None when it is gone."""
    try:
        stat = _read(f"/proc/{pid}/stat")
        memory = _read(f"/proc/{pid}/status")
    except OSError:
        return None
    fields = stat.rpartition(b")")[2].split(None, 18)
    found = _MEMORY.search(memory)  # a zombie has none
    own, shared, tables = map(int, found.groups()) if found is not None else (0, 0, 0)
    return ProcessSample(
        state=fields[0].decode(),
        cpu_s=(int(fields[11]) + int(fields[12])) / _CLOCK_TICKS,
        private_bytes=(own + shared + tables) << 10,
        threads=int(fields[17]),
        shared_bytes=shared << 10,
    )


def _read(path: str) -> bytes:
    """Read a file of /proc. Each worker's files are read four times a second, so pathlib and text files are avoided."""
    file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        return os.read(file, 4096)
    finally:
        os.close(file)


def is_hanging(sample: ProcessSample, cpu_s: float, span_s: float) -> bool:
    """Return whether a silent process is in an endless loop or waits for ever.

    Args:
        sample: the present state of the process.
        cpu_s: the process's processor time when it was last heard of.
        span_s: seconds since the process was last heard of.
    """
    share = (sample.cpu_s - cpu_s) / max(span_s, 0.1)
    return share > _BUSY if sample.state == "R" else share < _IDLE


class AnswerWatch:
    """Tells when a process that owes an answer hangs, however busy the machine is. Sans-IO.

    The process hangs when it has slept, or was stopped, for `limit_s`, or has computed for `limit_s` of its own
    processor time. A process that is runnable and gets no time does neither, so it is never said to hang.

    Args:
        limit_s: seconds of sleep or of processor time after which the process hangs.
    """

    def __init__(self, limit_s: float) -> None:
        self._limit_s = limit_s
        self._first: ProcessSample | None = None
        self._last: tuple[float, ProcessSample] | None = None
        self._slept_s = 0.0

    def answered(self) -> None:
        """Note that the process gave a sign of life."""
        self._first = self._last = None
        self._slept_s = 0.0

    def look(self, now: float, sample: ProcessSample) -> bool:
        """Return whether the process hangs; call this about once a second while an answer is owed."""
        if self._first is None or self._last is None:
            self._first = sample
        else:
            before, previous = self._last
            awake = sample.state in _AWAKE or previous.state in _AWAKE or sample.cpu_s > previous.cpu_s
            self._slept_s = 0.0 if awake else self._slept_s + min(now - before, _MAX_STEP_S)
        self._last = now, sample
        return self._slept_s >= self._limit_s or sample.cpu_s - self._first.cpu_s >= self._limit_s


class CpuWatch:
    """Tells when a process takes more processors than its threads can. Sans-IO."""

    def __init__(self) -> None:
        self._since: tuple[float, float] | None = None

    def look(self, now: float, cpu_s: float, most_cores: float) -> bool:
        """Return whether the process took more than `most_cores` for CPU_SPAN_S; call this about four times a second.

        Args:
            now: monotonic seconds.
            cpu_s: processor time of the process so far.
            most_cores: the processors that it may take.
        """
        if self._since is None:
            self._since = now, cpu_s
        began, used_s = self._since
        if now - began < CPU_SPAN_S:
            return False
        self._since = now, cpu_s
        return cpu_s - used_s > most_cores * (now - began)
