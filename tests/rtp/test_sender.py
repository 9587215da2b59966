"""A sender's own numbers and reports; expected bytes are written from RFC 3550."""

from transcoder.codecs.nal import Codec
from transcoder.rtp.sender import RtpSender, prepare

SSRC = 0x0A1B2C3D


def sender(report_interval_s: float = 5.0) -> RtpSender:
    return RtpSender(ssrc=SSRC, sequence_number=1, cname="gw", timestamp_offset=7, report_interval_s=report_interval_s)


def test_a_report_is_due_at_once_and_then_at_every_interval() -> None:
    one = sender()
    due = [second for second in range(100, 121) if one.report_due(float(second), 0.0) is not None]
    assert due == [100, 105, 110, 115, 120]
    often = sender(0.5)
    assert [often.report_due(100.0 + tenth / 10, 0.0) is not None for tenth in range(11)].count(True) == 3


def test_a_goodbye_is_a_compound_that_ends_with_a_bye() -> None:
    """RFC 3550 sections 6.1 (begins with a report, has a CNAME) and 6.6."""
    report = b"\x80\xc9\x00\x01" + SSRC.to_bytes(4)
    description = b"\x81\xca\x00\x03" + SSRC.to_bytes(4) + b"\x01\x02gw" + b"\0\0\0\0"
    assert sender().goodbye() == report + description + b"\x81\xcb\x00\x01" + SSRC.to_bytes(4)


def test_each_packet_gets_this_reader_s_numbers_and_keeps_everything_else() -> None:
    """RFC 2326 section 10.12: "$", channel, length. RFC 3550 section 5.1: number, timestamp, SSRC; the numbers wrap."""
    unit = prepare(Codec.H264, [b"\x41\x9a" + bytes(range(1, 201)) * 15], (1 << 32) + 0xFEDC_BA98, random_access=False)
    one = RtpSender(ssrc=SSRC, sequence_number=0xFFFE, cname="gw", timestamp_offset=7, report_interval_s=5.0)
    data = bytes(one.number(unit, channel=4))
    position, headers, payloads = 0, [], []
    while position < len(data):
        assert data[position : position + 2] == b"$\x04"
        size = int.from_bytes(data[position + 2 : position + 4])
        headers.append(data[position + 4 : position + 16])
        payloads.append(data[position + 16 : position + 4 + size])
        position += 4 + size
    numbers = (b"\x80\x60\xff\xfe", b"\x80\x60\xff\xff", b"\x80\xe0\x00\x00")  # the marker is on the last packet
    assert headers == [number + b"\xfe\xdc\xba\x98" + SSRC.to_bytes(4) for number in numbers]
    assert b"".join(payload[2:] for payload in payloads) == b"\x9a" + bytes(range(1, 201)) * 15
    assert one.next_sequence == 1
    assert unit.data[1] == 0  # what is prepared for all readers stays as it was
