"""The word of a slot about the store."""

from transcoder.fleet.lease_times import DROP_S, LeaseTimes
from transcoder.fleet.store_reach import StoreReach, StoreWord

TIMES = LeaseTimes(ttl_s=5.0)


def answered(times, start=0.0):
    reach = StoreReach(TIMES, start)
    for number in range(times):
        reach.answered(start + number * 0.5, start + number * 0.5)
    return reach


def test_a_store_that_has_answered_for_a_time_to_live_is_reached():
    assert answered(0).word(0.0) is StoreWord.UNREACHABLE
    assert answered(1).word(0.0) is StoreWord.UNSURE
    assert answered(10).word(4.9) is StoreWord.UNSURE
    assert answered(11).word(5.0) is StoreWord.REACHED


def test_a_store_that_is_silent_for_half_a_time_to_live_is_unreachable_and_then_has_to_answer_for_long_again():
    reach = answered(11)
    assert reach.word(7.4) is StoreWord.REACHED
    assert reach.word(7.5) is StoreWord.UNREACHABLE
    reach.answered(5.5, 7.6)  # sent before the silence, and answered late: the word had been unreachable
    assert reach.word(7.6) is StoreWord.UNSURE
    for number in range(20):
        reach.answered(7.75 + number * 0.5, 7.75 + number * 0.5)
    assert reach.word(12.5) is StoreWord.UNSURE
    assert reach.word(12.7) is StoreWord.REACHED


def test_whoever_kept_a_shard_by_the_word_has_let_go_before_the_slot_says_that_it_reaches_the_store():
    for ttl_s in (3.0, 5.0, 30.0):
        times = LeaseTimes(ttl_s=ttl_s)
        assert (times.vote_s + DROP_S) * 1.002 < times.steady_s
