"""Who is let in, and who has to go."""

from dataclasses import dataclass

import pytest

from transcoder.net.door import Door, site_of
from transcoder.rtsp.session import ServerOptions

OPTIONS = ServerOptions(max_connections=16, reserved_connections=2, max_arriving=5, max_strangers=2, arrival_s=10.0)


@dataclass(eq=False)
class Guest:
    address: str
    is_known: bool = False
    since: float = 0.0


def test_an_address_has_a_number_of_its_own() -> None:
    door: Door[Guest] = Door(OPTIONS)
    assert [door.let_in(Guest("192.0.2.1")) for _ in range(6)] == [True] * 5 + [False]
    assert door.let_in(Guest("192.0.2.2"))


def test_who_logged_in_once_has_the_reserve() -> None:
    door: Door[Guest] = Door(OPTIONS)
    reader = Guest("192.0.2.1", is_known=True)
    assert door.let_in(reader)
    door.let_out(reader)
    assert sum(door.let_in(Guest(f"198.51.100.{number}")) for number in range(20)) == 14
    assert door.let_in(Guest("192.0.2.1"))
    assert door.let_in(Guest("192.0.2.1"))
    assert not door.let_in(Guest("192.0.2.1"))
    assert len(door) == 16


def test_the_address_of_a_reader_takes_the_places_of_no_other_one() -> None:
    door: Door[Guest] = Door(OPTIONS)
    for address in ("192.0.2.1", "192.0.2.2"):
        reader = Guest(address, is_known=True)
        door.let_in(reader)
        door.let_out(reader)
    assert sum(door.let_in(Guest("192.0.2.1", is_known=True)) for _ in range(30)) == 12
    assert [door.let_in(Guest("198.51.100.1")) for _ in range(3)] == [True, True, False]
    assert [door.let_in(Guest("192.0.2.2")) for _ in range(3)] == [True, True, False]


def test_strangers_beyond_the_number_have_to_go_after_their_time() -> None:
    door: Door[Guest] = Door(OPTIONS)
    guests = [Guest("192.0.2.1", since=float(number)) for number in range(4)]
    reader = Guest("192.0.2.1", is_known=True)
    for guest in (*guests, reader):
        door.let_in(guest)
    assert door.overstaying(5.0) == []
    assert door.overstaying(12.5) == [guests[2]]
    assert door.overstaying(20.0) == guests[2:]


@pytest.mark.parametrize(
    ("address", "site"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("2001:db8:1:2:3::4", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("", ""),
    ],
)
def test_what_counts_as_one_address(address: str, site: str) -> None:
    assert site_of(address) == site
