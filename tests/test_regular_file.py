"""Pipes, devices and folders where files should be: each is refused at once, and by its name."""

import os
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from transcoder.backup.make import make_backup
from transcoder.backup.manifest import BackupError
from transcoder.backup.restore import restore_backup
from transcoder.cli.check_text import examined
from transcoder.config import load_file
from transcoder.config.watch import WatchedFiles
from transcoder.errors import ConfigError, TransportError
from transcoder.net.secured_listener import server_context
from transcoder.regular_file import NotRegularError, check_regular, open_regular, read_regular
from transcoder.service.state_folder import folder_problem, lock_folder
from transcoder.service.state_marker import read_marker, write_marker
from transcoder.service.state_reader import read_audit, read_kept
from transcoder.service.store import Store, StoreError
from transcoder.verify.gateway_api import gateway_api
from transcoder.verify.inspector import Inspector
from transcoder.verify.proof import read_public_key
from transcoder.verify.recording import inspect_file
from transcoder.verify.statement import ProofError
from transcoder.verify.target import parse_target

pytestmark = pytest.mark.timeout(20)  # a pipe that is opened holds the test

STATE = ["state.sqlite", "state.sqlite-wal", "state.sqlite-shm", "state.sqlite-journal", "state.remembered", "lock"]


def bound(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as made:
        made.bind(str(path))


MAKERS: dict[str, Callable[[Path], object]] = {
    "pipe": os.mkfifo,
    "device": lambda path: path.symlink_to("/dev/zero"),
    "folder": lambda path: path.mkdir(),
    "socket": bound,
}


@pytest.fixture(params=MAKERS)
def odd(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Path]:
    """Put something that is no file under a name, and return its path."""
    monkeypatch.chdir(tmp_path)  # the path of a socket is short

    def make(name: str) -> Path:
        MAKERS[request.param](Path(name))
        return tmp_path / name

    return make


async def kept(folder: Path) -> None:
    """Start and end a gateway that keeps its state in a folder."""
    store = Store(folder)
    try:
        await store.open()
    finally:
        await store.close()


def test_a_file_is_read_up_to_its_limit(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"12345")
    (tmp_path / "link").symlink_to("x")
    assert read_regular(tmp_path / "link", 5) == b"12345"
    with pytest.raises(ValueError, match="has more than 4 bytes"):
        read_regular(tmp_path / "x", 4)
    check_regular(tmp_path / "x", tmp_path / "none", tmp_path / "x" / "none")


def test_what_is_no_file_is_not_opened(odd: Callable[[str], Path]) -> None:
    path = odd("x")
    for refused in (check_regular, open_regular, lambda path: read_regular(path, 10)):
        with pytest.raises(NotRegularError, match=rf"^{path} is not a regular file$"):
            refused(path)


def test_a_file_that_is_replaced_while_it_is_opened_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    os.mkfifo(tmp_path / "x")
    monkeypatch.setattr("transcoder.regular_file.check_regular", lambda *_: None)
    with pytest.raises(NotRegularError):
        open_regular(tmp_path / "x")


def test_a_configuration(odd: Callable[[str], Path]) -> None:
    path = odd("gateway.yaml")
    with pytest.raises(ConfigError, match=r"gateway\.yaml: can't be read: (not a regular file|Is a directory)"):
        load_file(path)
    watched = WatchedFiles(path)
    assert watched.stamp() is not None


@pytest.mark.parametrize("name", STATE)
async def test_a_file_of_the_state(name: str, odd: Callable[[str], Path], tmp_path: Path) -> None:
    config = tmp_path / "gateway.yaml"
    config.write_text("streams: {}\n")
    state = tmp_path / "state"
    await kept(state)
    make_backup(config, tmp_path / "x.tar", secrets=False)
    (state / name).unlink(missing_ok=True)
    odd(f"state/{name}")
    said = f"{name}:? ((is )?not a regular file|Is a directory)"
    assert name in folder_problem(state)
    (problem,) = examined(config).problems
    assert f"state/{name} is not a regular file" in problem
    with pytest.raises(StoreError, match=said):
        await kept(state)
    if name.startswith("state.sqlite"):
        with pytest.raises((BackupError, StoreError), match=said):
            make_backup(config, tmp_path / "y.tar", secrets=False)
        for read in (read_kept, read_audit):
            with pytest.raises(StoreError, match=said):
                read(state)
    with pytest.raises(BackupError, match=f"{said}|{name} is a folder"):
        restore_backup(tmp_path / "x.tar", config, None)


def test_an_archive_and_what_lies_in_it(odd: Callable[[str], Path], tmp_path: Path) -> None:
    path = odd("x.tar")
    with pytest.raises(BackupError, match="is no file"):
        restore_backup(path, tmp_path / "gateway.yaml", None)
    (tmp_path / "gateway.yaml").write_text("streams: {}\n")
    (tmp_path / "state").mkdir()
    odd("state/verify.key")
    with pytest.raises(BackupError, match=r"verify\.key: (not a regular file|Is a directory)"):
        make_backup(tmp_path / "gateway.yaml", tmp_path / "y.tar", secrets=False)


def test_marker_and_lock(odd: Callable[[str], Path], tmp_path: Path) -> None:
    odd("state.remembered")
    odd("lock")
    for refused in (read_marker, lock_folder):
        with pytest.raises(NotRegularError):
            refused(tmp_path)


def test_the_new_marker_takes_the_place_of_a_pipe(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "state.remembered.new")
    write_marker(tmp_path, frozenset({"front"}))
    remembered = read_marker(tmp_path)
    assert remembered is not None
    assert remembered.streams == {"front"}


def test_a_recording(odd: Callable[[str], Path]) -> None:
    """A device has no end, and a size of 0."""
    with pytest.raises(TransportError, match=r"x can't be read: (not a regular file|Is a directory)"):
        inspect_file(odd("x"), Inspector([]))


def test_keys_certificates_and_tokens(odd: Callable[[str], Path], tmp_path: Path) -> None:
    path = odd("x")
    with pytest.raises(ProofError, match=r"x can't be read: (not a regular file|Is a directory)"):
        read_public_key(path)
    with pytest.raises(OSError, match="is not a regular file"):
        server_context(path, None)
    with pytest.raises(OSError, match="is not a regular file"):
        gateway_api("http://127.0.0.1:1", path, parse_target("rtsp://127.0.0.1/front"))


async def test_streams_whose_changes_can_not_be_read_are_not_served(odd: Callable[[str], Path], tmp_path: Path) -> None:
    """Changes may hide something in a picture: the gateway must not start as if there were none."""
    state = tmp_path / "state"
    await kept(state)
    write_marker(state, frozenset({"front"}))
    (state / "state.sqlite").unlink()
    odd("state/state.sqlite")
    store = Store(state)
    opened = await store.open()
    await store.close()
    assert opened.unknown == {"front"}
    assert "is not a regular file" in opened.lost
    assert "is not a regular file" in store.refusal
