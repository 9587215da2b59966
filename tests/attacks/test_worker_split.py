"""A taken-over decoding process attacks the encoding one, and through it the readers; each attack with its control."""

import asyncio
import ctypes
import errno
import mmap
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import closing, contextmanager
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from tests.attacks.test_worker_memory import pieces
from tests.service.test_coded_pictures import pictures
from tests.service.test_worker_split import Split
from tests.support.coded_video import encode
from tests.support.fork_server import FakeForkServer
from tests.support.linked_halves import LinkedHalves
from tests.support.watched_worker import Watched
from transcoder.codecs.nal import Codec
from transcoder.ipc.messages import serialize_announcement, serialize_coded
from transcoder.ipc.planes import MEMORY_SIZE, Record, RecordKind
from transcoder.media.decoded_picture import DecodedPicture
from transcoder.media.geometry import Rectangle
from transcoder.media.masks import MaskSet
from transcoder.media.stages import Stages
from transcoder.service.forkserver import ForkServer
from transcoder.source.intake import CodedUnit
from transcoder.worker.shared_planes import StreamLink
from transcoder.worker_options import Mask, Role, WorkerOptions

SIZE = (320, 240)
UNITS = encode("H264", SIZE, 12)

# -- pixels ------------------------------------------------------------------------------------------------------------


@contextmanager
def scribbler(link: StreamLink) -> Iterator[None]:
    """A process that writes to the planes without pause, as fast as it can."""
    link.inherit(wanted=True)
    pid = os.fork()
    if pid == 0:
        planes = link.writable().planes(*SIZE)
        until = time.monotonic() + 30
        value = 0
        while time.monotonic() < until:
            value = value % 200 + 20
            for plane in planes:
                plane[:] = value
        os._exit(0)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)


