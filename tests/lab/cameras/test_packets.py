import struct

from transcoder.lab.cameras.packets import Burst, block, frame, header_extension, stamp


def test_headers_are_stamped() -> None:
    data, packets = stamp(
        [block([b"one", b"three"]), block([b"x" * 300])],
        payload_type=96,
        sequence_number=65534,
        timestamp=0xFFFFFF00,
        ssrc=0x01020304,
    )
    assert bytes(data[: 4 + 12 + 3]) == bytes.fromhex("2400000f 80 60 fffe ffffff00 01020304") + b"one"
    assert packets == [(0, 15), (19, 17), (40, 312)]
    assert struct.unpack_from("!BBHBBH", data, 40) == (0x24, 0, 312, 0x80, 96 | 0x80, 0)  # wrapped, marked
    assert data[19 + 5] == 96
    assert len(data) == 40 + 4 + 312


def test_marker_on_all_or_none() -> None:
    blocks = [block([b"a", b"b"])]
    fixed = {"payload_type": 112, "sequence_number": 1, "timestamp": 2, "ssrc": 3}
    everywhere, places = stamp(blocks, **fixed, marker="all")
    nowhere, _ = stamp(blocks, **fixed, marker="none")
    assert [everywhere[at + 5] for at, _ in places] == [0xF0, 0xF0]
    assert [nowhere[at + 5] for at, _ in places] == [0x70, 0x70]


def test_extension_is_padded_and_announced() -> None:
    extension = header_extension(0x4000, b"abcde")
    assert extension == bytes.fromhex("40000002") + b"abcde\0\0\0"
    data, packets = stamp(
        [block([b"payload", b"next"], extension)], payload_type=96, sequence_number=0, timestamp=0, ssrc=0
    )
    assert data[4] == 0x90
    assert data[16 : 16 + 12] == extension
    assert data[28:35] == b"payload"
    assert data[packets[1][0] + 4] == 0x80


def test_channels() -> None:
    data, packets = frame([b"abcd", b"efgh"])
    burst = Burst(0, data, packets, rtcp=True)
    assert burst.on_channel(0) == b"$\0\0\4abcd$\0\0\4efgh"
    assert burst.on_channel(5) == b"$\5\0\4abcd$\5\0\4efgh"
    assert burst.on_channel(0) == b"$\0\0\4abcd$\0\0\4efgh"
