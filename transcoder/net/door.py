"""The door of the RTSP server: how many connections there may be, for each address and for all of them.

Whoever logged in is let in before strangers: strangers that stay may not take the places of readers. Without users
nobody can log in, and whoever has sent a whole request counts as a reader.
"""

from collections import Counter, OrderedDict
from typing import Generic, Protocol, TypeVar

from transcoder.login_brake import site_of
from transcoder.rtsp.session import ServerOptions

__all__ = ["Door", "Guest", "site_of"]

MAX_KNOWN = 4096
"""Addresses of readers that are remembered; as many as there may be sessions."""


class Guest(Protocol):
    """The part of a connection that the door looks at."""

    address: str
    since: float

    @property
    def is_known(self) -> bool:
        """Return whether a reader is behind the connection, and no stranger."""


GuestT = TypeVar("GuestT", bound=Guest)


class Door(Generic[GuestT]):
    """Counts connections.

    Args:
        options: the limits.
    """

    def __init__(self, options: ServerOptions) -> None:
        self._options = options
        self._inside: dict[GuestT, str] = {}
        self._counts: Counter[str] = Counter()
        self._known: OrderedDict[str, None] = OrderedDict()

    def __len__(self) -> int:
        return len(self._inside)

    def inside(self) -> list[GuestT]:
        """Return the connections that there are."""
        return list(self._inside)

    def let_in(self, guest: GuestT) -> bool:
        """Take a connection in, unless there are too many; return whether it was taken in."""
        options, site = self._options, site_of(guest.address)
        is_known = site in self._known
        reserve = min(options.reserved_connections, options.max_connections // 8)
        if len(self._inside) >= options.max_connections - (0 if is_known else reserve):
            return False
        # a reader's address takes neither the reserve, which other readers need, nor the last places of new ones
        if self._counts[site] >= (options.max_connections - 2 * reserve if is_known else options.max_arriving):
            return False
        self._inside[guest] = site
        self._counts[site] += 1
        return True

    def let_out(self, guest: GuestT) -> None:
        """Forget a connection that is closed."""
        site = self._inside.pop(guest, None)
        if site is None:
            return
        if guest.is_known:
            self._remember(site)
        self._counts[site] -= 1
        if not self._counts[site]:
            del self._counts[site]

    def overstaying(self, now: float) -> list[GuestT]:
        """Return the connections that have to go: strangers beyond the number that their address may have.

        The oldest ones may stay. A stranger that is new is given the time to become known, because a recorder that
        begins connects a hundred times at once.
        """
        strangers: Counter[str] = Counter()
        leaving = []
        for guest, site in self._inside.items():
            if guest.is_known:
                self._remember(site)
                continue
            strangers[site] += 1
            if strangers[site] > self._options.max_strangers and now - guest.since > self._options.arrival_s:
                leaving.append(guest)
        return leaving

    def _remember(self, site: str) -> None:
        self._known[site] = None
        self._known.move_to_end(site)
        if len(self._known) > MAX_KNOWN:
            self._known.popitem(last=False)
