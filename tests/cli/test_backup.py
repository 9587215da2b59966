"""The commands `backup` and `restore`: what they print, and what they end with."""

import signal
from pathlib import Path

import pytest

from tests.cli.test_main import invoke
from transcoder.exit_codes import OK, USAGE


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "gateway.yaml").write_text(
        "node: gw1\nhttp: {tokens: {ops: {token_file: ops.token}}}\nstreams: {front: {source: 'rtsp://10.0.0.2/x'}}\n"
    )
    (tmp_path / "ops.token").write_text("a-token-of-the-operators\n")
    return tmp_path / "gateway.yaml"


def test_one_path_is_the_backup_of_the_gateway_here(config: Path, tmp_path: Path) -> None:
    done = invoke("backup", "x.tar")
    assert done.exit_code == OK
    assert done.stdout.startswith("x.tar: 1 file, ")
    assert "no state was kept yet" in done.stderr
    assert f"not in the backup: {'ops.token'}" in done.stderr
    config.unlink()
    done = invoke("restore", "x.tar")
    assert done.exit_code == OK
    assert "restored: the backup of gw1 of " in done.stdout
    assert config.exists()


def test_two_paths_are_the_configuration_and_the_backup(config: Path, tmp_path: Path) -> None:
    (tmp_path / "new").mkdir()
    assert invoke("backup", config, "x.tar").exit_code == OK
    done = invoke("restore", tmp_path / "new" / "gw2.yaml", "x.tar")
    assert done.exit_code == OK
    assert (tmp_path / "new" / "gw2.yaml").read_text() == config.read_text()
    assert "warning: the gateway does not start with it yet:" in done.stderr
    assert "ops.token can't be read: No such file" in done.stderr
    assert invoke("backup", "a", "b", "c").exit_code == USAGE


def test_a_file_that_is_included_and_not_of_the_backup_is_told(config: Path, tmp_path: Path) -> None:
    with config.open("a") as file:
        file.write("include: conf.d/*.yaml\n")
    (tmp_path / "conf.d").mkdir()
    (tmp_path / "conf.d" / "a.yaml").write_text("streams: {a: {source: 'rtsp://10.0.0.3/'}}\n")
    assert invoke("backup", "x.tar").exit_code == OK
    (tmp_path / "conf.d" / "b.yaml").write_text("streams: {b: {source: 'rtsp://10.0.0.4/'}}\n")
    done = invoke("restore", "x.tar")
    assert done.exit_code == OK
    assert "conf.d/b.yaml is included, too, and is not of the backup" in done.stderr


@pytest.mark.parametrize("command", ["backup", "restore"])
def test_a_problem_is_one_line_and_usage(command: str, config: Path) -> None:
    Path("x.tar").write_text("nothing")
    done = invoke(command, "x.tar")
    assert (done.exit_code, done.stdout) == (USAGE, "")
    assert done.stderr.count("\n") == 1
    assert "no backup" in done.stderr


def test_sigterm_leaves_no_copy_of_the_state_behind(
    config: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As `timeout` and a service manager end a command."""
    (tmp_path / "state").mkdir()
    (tmp_path / "state" / "state.sqlite").write_text("a database")

    def terminate(_: Path, copy: Path) -> None:
        copy.write_text("a part")
        signal.raise_signal(signal.SIGTERM)

    monkeypatch.setattr("transcoder.backup.make.copy_database", terminate)
    assert invoke("backup", "x.tar").exit_code == 128 + signal.SIGINT
    assert {path.name for path in tmp_path.iterdir()} == {"gateway.yaml", "ops.token", "state"}
