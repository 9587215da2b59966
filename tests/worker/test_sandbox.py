"""What a process may still do after sandbox.enter(): each attempt in a process of its own, with and without it."""

import errno
import signal
import subprocess
import sys

import pytest

pytestmark = pytest.mark.process

PRELUDE = """
import ctypes, mmap, os, socket, threading
from transcoder.worker import sandbox

there = socket.socket()
listener = socket.create_server(("127.0.0.1", 0))
address = (ctypes.c_char * 16).from_buffer_copy(
    socket.AF_INET.to_bytes(2, "little") + listener.getsockname()[1].to_bytes(2) + bytes([127, 0, 0, 1]) + bytes(8))
libc = ctypes.CDLL(None, use_errno=True)
page = mmap.mmap(-1, 4096)

def call(name, *arguments):
    function = getattr(libc, name)
    function.restype = ctypes.c_int
    if function(*arguments) == -1:
        raise OSError(ctypes.get_errno(), name)
"""
ATTEMPTS = {
    "open a file": 'os.close(os.open("/etc/passwd", os.O_RDONLY))',
    "create a file": 'os.close(os.open("/tmp", os.O_TMPFILE | os.O_RDWR))',
    "look at a file": 'os.stat("/etc/passwd")',
    "list a folder": 'os.listdir("/")',
    "look at itself": 'os.listdir("/proc/self/fd")',
    "socket": "socket.socket(socket.AF_INET, socket.SOCK_STREAM)",
    "UDP socket": "socket.socket(socket.AF_INET, socket.SOCK_DGRAM)",
    "Unix socket": "socket.socket(socket.AF_UNIX)",
    "connect": 'call("connect", there.fileno(), address, 16)',
    "bind": 'there.bind(("127.0.0.1", 0))',
    "execve": 'os.execv("/bin/true", ["true"])',
    "fork": "os._exit(0) if os.fork() == 0 else os.wait()",
    "vfork": 'os.waitpid(os.posix_spawn("/bin/true", ["true"], {}), 0)',
    "executable memory": "mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)",
    "memory made executable": (
        'call("mprotect", ctypes.c_void_p(ctypes.addressof(ctypes.c_char.from_buffer(page))), 4096, 5)'
    ),
    "memory file": 'os.memfd_create("x")',
    "signal the parent": "os.kill(os.getppid(), 0)",
    "signal a thread of the parent": 'call("tgkill", os.getppid(), os.getppid(), 0)',
    "trace": 'call("ptrace", 0, 0, 0, 0)',
    "change a limit": 'call("setrlimit", 4, (ctypes.c_ulong * 2)(0, 0))',
    "another name space": 'call("unshare", 0)',
    "read another process": 'call("process_vm_readv", os.getpid(), 0, 0, 0, 0, 0)',
}


def attempt(code: str, *, inside: bool) -> subprocess.CompletedProcess[str]:
    enter = "sandbox.enter(threads=True)" if inside else ""
    script = f"""{PRELUDE}
{enter}
try:
    {code}
except OSError as error:
    os.write(1, f"refused {{error.errno}}".encode())
else:
    os.write(1, b"done")
os._exit(0)
"""
    return subprocess.run([sys.executable, "-c", script], check=False, capture_output=True, text=True, timeout=30)


@pytest.mark.parametrize("what", ATTEMPTS)
def test_it_is_refused_or_ends_the_process(what: str) -> None:
    result = attempt(ATTEMPTS[what], inside=True)
    if result.returncode:
        assert result.returncode == -signal.SIGSYS, result.stderr
        assert result.stdout == ""
    else:
        assert result.stdout in {f"refused {errno.EPERM}", f"refused {errno.ENOSYS}"}, result.stdout


@pytest.mark.parametrize("what", ATTEMPTS)
def test_without_the_sandbox_it_works(what: str) -> None:
    result = attempt(ATTEMPTS[what], inside=False)
    assert result.returncode == 0, result.stderr
    assert result.stdout == ("" if what == "execve" else "done")


def test_threads_and_the_open_socket_still_work() -> None:
    code = """
import os, socket, threading, time
from transcoder.worker import sandbox
ours, theirs = socket.socketpair()
sandbox.limit_memory(256)
sandbox.enter(threads=True)
seen = []
thread = threading.Thread(target=lambda: seen.append(theirs.recv(10)))
thread.start()
ours.sendall(b"hello")
thread.join()
time.sleep(0.001)
assert seen == [b"hello"] and time.monotonic() > 0 and len(os.urandom(8)) == 8
os.write(1, b"done")
os._exit(0)
"""
    result = subprocess.run([sys.executable, "-c", code], check=False, capture_output=True, text=True, timeout=30)
    assert (result.returncode, result.stdout) == (0, "done"), result.stderr


def test_a_thread_starts_only_where_the_encoder_has_threads() -> None:
    code = """
import os, threading
from transcoder.worker import sandbox
sandbox.limit_memory(256)
sandbox.enter(threads=False)
try:
    threading.Thread(target=lambda: os.write(1, b"ran")).start()
except RuntimeError:
    os.write(1, b"refused")
os._exit(0)
"""
    result = subprocess.run([sys.executable, "-c", code], check=False, capture_output=True, text=True, timeout=30)
    assert (result.returncode, result.stdout) == (0, "refused"), result.stderr


