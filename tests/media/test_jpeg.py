"""Snapshots."""

import av
import pytest

from tests.support.coded_video import plane
from transcoder.media.jpeg import encode_jpeg
from transcoder.media.picture import OwnPicture


def test_a_jpeg_carries_nothing_but_the_picture() -> None:
    picture = OwnPicture(320, 240)
    picture.fill((126, 128, 128))
    jpeg = encode_jpeg(picture)
    assert jpeg[:2] == b"\xff\xd8"
    assert jpeg[-2:] == b"\xff\xd9"
    markers = []
    at = 2
    while jpeg[at + 1] != 0xDA:  # start of scan
        markers.append(jpeg[at + 1])
        at += 2 + int.from_bytes(jpeg[at + 2 : at + 4])
    assert 0xFE not in markers  # COM
    assert set(markers) <= {0xE0, 0xDB, 0xC0, 0xC4}
    assert b"Lav" not in jpeg
    context = av.CodecContext.create("mjpeg", "r")
    [frame] = context.decode(av.Packet(jpeg))
    # full range: 126 of 16..235 is 128 of 0..255
    assert plane(frame).mean() == pytest.approx(128, abs=2)
