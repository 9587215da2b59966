"""A sender's own numbers and reports; expected bytes are written from RFC 3550."""

from transcoder.rtp.sender import RtpSender

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
