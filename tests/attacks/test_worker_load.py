"""A taken-over worker tries to take the machine: threads, processors, memory that is nobody's data."""

import asyncio
import subprocess
import sys
from collections.abc import Iterator

import pytest

from tests.support.fork_server import FakeForkServer
from tests.support.sandboxed import Sandbox, in_each_sandbox, run_sandboxed
from tests.support.sandboxed_worker import process_status
from transcoder.codecs.nal import Codec
from transcoder.media.encoders import PROFILES
from transcoder.service import worker_connection
from transcoder.service.process_watch import CPU_SPAN_S, CpuWatch, ProcessSample, sample_process
from transcoder.service.worker_connection import WorkerConnection
from transcoder.worker_options import ENCODER_THREADS, OutputOptions, WorkerOptions

H265 = WorkerOptions(outputs=(OutputOptions(codec=Codec.H265),))


async def watched(options: WorkerOptions, gone: list[str]) -> WorkerConnection:
    return await WorkerConnection.start(FakeForkServer(), "front", options, lambda *_: None, gone.append)


@pytest.mark.parametrize(("threads", "ends"), [(1, False), (2, False), (3, False), (4, True), (48, True)])
async def test_more_threads_than_its_encoders_have_end_a_worker(
    threads: int, ends: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    sample = ProcessSample(state="S", cpu_s=1.0, private_bytes=0, threads=threads)
    monkeypatch.setattr(worker_connection, "sample_process", lambda _: sample)
    gone: list[str] = []
    connection = await watched(H265, gone)
    connection.check(1.0)
    assert gone == ([f"worker took {threads} threads, over its limit of 3"] if ends else [])
    connection.stop()


@pytest.mark.parametrize(
    ("options", "cores", "ends"),
    [
        (WorkerOptions(), 1.0, False),
        (WorkerOptions(), 1.3, True),
        (WorkerOptions(), 16.0, True),
        (H265, 2.1, False),
        (H265, 2.4, True),
    ],
)
async def test_more_processors_than_its_threads_can_take_end_a_worker(
    options: WorkerOptions, cores: float, ends: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone: list[str] = []
    connection = await watched(options, gone)
    start = asyncio.get_running_loop().time()
    for tick in range(41):
        sample = ProcessSample(state="R", cpu_s=tick * 0.25 * cores, private_bytes=0)
        monkeypatch.setattr(worker_connection, "sample_process", lambda _, sample=sample: sample)
        connection._last_message = start + tick * 0.25  # it reports all the while
        connection.check(start + tick * 0.25)
    assert bool(gone) == ends
    connection.stop()


def test_a_moment_of_much_work_is_no_attack() -> None:
    watch, cpu_s = CpuWatch(), 0.0
    for tick in range(400):
        cpu_s += 0.25 * (4.0 if tick % 20 < 4 else 0.1)
        assert not watch.look(tick * 0.25, cpu_s, 1.2)
    assert CPU_SPAN_S == 5.0


def test_the_threads_of_encoders_are_those_that_their_settings_tell() -> None:
    for codec, profiles in PROFILES.items():
        assert {settings.threads for settings in profiles.values()} == {ENCODER_THREADS[codec] > 0}


@pytest.fixture
def thread_maker() -> Iterator["subprocess.Popen[str]"]:
    code = """
import threading
event = threading.Event()
for _ in range(48):
    threading.Thread(target=event.wait, daemon=True).start()
print("made", flush=True)
event.wait()
"""
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "made\n"
    yield process
    process.kill()
    process.stdout.close()
    process.wait()


@pytest.mark.process
def test_threads_of_a_real_process_are_counted(thread_maker: "subprocess.Popen[str]") -> None:
    sample = sample_process(thread_maker.pid)
    assert sample is not None
    assert sample.threads == 49


ENCODE = """
import os
from transcoder.codecs.nal import Codec
from transcoder.media.encoders import open_encoder
from transcoder.media.picture import GREY, OwnPicture
from transcoder.worker_options import OutputFormat, OutputOptions
picture = OwnPicture(1920, 1080)
picture.fill(GREY)
output = OutputFormat(width=1920, height=1080, frame_rate=25.0)
before = len(os.listdir("/proc/self/task"))
for codec in Codec:
    encoder = open_encoder(OutputOptions(codec=codec), output)
    for index in range(3):
        encoder.encode(picture, None, index * 3600, force_idr=index == 0)
    print(codec.name, len(os.listdir("/proc/self/task")) - before)
    del encoder
"""


@pytest.mark.process
def test_encoders_have_as_many_threads_as_is_said() -> None:
    result = subprocess.run([sys.executable, "-c", ENCODE], check=True, capture_output=True, text=True, timeout=60)
    assert result.stdout.splitlines() == [f"{codec.name} {count}" for codec, count in ENCODER_THREADS.items()]


ENDLESS = "endless = mmap.mmap(-1, 16 << 30, flags=0x4022, prot=mmap.PROT_READ)\n"


@pytest.mark.process
@in_each_sandbox
@pytest.mark.parametrize("measure", [True, False])
def test_addresses_without_end_are_refused(measure: bool, sandbox: Sandbox) -> None:
    before = "sandbox.limit_memory(512)" if measure else ""
    result = run_sandboxed(ENDLESS.strip(), inside=True, before=before, sandbox=sandbox)
    assert result.stdout == ("refused 12" if measure else "done"), result.stderr


@pytest.mark.process
def test_page_tables_count_as_memory() -> None:
    script = f"import mmap, os\n{ENDLESS}for at in range(0, len(endless), 2 << 20):\n    endless[at]\n"
    process = subprocess.Popen(
        [sys.executable, "-c", f"{script}print('made', flush=True)\nos.read(0, 1)"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    with process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"made\n"
        sample = sample_process(process.pid)
        resident = int(process_status(process.pid)["RssAnon"].split()[0]) << 10
        process.kill()
    assert sample is not None
    assert resident < 24 << 20  # all that was counted before
    assert sample.private_bytes > 32 << 20
