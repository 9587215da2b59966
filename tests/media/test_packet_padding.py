"""FFmpeg reads behind a packet: what lies there has to be zeros (AV_INPUT_BUFFER_PADDING_SIZE)."""

import ctypes

import pytest

from transcoder.media.decoder import padded_packet

PADDING = 64


@pytest.mark.parametrize("size", [1, 7, 64, 65, 1000, 4096, 65_537])
def test_what_lies_behind_a_packet_is_zero(size: int) -> None:
    for _ in range(20):
        data = b"\xff" * (size + PADDING)  # freed at once: the allocator's next choice
        del data
        packet = padded_packet(b"\xaa" * size)
        assert packet.buffer_size == size
        assert ctypes.string_at(packet.buffer_ptr, size + PADDING) == b"\xaa" * size + bytes(PADDING)
