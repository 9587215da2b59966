"""A taken-over worker has none of the service's rights; memory with passwords goes to no file and no neighbour."""

import os
import resource
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.sandboxed import Sandbox, in_each_sandbox, leave_root, run_sandboxed
from tests.support.sandboxed_worker import process_status, sandboxed_worker
from transcoder.worker.sandbox import FIRST_USER
from transcoder.worker_options import WorkerOptions

pytestmark = pytest.mark.process

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root has rights to lose")


async def test_a_worker_that_reads_camera_bytes_has_no_rights(tmp_path: Path) -> None:
    async with sandboxed_worker(tmp_path, WorkerOptions()) as pid:
        status = process_status(pid)
    assert (status["Seccomp"], status["NoNewPrivs"]) == ("2", "1")
    for name in ("CapEff", "CapPrm", "CapInh", "CapAmb"):
        assert int(status[name], 16) == 0, name
    if os.geteuid() == 0:
        assert int(status["CapBnd"], 16) == 0
        for name in ("Uid", "Gid"):
            assert len(set(status[name].split())) == 1
            assert int(status[name].split()[0]) == FIRST_USER + pid
        assert status["Groups"] == ""


STATUS = """
import os, select, signal, sys, time
from pathlib import Path
from transcoder import kernel
from transcoder.worker import namespaces, sandbox
from transcoder.worker_options import Role
{user}
pid = namespaces.forker().fork()
if pid == 0:
    sandbox.enter(threads=False, role=Role.{role})
    select.poll().poll(20_000)
    os._exit(0)
until = time.monotonic() + 20
while "Seccomp:\\t2" not in (text := Path(f"/proc/{{pid}}/status").read_text()) and time.monotonic() < until:
    time.sleep(0.01)
print(text)
os.kill(pid, signal.SIGKILL)
"""


@in_each_sandbox
def test_no_process_of_a_stream_has_rights(sandbox: Sandbox) -> None:
    """Each as it is forked by a service that is root, and by one that is not."""
    script = STATUS.format(user=leave_root(sandbox), role=sandbox.role.name)
    shown = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True, timeout=60)
    status = {name: value.strip() for name, _, value in (line.partition(":") for line in shown.stdout.splitlines())}
    assert (status["Seccomp"], status["NoNewPrivs"], status["Groups"]) == ("2", "1", "")
    for name in ("CapEff", "CapPrm", "CapInh", "CapAmb"):
        assert int(status[name], 16) == 0, name
    users = {int(number) for name in ("Uid", "Gid") for number in status[name].split()}
    assert len(users) == 1
    assert users.pop() != 0


SIGNAL = "os.kill(int(sys.argv[1]), signal.SIGKILL)"
MEASURES = {
    "own user": "from transcoder.worker import namespaces; namespaces.become(sandbox.FIRST_USER + os.getpid())",
    "Landlock": "sandbox.forbid_new_privileges(); sandbox.forbid_paths()",
    "": "",
}


@as_root
@pytest.mark.parametrize("measure", MEASURES)
def test_another_process_gets_no_signal(measure: str) -> None:
    """The kernel refuses it even where the filter of system calls does not."""
    if measure == "Landlock" and "lacks" in run_sandboxed(LACKING, inside=False).stdout:
        pytest.skip("this kernel's Landlock knows no signals")
    victim = subprocess.Popen(["sleep", "60"])
    before = MEASURES[measure] + ("" if measure == "Landlock" else "\nfrom transcoder import kernel")
    if measure == "own user":
        before += "\nkernel.drop_capabilities()"
    result = run_sandboxed(SIGNAL, inside=False, before=before, arguments=[str(victim.pid)])
    victim.poll()
    victim.kill()
    victim.wait()
    assert result.stdout == ("refused 1" if measure else "done"), result.stderr


LACKING = """
sandbox.forbid_new_privileges()
try:
    sandbox.forbid_paths()
except OSError:
    os.write(1, b"lacks ")
"""


@pytest.mark.parametrize("measure", [True, False])
def test_a_file_can_not_be_opened_even_without_the_filter(measure: bool) -> None:
    if "lacks" in run_sandboxed(LACKING, inside=False).stdout:
        pytest.skip("this kernel has no Landlock, or an old one")
    before = MEASURES["Landlock"] if measure else ""
    result = run_sandboxed('open("/etc/passwd").read()', inside=False, before=before)
    assert result.stdout == ("refused 13" if measure else "done"), result.stderr


@as_root
def test_a_worker_of_its_own_user_dies_with_its_parent() -> None:
    code = """
reading, writing = os.pipe()
from transcoder.worker import namespaces
if namespaces.forker().fork() == 0:
    assert os.getuid() >= sandbox.FIRST_USER
    os.write(1, b"ready ")
    os.write(writing, b"x")
    signal.pause()
os.read(reading, 1)
"""
    # communicate() ends when the last holder of standard output is gone
    result = run_sandboxed(code, inside=False)
    assert result.stdout == "ready done", result.stderr


@as_root
@pytest.mark.parametrize("measure", [True, False])
def test_a_right_of_root_is_refused(measure: bool) -> None:
    before = "from transcoder import kernel\n" + ("kernel.drop_capabilities()" if measure else "")
    result = run_sandboxed("os.chroot('/')", inside=False, before=before)
    assert result.stdout == ("refused 1" if measure else "done"), result.stderr


DUMP = """
pid = os.fork()
if pid == 0:
    os.abort()
_, status = os.waitpid(pid, 0)
os.write(1, b"core " if os.WCOREDUMP(status) else b"none ")
"""
RAISE = "resource.setrlimit(resource.RLIMIT_CORE, (1 << 30, 1 << 30)); os.chdir(sys.argv[1])\n"


@pytest.mark.skipif(resource.getrlimit(resource.RLIMIT_CORE)[1] == 0, reason="no core is allowed here anyway")
@pytest.mark.parametrize("measure", ["forbid_core_dumps", "forbid_inspection", None])
def test_no_core_is_written(measure: str | None, tmp_path: Path) -> None:
    before = RAISE + (f"from transcoder import kernel\nkernel.{measure}()" if measure else "")
    result = run_sandboxed(DUMP, inside=False, before=before, arguments=[str(tmp_path)])
    assert result.stdout == ("none done" if measure else "core done"), result.stderr


HOLDER = """
import sys
from transcoder import kernel
kernel.drop_capabilities()
if sys.argv[1] == "True":
    kernel.forbid_inspection()
print("ready", flush=True)
sys.stdin.read()
"""
READ = 'open(f"/proc/{sys.argv[1]}/environ", "rb").read()'
WITHOUT_RIGHTS = "from transcoder import kernel\nkernel.drop_capabilities()"
"""As root both give up the rights by which root reads everything."""


@pytest.mark.parametrize("measure", [True, False])
def test_a_process_of_the_same_user_reads_no_memory_of_the_service(measure: bool) -> None:
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(measure)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    with holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "ready\n"
        result = run_sandboxed(READ, inside=False, before=WITHOUT_RIGHTS, arguments=[str(holder.pid)])
        holder.kill()
    assert result.stdout == ("refused 13" if measure else "done"), result.stderr
