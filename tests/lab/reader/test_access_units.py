"""Access units put together from packets by hand (RFC 6184 sections 5.6 to 5.8)."""

from transcoder.lab.reader.access_units import AccessUnits
from transcoder.verify.codec import Codec
from transcoder.verify.rtp import Packet, read_rtp

SPS, PPS, IDR, SLICE = b"\x67\x42\x00\x1e", b"\x68\xce\x38\x80", b"\x65\x88\x84\x21", b"\x41\x9a\x02\x05"


def packet(number: int, payload: bytes, *, marker: bool = False, timestamp: int = 0) -> Packet:
    data = bytes((0x80, 0x80 * marker + 96)) + number.to_bytes(2) + timestamp.to_bytes(4) + bytes(4) + payload
    read = read_rtp(data)
    assert isinstance(read, Packet)
    return read


def test_units_end_with_the_marker() -> None:
    reader = AccessUnits(Codec.H264)
    assert reader.receive(packet(65535, b"\x18\x00\x04" + SPS + b"\x00\x04" + PPS), 1.0) is None  # STAP-A
    assert reader.receive(packet(0, b"\x7c\x85" + IDR[1:3]), 1.1) is None  # FU-A, its start
    first = reader.receive(packet(1, b"\x7c\x45" + IDR[3:], marker=True, timestamp=7), 1.2)
    assert first is not None
    assert (first.nal_units, first.at, first.timestamp, first.lost_before) == ([SPS, PPS, IDR], 1.2, 7, False)
    assert first.types(Codec.H264) == [7, 8, 5]
    assert first.is_random_access(Codec.H264)
    second = reader.receive(packet(2, SLICE, marker=True), 1.3)
    assert second is not None
    assert (second.nal_units, second.is_random_access(Codec.H264)) == ([SLICE], False)
    assert not reader.faults


def test_loss_is_told_once_and_its_rest_is_left_out() -> None:
    reader = AccessUnits(Codec.H264)
    reader.receive(packet(0, b"\x7c\x85ab"), 1.0)
    broken = reader.receive(packet(2, b"\x7c\x45cd", marker=True), 1.1)
    assert broken is not None
    assert (broken.nal_units, broken.lost_before) == ([], True)
    after = reader.receive(packet(3, SLICE, marker=True), 1.2)
    assert after is not None
    assert (after.nal_units, after.lost_before) == ([SLICE], False)
    assert not reader.faults
