"""A bare Debian in a folder, with the product installed as the README says, for tests that need a whole machine.

The bare Debian and the packages of the product are kept in a cache: they take minutes. What a test changes lies in an
overlay of its own.
"""

import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from packaging.requirements import Requirement

ROOT: Final = Path(__file__).parents[2]
SUITE: Final = "trixie"
PYTHON: Final = "3.13"
"""The Python of that Debian."""
PACKAGES: Final = "systemd,systemd-sysv,dbus,python3,python3-venv,iproute2,procps,curl,mosquitto,mosquitto-clients"
PLATFORMS: Final = ("manylinux_2_28", "manylinux_2_17", "manylinux2014")
NEEDED: Final = ("mmdebstrap", "systemd-nspawn", "unshare", "setpriv")
ENDS_WITH_US: Final = (
    "setpriv",
    "--pdeathsig",
    "KILL",
    "unshare",
    "--pid",
    "--fork",
    "--kill-child=KILL",
    "--mount-proc",
)
"""What begins a command whose processes all end with it, and with the tests: systemd-nspawn that is killed leaves the
init of its machine running, but no process outlives the first one of its PID namespace."""


def cache() -> Path:
    """Return the folder in which what takes minutes is kept."""
    base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    folder = base / "transcoder-deploy-check"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def run(*command: str | Path, timeout: float = 900) -> str:
    """Run a command and return its output.

    Raises:
        AssertionError: it failed, with its output.
    """
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, timeout=timeout, check=False)
    assert done.returncode == 0, f"{command}: {done.stdout[-2000:]}{done.stderr[-4000:]}"
    return done.stdout


def pip() -> list[str]:
    """Return the command of a pip, whose Python need not be the tests'."""
    for python in (sys.executable, "python3"):
        if subprocess.run([python, "-m", "pip", "--version"], capture_output=True, check=False).returncode == 0:
            return [python, "-m", "pip", "--disable-pip-version-check"]
    raise FileNotFoundError("there is no pip")


def bare() -> Path:
    """Return the archive of a bare Debian."""
    archive = cache() / f"{SUITE}-{hashlib.sha256(PACKAGES.encode()).hexdigest()[:8]}.tar"
    if not archive.exists():
        making = archive.with_suffix(".part.tar")
        run("mmdebstrap", "--variant=minbase", f"--include={PACKAGES}", SUITE, making)
        making.rename(archive)
    return archive


def product_wheel(folder: Path) -> Path:
    """Build the wheel of the product into a folder."""
    run(*pip(), "wheel", "--quiet", "--no-deps", "--wheel-dir", folder, ROOT)
    (wheel,) = folder.glob("transcoder-*.whl")
    return wheel


def wheelhouse(wheel: Path) -> Path:
    """Return a folder with the wheels of everything that the product needs, in the locked versions."""
    lock = ROOT / "requirements.lock"
    key = hashlib.sha256(lock.read_bytes() + (ROOT / "pyproject.toml").read_bytes()).hexdigest()[:12]
    folder = cache() / f"wheels-{key}"
    if not folder.exists():
        making = cache() / f"wheels-{key}.part"
        shutil.rmtree(making, ignore_errors=True)
        tags = [f"--platform={platform}_{os.uname().machine}" for platform in PLATFORMS]
        abis = [f"--abi={abi}" for abi in (f"cp{PYTHON.replace('.', '')}", "abi3", "none")]
        options = ["--quiet", "--only-binary=:all:", f"--python-version={PYTHON}", "--implementation=cp", *abis, *tags]
        locked = cache() / "constraints.txt"
        locked.write_text("\n".join(locked_for(PYTHON, lock.read_text(encoding="utf-8"))))
        run(*pip(), "download", *options, "--constraint", locked, "--dest", making, wheel, "hatchling")
        for own in making.glob("transcoder-*.whl"):
            own.unlink()
        making.rename(folder)
    return folder


def locked_for(python: str, lock: str) -> Iterator[str]:
    """Yield the locked versions for a Python that does not run here: pip looks at its own Python's version alone."""
    environment = {"python_version": python, "python_full_version": f"{python}.0"}
    for line in lock.splitlines():
        if line and not line.startswith("#"):
            requirement = Requirement(line)
            if requirement.marker is None or requirement.marker.evaluate(environment):
                yield f"{requirement.name}{requirement.specifier}"


def installed(wheel: Path) -> Path:
    """Return a tree with everything in /opt/transcoder but the product itself."""
    wheels = wheelhouse(wheel)
    archive = bare()
    tree = cache() / f"tree-{archive.stem}-{wheels.name.removeprefix('wheels-')}"
    if not tree.exists():
        making = tree.with_suffix(".part")
        shutil.rmtree(making, ignore_errors=True)
        making.mkdir()
        run("tar", "-C", making, "--exclude=./dev/*", "-xf", archive)
        shutil.copytree(wheels, making / "wheels")
        shutil.copy(wheel, making / "wheels")
        inside(making, "python3", "-m", "venv", "/opt/transcoder")
        install = ["/opt/transcoder/bin/pip", "install", "--quiet", "--no-index", "--find-links", "/wheels"]
        inside(making, *install, "transcoder")
        inside(making, "/opt/transcoder/bin/pip", "uninstall", "--quiet", "--yes", "transcoder")
        shutil.rmtree(making / "wheels")
        making.rename(tree)
    return tree


def inside(tree: Path, *command: str) -> None:
    """Run a command in a tree, without a network."""
    quiet = ["--quiet", "--register=no", "--keep-unit", "--private-network", "--pipe"]
    run(*ENDS_WITH_US, "systemd-nspawn", *quiet, "-D", tree, "--setenv=PIP_CONFIG_FILE=/dev/null", *command)


def descendants(pid: int) -> set[int]:
    """Return the processes that a process has started, and those that these have started."""
    parents = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):  # it has ended
            parents[int(stat.parent.name)] = int(stat.read_text(errors="replace").rpartition(")")[2].split()[1])
    found, newest = set[int](), {pid}
    while newest:
        newest = {child for child, parent in parents.items() if parent in newest} - found
        found |= newest
    return found


def runs(pid: int) -> bool:
    """Say whether a process is there, and not only what its parent has not asked for yet."""
    try:
        return Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


@contextmanager
def machine(work: Path) -> Iterator[Path]:
    """Give a root folder with the product installed, and take it away again.

    Args:
        work: an empty folder for what is written.
    """
    wheel = product_wheel(work)
    lower = installed(wheel)
    folders = {name: work / name for name in ("upper", "work", "root")}
    for folder in folders.values():
        folder.mkdir()
    options = f"lowerdir={lower},upperdir={folders['upper']},workdir={folders['work']}"
    run("mount", "-t", "overlay", "overlay", "-o", options, folders["root"])
    try:
        shutil.copy(wheel, folders["root"])
        inside(folders["root"], "/opt/transcoder/bin/pip", "install", "--quiet", "--no-deps", f"/{wheel.name}")
        yield folders["root"]
    finally:
        run("umount", folders["root"])
