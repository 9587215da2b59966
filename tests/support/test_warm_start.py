"""A warm start does what the console script does: its output, folder and name, and how it ends."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support import warm_start
from tests.support.gateway_process import CONSOLE_SCRIPT, process_name, wait_for

pytestmark = pytest.mark.process


def test_it_says_and_returns_what_the_console_script_does(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("gateway.yaml").write_text("streams: 3\n")
    told = subprocess.run([*CONSOLE_SCRIPT, "check", "gateway.yaml"], capture_output=True, check=False, timeout=60)
    with Path("output").open("wb") as output:
        process = warm_start.start(["check", "gateway.yaml"], output)
    assert process.wait(60) == told.returncode != 0
    assert Path("output").read_bytes() == told.stdout + told.stderr != b""
    done = warm_start.run(["check", "gateway.yaml"], 60)
    assert (done.returncode, done.stdout.encode(), done.stderr.encode()) == (told.returncode, told.stdout, told.stderr)


def test_it_has_the_name_and_a_signal_ends_it(tmp_path: Path) -> None:
    pipe = tmp_path / "gateway.yaml"
    os.mkfifo(pipe)  # whoever reads it waits for a writer
    with (tmp_path / "output").open("wb") as output:
        process = warm_start.start(["check", str(pipe)], output)
    try:
        wait_for(lambda: process_name(process.pid) == "transcoder", 60, "it has the name")
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(0)
    finally:
        process.kill()
    assert process.wait(20) == -signal.SIGKILL == process.poll()
    process.terminate()  # nothing happens to whoever has its number now
    assert not Path(f"/proc/{process.pid}").exists()


def test_simulated_cameras_start_in_the_same_way(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "transcoder.lab.cameras", "--family", "none"]
    told = subprocess.run(command, capture_output=True, check=False, timeout=60)
    with (tmp_path / "output").open("wb") as output:
        process = warm_start.start(["--family", "none"], output, program=warm_start.CAMERAS)
    assert process.wait(60) == told.returncode != 0
    assert (tmp_path / "output").read_bytes() == told.stdout + told.stderr != b""


def test_a_limit_has_the_value_that_is_given_and_has_to_exist(tmp_path: Path) -> None:
    config = tmp_path / "gateway.yaml"
    config.write_text(f"# {'long' * 100}\n")
    for limits, words in (
        ({"transcoder.config.load.MAX_FILE_BYTES": 100}, "100"),
        ({"transcoder.config.load.NO_SUCH_LIMIT": 100}, "NO_SUCH_LIMIT"),
    ):
        with (tmp_path / "output").open("wb") as output:
            process = warm_start.start(["check", str(config)], output, limits=limits)
        assert process.wait(60) != 0
        assert words in (tmp_path / "output").read_text()
