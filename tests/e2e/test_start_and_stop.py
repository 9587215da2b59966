"""Signals at every moment of a start, with compiled kernels and without: no traceback, no process left."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from tests.support.gateway_process import CONSOLE_SCRIPT, SLACK_S, process_name, wait_for

pytestmark = pytest.mark.e2e

STOP_S = 3.0
"""Seconds from a signal to the end: cameras and readers are said goodbye to, on a machine that other tests share."""
GONE_S = 2.0
AWAY = "rtsp://127.0.0.9:1/x"


class Start:
    """A gateway that starts, whatever becomes of it.

    Args:
        folder: the folder that gets the configuration.
        kernels: the folder of compiled kernels; None: an empty one.
    """

    def __init__(self, folder: Path, kernels: Path | None) -> None:
        folder.mkdir()
        state = folder / "state"
        state.mkdir()
        if kernels is not None:
            (state / "numba").symlink_to(kernels)
        self.mark = str(state).encode()
        config = folder / "gateway.yaml"
        document = {
            "rtsp": {"listen": "127.0.0.1:0", "udp_ports": [0, 0]},
            "http": {"listen": "127.0.0.1:0"},
            "state_dir": str(state),
            "streams": {"away": {"source": AWAY}, "too": {"source": AWAY}},
        }
        config.write_text(yaml.safe_dump(document))
        self.process = subprocess.Popen(
            [*CONSOLE_SCRIPT, "run", str(config)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        wait_for(self._is_ours, 60, "Python has started")

    def _is_ours(self) -> bool:
        """Return whether the product's first line has run: until then Ctrl-C ends Python in its own way."""
        try:
            status = Path(f"/proc/{self.process.pid}/status").read_text()
        except OSError:
            return True
        lines = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
        caught, ignored = int(lines["SigCgt"], 16), int(lines["SigIgn"], 16)
        # Python ignores SIGPIPE before it looks after SIGINT, which a shell's background job ignores from the first
        return bool(ignored & _bit(signal.SIGPIPE)) and not (caught | ignored) & _bit(signal.SIGINT)

    def signal(self, number: signal.Signals) -> None:
        """Send a signal as a terminal does: to the process and all of its group."""
        os.killpg(self.process.pid, number)

    def read_until(self, text: bytes) -> None:
        assert self.process.stdout is not None
        while text not in (line := self.process.stdout.readline()):
            assert line, "it ended"

    def end(self) -> tuple[int, str]:
        """Wait for the end; return the exit status and what was written."""
        out, _ = self.process.communicate(timeout=STOP_S + SLACK_S)
        return self.process.returncode, out.decode()

    def left(self) -> list[str]:
        """Return the processes whose command line names the state folder, as that of the fork server does."""
        found = []
        for path in Path("/proc").iterdir():
            try:
                if path.name.isdigit() and self.mark in (path / "cmdline").read_bytes():
                    found.append(process_name(int(path.name)))
            except OSError:
                continue
        return [name for name in found if name]

    def assert_gone(self) -> None:
        wait_for(lambda: not self.left(), GONE_S + SLACK_S, "every process is gone")


def _bit(number: signal.Signals) -> int:
    return 1 << (number - 1)


@pytest.fixture
def kernels(state_dir: Path) -> Path:
    return (state_dir / "numba").resolve()


def walk(
    folder: Path, kernels: Path | None, moments: Iterator[float], numbers: tuple[signal.Signals, ...]
) -> list[int]:
    """Start a gateway for each moment and send it the signals then; return the exit statuses."""
    statuses = []
    for count, moment in enumerate(moments):
        start = Start(folder / str(count), kernels)
        try:
            time.sleep(moment)
            for number in numbers:
                start.signal(number)
                time.sleep(0.02)
            status, out = start.end()
            assert "Traceback" not in out, f"{moment:g} s: {out}"
            assert "Exception" not in out, f"{moment:g} s: {out}"
            start.assert_gone()
        finally:
            start.process.kill()
        statuses.append(status)
    return statuses


def once(number: signal.Signals) -> set[int]:
    """Return the exit statuses of one signal: killed before anything ran, or an orderly end."""
    return {-number, 0}


def steps(first: float, last: float, step: float) -> Iterator[float]:
    return iter([first + step * count for count in range(round((last - first) / step) + 1)])


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_one_signal_while_it_starts(tmp_path: Path, kernels: Path, number: signal.Signals) -> None:
    statuses = walk(tmp_path, kernels, iter([0.0, 0.4, 0.8, 1.2]), (number,))
    assert set(statuses) <= once(number)
    assert statuses[0] == -number  # nothing ran


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_start_that_listens_already_is_ended_in_order(tmp_path: Path, kernels: Path, number: signal.Signals) -> None:
    start = Start(tmp_path / "warm", kernels)
    try:
        start.read_until(b"listening")
        start.signal(number)
        status, out = start.end()
    finally:
        start.process.kill()
    assert status == 0
    assert "Traceback" not in out
    start.assert_gone()


def test_the_first_start_says_that_it_compiles_and_obeys_a_signal_then(tmp_path: Path) -> None:
    start = Start(tmp_path / "cold", None)
    try:
        start.read_until(b"compiling the pixel kernels, the first time only")
        start.signal(signal.SIGINT)
        status, out = start.end()
    finally:
        start.process.kill()
    assert status == 0
    assert "stopping before the start is complete" in out
    assert "Traceback" not in out
    start.assert_gone()


def test_two_signals_kill(tmp_path: Path, kernels: Path) -> None:
    statuses = walk(tmp_path, kernels, iter([0.6, 1.0, 2.0]), (signal.SIGINT, signal.SIGINT))
    assert set(statuses) <= once(signal.SIGINT)  # 0: the orderly end was quicker than the second signal


@pytest.mark.long
@pytest.mark.parametrize("numbers", [(signal.SIGINT,), (signal.SIGTERM,), (signal.SIGINT, signal.SIGINT)], ids=str)
@pytest.mark.parametrize("is_cold", [False, True])
def test_signals_over_the_whole_start(
    tmp_path: Path, kernels: Path, numbers: tuple[signal.Signals, ...], is_cold: bool
) -> None:
    moments = steps(0.0, 12.0, 0.5) if is_cold else steps(0.0, 4.0, 0.1)
    assert set(walk(tmp_path, None if is_cold else kernels, moments, numbers)) <= once(numbers[0])


def test_the_first_line_waits_for_no_import() -> None:
    """Until it runs, Ctrl-C is a traceback out of whatever Python imports: nothing but our own two modules."""
    told = (
        "import sys; before = set(sys.modules); import transcoder.__main__; print(*sorted(set(sys.modules) - before))"
    )
    done = subprocess.run([sys.executable, "-I", "-c", told], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.split() == ["transcoder", "transcoder.__main__"]
