"""The brake on guesses makes whoever tries passwords wait longer and longer. Sans-IO.

Failed logins are counted for an address, for a user, and for both together. A login waits before it is looked at, so
that neither the answer nor its time tells a right guess from a wrong one in less. Nobody is locked out:

- What an address did makes others wait at no address but its own.
- A user who is guessed at from elsewhere waits MAX_USER_DELAY_S at most, and not at all from an address that the user
  has logged in from.
- An address with a user who is known there, and one with a wrong password as well (a recorder whose settings are half
  changed, a proxy), has the known user wait KNOWN_DELAY_S at most, and only after failures of that user.

Users who do not exist are counted like those who do: by a hash of the name, whose key is Python's own for this process.
"""

import ipaddress
from collections import OrderedDict
from collections.abc import Hashable
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

FREE: Final = 10
"""Failures without a delay: a person who mistypes, a client that tries all passwords it knows."""
FIRST_DELAY_S: Final = 0.5
"""Seconds of delay after one failure more; each further failure doubles them."""
MAX_DELAY_S: Final = 8.0
"""Seconds of delay at most: clients of readers wait ten seconds for an answer."""
KNOWN_DELAY_S: Final = 1.0
MAX_USER_DELAY_S: Final = 2.0
MAX_WAIT_S: Final = 16.0
"""Seconds that a login waits at most, behind others of its address; more logins are refused unseen."""
FORGET_S: Final = 600.0
"""Seconds without a failure after which the earlier ones are forgotten."""
MAX_ADDRESSES: Final = 4096
"""Addresses, and pairs of address and user, that are remembered; the longest unused ones are forgotten first."""
USERS: Final = 1024
"""Groups that users are counted in; two users who share one wait for each other's failures, which is seldom."""
REPORT_S: Final = 60.0
_IPV6_SITE: Final = 64
"""Bits of an IPv6 address that name a link: whoever has one address of it has all of them."""

K = TypeVar("K", bound=Hashable)


def site_of(address: str) -> str:
    """Return what counts as one address: an IPv4 address, or the link that an IPv6 address is of."""
    try:
        parsed = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if isinstance(parsed, ipaddress.IPv4Address):
        return str(parsed)
    if parsed.ipv4_mapped is not None:
        return str(parsed.ipv4_mapped)
    return str(ipaddress.ip_network((parsed, _IPV6_SITE), strict=False))


@dataclass(slots=True)
class _Failures:
    """Counts failures of one address, user or pair.

    Attributes:
        count: the failures.
        last: monotonic seconds of the last failure.
        free_at: monotonic seconds from which on the next login may begin to wait.
        waiting: logins that wait and may fail too; those that gave up stay among them.
    """

    count: int = 0
    last: float = 0.0
    free_at: float = 0.0
    waiting: int = 0

    def delay_s(self, now: float, most_s: float) -> float:
        """Return the seconds that the next login has to wait."""
        if self.count <= FREE or now - self.last > FORGET_S:
            return 0.0
        return min(most_s, FIRST_DELAY_S * 2.0 ** min(self.count + self.waiting - FREE - 1, 16))


class _Memory(Generic[K]):
    """Remembers the failures of the keys that failed last."""

    def __init__(self) -> None:
        self._kept: OrderedDict[K, _Failures] = OrderedDict()

    def __len__(self) -> int:
        return len(self._kept)

    def get(self, key: K) -> _Failures:
        """Return the failures of a key, which may be none."""
        return self._kept.get(key) or _Failures()

    def add(self, key: K, now: float) -> None:
        """Count a failure."""
        found = self._kept.setdefault(key, _Failures())
        if now - found.last > FORGET_S:
            found.count = found.waiting = 0
        found.waiting = max(found.waiting - 1, 0)
        found.count, found.last = found.count + 1, now
        self._kept.move_to_end(key)
        if len(self._kept) > MAX_ADDRESSES:
            self._kept.popitem(last=False)

    def clear(self, key: K) -> None:
        """Forget the failures of a key."""
        self._kept.pop(key, None)


@dataclass(slots=True)
class LoginCounts:
    """Counts logins over the life of a brake.

    Attributes:
        failed: logins that were refused because of their password or token.
        delayed: logins that had to wait, or were refused unseen because too many waited.
    """

    failed: int = 0
    delayed: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class LoginReport:
    """Says what there was since the report before.

    Attributes:
        failed: logins that failed.
        delayed: logins that had to wait.
        address: the address of the last one that failed.
    """

    failed: int
    delayed: int
    address: str


class LoginBrake:
    """Says when a login may be looked at.

    Attributes:
        counts: the counts over the life of the brake.
    """

    def __init__(self) -> None:
        self.counts = LoginCounts()
        self._addresses: _Memory[str] = _Memory()
        self._pairs: _Memory[tuple[str, int]] = _Memory()
        self._users: _Memory[int] = _Memory()
        self._known: OrderedDict[tuple[str, int], None] = OrderedDict()
        self._told = LoginCounts()
        self._told_at = float("-inf")
        self._last_address = ""

    def is_known(self, address: str, user: str) -> bool:
        """Return whether a user has logged in from an address."""
        return (site_of(address), _group(user)) in self._known

    def due(self, address: str, user: str, now: float) -> float | None:
        """Return the monotonic second at which a login may be looked at, or None where it is refused unseen.

        A login that waits takes a place among those of its address, whether or not it is still there when it is due.

        Args:
            address: the address that the login comes from.
            user: the name that the login gives; "" where there are no names.
            now: monotonic seconds.
        """
        site, group = site_of(address), _group(user)
        of_address, of_pair = self._addresses.get(site), self._pairs.get((site, group))
        if (site, group) in self._known:
            queued_s, delay_s = of_pair.delay_s(now, KNOWN_DELAY_S), 0.0
        else:
            queued_s = max(of_address.delay_s(now, MAX_DELAY_S), of_pair.delay_s(now, MAX_DELAY_S))
            delay_s = self._users.get(group).delay_s(now, MAX_USER_DELAY_S)
        if not queued_s and not delay_s:
            return now
        self.counts.delayed += 1
        queue = of_pair if (site, group) in self._known else of_address
        due = max(now + delay_s, max(now, queue.free_at) + queued_s if queued_s else now)
        if due - now > MAX_WAIT_S:
            return None
        if queued_s:
            queue.free_at, queue.waiting = due, queue.waiting + 1
        return due

    def failed(self, address: str, user: str, now: float) -> None:
        """Count a login with a wrong password or token."""
        site, group = site_of(address), _group(user)
        self._addresses.add(site, now)
        self._pairs.add((site, group), now)
        if user:
            self._users.add(group, now)
        self.counts.failed += 1
        self._last_address = address

    def succeeded(self, address: str, user: str) -> None:
        """Note that a user logged in: that address has no need to guess this user's password."""
        pair = site_of(address), _group(user)
        self._pairs.clear(pair)
        self._known[pair] = None
        self._known.move_to_end(pair)
        if len(self._known) > MAX_ADDRESSES:
            self._known.popitem(last=False)

    def report(self, now: float) -> LoginReport | None:
        """Return what there was since the last report, once a minute at most; None where there was nothing."""
        failed, delayed = self.counts.failed - self._told.failed, self.counts.delayed - self._told.delayed
        if not (failed or delayed) or now - self._told_at < REPORT_S:
            return None
        self._told, self._told_at = LoginCounts(self.counts.failed, self.counts.delayed), now
        return LoginReport(failed=failed, delayed=delayed, address=self._last_address)


def _group(user: str) -> int:
    return hash(user) % USERS
