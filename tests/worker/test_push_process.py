"""A process that sends a stream as MPEG-TS over UDP, with the service's end of its socket in the test's hands."""

import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing

import pytest

from tests.support.outputs import IDR_SLICE, PPS, SPS
from transcoder.codecs.nal import Codec
from transcoder.ipc.push_messages import PushHead, PushKind, PushUnit
from transcoder.media.muxer import START_CODE

pytestmark = pytest.mark.process

HEAD = PushHead(container="mpegts", codec=Codec.H264, parameter_sets=(SPS, PPS), audio_rate=16000)
BODY = b"".join(START_CODE + unit for unit in (SPS, PPS, IDR_SLICE + b"\xaa" * 3000))


class Sender:
    """A process, the socket to it, and the target."""

    def __init__(self, *arguments: str) -> None:
        self.target = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.target.bind(("127.0.0.1", 0))
        self.target.settimeout(10)
        self.service, theirs = socket.socketpair()
        self.service.settimeout(20)
        with theirs, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as out:
            out.connect(self.target.getsockname())
            command = [sys.executable, "-P", "-m", "transcoder.worker.push_process", *arguments]
            self.process = subprocess.Popen(command, stdin=theirs.fileno(), stdout=out.fileno())
        self._lines = b""

    def line(self) -> str:
        while b"\n" not in self._lines:
            data = self.service.recv(1000)
            assert data, "the process ended"
            self._lines += data
        line, _, self._lines = self._lines.partition(b"\n")
        return line.decode()

    def end(self) -> int:
        self.service.close()
        try:
            return self.process.wait(10)
        finally:
            self.process.kill()
            self.target.close()


@pytest.fixture
def sender() -> Iterator[Sender]:
    made = Sender("datagrams")
    yield made
    made.end()


def unit(number: int) -> bytes:
    return PushUnit(kind=PushKind.VIDEO, body=BODY, pts=9000 * number, random_access=True).serialize()


def test_units_are_sent_and_told_and_the_process_ends_with_the_service(sender: Sender) -> None:
    sender.service.sendall(HEAD.serialize())
    assert sender.line() == "sends"
    for number in range(5):
        sender.service.sendall(unit(number))
        assert sender.line() == "+"
    data = sender.target.recv(2000)
    assert (data[0], len(data) % 188) == (0x47, 0)
    assert sender.end() == 0


def test_a_target_that_refuses_ends_it_with_a_reason(sender: Sender) -> None:
    sender.service.sendall(HEAD.serialize())
    assert sender.line() == "sends"
    sender.target.close()
    found = ""
    for number in range(20):
        sender.service.sendall(unit(number))
        found = sender.line()
        if found != "+":
            break
    assert found == "problem Connection refused"


def test_rtmp_that_nobody_takes_ends_it_without_the_key() -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        port = server.getsockname()[1]
    sender = Sender()
    url = f"rtmp://127.0.0.1:{port}/live/k3y"
    head = PushHead(container="flv", codec=Codec.H264, parameter_sets=(SPS, PPS), url=url, port=port)
    sender.service.sendall(head.serialize())
    assert sender.line() == "problem Connection refused"
    sender.end()
