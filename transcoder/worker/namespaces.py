"""The fork server forks a child into namespaces of its own, where the kernel and the service's rights allow it.

A worker that has its own processes and users can name no process but itself, and has, in its user namespace alone, the
rights that it needs to leave everything else: see the measures in transcoder/worker/sandbox.py. The child waits until
its parent, which has more rights, has written which users its namespace knows.
"""

import errno
import os
import select
import signal
import socket
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Final

from transcoder import kernel
from transcoder.worker.control_groups import ControlGroups, delegated_group

USERS: Final = range(0x70000000, 0x70000000 + (1 << 22))
"""A worker's user is the first number and its process id, which is below 2 ** 22. No distribution gives these numbers
to anybody (systemd's UIDS-GIDS)."""
OWN_USER, USER_NAMESPACE, PROCESS_NAMESPACE = "own user", "user namespace", "process namespace"
CONTROL_GROUP = "control group"
_CAP_KILL, _CAP_SETGID, _CAP_SETUID = 5, 6, 7
_ANSWER: Final = 16
"""Bytes of the parent's answer: a number."""


class Forker:
    """Forks children into namespaces of their own, each with a user of its own.

    Args:
        flags: the namespaces that a child gets, clone(2).
        users: the users that children become, or None where they stay the parent's user.
        missing: why a child lacks a measure, by the measure's name.
    """

    def __init__(self, flags: int = 0, users: range | None = None, missing: dict[str, str] | None = None) -> None:
        self._flags = flags
        self._users = users
        self.missing = missing or {}
        self._taken: dict[int, int] = {}
        self._groups: ControlGroups | None = None

    @property
    def isolates(self) -> bool:
        """Return whether the kernel counts a child's processes apart from those of everybody else."""
        return self._users is not None or bool(self._flags & kernel.CLONE_NEWUSER)

    def divide_group(self, processes: int) -> None:
        """Give each child a control group of its own, where this process's group is delegated.

        This process, its parent and whoever is in the group besides move into a leaf of it.

        Args:
            processes: how many threads a child may have.
        """
        try:
            groups = ControlGroups(delegated_group(), processes)
            groups.prepare()
        except OSError as error:
            self.missing[CONTROL_GROUP] = error.strerror or "refused"
        else:
            self._groups = groups

    def fork(self, memory_limit_mb: int = 0) -> int:
        """Fork, and return the child's process id, in the child 0. The child dies with its parent.

        Args:
            memory_limit_mb: the limit of the child's memory, MiB, or 0 for none.

        Raises:
            OSError: there is no memory, no process, no namespace or no user left.
        """
        parent = os.pidfd_open(os.getpid())
        try:
            return self._fork(parent, memory_limit_mb)
        finally:
            os.close(parent)

    def _fork(self, parent: int, memory_limit_mb: int) -> int:
        ours, theirs = socket.socketpair()
        with ours, theirs:
            pid = kernel.clone(self._flags) if self._flags else os.fork()
            if pid == 0:
                self._begin(ours, theirs, parent)
                return 0
            theirs.close()
            try:
                self._receive(pid, ours, memory_limit_mb)
            except OSError:
                os.kill(pid, signal.SIGKILL)
                os.waitpid(pid, 0)
                self.reaped(pid)
                raise
            return pid

    def reaped(self, pid: int) -> None:
        """Take note that a child is gone: another may have its user, and nobody needs its control group."""
        self._taken.pop(pid, None)
        if self._groups is not None:
            self._groups.remove(pid)

    # -- the child -----------------------------------------------------------------------------------------------

    def _begin(self, theirs: socket.socket, ours: socket.socket, parent: int) -> None:
        try:
            theirs.close()
            _die_with(parent)
            inspectable = kernel.is_inspectable()
            kernel.permit_inspection()  # or a parent that is not root could not write the maps of users
            ours.send(b"?")
            user = int(ours.recv(_ANSWER))  # an error where the parent has given up
            if user:
                become(user)
                _die_with(parent)  # the kernel forgets it with the change of users
            (kernel.permit_inspection if inspectable else kernel.forbid_inspection)()
        except BaseException:  # noqa: BLE001  # nobody above knows that this is another process
            os._exit(1)

    # -- the parent ----------------------------------------------------------------------------------------------

    def _receive(self, pid: int, child: socket.socket, memory_limit_mb: int) -> None:
        user = self._take_user(pid)
        if not child.recv(1):
            raise OSError(errno.ECHILD, "the new process has ended")
        if self._groups is not None:
            self._groups.admit(pid, memory_limit_mb)
        if self._flags & kernel.CLONE_NEWUSER:
            _write_maps(Path(f"/proc/{pid}"), user)
        child.send(str(user or 0).encode())

    def _take_user(self, pid: int) -> int | None:
        users = self._users
        if users is None:
            return None
        taken = set(self._taken.values()) if len(users) > 1 else set()
        for number in range(len(taken) + 1):
            user = users[(pid + number) % len(users)]
            if user not in taken:
                self._taken[pid] = user
                return user
        raise OSError(errno.EAGAIN, "every user of worker.user has a worker")


