"""A `$` among stray bytes says any length: what follows it decides whether it is a frame."""

import pytest

from transcoder.rtsp.messages import InterleavedFrame, RtspParser

STRAY = b"$\x51\x04\x00\x17\xa3\x0f"  # as drawn at random: channel 81, 1024 bytes
GOOD = [b"$\0\0\x06" + bytes((0x80, 96, 0, number, 7, 7)) for number in range(200)]
FOREIGN = b"$\x04\0\x05audio"


def frames(data: bytes, cut: int) -> list[tuple[int, bytes]]:
    parser = RtspParser()
    parser.channels = frozenset({0, 1})
    found = []
    for at in range(0, len(data), cut):
        parser.receive_data(data[at : at + cut])
        while (event := parser.next_event()) is not None:
            assert isinstance(event, InterleavedFrame)
            found.append((event.channel, bytes(event.data)))
    return found


@pytest.mark.parametrize("cut", [1, 7, 100, 10_000])
def test_no_frame_is_lost_to_stray_bytes(cut: int) -> None:
    assert frames(GOOD[0] + STRAY + b"".join(GOOD[1:]), cut) == [(0, frame[4:]) for frame in GOOD]


@pytest.mark.parametrize("cut", [1, 7, 100])
def test_frames_on_channels_never_set_up_are_frames(cut: int) -> None:
    """Tenda CP3PRO: their content may look like a frame of ours."""
    tricky = b"$\x04\0\x0a" + GOOD[5]
    data = FOREIGN + GOOD[0] + tricky + b"\r\n" + FOREIGN + GOOD[1]
    expected = [(4, b"audio"), (0, GOOD[0][4:]), (4, GOOD[5]), (4, b"audio"), (0, GOOD[1][4:])]
    assert frames(data, cut) == expected
