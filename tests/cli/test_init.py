"""`transcoder init`: the file that it writes, and the files that it leaves alone."""

import stat
from pathlib import Path

from typer.testing import CliRunner, Result

from transcoder.cli.main import command_line
from transcoder.exit_codes import OK, USAGE


def _run(*arguments: object) -> Result:
    return CliRunner().invoke(command_line(), [str(each) for each in arguments])


def test_it_writes_a_valid_file_for_its_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "gateway.yaml"
    done = _run("init", path)
    assert (done.exit_code, str(path) in done.stdout) == (OK, True)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    checked = _run("check", path)
    assert (checked.exit_code, checked.stderr) == (OK, "")
    assert checked.stdout == f"{path}: valid, 1 stream, 1 enabled\n"


def test_it_prints_the_same_text(tmp_path: Path) -> None:
    _run("init", tmp_path / "gateway.yaml")
    assert _run("init").stdout == (tmp_path / "gateway.yaml").read_text()


def test_it_never_overwrites(tmp_path: Path) -> None:
    mine, link = tmp_path / "gateway.yaml", tmp_path / "link.yaml"
    mine.write_text("streams: {}\n")
    link.symlink_to("nowhere")
    for path in (mine, link, tmp_path):
        done = _run("init", path)
        assert (done.exit_code, done.stdout) == (USAGE, "")
        assert "there is such a file already; it was left as it is" in done.stderr
    assert mine.read_text() == "streams: {}\n"
    assert not (tmp_path / "nowhere").exists()
    assert "can't be written: No such file or directory" in _run("init", tmp_path / "no" / "x.yaml").stderr