def _die_with(parent: int) -> None:
    """Have the kernel kill this process when its parent dies; exit at once if it is dead already.

    Args:
        parent: the descriptor of the parent, for getppid() tells nothing of one that is in another namespace.
    """
    kernel.prctl(kernel.PR_SET_PDEATHSIG, signal.SIGKILL)
    poll = select.poll()
    poll.register(parent, select.POLLIN)
    if poll.poll(0):
        os._exit(1)


def become(user: int) -> None:
    """Become a user, with the group of the same number; keep the capabilities, which the sandbox drops later.

    Raises:
        OSError: this process may not, or its container knows no such user.
    """
    os.setgroups([])
    os.setresgid(user, user, user)
    kernel.prctl(kernel.PR_SET_KEEPCAPS, 1)
    os.setresuid(user, user, user)
    kernel.raise_capabilities()


def _write_maps(process: Path, user: int | None) -> None:
    """Let the user namespace of a process know one user and one group alone, under the number that they have outside.

    Args:
        process: the folder of the process in /proc.
        user: the number of both, or None for those of this process.
    """
    if user is None:  # without rights to change groups, the kernel wants nobody in the namespace to have them
        (process / "setgroups").write_text("deny")
    for name, own in (("gid_map", os.getegid()), ("uid_map", os.geteuid())):
        number = own if user is None else user
        (process / name).write_text(f"{number} {number} 1")


def forker(users: range = USERS) -> Forker:
    """Return a forker that isolates its children as far as it can; what a trial shows to be impossible is left out.

    Args:
        users: the users that children are to become.
    """
    missing: dict[str, str] = {}
    own = users if _works(OWN_USER, lambda: _check_users(users), missing) else None
    flags = 0
    for name, flag in ((USER_NAMESPACE, kernel.CLONE_NEWUSER), (PROCESS_NAMESPACE, kernel.CLONE_NEWPID)):
        if _works(name, lambda flag=flags | flag: _try_fork(Forker(flag, own)), missing):  # type: ignore[misc]
            flags |= flag
    return Forker(flags, own, missing)


def _works(name: str, measure: Callable[[], None], missing: dict[str, str]) -> bool:
    try:
        measure()
    except OSError as error:
        missing[name] = error.strerror or "refused"
    return name not in missing


def _try_fork(trial: Forker) -> None:
    pid = trial.fork()
    if pid == 0:
        os._exit(0)
    os.waitpid(pid, 0)


def check_rights() -> None:
    """Check that this process may change to other users and signal their processes.

    Raises:
        OSError: it may not.
    """
    needed = 1 << _CAP_KILL | 1 << _CAP_SETGID | 1 << _CAP_SETUID
    if kernel.capabilities() & needed != needed:  # without CAP_KILL the service could not end such a worker
        raise OSError(errno.EPERM, "the service may not change users and signal them")


def _check_users(users: range) -> None:
    check_rights()
    for name in ("uid_map", "gid_map"):
        if not knows_numbers(Path(f"/proc/self/{name}").read_text().splitlines(), users):
            raise OSError(errno.EINVAL, f"users {users.start} to {users.stop - 1} do not exist in this container")


def knows_numbers(mapping: Iterable[str], numbers: range) -> bool:
    """Return whether one line of a map of users holds all of these numbers (user_namespaces(7)).

    Args:
        mapping: lines of a first number inside, its number outside, and how many follow.
        numbers: numbers inside.
    """
    lines = [[int(field) for field in line.split()] for line in mapping]
    return any(first <= numbers.start and numbers.stop <= first + count for first, _, count in lines)
