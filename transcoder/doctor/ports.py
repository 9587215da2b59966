"""Ports that the gateway would listen on: is each free, and who has it where it is not?"""

import errno
import socket
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final

from transcoder.config import Config
from transcoder.config.listeners import tcp_listeners
from transcoder.doctor.finding import Finding, Subject
from transcoder.service.state_folder import LOCK_NAME

MAX_SOCKETS: Final = 65_536
"""Lines of /proc/net/tcp that are looked at, at most: a machine with more has other worries."""
_ADVICE: Final = {
    errno.EADDRINUSE: "end that program, or have the gateway listen elsewhere",
    errno.EACCES: "ports below 1024 need CAP_NET_BIND_SERVICE; choose a higher one",
    errno.EADDRNOTAVAIL: "this machine has no such address: correct listen, or bring the interface up",
}


async def ports(subject: Subject) -> list[Finding]:
    """Try to listen where the gateway would, and let go at once."""
    if subject.file is None:
        return []
    gateway = gateway_of(subject.file.config)
    return [port_finding(*each, gateway) for each in _wanted(subject.file.config)]


def _wanted(config: Config) -> Iterator[tuple[str, socket.SocketKind, str, int]]:
    for key, endpoint in tcp_listeners(config):
        yield key, socket.SOCK_STREAM, endpoint.host, endpoint.port
    for host in dict.fromkeys(endpoint.host for endpoint in config.rtsp.listen):
        for port in config.rtsp.udp_ports:
            yield "rtsp.udp_ports", socket.SOCK_DGRAM, host, port


def port_finding(key: str, kind: socket.SocketKind, host: str, port: int, gateway: int | None) -> Finding:
    """Say whether a port can be listened on.

    Args:
        key: the key of the configuration that names the port.
        kind: SOCK_STREAM or SOCK_DGRAM.
        host: the address to listen on.
        port: the port, 0 for any.
        gateway: the number of the process that runs with this configuration, None where there is none.
    """
    name = f"{'TCP' if kind is socket.SOCK_STREAM else 'UDP'} port {port}"
    if not port:
        return Finding(check=key, level="ok", text=f"{name.removesuffix(' 0')}: any that is free")
    try:
        _listen(kind, host, port)
    except OSError as error:
        owner = process_of(port, kind) if error.errno == errno.EADDRINUSE else None
        if gateway is not None and (owner == gateway or (owner is None and _is_user_of(port, kind, gateway))):
            return Finding(check=key, level="ok", text=f"{name} belongs to the gateway, which runs (process {gateway})")
        whose = "of a process that can't be seen (be root to see it)" if owner is None else f"of {_named(owner)}"
        reason = f"in use, {whose}" if error.errno == errno.EADDRINUSE else error.strerror or str(error)
        advice = _ADVICE.get(error.errno or 0, "have the gateway listen elsewhere")
        return Finding(check=key, level="error", text=f"{name} of {host}: {reason}", advice=advice)
    return Finding(check=key, level="ok", text=f"{name} is free")


def _listen(kind: socket.SocketKind, host: str, port: int) -> None:
    """Bind as the gateway does: over TCP beside connections that are about to end.

    Raises:
        OSError: the port can't be had.
    """
    family, _, _, _, address = socket.getaddrinfo(host, port, type=kind, flags=socket.AI_PASSIVE)[0]
    with socket.socket(family, kind) as sock:
        if kind is socket.SOCK_STREAM:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind(address)
        if kind is socket.SOCK_STREAM:
            sock.listen(1)


def gateway_of(config: Config) -> int | None:
    """Return the number of the process that runs with a configuration's state, None where that can't be told."""
    return gateway_with(config.state_dir / LOCK_NAME) if config.state_dir is not None else None


def gateway_with(lock: Path, locks: Path = Path("/proc/locks")) -> int | None:
    """Return the number of the process that holds a lock, None where nobody does.

    Source: proc_locks(5).
    """
    with suppress(OSError, ValueError):
        inode = str(lock.stat().st_ino)
        for line in locks.read_text().splitlines():
            fields = line.split()  # 1: FLOCK  ADVISORY  WRITE 4711 08:01:1234 0 EOF
            if len(fields) > 5 and fields[1] == "FLOCK" and fields[5].rpartition(":")[2] == inode:
                return int(fields[4])
    return None


def process_of(port: int, kind: socket.SocketKind, proc: Path = Path("/proc")) -> int | None:
    """Return the number of a process that has a port, None where that can't be seen."""
    wanted = {f"socket:[{inode}]" for inode in _inodes(port, kind, proc)}
    for process in proc.iterdir() if wanted else ():
        if process.name.isdecimal():
            with suppress(OSError):  # it belongs to somebody else, or has ended
                if any(str(path.readlink()) in wanted for path in (process / "fd").iterdir()):
                    return int(process.name)
    return None


def _is_user_of(port: int, kind: socket.SocketKind, process: int) -> bool:
    """Return whether the user of a process has a port: a gateway lets nobody but root see what it has open."""
    with suppress(OSError):
        user = str(Path(f"/proc/{process}").stat().st_uid)  # root's, where nobody may look inside
        status = Path(f"/proc/{process}/status").read_text().partition("\nUid:\t")[2].split()
        return bool({user, *status[:1]} & {fields[7] for fields in _sockets(port, kind, Path("/proc"))})
    return False


def _inodes(port: int, kind: socket.SocketKind, proc: Path) -> Iterator[str]:
    yield from (fields[9] for fields in _sockets(port, kind, proc))


def _sockets(port: int, kind: socket.SocketKind, proc: Path) -> Iterator[list[str]]:
    """Yield the fields of sockets that have a port: over TCP of those that listen (state 0A).

    Source: proc_pid_net(5); field 7 is the user, field 9 the inode.
    """
    protocol, state = ("tcp", "0A") if kind is socket.SOCK_STREAM else ("udp", "07")
    for name in (protocol, f"{protocol}6"):
        with suppress(OSError):
            for line in (proc / "net" / name).read_text().splitlines()[1:MAX_SOCKETS]:
                fields = line.split()
                if fields[1].endswith(f":{port:04X}") and fields[3] == state:
                    yield fields


def _named(process: int) -> str:
    with suppress(OSError):
        return f"{Path(f'/proc/{process}/comm').read_text().strip()} (process {process})"
    return f"process {process}"
