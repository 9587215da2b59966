"""What a new worker is shown of the pictures before it."""

import pytest

from transcoder.codecs.nal import Codec
from transcoder.ipc.messages import DECODE_ONLY, RANDOM_ACCESS, MessageParser, parse_access_unit
from transcoder.service import gop
from transcoder.service.gop import GroupOfPictures
from transcoder.source.intake import CodedUnit


def unit(number: int, *, random_access: bool = False, size: int = 10) -> CodedUnit:
    return CodedUnit(codec=Codec.H264, data=bytes(size), pts=number, random_access=random_access)


def replayed(group: GroupOfPictures) -> list[tuple[int, int]]:
    """Presentation times and flags of what a new worker is sent."""
    parser = MessageParser()
    for message in (sent.to_bytes() for sent in group.replay(50.0)):
        parser.receive_data(message)
    found = []
    while (read := parser.next_message()) is not None:
        access_unit = parse_access_unit(read[1])
        assert access_unit.arrival == 50.0
        found.append((access_unit.pts, access_unit.flags))
    return found


@pytest.fixture
def group() -> GroupOfPictures:
    made = GroupOfPictures()
    assert all(made.add(unit(number, random_access=number == 0)) for number in range(3))
    return made


def test_all_but_the_last_picture_are_decoded_only(group: GroupOfPictures) -> None:
    assert replayed(group) == [(0, RANDOM_ACCESS | DECODE_ONLY), (1, DECODE_ONLY), (2, 0)]


def test_a_random_access_point_begins_anew(group: GroupOfPictures) -> None:
    group.add(unit(7, random_access=True))
    assert replayed(group) == [(7, RANDOM_ACCESS)]


def test_nothing_is_kept_before_the_first_random_access_point() -> None:
    group = GroupOfPictures()
    assert group.add(unit(1))  # it is decoded all the same: the worker knows best
    assert replayed(group) == []


def test_a_group_that_is_forgotten_is_kept_again_from_the_next_random_access_point(group: GroupOfPictures) -> None:
    group.clear()
    assert group.add(unit(3))
    assert replayed(group) == []
    group.add(unit(4, random_access=True))
    assert replayed(group) == [(4, RANDOM_ACCESS)]


@pytest.mark.parametrize(("name", "limit"), [("MAX_ACCESS_UNITS", 3), ("MAX_BYTES", 35)])
def test_a_group_that_is_too_large_is_not_kept(
    group: GroupOfPictures, name: str, limit: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gop, name, limit)
    assert group.add(unit(3))
    assert group.add(unit(4))
    assert replayed(group) == []


def test_a_group_that_kills_two_workers_is_discarded_and_not_decoded_further(group: GroupOfPictures) -> None:
    group.worker_died()
    assert (len(replayed(group)), group.discarded, group.add(unit(3))) == (3, 0, True)
    group.worker_died()
    assert (replayed(group), group.discarded, group.add(unit(4))) == ([], 1, False)
    group.worker_died()
    assert group.discarded == 1
    assert group.add(unit(5, random_access=True))
    assert group.add(unit(6))
    assert len(replayed(group)) == 2


def test_the_deaths_of_one_group_are_not_those_of_the_next(group: GroupOfPictures) -> None:
    group.worker_died()
    group.add(unit(3, random_access=True))
    group.worker_died()
    assert group.discarded == 0
