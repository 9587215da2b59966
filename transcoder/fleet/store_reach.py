"""A slot tells its peers whether it reaches the store; keeping a shard without the store, and taking one, go by it."""

from enum import StrEnum

from transcoder.fleet.lease_times import LeaseTimes


class StoreWord(StrEnum):
    """The word of a slot about the store."""

    REACHED = "reached"
    UNREACHABLE = "unreachable"
    UNSURE = "unsure"
    """The store answers again, but not yet for long: the word counts for neither side."""


class StoreReach:
    """Knows for how long the store has answered, and since when it hasn't.

    Args:
        times: the times of the lease rules.
        now: monotonic seconds.
    """

    def __init__(self, times: LeaseTimes, now: float) -> None:
        self._times = times
        self._last_sent = now - times.unreachable_s
        self._steady_since = now

    def answered(self, sent: float, now: float) -> None:
        """Take note of an answer of the store, of whatever kind.

        Args:
            sent: when the request was sent that was answered.
            now: monotonic seconds.
        """
        if self.word(now) is StoreWord.UNREACHABLE:
            self._steady_since = now
        self._last_sent = max(self._last_sent, sent)

    def word(self, now: float) -> StoreWord:
        """Return what this slot may say about the store."""
        if now - self._last_sent >= self._times.unreachable_s:
            return StoreWord.UNREACHABLE
        return StoreWord.REACHED if self.steady_for(now) >= self._times.steady_s else StoreWord.UNSURE

    def steady_for(self, now: float) -> float:
        """Return for how many seconds the store has answered without a longer silence."""
        return now - self._steady_since
