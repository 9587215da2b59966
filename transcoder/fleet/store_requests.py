"""A slot remembers which requests it sent and when: an answer counts from the time at which its request was sent."""

from dataclasses import dataclass

MAX_OPEN = 256
"""The largest number of requests without an answer that are remembered; with ten in a time to live and one second's
worth of questions to peers there are about thirty."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenRequest:
    """A request that may still be answered.

    Attributes:
        sent: monotonic seconds when it was sent.
        lease: the lease that it renews; None for other requests.
        peers: whether it went to the peers, who all answer it.
    """

    sent: float
    lease: str | None = None
    peers: bool = False


class OpenRequests:
    """Gives requests their numbers and finds them again.

    Args:
        lifetime_s: seconds after which an answer is of no interest.
    """

    def __init__(self, lifetime_s: float) -> None:
        self._lifetime_s = lifetime_s
        self._open: dict[int, OpenRequest] = {}
        self._number = 0

    def begin(self, now: float, *, lease: str | None = None, peers: bool = False) -> int:
        """Return the number of a new request that is sent now."""
        while self._open:
            oldest = next(iter(self._open))
            if len(self._open) < MAX_OPEN and now - self._open[oldest].sent <= self._lifetime_s:
                break
            del self._open[oldest]
        self._number += 1
        self._open[self._number] = OpenRequest(sent=now, lease=lease, peers=peers)
        return self._number

    def answered(self, number: int) -> OpenRequest | None:
        """Return the request that is answered; None where it was answered before, or is too old.

        A question to the peers stays open for the answers of the others.
        """
        found = self._open.get(number)
        if found is not None and not found.peers:
            del self._open[number]
        return found
