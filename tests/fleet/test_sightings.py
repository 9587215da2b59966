"""Which shards are free: by the store's word, or by the age of an unchanged record."""

from transcoder.fleet.lease_store import LeaseRecord
from transcoder.fleet.lease_times import LeaseTimes
from transcoder.fleet.sightings import Sightings

TIMES = LeaseTimes(ttl_s=5.0)
LONG = 1000.0


def record(revision, holder="b", *, by_itself=False, shard="north"):
    lease = None if holder is None else "l"
    return LeaseRecord(shard=shard, revision=revision, holder=holder, lease=lease, expires_by_itself=by_itself)


def looks(*seen):
    sightings = Sightings("a", TIMES)
    for now, *records in seen:
        sightings.look(records, now)
    return sightings


def test_a_record_that_the_store_lets_expire_is_never_judged_by_its_age():
    held = record("1", by_itself=True)
    assert not looks((0.0, held), (100.0, held)).free(LONG, 100.0)
    free = record("2", None, by_itself=True)
    assert looks((0.0, free)).free(LONG, 0.0) == [free]


def test_a_record_that_nobody_changes_is_free_after_its_time_to_live_by_a_slow_clock():
    held = record("1")
    sightings = looks((0.0, held), (2.0, held), (5.0, held))
    assert not sightings.free(LONG, 5.0)
    assert sightings.free(LONG, 5.02) == [held]


def test_a_renewal_begins_the_time_anew():
    assert not looks((0.0, record("1")), (4.0, record("2"))).free(LONG, 8.0)


def test_the_time_in_which_the_store_did_not_answer_does_not_count():
    held = record("1")
    sightings = looks((0.0, held), (100.0, held))
    assert not sightings.free(0.5, 100.0)
    assert sightings.free(5.02, 104.6) == [held]


def test_slots_want_free_shards_in_orders_of_their_own():
    free = [record("1", None, shard=f"s{number}") for number in range(10)]
    firsts = set()
    for number in range(10):
        sightings = Sightings(f"slot{number}", TIMES)
        sightings.look(free, 0.0)
        firsts.add(sightings.free(LONG, 0.0)[0].shard)
    assert len(firsts) > 3


def test_the_records_of_this_slot_are_known():
    mine = record("1", "a")
    assert looks((0.0, mine, record("2", shard="south"))).own() == [mine]
