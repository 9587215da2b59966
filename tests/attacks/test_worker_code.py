"""A taken-over worker tries to run machine code of its own."""

import os
import re
from pathlib import Path

import pytest

from tests.support.sandboxed import Sandbox, as_each_user, in_each_sandbox, run_sandboxed
from transcoder.service.forkserver import ForkServer

pytestmark = pytest.mark.process

WRITABLE_CODE = re.compile(r"^\S+ (?:rwx|-wx)", re.MULTILINE)
CALLBACK = "kept = ctypes.CFUNCTYPE(ctypes.c_int)(lambda: 42)\n"
"""libffi makes its writable and executable page with the first callback, where it has no other way."""
OWN_PAGE = "page = mmap.mmap(-1, 4096, flags=0x22, prot=7)\n"
FIND = """
code = bytes([0xB8, 42, 0, 0, 0, 0xC3]) if os.uname().machine == "x86_64" else bytes.fromhex("40058052c0035fd6")
address = ctypes.addressof(ctypes.c_char.from_buffer(page))
"""
RUN = """
ctypes.memmove(address, code, len(code))
if ctypes.CFUNCTYPE(ctypes.c_int)(address)() != 42:
    raise OSError
"""

MADE_EXECUTABLE = """
page = mmap.mmap(-1, 4096, flags=0x22)
address = ctypes.addressof(ctypes.c_char.from_buffer(page))
call("mprotect", ctypes.c_void_p(address), 4096, 5)
"""


@in_each_sandbox
def test_code_written_into_a_page_that_was_executable_before_does_not_run(sandbox: Sandbox) -> None:
    result = run_sandboxed(RUN, inside=True, before=OWN_PAGE + FIND, sandbox=sandbox)
    assert result.returncode < 0, result.stdout  # the write is a fault, or what the sandbox kills
    assert result.stdout == ""


@as_each_user
def test_without_the_sandbox_it_runs(sandbox: Sandbox) -> None:
    result = run_sandboxed(RUN, inside=False, before=OWN_PAGE + FIND, sandbox=sandbox)
    assert result.stdout == "done", result.stderr


@as_each_user
@pytest.mark.parametrize("measure", [True, False])
def test_the_kernel_itself_refuses_new_code(measure: bool, sandbox: Sandbox) -> None:
    before = "sandbox.forbid_new_code()" if measure else ""
    result = run_sandboxed('call("prctl", 65, 1, 0, 0, 0)', inside=False)
    if result.stdout != "done":
        pytest.skip("this kernel knows no PR_SET_MDWE")
    for attempt in ("mmap.mmap(-1, 4096, flags=0x22, prot=7)", MADE_EXECUTABLE):
        result = run_sandboxed(attempt, inside=False, before=before, sandbox=sandbox)
        assert result.stdout == ("refused 13" if measure else "done"), result.stderr


@in_each_sandbox
def test_a_page_that_can_not_be_sealed_ends_it(sandbox: Sandbox) -> None:
    stubborn = OWN_PAGE + "from transcoder import kernel\nkernel.libc = lambda: type('No', (), {'mprotect': print})\n"
    result = run_sandboxed("pass", inside=True, before=CALLBACK + stubborn, sandbox=sandbox)
    assert result.returncode == 1
    assert "writable and executable" in result.stderr


async def test_no_process_has_a_page_that_is_writable_and_executable(tmp_path: Path) -> None:
    cache = os.environ.get("NUMBA_CACHE_DIR")
    server = ForkServer(Path(cache) if cache else tmp_path)
    try:
        forked = await server.fork("front", lambda _: None)
        for pid in (server.pid, forked.pid):
            maps = Path(f"/proc/{pid}/maps").read_text()
            assert maps.count("\n") > 100
            assert not WRITABLE_CODE.findall(maps)
    finally:
        await server.close()


def test_without_the_measure_the_libraries_of_a_worker_have_such_a_page() -> None:
    show = "import llvmlite.binding, numba\nos.write(1, open('/proc/self/maps', 'rb').read())"
    maps = run_sandboxed(show, inside=False, before=CALLBACK).stdout
    if not WRITABLE_CODE.findall(maps):
        pytest.skip("this libffi has callbacks without writable code")
