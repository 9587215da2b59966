"""The times of the lease rules, each derived from the time to live of a lease.

docs/fleet.md derives from them how long a shard can have two holders.
"""

from dataclasses import dataclass

LET_GO_MARGIN_S = 0.7
"""Seconds before the end of its lease at which a slot begins to let go: ending sessions and dropping the address take
0.2 s, two clocks that differ by 0.1 % part by 0.01 s in a lease of 5 s, and the rest is for a busy machine."""
ADDRESS_MARGIN_S = 0.2
"""Seconds before the end of the lease at which the address helper drops the address by itself: later than the slot
begins to let go, so that a slot that runs ends its sessions first."""
SESSIONS_S = 0.2
"""Seconds within which the readers' sessions end; after that the address is dropped all the same."""
DROP_S = 1.0
"""Seconds within which a gateway has dropped everything, then it is killed: TEARDOWN to a camera that is not
reachable takes 1.0 s, all of them in parallel."""
TAKE_S = 10.0
"""Seconds within which a gateway has taken the streams and the address, then the slot lets go again: a cold gateway
takes 7.2 s with an empty cache of kernels, a warm one 0.4 s."""
SHORTEST_TTL_S = 3.0
"""The shortest time to live in seconds: below it half a time to live is no longer enough for a few renewals and for the
questions to the peers before a slot has to let go."""
DEFAULT_TTL_S = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class LeaseTimes:
    """Times of the lease rules, in seconds.

    Attributes:
        ttl_s: the time to live of a lease since its last renewal.
    """

    ttl_s: float = DEFAULT_TTL_S

    def __post_init__(self) -> None:
        """Refuse a time to live that is too short.

        Raises:
            ValueError: the time to live is below the shortest.
        """
        if self.ttl_s < SHORTEST_TTL_S:
            message = f"a lease lives for {SHORTEST_TTL_S} s or more, not {self.ttl_s}"
            raise ValueError(message)

    @property
    def renewal_s(self) -> float:
        """The interval in which a lease is renewed, shards are looked at and peers are asked."""
        return self.ttl_s / 10

    @property
    def let_go_s(self) -> float:
        """The age of the last renewal, since it was sent, at which a slot lets go."""
        return self.ttl_s - LET_GO_MARGIN_S

    @property
    def address_s(self) -> float:
        """The age of the last renewal, since it was sent, at which the address helper drops the address."""
        return self.ttl_s - ADDRESS_MARGIN_S

    @property
    def unreachable_s(self) -> float:
        """The silence of the store after which a slot says that it can't reach it.

        It is half a time to live, so that every slot says so before the first of them has to let go.
        """
        return self.ttl_s / 2

    @property
    def vote_s(self) -> float:
        """The time for which a peer's answer counts, since the question was sent."""
        return self.ttl_s / 2

    @property
    def steady_s(self) -> float:
        """The time for which a slot has reached the store before it says so.

        It is longer than an earlier answer counts and the drop takes together (T / 2 + 1 s): whoever kept a shard by
        this slot's word has let go by then.
        """
        return self.ttl_s

    @property
    def overlap_s(self) -> float:
        """The stated bound: the longest time in which two running slots hold one shard (docs/fleet.md)."""
        return DROP_S + 0.1
