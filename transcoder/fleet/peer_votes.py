"""The votes of the peers decide what a slot may do without the store, and before it takes a shard.

A slot keeps a shard without the store while more than half of all slots can't reach it. A slot takes a shard while half
of them or more have reached it for a while. Two such groups always have a slot in common, which can't say both, so that
nobody takes what is being kept; and a slot that is dead or cut off never has to be waited for.
"""

from transcoder.fleet.lease_times import LeaseTimes
from transcoder.fleet.store_reach import StoreWord


class PeerVotes:
    """Counts the words of every slot, this one included.

    The word that the store is unreachable counts for its time even where the slot has become unsure meanwhile: the slot
    says that it reaches the store only after that time, and a holder needs it to renew once the store is back.

    Args:
        slots: how many slots the fleet has, this one included, whether they run or not.
        times: the times of the lease rules.
    """

    def __init__(self, slots: int, times: LeaseTimes) -> None:
        self._slots = slots
        self._times = times
        self._sent: dict[StoreWord, dict[str, float]] = {word: {} for word in StoreWord}

    def hear(self, slot: str, word: StoreWord, sent: float) -> None:
        """Take the word of a slot.

        Args:
            slot: the name of the slot.
            word: what it says about the store.
            sent: when the question was sent that it answers.
        """
        of_word = self._sent[word]
        of_word[slot] = max(sent, of_word.get(slot, sent))

    def keeps_until(self) -> float:
        """Return until when a slot may keep its shard by the votes: so long more than half of them count."""
        needed = self._slots // 2 + 1
        sent = sorted(self._sent[StoreWord.UNREACHABLE].values(), reverse=True)
        return sent[needed - 1] + self._times.vote_s if len(sent) >= needed else float("-inf")

    def may_take(self, asked: float) -> bool:
        """Return whether half of the slots or more reach the store.

        Args:
            asked: only answers to questions that were sent then or later count.
        """
        reached = sum(sent >= asked for sent in self._sent[StoreWord.REACHED].values())
        return reached >= (self._slots + 1) // 2
