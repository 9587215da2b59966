"""Secrets, configuration and state that everybody on the machine may read or change are told at the start."""

import re
from pathlib import Path

import pytest
import yaml
from structlog.testing import capture_logs

from tests.attacks.test_documents_state import Started, quiet  # noqa: F401  # a fixture
from transcoder.config import load_file
from transcoder.config.permissions import loose_permissions
from transcoder.errors import ConfigError


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A configuration with a secret of each kind, closed to everybody else."""
    for name in ("vms.secret", "ops.token"):
        (tmp_path / name).write_text("hunter2\n")
        (tmp_path / name).chmod(0o600)
    state = tmp_path / "state"
    state.mkdir(mode=0o700)
    for name in ("state.sqlite", "state.remembered"):
        (state / name).touch(mode=0o600)
    path = tmp_path / "gateway.yaml"
    path.write_text(
        yaml.safe_dump(
            {
                "rtsp": {"users": {"vms": {"password_file": "vms.secret"}}},
                "http": {"tokens": {"ops": {"token_file": "ops.token"}}},
                "streams": {"a": {"source": "rtsp://10.0.0.2/"}},
            }
        )
    )
    path.chmod(0o644)
    tmp_path.chmod(0o755)
    return tmp_path


def loose(folder: Path) -> list[str]:
    path = folder / "gateway.yaml"
    return loose_permissions(path, load_file(path))


def test_closed_files_are_fine(folder: Path) -> None:
    assert loose(folder) == []


@pytest.mark.parametrize(
    ("name", "mode", "says"),
    [
        ("vms.secret", 0o604, "can be read"),
        ("ops.token", 0o604, "can be read"),
        ("vms.secret", 0o602, "can be changed"),
        ("gateway.yaml", 0o646, "can be changed"),
        ("state/state.sqlite", 0o604, "can be read"),
        ("state/state.sqlite", 0o602, "can be changed"),
        ("state/state.remembered", 0o602, "can be changed"),
        ("state", 0o707, "can be changed"),
        (".", 0o777, "can be changed"),
    ],
)
def test_an_open_one_is_named(folder: Path, name: str, mode: int, says: str) -> None:
    (folder / name).chmod(mode)
    (line,) = loose(folder)
    assert line.startswith(str(folder / name))
    assert says in line
    assert "hunter2" not in line


@pytest.mark.parametrize(
    ("source", "is_secret"),
    [
        ("rtsp://u:hunter2@10.0.0.2/", True),
        ({"url": "rtsp://10.0.0.2/", "username": "u", "password": "hunter2"}, True),
        ({"url": "rtsp://10.0.0.2/", "username": "u", "password": "${PATH}"}, False),
        ("rtsp://10.0.0.2/a:b@c", False),
    ],
)
def test_a_configuration_with_a_secret_in_it_is_one(folder: Path, source: object, is_secret: bool) -> None:
    path = folder / "gateway.yaml"
    path.write_text(yaml.safe_dump({"streams": {"a": {"source": source}}}))
    assert bool(loose(folder)) is is_secret
    path.chmod(0o640)
    assert loose(folder) == []


def test_a_sticky_folder_is_no_danger(folder: Path) -> None:
    folder.chmod(0o1777)
    assert loose(folder) == []


@pytest.mark.usefixtures("quiet")
async def test_the_start_says_so(tmp_path: Path) -> None:
    started = Started(tmp_path)
    started.path.chmod(0o666)
    with capture_logs() as lines:
        await started.app.start()
    await started.app.stop()
    told = [line for line in lines if line["event"] == "permissions are too open"]
    assert [line["log_level"] for line in told] == ["warning"]
    assert str(started.path) in told[0]["problem"]


@pytest.mark.usefixtures("quiet")
@pytest.mark.parametrize("name", ["gateway.yaml", "state"])
async def test_the_start_is_refused_where_the_file_wants_that(tmp_path: Path, name: str) -> None:
    started = Started(tmp_path, open_files="refuse")
    open_one = tmp_path / name
    if name == "state":
        open_one.mkdir()
    open_one.chmod(0o777)
    with pytest.raises(ConfigError, match=re.escape(f"{open_one} can be changed by everybody")):
        await started.app.start()
    open_one.chmod(0o700)  # the control: the same file, and nobody else may write it
    again = Started(tmp_path, open_files="refuse")
    again.path.chmod(0o600)
    await again.app.start()
    await again.app.stop()
