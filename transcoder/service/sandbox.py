"""The service knows which measures of its workers' sandbox are in force, and what helps where one is missing."""

import pwd
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import structlog

from transcoder.errors import WorkerError

_NAMESPACES: Final = (
    "user namespaces must be allowed: see the sysctls user.max_user_namespaces and kernel.unprivileged_userns_clone, "
    "AppArmor's kernel.apparmor_restrict_unprivileged_userns, and the container's seccomp profile"
)
_AS_USER_NAMESPACE: Final = "as for the user namespace"
ADVICE: Final = {
    "system calls": "the kernel needs CONFIG_SECCOMP_FILTER",
    "no new privileges": "the kernel needs to be Linux 5.4 or newer",
    "no writable code": "the kernel needs to be Linux 5.4 or newer",
    "resource limits": "the kernel needs to be Linux 5.4 or newer",
    "own user": "be root with CAP_SETUID, CAP_SETGID and CAP_KILL, and have worker.user name users that exist here",
    "user namespace": _NAMESPACES,
    "process namespace": _AS_USER_NAMESPACE,
    "no network": _AS_USER_NAMESPACE,
    "message namespace": _AS_USER_NAMESPACE,
    "name namespace": _AS_USER_NAMESPACE,
    "group namespace": _AS_USER_NAMESPACE,
    "empty root": _AS_USER_NAMESPACE,
    "few threads": _AS_USER_NAMESPACE,
    "control group": "a unit of systemd needs Delegate=cpu memory pids, a container a group of its own to write to",
    "no capabilities": "the kernel needs to be Linux 5.4 or newer",
    "no paths": "the kernel needs Landlock with signals (Linux 6.12, CONFIG_SECURITY_LANDLOCK, lsm=landlock)",
    "no new code": "the kernel needs to be Linux 6.3 or newer",
}
"""What to do where a measure is missing, by the measure's name."""
_EXTRA: Final = frozenset({"control group"})
"""Limits that others back: the watchdog looks at memory, threads and processor time, and the kernel counts threads."""
_STANDS_IN: Final = {"own user": "user namespace"}
"""A service that is not root can have no other users; its workers' rights end at their namespace all the same."""

log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class SandboxOptions:
    """Holds what the configuration says about the sandbox.

    Attributes:
        is_required: whether no worker may run where a measure is missing.
        users: the first and the last number of the users that workers become, where the service is root; None for those
            that nobody else has.
    """

    is_required: bool = False
    users: tuple[int, int] | None = None


def missing_measures(measures: Mapping[str, str]) -> dict[str, str]:
    """Return the measures that are missing, with the reason.

    Args:
        measures: every measure by name: "" or the reason why it is missing.
    """
    return {name: reason for name, reason in measures.items() if reason}


def needed_measures(measures: Mapping[str, str]) -> set[str]:
    """Return the measures without which a sandbox that is required is not there.

    Args:
        measures: every measure by name: "" or the reason why it is missing.
    """
    missing = missing_measures(measures)
    spared = _EXTRA | {name for name, other in _STANDS_IN.items() if other not in missing}
    return set(measures) - spared


def refusal(measures: Mapping[str, str], options: SandboxOptions) -> str:
    """Return why no worker may run, with what to do about it; "" where workers may run."""
    if not options.is_required:
        return ""
    needed = needed_measures(measures)
    lines = [
        f"  {name}: {reason}; {ADVICE.get(name, '')}"
        for name, reason in missing_measures(measures).items()
        if name in needed
    ]
    if not lines:
        return ""
    return "\n".join(
        ["sandbox is required, and these measures are missing (sandbox: best_effort runs without):", *lines]
    )


def containment_words(measures: Mapping[str, str]) -> str:
    """Say in words how many measures are in force, and why each of the others is missing.

    Args:
        measures: every measure by name: "" or the reason why it is missing.
    """
    missing = missing_measures(measures)
    words = f"contained by {len(measures) - len(missing)} of {len(measures)} measures"
    reasons = "; ".join(f"{name} ({reason})" for name, reason in missing.items())
    return f"{words}; missing: {reasons}" if reasons else words


def log_sandbox(measures: Mapping[str, str]) -> None:
    """Tell in the log which measures are in force, and why each of the others is not."""
    missing = missing_measures(measures)
    say = log.warning if missing.keys() & needed_measures(measures) else log.info
    in_force = [name for name in measures if name not in missing]
    words = f"workers are {containment_words(measures)}"
    say("sandbox of the workers", words=words, in_force=in_force, missing=missing)


def worker_users(user: int | str | None) -> tuple[int, int] | None:
    """Return the first and the last number of the users that `worker.user` names.

    Args:
        user: a number, a name, two numbers with a hyphen, or None.

    Raises:
        WorkerError: this machine has no user of this name.
    """
    if user is None:
        return None
    if isinstance(user, int):
        return user, user
    first, _, last = user.partition("-")
    if first.isdecimal() and last.isdecimal():
        return int(first), int(last)
    try:
        number = pwd.getpwnam(user).pw_uid
    except KeyError:
        raise WorkerError(f"worker.user: this machine has no user {user}") from None
    if number == 0:
        raise WorkerError(f"worker.user: {user} is root")
    return number, number
