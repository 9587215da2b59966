"""The kernel and the user that the gateway would run with."""

import os
import re
from typing import Final

from transcoder.doctor.finding import Finding, Subject

OLDEST: Final = (5, 4)
"""The first Linux that has everything that a gateway can't do without: pidfds of workers."""
WHOLE: Final = (6, 12)
"""The first Linux that has every measure of the sandbox: Landlock that knows signals."""


async def kernel(subject: Subject) -> list[Finding]:
    """Look at the kernel's version."""
    del subject
    return [kernel_finding(os.uname().release)]


def kernel_finding(release: str) -> Finding:
    """Say what a kernel can't do.

    Args:
        release: as `uname -r` prints it.
    """
    found = re.match(r"(\d+)\.(\d+)", release)
    version = (int(found[1]), int(found[2])) if found else (0, 0)
    text = f"Linux {release}"
    if version < OLDEST:
        return Finding(check="kernel", level="error", text=text, advice="the gateway needs Linux 5.4 or newer")
    if version < WHOLE:
        advice = "Linux 6.12 or newer has every measure of the sandbox"
        return Finding(check="kernel", level="warning", text=text, advice=advice)
    return Finding(check="kernel", level="ok", text=text)


async def user(subject: Subject) -> list[Finding]:
    """Look at who this is: another user than the gateway's has other rights and makes files that it can't use."""
    if subject.file is None or subject.file.config.state_dir is None:
        return []
    try:
        owner = subject.file.config.state_dir.stat().st_uid
    except OSError:
        return []
    own = os.geteuid()
    if owner != own:
        advice = f"run this as user {owner}: what a sandbox can do depends on the user"
        text = f"this is user {own}, and the state folder belongs to {owner}"
        return [Finding(check="user", level="warning", text=text, advice=advice)]
    return [Finding(check="user", level="ok", text=f"user {own}, to whom the state folder belongs")]
