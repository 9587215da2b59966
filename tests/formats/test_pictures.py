"""The frame that JPEG and MPEG-4 share: when a picture is open, when it is damaged, how it is dated."""

from collections.abc import Callable

import pytest

from transcoder.codecs.picture_codec import PictureCodec
from transcoder.formats.depacketizer import RtpPacket
from transcoder.formats.pictures import OpenPicture
from transcoder.rtp.packet import parse_rtp


@pytest.fixture
def packet(rtp: Callable[..., bytes]) -> RtpPacket:
    return parse_rtp(rtp(1, 7, b"abc"))


def test_an_access_unit_has_the_times_of_its_picture(packet: RtpPacket) -> None:
    picture = OpenPicture(PictureCodec.JPEG)
    picture.begin(packet, 5.0, damaged=False)
    picture.last = 6.0
    picture.end()
    picture.put([b"abc"], random_access=True, damaged=False)
    unit = picture.next_access_unit()
    assert unit is not None
    assert (unit.codec, unit.timestamp, unit.arrival, unit.completed) == (PictureCodec.JPEG, 7, 5.0, 6.0)
    assert picture.next_access_unit() is None


def test_another_timestamp_ends_an_open_picture_and_counts(packet: RtpPacket, rtp: Callable[..., bytes]) -> None:
    other = parse_rtp(rtp(2, 8, b"def"))
    picture = OpenPicture(PictureCodec.MPEG4)
    assert not picture.lacks_marker(other)
    picture.begin(packet, 5.0, damaged=False)
    assert not picture.lacks_marker(packet)
    assert picture.lacks_marker(other)
    assert picture.faults == {"picture without marker": 1}


def test_only_an_open_picture_is_damaged_by_a_loss(packet: RtpPacket) -> None:
    picture = OpenPicture(PictureCodec.JPEG)
    assert not picture.lose(restart=True)
    picture.begin(packet, 5.0, damaged=False)
    ends = picture.lose(restart=False)
    assert (ends, picture.is_damaged) == (False, True)
    ends = picture.lose(restart=True)
    assert (ends, picture.faults) == (True, {"cut off by a restart": 1})
    picture.end()
    assert (picture.is_open, picture.is_damaged) == (False, False)
