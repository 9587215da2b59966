"""Which sender reports are believed; packets are written byte by byte (RFC 3550 section 6.4.1, 6.5, 6.6, 6.7)."""

import struct
from collections.abc import Callable

import pytest

from transcoder.ledger import Ledger
from transcoder.rtp.reception import RtpReceiver
from transcoder.rtp.sender_reports import SenderReports

SSRC, OTHER = 0x0A1B2C3D, 0x01020304


def sender_report(ssrc: int, ntp: int, timestamp: int) -> bytes:
    return struct.pack("!BBHIQIII", 0x80, 200, 6, ssrc, ntp, timestamp, 10, 1000)


@pytest.fixture
def ledger() -> Ledger:
    return Ledger()


@pytest.fixture
def receiver(ledger: Ledger) -> RtpReceiver:
    return RtpReceiver(frozenset({96}), 90_000, ledger, reorder=False)


@pytest.fixture
def reports(receiver: RtpReceiver, ledger: Ledger, rtp: Callable[..., bytes]) -> SenderReports:
    receiver.receive(rtp(1, 0, b"x", ssrc=SSRC), 0.0)
    return SenderReports(receiver, ledger)


def test_the_latest_of_the_source_that_sends(reports: SenderReports) -> None:
    assert reports.latest is None
    reports.receive(sender_report(SSRC, 5 << 32, 900), 10.0)
    reports.receive(memoryview(sender_report(SSRC, (6 << 32) | 0x8000_0000, 1800)), 15.0)
    latest = reports.latest
    assert latest is not None
    assert (latest.ssrc, latest.ntp, latest.rtp_timestamp) == (SSRC, (6 << 32) | 0x8000_0000, 1800)
    assert (latest.packet_count, latest.octet_count) == (10, 1000)
    assert reports.age_s(17.5) == 2.5


def test_a_report_of_a_source_that_sends_no_media(reports: SenderReports) -> None:
    """Tapo."""
    reports.receive(sender_report(OTHER, 5 << 32, 900), 10.0)
    assert reports.latest is None
    reports.receive(sender_report(SSRC, 6 << 32, 900), 11.0)
    reports.receive(sender_report(OTHER, 7 << 32, 900), 12.0)
    assert reports.latest is not None
    assert reports.latest.ntp == 6 << 32
    assert reports.age_s(12.0) == 1.0


def test_a_report_before_any_media_is_not_believed(receiver: RtpReceiver, ledger: Ledger) -> None:
    reports = SenderReports(receiver, ledger)
    reports.receive(sender_report(SSRC, 5 << 32, 900), 10.0)
    assert reports.latest is None


def test_the_report_of_a_source_that_was_replaced_is_gone(
    reports: SenderReports, receiver: RtpReceiver, rtp: Callable[..., bytes]
) -> None:
    reports.receive(sender_report(SSRC, 5 << 32, 900), 10.0)
    for number in range(5):
        receiver.receive(rtp(number, 0, b"x", ssrc=OTHER), 11.0)
    assert receiver.ssrc == OTHER
    assert reports.latest is None


def test_everything_else_is_counted_by_kind(reports: SenderReports, ledger: Ledger) -> None:
    description = b"\x81\xca\x00\x03" + struct.pack("!I", SSRC) + b"\x01\x03cam" + bytes(3)
    application = b"\x80\xcc\x00\x03" + struct.pack("!I", SSRC) + b"VEND" + b"\xde\xad\xbe\xef"
    goodbye = b"\x81\xcb\x00\x01" + struct.pack("!I", SSRC)
    feedback = b"\x81\xcd\x00\x02" + struct.pack("!II", SSRC, OTHER)
    reports.receive(sender_report(SSRC, 5 << 32, 900) + description + application + goodbye + feedback, 1.0)
    assert reports.latest is not None
    found = {kind: (entry.count, entry.size) for layer, kind, entry in ledger if layer == "rtcp"}
    assert found == {"SDES": (1, 12), "APP": (1, 12), "BYE": (1, 4), "type 205": (1, 8)}


@pytest.mark.parametrize("data", [b"", b"\x80\xc8\x00", b"\x00" * 28, b"\x80\xc8\xff\xff" + bytes(24), b"GET / HTTP"])
def test_garbage_is_counted_and_changes_nothing(reports: SenderReports, receiver: RtpReceiver, data: bytes) -> None:
    reports.receive(sender_report(SSRC, 5 << 32, 900), 10.0)
    before = receiver.malformed
    reports.receive(data, 11.0)
    assert receiver.malformed == before + 1
    assert reports.latest is not None
    assert reports.latest.ntp == 5 << 32


def test_a_report_that_is_cut_short_is_none(reports: SenderReports, ledger: Ledger) -> None:
    reports.receive(b"\x80\xc8\x00\x03" + struct.pack("!IQ", SSRC, 5 << 32), 1.0)
    assert reports.latest is None
    assert {kind for layer, kind, _ in ledger if layer == "rtcp"} == {"type 200"}