def test_snapshots_and_audio_need_no_thread() -> None:
    code = """
import os
from transcoder.worker_options import AudioFormat
from transcoder.media.audio import AudioTranscoder
from transcoder.media.decoder import Decoder
from transcoder.codecs.picture_codec import PictureCodec
from transcoder.media.jpeg import encode_jpeg
from transcoder.media.picture import GREY, OwnPicture
from transcoder.worker import preload, sandbox
preload._rehearse()
sandbox.limit_memory(512)
sandbox.enter(threads=False)
picture = OwnPicture(1280, 720)
picture.fill(GREY)
[decoded] = Decoder(PictureCodec.JPEG).decode(encode_jpeg(picture), 0)
assert abs(int(decoded.planes[0][5, 5]) - 128) < 3
sound = AudioTranscoder(AudioFormat(encoding="PCMU", clock_rate=8000))
assert sum(1 for index in range(100) for _ in sound.process(bytes(320), index * 3600)) > 50
os.write(1, b"done")
os._exit(0)
"""
    result = subprocess.run([sys.executable, "-c", code], check=False, capture_output=True, text=True, timeout=60)
    assert (result.returncode, result.stdout) == (0, "done"), result.stderr


@pytest.mark.parametrize("codec", ["H264", "H265"])
def test_encoders_and_decoders_still_work(codec: str) -> None:
    code = f"""
import os
from transcoder.codecs.nal import Codec, join_byte_stream
from transcoder.worker_options import OutputFormat, OutputOptions
from transcoder.media.decoder import Decoder
from transcoder.media.encoders import needs_threads, open_encoder
from transcoder.media.picture import GREY, OwnPicture
from transcoder.worker import sandbox
codec = Codec.{codec}
options = OutputOptions(codec=codec)
sandbox.limit_memory(512)
sandbox.enter(threads=needs_threads([options]))
picture = OwnPicture(320, 240)
picture.fill(GREY)
encoder = open_encoder(options, OutputFormat(width=320, height=240, frame_rate=25.0))
decoder = Decoder(codec)
frames = []
for index in range(5):
    units = encoder.encode(picture, None, index * 3600, force_idr=index == 0)
    frames += decoder.decode(join_byte_stream(units), index * 3600)
assert len(frames) == 5, frames
plane = bytes(frames[-1].planes[0])
assert abs(plane[5000] - GREY[0]) < 3
os.write(1, b"done")
os._exit(0)
"""
    result = subprocess.run([sys.executable, "-c", code], check=False, capture_output=True, text=True, timeout=60)
    assert (result.returncode, result.stdout) == (0, "done"), result.stderr


@pytest.mark.parametrize("substitute", [False, True])
def test_x264_is_called_by_its_own_interface_or_over_ffmpegs(*, substitute: bool) -> None:
    code = f"""
import os
from transcoder.codecs.nal import join_byte_stream
from transcoder.worker_options import EncoderSettings, OutputFormat, OutputOptions
from transcoder.media.decoder import Decoder
from transcoder.media.encoders import open_encoder
from transcoder.media.encoders.x264_library import X264Context
from transcoder.media.picture import GREY, OwnPicture
from transcoder.worker import preload, sandbox
preload._rehearse()
sandbox.limit_memory(512)
sandbox.enter(threads=False)
if {substitute}:
    X264Context.reconstruction = lambda self: None
picture = OwnPicture(320, 240)
picture.fill(GREY)
for profile in ("economy", "balanced", "quality"):
    options = OutputOptions(encoder=EncoderSettings(profile=profile))
    encoder = open_encoder(options, OutputFormat(width=320, height=240, frame_rate=25.0))
    decoder = Decoder(encoder.codec)
    frames = []
    for index in range(4):
        units = encoder.encode(picture, None, index * 3600, force_idr=index in (0, 2))
        frames += decoder.decode(join_byte_stream(units), index * 3600)
    units, reconstruction = encoder.encode_at(picture, 14_400, 30, force_idr=False)
    assert (reconstruction is None) is {substitute}
    frames += decoder.decode(join_byte_stream(units), 14_400)
    assert len(frames) == 5, frames
    os.write(1, str(encoder.fallback and encoder.fallback.value).encode() + b";")
os._exit(0)
"""
    result = subprocess.run([sys.executable, "-c", code], check=False, capture_output=True, text=True, timeout=60)
    expected = 3 * ("reconstruction;" if substitute else "None;")
    assert (result.returncode, result.stdout, result.stderr) == (0, expected, "")


def test_memory_past_the_limit_is_not_given() -> None:
    code = """
import os
from transcoder.worker import sandbox
sandbox.limit_memory(64)
sandbox.enter(threads=False)
kept = [bytearray(32 << 20)]
try:
    kept.append(bytearray(64 << 20))
except MemoryError:
    os.write(1, b"refused")
os._exit(0)
"""
    result = subprocess.run([sys.executable, "-c", code], check=False, capture_output=True, text=True, timeout=30)
    assert result.stdout == "refused", result.stderr


def test_a_process_dies_with_its_parent() -> None:
    code = """
import os, sys, time
from transcoder.worker import sandbox
parent = os.getpid()
reading, writing = os.pipe()
child = os.fork()
if child == 0:
    sandbox.die_with_parent(parent)
    os.close(reading)
    os.write(1, b"ready")
    time.sleep(30)
    os._exit(0)
time.sleep(0.3)
os._exit(0)
"""
    # communicate() ends when the last holder of standard output is gone, long before the child's 30 s
    result = subprocess.run([sys.executable, "-c", code], check=False, capture_output=True, text=True, timeout=10)
    assert result.stdout == "ready"