MASK = (Mask(polygon=((0.25, 0.25), (0.75, 0.25), (0.75, 0.75), (0.25, 0.75)), style="solid"),)
UNDER = (slice(SIZE[1] // 4 + 4, SIZE[1] * 3 // 4 - 4), slice(SIZE[0] // 4 + 4, SIZE[0] * 3 // 4 - 4))

ENCODE_S = 0.005
"""The time from the masks to the encoder's last look at the picture."""


def drawn_from_a_copy(link: StreamLink) -> np.ndarray:
    """What the encoding process does: it draws into a picture of its own, and lays the masks there."""
    stages = Stages(*SIZE, MASK)
    picture = DecodedPicture(planes=link.read_only().planes(*SIZE), width=SIZE[0], height=SIZE[1], pts=0)
    drawn = stages.run(picture, Fraction(1)).planes[0]
    time.sleep(ENCODE_S)
    return drawn[UNDER].copy()


def drawn_in_place(link: StreamLink) -> np.ndarray:
    """What it must not do."""
    planes = list(link.writable().planes(*SIZE))
    masks = MaskSet(MASK, SIZE, Rectangle(x=0, y=0, width=SIZE[0], height=SIZE[1]))
    masks.apply(SimpleNamespace(planes=planes, width=SIZE[0], height=SIZE[1]))  # type: ignore[arg-type]
    time.sleep(ENCODE_S)
    return planes[0][UNDER].copy()


@pytest.mark.process
@pytest.mark.parametrize(
    ("draw", "shows"), [(drawn_from_a_copy, False), (drawn_in_place, True)], ids=["copy", "control"]
)
def test_a_writer_that_does_not_stop_shows_nothing_under_a_mask(
    draw: Callable[[StreamLink], np.ndarray], shows: bool
) -> None:
    link = StreamLink()
    with scribbler(link):
        read = link.read_only().planes(*SIZE)[0]
        deadline = time.monotonic() + 10
        while read[0, 0] == 0 and time.monotonic() < deadline:
            time.sleep(0.01)
        assert read[0, 0], "the writer is at work"
        visible = sum(bool((draw(link) != 16).any()) for _ in range(75))
    assert (visible > 0) == shows


# -- memory ------------------------------------------------------------------------------------------------------------


@pytest.mark.process
def test_the_memory_can_not_be_cut_off_under_its_reader() -> None:
    link = StreamLink()
    again = os.open(f"/proc/self/fd/{link._read_only}", os.O_RDWR)  # more than a decoding process has: it has no file
    try:
        for size in (0, MEMORY_SIZE - 4096, MEMORY_SIZE + 4096):
            with pytest.raises(PermissionError):
                os.ftruncate(again, size)
        if supports_future_write(again):
            with pytest.raises(PermissionError):
                mmap.mmap(again, MEMORY_SIZE)
    finally:
        os.close(again)
    assert link.read_only().planes(64, 64)[0].sum() == 0


def supports_future_write(descriptor: int) -> bool:
    import fcntl

    return bool(fcntl.fcntl(descriptor, fcntl.F_GET_SEALS) & 0x10)


CUT_OFF = """
import mmap, os
file = os.memfd_create("planes")
os.ftruncate(file, 1 << 20)
view = mmap.mmap(file, 1 << 20, mmap.MAP_SHARED, mmap.PROT_READ)
os.ftruncate(file, 0)
print(view[0])
"""


@pytest.mark.process
def test_control_memory_without_seals_kills_its_reader() -> None:
    assert subprocess.run([sys.executable, "-c", CUT_OFF], check=False).returncode == -signal.SIGBUS


@pytest.mark.process
@pytest.mark.parametrize(("source", "allowed"), [("read only", False), ("anonymous", True)], ids=["planes", "control"])
def test_the_reader_s_mapping_can_not_become_writable(source: str, allowed: bool) -> None:
    if source == "read only":
        memory = StreamLink().read_only()._bytes
        address = memory.ctypes.data
    else:
        anonymous = mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE)
        address = np.frombuffer(anonymous, np.uint8).ctypes.data
    libc = ctypes.CDLL(None, use_errno=True)
    result = libc.mprotect(ctypes.c_void_p(address), ctypes.c_size_t(4096), mmap.PROT_READ | mmap.PROT_WRITE)
    assert (result == 0) == allowed
    assert allowed or ctypes.get_errno() == errno.EACCES


# -- records -----------------------------------------------------------------------------------------------------------


@pytest.fixture
def halves() -> Iterator[LinkedHalves]:
    with closing(LinkedHalves()) as made:
        made.feed_all(UNITS[:6])
        made.told.clear()
        made.coded.clear()
        yield made


def record(halves: LinkedHalves, sequence: int, pts: int) -> bytes:
    return Record(
        kind=RecordKind.PICTURE,
        generation=halves.generation,
        sequence=sequence,
        pts=pts,
        width=320,
        height=240,
        matrix=1,
    ).to_bytes()


@pytest.mark.parametrize("count", [1, 2, 200], ids=["control", "two", "flood"])
def test_records_before_the_answer_end_the_exchange(halves: LinkedHalves, count: int) -> None:
    for index in range(count):
        halves.tell(serialize_announcement(0, 3600 * (6 + index), time.monotonic()))
    halves.link.decoding.setblocking(False)
    for index in range(count):
        halves.link.decoding.send(record(halves, 7 + index, 3600 * (6 + index)))
    used = time.thread_time()
    halves.encode()
    used = time.thread_time() - used
    assert halves.broken() == ([] if count == 1 else ["a record before the answer to the last one"])
    assert len(halves.coded) == (1 if count == 1 else 0)
    assert used < 0.1


@pytest.mark.parametrize(
    "garbage",
    [b"", b"\0", bytes(40), random.Random(1).randbytes(64), b"tcp1" + bytes(60)],
    ids=["none", "a byte", "zeros", "noise", "a mark"],
)
def test_garbage_ends_the_exchange_and_the_next_decoding_process_is_heard(halves: LinkedHalves, garbage: bytes) -> None:
    halves.link.decoding.send(garbage)
    halves.encode()
    assert len(halves.broken()) == 1
    halves.link.decoding.send(record(halves, 8, 3600 * 7))
    halves.encode()
    assert halves.coded == []
    halves.start_decoding()
    halves.feed_all(UNITS)
    assert halves.coded
    assert len(halves.broken()) == 1


def test_answers_that_nobody_reads_do_not_stop_the_encoding_process(halves: LinkedHalves) -> None:
    sequence, pts = 7, 3600 * 6
    for _ in range(5000):
        halves.tell(serialize_announcement(0, pts, 0.0))
        halves.link.decoding.send(record(halves, sequence, pts))
        halves.encode()
        sequence, pts = sequence + 1, pts + 3600
        if halves.broken():
            break
    assert halves.broken() == ["answers are not read"]
    halves.start_decoding()
    halves.coded.clear()
    halves.feed_all(UNITS, pts)
    assert halves.coded


@pytest.mark.parametrize("announced", [True, False], ids=["control", "attack"])
@pytest.mark.parametrize("pts", [3600 * 6, 3600 * 6 + 1, 3600 * 900, (1 << 63) - 1])
def test_a_time_that_the_service_did_not_send_shows_no_picture(halves: LinkedHalves, announced: bool, pts: int) -> None:
    if announced:
        halves.tell(serialize_announcement(0, pts, time.monotonic()))
    halves.link.decoding.send(record(halves, 7, pts))
    halves.encode()
    assert bool(halves.coded) == announced
    assert bool(halves.broken()) != announced


@pytest.mark.parametrize("again", [3600 * 5, 0])
def test_a_time_is_shown_once(halves: LinkedHalves, again: int) -> None:
    halves.tell(serialize_announcement(0, again, time.monotonic()))
    halves.link.decoding.send(record(halves, 7, again))
    halves.encode()
    assert halves.coded == []
    assert halves.broken() == ["a picture that is no later than the last one"]


# -- bytes -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("role", [Role.ENCODING, Role.DECODING], ids=["control", "attack"])
async def test_coded_pictures_of_a_decoding_process_reach_nobody(role: Role) -> None:
    made = Split(FakeForkServer(), WorkerOptions(split=True))
    task = asyncio.get_running_loop().create_task(made.worker.run())
    try:
        await made.until_both()
        now = time.monotonic()
        for units in pictures(Codec.H264):
            made.process(role).say(serialize_coded(0, Codec.H264, 0, round(now * 90_000), 0.0, (0.0, 0.0, 0.0), units))
            await asyncio.sleep(0.01)
            if role is Role.DECODING:
                break
        if role is Role.DECODING:
            await made.until(lambda: made.count(Role.DECODING) == 2)
            assert made.deaths == ["decoding process broke the protocol: a worker does not send CODED"]
        assert bool(made.pictures) == (role is Role.ENCODING)
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        made.worker.stop()


PLANTED = b"planted-3f60-bytes-of-the-camera"


class RealSplit(Watched):
    """A stream's worker of two real processes."""


@pytest.fixture
async def running(tmp_path: Path) -> AsyncIterator[RealSplit]:
    cache = os.environ.get("NUMBA_CACHE_DIR")
    server = ForkServer(Path(cache) if cache else tmp_path)
    made = RealSplit(server, WorkerOptions(split=True))  # type: ignore[arg-type]
    task = asyncio.get_running_loop().create_task(made.worker.run())
    await made.until(lambda: made.status.pid and made.status.decoding_pid, 60)
    yield made
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    made.worker.stop()
    await server.close()


@pytest.mark.process
@pytest.mark.skipif(os.geteuid() != 0, reason="only root may read a worker's memory")
async def test_the_encoding_process_holds_no_byte_of_the_camera(running: RealSplit) -> None:
    start = time.monotonic()
    for index, unit in enumerate(UNITS):
        # filler data (H.264 section 7.3.2.7 would be 0xff bytes): a decoder skips it
        data = unit + b"\0\0\0\1\x0c" + PLANTED * 200
        pts = round((start + index / 25) * 90_000)
        running.worker.feed(CodedUnit(codec=Codec.H264, data=data, pts=pts, random_access=index == 0), start)
        await asyncio.sleep(0.02)
    await running.until(lambda: len(running.pictures) >= 6, 10)
    found = {
        role: any(PLANTED in data for data in pieces(pid))
        for role, pid in (("decoding", running.status.decoding_pid), ("encoding", running.status.pid))
        if pid is not None
    }
    assert found == {"decoding": True, "encoding": False}
    assert running.deaths == []


# -- system calls ------------------------------------------------------------------------------------------------------

CALLS = {
    "a thread": "import threading; threading.Thread(target=print).start()",
    "a process": "os.fork()",
    "a file": "os.open('/etc/passwd', os.O_RDONLY)",
    "a look at a file": "os.stat('/etc/passwd')",
    "write": "os.write(1, b'x')",
    "shared memory": "mmap.mmap(-1, 4096)",
    "memory from a file": "libc.mmap(None, 4096, 1, 1, 0, 0)",
    "memory made executable": "libc.mprotect(ctypes.c_void_p(page), 4096, 5)",
    "a socket": "socket.socket()",
    "half a connection": "ours.shutdown(socket.SHUT_WR)",
    "a descriptor": "socket.send_fds(ours, [b'x'], [ours.fileno()])",
    "a signal": "os.kill(os.getppid(), 0)",
    "another priority": "os.nice(1)",
    "the processors": "os.sched_getaffinity(0)",
    "another program": "os.execv('/bin/true', ['true'])",
}
SCRIPT = """
import ctypes, mmap, os, socket, sys
from transcoder.worker import sandbox
from transcoder.worker_options import Role
libc = ctypes.CDLL(None, use_errno=True)
libc.mmap.restype = ctypes.c_long
libc.mmap.argtypes = [ctypes.c_void_p] + [ctypes.c_long] * 5
page = libc.mmap(None, 4096, 3, 0x22, -1, 0)
ours, theirs = socket.socketpair()
{enter}
try:
    {code}
except OSError:
    pass
os._exit(7)
"""


@pytest.mark.process
@pytest.mark.parametrize("what", [*CALLS, "nothing"])
def test_what_only_an_attacker_calls_ends_a_decoding_process(what: str) -> None:
    enter = "sandbox.enter(threads=False, role=Role.DECODING)"
    code = CALLS.get(what, "theirs.send(ours.recv(1)) if ours.send(b'x') == 0 else None")
    inside = subprocess.run(
        [sys.executable, "-c", SCRIPT.format(enter=enter, code=code)], check=False, timeout=60, capture_output=True
    )
    assert inside.returncode == (7 if what == "nothing" else -signal.SIGSYS), inside.stderr
    if what not in {"nothing", "another program"}:
        outside = subprocess.run(
            [sys.executable, "-c", SCRIPT.format(enter="", code=code)], check=False, timeout=60, capture_output=True
        )
        assert outside.returncode == 7, outside.stderr
