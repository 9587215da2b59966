"""Numbers that do not count packets, over TCP: every picture arrives, as it does with ffmpeg."""

import itertools
from collections.abc import Callable

import pytest

from tests.rtp.test_reception import Build, Pictures
from transcoder.rtp.packet_numbers import PAIRS

Numbers = Callable[[int, int], int]
"""The number of a packet: of its picture's index, and of its own."""


NUMBERS: dict[str, Numbers] = {
    "constant": lambda picture, packet: 0,
    "a picture": lambda picture, packet: picture & 0xFFFF,
    "shared with sound": lambda picture, packet: 2 * packet & 0xFFFF,
    "bytes swapped": lambda picture, packet: (packet & 0xFF) << 8 | packet >> 8 & 0xFF,
    "random": lambda picture, packet: packet * 40_503 & 0xFFFF,
    "downwards": lambda picture, packet: -packet & 0xFFFF,
}


@pytest.mark.parametrize("name", NUMBERS)
def test_numbers_that_count_no_packets(rtp: Build, name: str) -> None:
    seen = Pictures(rtp)
    packets = itertools.count(65_000)
    first: list[int] = []
    for index in range(80):
        first.append(len(seen.sent))
        for part in range(12 if index % 20 == 0 else 3):
            number = NUMBERS[name](index, next(packets))
            seen.send(1, number, 9000 * index, packets=1, wait_s=0.0 if part else 0.1)
    settled = seen.sent[first[5] :]  # the first pictures have PAIRS pairs
    assert seen.received[-len(settled) :] == settled
    assert set(seen.gaps[-len(settled) :]) == {0}


def test_numbers_are_believed_while_a_camera_drops_packets(rtp: Build) -> None:
    """A full buffer costs parts of pictures, and what is lost is told."""
    seen = Pictures(rtp)
    number = 0
    for index in range(60):
        seen.send(1, number, 9000 * index, packets=2)
        seen.send(1, number + 9, 9000 * index, packets=1, wait_s=0.0)
        number += 10
    assert seen.gaps == [0, 0, 7] * 60


def test_pictures_of_one_packet_tell_nothing_of_numbers(rtp: Build) -> None:
    seen = Pictures(rtp)
    for index in range(4 * PAIRS):
        seen.send(1, 5 * index, 9000 * index, packets=1)
    assert seen.gaps == [0, *([4] * (4 * PAIRS - 1))]
