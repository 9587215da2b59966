"""The man page has every command and every option, because it is made from their help."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest
from typer.testing import CliRunner

from transcoder.cli.main import command_line
from transcoder.cli.manual import main, man_page

PAGE = man_page().replace("\\-", "-")


def help_of(*command: str) -> str:
    return CliRunner().invoke(command_line(), [*command, "--help"]).output


@pytest.mark.parametrize("command", ["run", "check", "probe", "verify", "doctor", "demo", "bench", "config show"])
def test_every_option_of_the_help_is_in_the_section_of_its_command(command: str) -> None:
    section = re.split(r"^\.S[SH] ", PAGE.partition(f".SS transcoder {command} ")[2], maxsplit=1, flags=re.MULTILINE)[0]
    options = set(re.findall(r"(?<![\w-])--[a-z][a-z-]+(?= )", help_of(*command.split())))
    assert "--help" in options
    assert [option for option in options if option not in section] == []


def test_every_command_of_the_help_has_a_section() -> None:
    commands = re.findall(r"^│ ([a-z]+) ", help_of(), flags=re.MULTILINE)
    assert len(commands) > 8
    assert [name for name in commands if f".SS transcoder {name} " not in PAGE] == []


def test_the_folder_is_made(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main([str(tmp_path / "share/man1")])
    assert (tmp_path / "share/man1/transcoder.1").read_text() == man_page()
    assert capsys.readouterr().out == f"man -l {tmp_path}/share/man1/transcoder.1\n"


@pytest.mark.parametrize("arguments", [[], ["-h"], ["a", "b"]])
def test_a_wrong_command_line_is_told_the_right_one(arguments: list[str]) -> None:
    with pytest.raises(SystemExit, match="manual FOLDER"):
        main(arguments)


def test_a_folder_that_can_not_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(SystemExit, match=f"can't be written: {tmp_path}/file"):
        main([str(tmp_path / "file/man1")])


@pytest.mark.process
def test_groff_has_nothing_to_complain_of(tmp_path: Path) -> None:
    if shutil.which("groff") is None:
        pytest.skip("groff is not installed")
    path = tmp_path / "transcoder.1"
    path.write_text(man_page())
    done = subprocess.run(
        ["groff", "-man", "-Tutf8", "-ww", "-z", path], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stderr == ""
