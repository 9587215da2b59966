"""The facts that /proc tells of a contained process are compared with what they have to be."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

from transcoder.doctor.finding import Finding, Level

NAMESPACES: Final = ("user", "pid", "net", "mnt", "ipc", "uts", "cgroup")
_WRITABLE_CODE: Final = re.compile(r"^\S+ .w.?x", re.MULTILINE)
_CAPABILITIES: Final = ("CapEff", "CapPrm", "CapInh", "CapAmb", "CapBnd")
_HELD: Final = "the gateway starts no such worker: report this"
_ALLOWED: Final = "the kernel or the rights of the gateway do not allow it: see the measures"


def examine(process: Path, own: Path, missing: Level) -> Iterator[Finding]:
    """Compare the facts of a process with those of a contained one.

    Args:
        process: the folder of the process in /proc.
        own: the folder of a process that is not contained.
        missing: the level of what the kernel or rights may not allow.
    """
    status = _status(process)
    yield _exactly("Seccomp", status.get("Seccomp"), "2")
    yield _exactly("NoNewPrivs", status.get("NoNewPrivs"), "1")
    for name in _CAPABILITIES:
        yield _exactly(name, status.get(name, "?").lstrip("0") or "0", "0", missing)
    yield _looked_at("memory", lambda: _memory(process))
    yield _user(status, _status(own), missing)
    for name in NAMESPACES:
        yield _looked_at(f"namespace {name}", lambda name=name: _namespace(name, process, own, missing))  # type: ignore[misc]
    yield _looked_at("files", lambda: _files(process, missing))
    yield _looked_at("network", lambda: _network(process, missing))
    yield _looked_at("descriptors", lambda: _descriptors(process))
    yield _looked_at("core", lambda: _core(process))


def _status(process: Path) -> dict[str, str]:
    lines = (process / "status").read_text().splitlines()
    return {name: value.strip() for name, _, value in (line.partition(":") for line in lines)}


def _finding(name: str, text: str, *, holds: bool, missing: Level | None = None) -> Finding:
    """Make a finding; where the fact hangs on no kernel and no rights, `missing` is None."""
    if holds:
        return Finding(check=name, level="ok", text=text)
    advice = _HELD if missing is None else _ALLOWED
    return Finding(check=name, level=missing or "error", text=text, advice=advice)


def _looked_at(name: str, look: Callable[[], Finding]) -> Finding:
    try:
        return look()
    except OSError as error:
        text = f"can't be looked at: {error.strerror}"
        return Finding(check=name, level="warning", text=text, advice="run this as the gateway's user or root")


def _exactly(name: str, value: str | None, wanted: str, missing: Level | None = None) -> Finding:
    holds = value == wanted
    return _finding(name, f"{name} {value}" + ("" if holds else f", not {wanted}"), holds=holds, missing=missing)


def _memory(process: Path) -> Finding:
    found = len(_WRITABLE_CODE.findall((process / "maps").read_text()))
    return _finding("memory", f"{found or 'no'} mapping is writable and executable", holds=not found)


def _user(status: dict[str, str], own: dict[str, str], missing: Level) -> Finding:
    user, ours = (each["Uid"].split()[0] for each in (status, own))
    # a gateway that is not root has no other users to give; the user namespace stands in
    level: Level = missing if user == "0" else "warning"
    return _finding("user", f"user {user}, gateway {ours}", holds=user not in {ours, "0"}, missing=level)


def _namespace(name: str, process: Path, own: Path, missing: Level) -> Finding:
    holds = (process / "ns" / name).readlink() != (own / "ns" / name).readlink()
    return _finding(f"namespace {name}", "its own" if holds else "the gateway's", holds=holds, missing=missing)


def _files(process: Path, missing: Level) -> Finding:
    count = len(list((process / "root").iterdir()))
    text = f"{count} files and folders in its root" if count else "its root is empty: no path can be read"
    return _finding("files", text, holds=not count, missing=missing)


def _network(process: Path, missing: Level) -> Finding:
    lines = (process / "net" / "dev").read_text().splitlines()[2:]
    others = [name for name in (line.partition(":")[0].strip() for line in lines) if name != "lo"]
    routes = (process / "net" / "fib_trie").read_text() if not others else ""
    holds = not others and "32 host LOCAL" not in routes
    text = "no interface is up" if holds else f"interfaces {', '.join(others) or 'lo'}"
    return _finding("network", text, holds=holds, missing=missing)


def _descriptors(process: Path) -> Finding:
    targets = [str(path.readlink()) for path in (process / "fd").iterdir()]
    others = [target for target in targets if not target.startswith("socket:") and not target.endswith("/null")]
    text = f"{', '.join(others)} is open" if others else f"{len(targets)}: sockets to the gateway, and /dev/null"
    return _finding("descriptors", text, holds=not others)


def _core(process: Path) -> Finding:
    line = next(line for line in (process / "limits").read_text().splitlines() if line.startswith("Max core file size"))
    limit = line.split()[4]
    return _finding("core", f"core limit {limit}", holds=limit == "0")
