"""FFmpeg reads behind a packet: what lies there has to be zeros (AV_INPUT_BUFFER_PADDING_SIZE)."""

import ctypes

import pytest

from transcoder.codecs.picture_codec import PictureCodec
from transcoder.media.decoder import Decoder, padded_packet
from transcoder.media.jpeg import encode_jpeg
from transcoder.media.picture import OwnPicture

PADDING = 64


@pytest.mark.parametrize("size", [1, 7, 64, 65, 1000, 4096, 65_537])
def test_what_lies_behind_a_packet_is_zero(size: int) -> None:
    for _ in range(20):
        data = b"\xff" * (size + PADDING)  # freed at once: the allocator's next choice
        del data
        packet = padded_packet(b"\xaa" * size)
        assert packet.buffer_size == size
        assert ctypes.string_at(packet.buffer_ptr, size + PADDING) == b"\xaa" * size + bytes(PADDING)


def test_nothing_ends_a_stream() -> None:
    decoder = Decoder(PictureCodec.JPEG)
    assert decoder.decode(b"", 0) == []
    picture = encode_jpeg(OwnPicture(64, 48))
    assert [frame.pts for frame in decoder.decode(picture, 7)] == [7]
    assert decoder.errors == {}
