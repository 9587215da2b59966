"""What a fork server costs in memory, on its first start and later."""

import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.process

_LOAD = """
import gc
import importlib
import sys
from pathlib import Path
from transcoder.worker import preload
from transcoder_native import runtime

# of the kernels of H.264, which nobody waits for, a single one: all of them take as long as everything else together
runtime.warm_h264 = lambda: runtime.load(importlib.import_module("transcoder_native.h264.sad").sad_4x4) or 0.0
forks = []
sys.addaudithook(lambda event, _: forks.append(event) if event == "os.fork" else None)
preload.load(Path(sys.argv[1]))
assert gc.isenabled()
lines = Path("/proc/self/smaps_rollup").read_text().splitlines()[1:]
sums = {name: int(rest.split()[0]) for name, _, rest in (line.partition(":") for line in lines)}
preload.finish_compiling()
print(sums["Private_Dirty"] >> 10, preload.thread_count(), len(forks))
"""


def _load(cache: Path) -> tuple[int, int, int]:
    output = subprocess.run([sys.executable, "-c", _LOAD, str(cache)], check=True, capture_output=True, text=True)
    memory, threads, forks = map(int, output.stdout.split())
    return memory, threads, forks


@pytest.mark.timeout(600)  # it compiles all of the pixel path: ten seconds alone, minutes on a busy machine
def test_compiling_leaves_nothing_behind(tmp_path: Path) -> None:
    first, threads, forks = _load(tmp_path)
    later, _, later_forks = _load(tmp_path)
    assert threads == 1
    assert (forks, later_forks) == (1, 0)  # what is compiled is loaded by the fork server itself
    assert first - later < 20  # MiB; compiling in the same process costs 50
    assert list(tmp_path.glob("kernels-*/**/*.nbi"))


_FREE = """
import ctypes
from pathlib import Path
from transcoder.worker import preload

libc = ctypes.CDLL(None)
libc.malloc.restype, libc.malloc.argtypes, libc.free.argtypes = ctypes.c_void_p, [ctypes.c_size_t], [ctypes.c_void_p]

def resident():
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096 >> 20

def take(sizes):
    taken = [libc.malloc(size << 20) for size in sizes]
    for address, size in zip(taken, sizes):
        ctypes.memset(address, 1, size << 20)
    return taken

preload._bound_heap()
libc.free(*take([30]))  # from here on glibc by itself keeps blocks of up to 30 MB in its heap
before = resident()
planes = take([12, 8, 6])
last = libc.malloc(4096)  # lies behind what is in the heap
for address in planes:
    libc.free(address)
print(resident() - before)
"""


def test_planes_that_are_freed_are_given_back() -> None:
    output = subprocess.run([sys.executable, "-c", _FREE], check=True, capture_output=True, text=True)
    assert int(output.stdout) < 4  # MiB of 26
