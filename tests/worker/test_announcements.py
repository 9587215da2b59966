"""The times of access units that a decoding process may hand over, each once."""

from transcoder.ipc.messages import DECODE_ONLY, RANDOM_ACCESS
from transcoder.worker.announcements import MAX_ANNOUNCED, Announcements


def test_a_time_is_taken_once() -> None:
    announced = Announcements()
    announced.add(RANDOM_ACCESS, 3600, 1.5)
    assert announced.take(3601) is None
    announced.add(RANDOM_ACCESS, 3600, 1.5)
    assert announced.take(3600) == (RANDOM_ACCESS, 1.5)
    assert announced.take(3600) is None


def test_pictures_come_in_another_order_than_access_units() -> None:
    announced = Announcements()
    for pts in (0, 14_400, 7200, 3600, 10_800):  # I4 P B B B, in decoding order
        announced.add(0, pts, pts / 90_000)
    assert [announced.take(pts) for pts in range(0, 18_000, 3600)] == [
        (0, pts / 90_000) for pts in range(0, 18_000, 3600)
    ]


def test_the_arrival_of_an_access_unit_is_known_after_its_picture_came() -> None:
    announced = Announcements()
    announced.add(0, 3600, 1.5)
    announced.add(0, 7200, 1.6)
    assert announced.take(7200) == (0, 1.6)
    assert (announced.arrival(3600), announced.arrival(7200), announced.arrival(0)) == (1.5, 1.6, None)


def test_earlier_ones_are_forgotten() -> None:
    announced = Announcements()
    for pts in (0, 3600, 7200):
        announced.add(DECODE_ONLY, pts, 0.0)
    assert announced.take(7200) == (DECODE_ONLY, 0.0)
    assert announced.take(3600) is None


def test_another_decoding_process_is_announced_anew() -> None:
    announced = Announcements()
    announced.add(0, 3600, 0.0)
    announced.clear()
    assert announced.take(3600) is None


def test_their_number_has_an_end() -> None:
    announced = Announcements()
    for pts in range(MAX_ANNOUNCED + 10):
        announced.add(0, pts, 0.0)
    assert announced.take(9) is None
    assert announced.take(10) == (0, 0.0)
