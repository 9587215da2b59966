"""Ports that are free, taken, or the running gateway's; /proc is that of this machine, and texts of proc(5)."""

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from transcoder.config import load_file
from transcoder.doctor import ports as module
from transcoder.doctor.finding import Subject
from transcoder.doctor.ports import gateway_with, port_finding, ports, process_of
from transcoder.service.state_folder import LOCK_NAME, lock_folder

LOCKS = """1: POSIX  ADVISORY  WRITE 4710 08:01:{inode} 0 EOF
2: FLOCK  ADVISORY  WRITE 4711 08:01:{inode} 0 EOF
3: FLOCK  ADVISORY  WRITE 4712 08:01:9{inode} 0 EOF
"""


@pytest.fixture
def taken() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as sock:
        yield sock


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as sock:
        return int(sock.getsockname()[1])


def test_a_port_that_is_free_is_all_right_and_let_go() -> None:
    port = free_port()
    for _ in range(2):
        finding = port_finding("rtsp.listen", socket.SOCK_STREAM, "127.0.0.1", port, None)
        assert (finding.level, finding.text) == ("ok", f"TCP port {port} is free")


def test_a_port_of_another_program_is_an_error_with_its_name(taken: socket.socket) -> None:
    port = taken.getsockname()[1]
    finding = port_finding("http.listen", socket.SOCK_STREAM, "127.0.0.1", port, None)
    assert finding.level == "error"
    assert f"in use, of {Path('/proc/self/comm').read_text().strip()} (process {os.getpid()})" in finding.text


def test_a_port_of_the_running_gateway_is_its_own(taken: socket.socket) -> None:
    port = taken.getsockname()[1]
    finding = port_finding("http.listen", socket.SOCK_STREAM, "127.0.0.1", port, os.getpid())
    assert (finding.level, "belongs to the gateway, which runs" in finding.text) == ("ok", True)


def test_a_gateway_that_lets_nobody_look_inside_is_known_by_its_user(
    taken: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "process_of", lambda *_: None)
    port = taken.getsockname()[1]
    finding = port_finding("http.listen", socket.SOCK_STREAM, "127.0.0.1", port, os.getpid())
    assert (finding.level, f"the gateway, which runs (process {os.getpid()})" in finding.text) == ("ok", True)
    finding = port_finding("http.listen", socket.SOCK_STREAM, "127.0.0.1", port, None)
    assert (finding.level, "can't be seen (be root to see it)" in finding.text) == ("error", True)


def test_a_udp_port_has_an_owner_too() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        port = sock.getsockname()[1]
        assert process_of(port, socket.SOCK_DGRAM) == os.getpid()
        assert port_finding("rtsp.udp_ports", socket.SOCK_DGRAM, "127.0.0.1", port, None).level == "error"


def test_an_address_of_another_machine_is_an_error() -> None:
    finding = port_finding("rtsp.listen", socket.SOCK_STREAM, "192.0.2.7", free_port(), None)  # RFC 5737
    assert (finding.level, "no such address" in finding.advice) == ("error", True)


def test_the_gateway_that_runs_is_known_by_its_lock(tmp_path: Path) -> None:
    assert gateway_with(tmp_path / LOCK_NAME) is None
    held, _ = lock_folder(tmp_path)
    assert held is not None
    assert gateway_with(tmp_path / LOCK_NAME) == os.getpid()
    with pytest.raises(ValueError, match="another gateway"):
        lock_folder(tmp_path)
    os.close(held)
    assert gateway_with(tmp_path / LOCK_NAME) is None
    locks = tmp_path / "locks"
    locks.write_text(LOCKS.format(inode=(tmp_path / LOCK_NAME).stat().st_ino))
    assert gateway_with(tmp_path / LOCK_NAME, locks) == 4711


async def test_every_port_of_the_file_is_tried(tmp_path: Path, taken: socket.socket) -> None:
    port = taken.getsockname()[1]
    path = tmp_path / "gw.yaml"
    path.write_text(
        f"rtsp: {{listen: '127.0.0.1:0', udp_ports: [0, 0]}}\nhttp: {{listen: '127.0.0.1:{port}'}}\nstreams: {{}}\n"
    )
    found = await ports(Subject(path=path, file=load_file(path)))
    assert [(finding.check, finding.level) for finding in found] == [
        ("rtsp.listen", "ok"),
        ("http.listen", "error"),
        ("rtsp.udp_ports", "ok"),
        ("rtsp.udp_ports", "ok"),
    ]
    assert await ports(Subject()) == []
