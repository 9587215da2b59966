"""The votes of the slots: keeping and taking exclude each other, whatever the size of the fleet."""

import pytest

from transcoder.fleet.lease_times import LeaseTimes
from transcoder.fleet.peer_votes import PeerVotes
from transcoder.fleet.store_reach import StoreWord

TIMES = LeaseTimes(ttl_s=5.0)


def votes(slots, unreachable=0, reached=0):
    found = PeerVotes(slots, TIMES)
    for number in range(unreachable):
        found.hear(f"u{number}", StoreWord.UNREACHABLE, 100.0)
    for number in range(reached):
        found.hear(f"r{number}", StoreWord.REACHED, 100.0)
    return found


@pytest.mark.parametrize(("slots", "to_keep", "to_take"), [(1, 1, 1), (2, 2, 1), (3, 2, 2), (4, 3, 2), (80, 41, 40)])
def test_more_than_half_keep_and_half_take(slots, to_keep, to_take):
    assert votes(slots, unreachable=to_keep).keeps_until() == 100.0 + 2.5
    assert votes(slots, unreachable=to_keep - 1).keeps_until() < 100.0
    assert votes(slots, reached=to_take).may_take(100.0)
    assert not votes(slots, reached=to_take - 1).may_take(100.0)
    assert to_keep + to_take > slots, "two such groups have a slot in common"


def test_an_answer_to_an_older_question_does_not_count_for_taking():
    assert not votes(2, reached=2).may_take(100.1)


def test_the_word_unreachable_counts_for_its_time_where_the_slot_has_become_unsure():
    found = votes(3, unreachable=2)
    found.hear("u1", StoreWord.UNSURE, 101.0)
    assert found.keeps_until() == 102.5


def test_an_answer_that_comes_late_does_not_take_a_newer_one_back():
    found = votes(3, unreachable=2)
    found.hear("u1", StoreWord.UNREACHABLE, 90.0)
    assert found.keeps_until() == 102.5


@pytest.mark.parametrize("slots", [1, 2, 3, 4, 79, 80])
def test_groups_have_a_slot_in_common_where_slots_differ_by_one_in_their_number_and_the_smaller_number_runs(slots):
    def fewest(counts):
        return next(number for number in range(slots + 3) if counts(number))

    for keeper, taker in ((slots, slots), (slots, slots + 1), (slots + 1, slots)):
        to_keep = fewest(lambda number, keeper=keeper: votes(keeper, unreachable=number).keeps_until() > 100.0)
        to_take = fewest(lambda number, taker=taker: votes(taker, reached=number).may_take(100.0))
        assert to_keep + to_take > slots
