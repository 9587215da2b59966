"""The service manager hears that the service is ready, how it is, and that its loop turns (sd_notify(3)).

The service manager is systemd, or another supervisor that gives its service a socket in NOTIFY_SOCKET. A unit with
`WatchdogSec=` has a service killed and started anew whose loop stands still.
"""

import asyncio
import contextlib
import os
import socket
from collections.abc import Callable, Mapping
from typing import Final, Self

PERIOD_S: Final = 5.0
"""Seconds between two messages where no watchdog waits for them: `systemctl status` is at most that old."""
PERIODS_A_WATCHDOG: Final = 3
"""Messages in the time of a watchdog: systemd asks for two (sd_watchdog_enabled(3)), and one may be dropped."""
MIN_PERIOD_S: Final = 0.1
"""A watchdog of less than this times three would mostly measure the messages."""
MAX_DIGITS: Final = 20
"""Digits of the time of a watchdog, in microseconds: systemd's longest has as many. Nobody waits for a longer one."""


class ServiceManager:
    """Tells the service manager how the service is.

    A message that the manager has no room for is dropped, because nothing may wait for it. The next one says the same.

    Args:
        address: the address of the manager's datagram socket; a leading @ stands for a zero byte (unix(7)).
        watchdog_s: seconds after which the manager takes a service for dead that says nothing, None for never.
    """

    def __init__(self, address: str, watchdog_s: float | None = None) -> None:
        self._address = f"\0{address[1:]}" if address.startswith("@") else address
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC)
        self._socket.setblocking(False)
        self.period_s = PERIOD_S
        if watchdog_s is not None:
            self.period_s = max(min(PERIOD_S, watchdog_s / PERIODS_A_WATCHDOG), MIN_PERIOD_S)

    @classmethod
    def of_environment(cls, environment: Mapping[str, str], pid: int | None = None) -> Self | None:
        """Return the manager that started this process; None where there is none, or it does not listen.

        Args:
            environment: the variables of this process.
            pid: the process id of this process, for which alone a watchdog waits.
        """
        address = environment.get("NOTIFY_SOCKET", "")
        if not address.startswith(("/", "@")):
            return None
        span = environment.get("WATCHDOG_USEC", "")
        is_ours = environment.get("WATCHDOG_PID", "") in {"", str(os.getpid() if pid is None else pid)}
        is_awaited = is_ours and span.isascii() and span.isdigit() and len(span) <= MAX_DIGITS and int(span) > 0
        return cls(address, int(span) / 1e6 if is_awaited else None)

    def tell(self, **variables: str) -> None:
        """Send one message.

        Args:
            variables: the variables of sd_notify(3) by name.
        """
        lines = (f"{name}={' '.join(value.split())}" for name, value in variables.items())
        with contextlib.suppress(OSError):
            self._socket.sendto("\n".join(lines).encode(), self._address)

    async def run(self, status: Callable[[], str], is_ready: Callable[[], bool]) -> None:
        """Say that the service is ready when it is, and go on telling how it is for as long as the loop turns.

        Args:
            status: returns one line of words.
            is_ready: says whether the service can do its work.
        """
        while True:
            ready = {"READY": "1"} if is_ready() else {}
            self.tell(**ready, WATCHDOG="1", STATUS=status())
            await asyncio.sleep(self.period_s)

    def close(self) -> None:
        """Say that the service stops, and say nothing from then on."""
        self.tell(STOPPING="1", STATUS="stopping")
        self._socket.close()
