"""The command line: which commands there are, what each ends with, and that help imports next to nothing."""

import json
import os
import platform
import re
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest
from av import ffmpeg_version_info
from typer.testing import CliRunner, Result

from transcoder.cli.main import command_line
from transcoder.exit_codes import NO, OK, USAGE

COMMANDS = {
    "run",
    "check",
    "init",
    "probe",
    "discover",
    "fleet",
    "verify",
    "logs",
    "swap",
    "doctor",
    "backup",
    "restore",
    "config",
    "audit",
    "assets",
    "report",
    "demo",
    "bench",
}
HEAVY = {"pydantic", "uvloop", "structlog", "fastapi", "av", "numpy", "transcoder.config", "transcoder.service"}
CONSOLE_SCRIPT = [str(Path(sys.executable).with_name("transcoder"))]
MODULE = [sys.executable, "-m", "transcoder"]


def invoke(*arguments: object) -> Result:
    return CliRunner().invoke(command_line(), [str(argument) for argument in arguments])


def test_every_command_of_the_contract_is_there() -> None:
    commands, groups = command_line().registered_commands, command_line().registered_groups
    named = {command.name or getattr(command.callback, "__name__", None) for command in commands}
    assert named | {group.name for group in groups} == COMMANDS


@pytest.mark.process
@pytest.mark.parametrize("program", [CONSOLE_SCRIPT, MODULE], ids=["script", "module"])
def test_both_ways_to_start_it_know_every_command(program: list[str]) -> None:
    done = subprocess.run([*program, "--help"], capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == OK
    assert all(f" {name} " in done.stdout for name in COMMANDS)


@pytest.mark.process
def test_help_imports_next_to_nothing() -> None:
    """Half a second of imports would stand before every mistyped command."""
    program = (
        "import sys; sys.argv = ['transcoder', '--help']\n"
        "from transcoder.cli.main import main\n"
        "try: main()\n"
        "except SystemExit: pass\n"
        "print('imported', *sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60)
    imported = set(done.stdout.splitlines()[-1].split())
    assert "typer" in imported
    assert imported & HEAVY == set()


@pytest.mark.parametrize(
    "arguments", [["-h"], ["run", "-h"], ["config", "-h"], ["config", "show", "-h"], ["bench", "-h"]]
)
def test_help_shows_no_type_behind_a_switch(arguments: list[str]) -> None:
    done = invoke(*arguments)
    assert done.exit_code == OK
    assert "--help" in done.output
    assert "-h " in done.output
    assert "<bool>" not in done.output
    assert invoke(*arguments[:-1], "--help").output == done.output


def test_a_value_has_its_type() -> None:
    assert re.search(r"--log-level +<str>", invoke("run", "-h").output)


def test_version() -> None:
    """What a report of a fault needs. The FFmpeg is the one that decodes, not one that is installed on the machine."""
    done = invoke("--version")
    assert done.exit_code == OK
    first, libraries, system = done.stdout.splitlines()
    assert first == f"transcoder {version('transcoder')}"
    assert libraries == (
        f"Python {platform.python_version()}, PyAV {version('av')} with FFmpeg {ffmpeg_version_info}, "
        f"Numba {version('numba')}"
    )
    assert platform.release() in system


@pytest.mark.process
@pytest.mark.parametrize(
    ("words", "found"), [("transcoder ch", {"check"}), ("transcoder config s", {"show", "schema"})]
)
def test_completion(words: str, found: set[str]) -> None:
    environment = {
        **os.environ,
        "_TRANSCODER_COMPLETE": "complete_bash",
        "COMP_WORDS": words,
        "COMP_CWORD": str(words.count(" ")),
    }
    done = subprocess.run(CONSOLE_SCRIPT, env=environment, capture_output=True, text=True, check=True, timeout=60)
    assert set(done.stdout.split()) == found


def test_nothing_asked_for_is_help() -> None:
    assert "Usage" in invoke().output
    assert invoke("nonsense").exit_code == USAGE


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "gateway.yaml"
    path.write_text(f"state_dir: {tmp_path / 'state'}\nstreams: {{front: {{source: 'rtsp://10.0.0.2/x'}}}}\n")
    return path


def test_check(config: Path, tmp_path: Path) -> None:
    done = invoke("check", config)
    assert (done.exit_code, done.stdout) == (OK, f"{config}: valid, 1 stream, 1 enabled\n")
    bad = tmp_path / "bad.yaml"
    bad.write_text("streams: {a: {source: 'http://h/', audio: loud}}\n")
    done = invoke("check", bad)
    assert (done.exit_code, done.stdout) == (USAGE, "")
    assert "streams.a.source: must start with rtsp://" in done.stderr
    assert "streams.a.audio" in done.stderr
    done = invoke("check", tmp_path / "missing.yaml")
    assert done.exit_code == USAGE
    assert "Traceback" not in done.stderr


def test_check_tells_of_secrets_that_everybody_may_read(config: Path, tmp_path: Path) -> None:
    """The start warns of them or refuses, so whoever checked the file before is not surprised."""
    secret = tmp_path / "front.secret"
    secret.write_text("hunter2")
    source = "{url: 'rtsp://10.0.0.2/x', username: viewer, password_file: front.secret}"
    config.write_text(f"state_dir: state\nstreams: {{front: {{source: {source}}}}}\n")
    secret.chmod(0o600)
    assert invoke("check", config).stderr == ""
    secret.chmod(0o644)
    done = invoke("check", config)
    assert done.exit_code == OK
    assert f"{secret} holds passwords or tokens" in done.stderr
    config.write_text(f"open_files: refuse\n{config.read_text()}")
    done = invoke("check", config)
    assert (done.exit_code, done.stdout) == (USAGE, "")
    assert f"{secret} holds passwords or tokens" in done.stderr


def test_run_refuses_what_it_can_not_use(config: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for measure in ("forbid_core_dumps", "forbid_inspection"):  # of this process, where other tests need cores
        monkeypatch.setattr(f"transcoder.kernel.{measure}", lambda: None)
    assert invoke("run", tmp_path / "missing.yaml").exit_code == USAGE
    done = invoke("run", config, "--log-level", "loud")
    assert done.exit_code == USAGE
    assert done.stderr.startswith("--log-level: no log level 'loud'")


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["probe", "http://h/"], USAGE),
        (["probe", "rtsp://h/", "--seconds", "0"], USAGE),
        (["probe", "rtsp://127.0.0.1:1/x", "--seconds", "1", "--transport", "tcp"], NO),
        (["verify", "http://h/"], USAGE),
        (["verify", "rtsp://h/", "--transport", "http"], USAGE),
        (["verify", "rtsp://127.0.0.1:1/x"], NO),
    ],
)
def test_what_visits_end_with(arguments: list[str], code: int) -> None:
    done = invoke(*arguments)
    assert done.exit_code == code, done.output
    assert arguments[0] in done.stderr


def test_schema() -> None:
    document = json.loads(invoke("config", "schema").stdout)
    assert "streams" in document["properties"]
