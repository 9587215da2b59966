"""RTP and RTCP packets written by hand from RFC 3550, sections 5.1 and 6."""

import pytest

from transcoder.verify.rtp import is_rtcp, read_rtcp, read_rtp

HEAD = bytes.fromhex("80e0 0102 00000003 0a0b0c0d")


def test_plain() -> None:
    packet = read_rtp(HEAD + b"payload")
    assert not isinstance(packet, str)
    assert (packet.payload_type, packet.marker, packet.sequence_number) == (96, True, 0x0102)
    assert (packet.timestamp, packet.ssrc, packet.payload) == (3, 0x0A0B0C0D, b"payload")
    assert (packet.extension, packet.csrcs, packet.padding) == (None, (), b"")


def test_extension_csrc_and_padding() -> None:
    packet = read_rtp(
        bytes.fromhex("b2") + HEAD[1:] + b"1111" + b"2222" + b"\x40\x00\x00\x01HIKV" + b"xy" + b"\x00\x00\x03"
    )
    assert not isinstance(packet, str)
    assert packet.csrcs == (0x31313131, 0x32323232)
    assert packet.extension == (0x4000, b"HIKV")
    assert (packet.payload, packet.padding) == (b"xy", b"\x00\x00\x03")


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (HEAD[:11], "no RTP packet"),
        (b"\x40" + HEAD[1:], "version 1"),
        (b"\x81" + HEAD[1:], "CSRC list is cut off"),
        (b"\x90" + HEAD[1:] + b"\x00\x01\x00", "extension is cut off"),
        (b"\x90" + HEAD[1:] + b"\x00\x01\x00\x02abcd", "extension is cut off"),
        (b"\xa0" + HEAD[1:] + b"a\x05", "padding is longer"),
        (b"\xa0" + HEAD[1:] + b"a\x00", "padding is longer"),
    ],
)
def test_broken(data: bytes, reason: str) -> None:
    assert reason in str(read_rtp(data))


def test_rtcp_is_told_from_rtp() -> None:
    assert is_rtcp(bytes.fromhex("80c80006"))
    assert not is_rtcp(HEAD)
    assert not is_rtcp(b"\x80\xc8")


SR = bytes.fromhex("80c80006 0a0b0c0d 0102030405060708 00000009 00000001 00000002")
CNAME = b"\x81\xca\x00\x05\x0a\x0b\x0c\x0d\x01\x0atranscoder\x00\x00\x00\x00"
NOTE = b"\x81\xca\x00\x04\x0a\x0b\x0c\x0d\x01\x02ab\x07\x03xyz\x00\x00\x00"
BYE = b"\x81\xcb\x00\x03\x0a\x0b\x0c\x0d\x04gone\x00\x00\x00"
APP = b"\x80\xcc\x00\x03\x0a\x0b\x0c\x0dDAHUsecr"


def test_compound() -> None:
    reports = read_rtcp(SR + CNAME + BYE + APP)
    assert not isinstance(reports, str)
    assert [report.name for report in reports] == ["SR", "SDES", "BYE", "APP"]
    assert reports[1].texts == (("CNAME", b"transcoder"),)
    assert reports[2].texts == (("BYE reason", b"gone"),)
    assert reports[3].texts == (("APP name", b"DAHU"), ("APP data", b"secr"))
    assert all(not report.rest for report in reports)


def test_every_item_of_a_description() -> None:
    reports = read_rtcp(NOTE)
    assert not isinstance(reports, str)
    assert reports[0].texts == (("CNAME", b"ab"), ("NOTE", b"xyz"))


def test_two_chunks() -> None:
    chunk = b"\x0a\x0b\x0c\x0d\x01\x01a\x00"
    reports = read_rtcp(b"\x82\xca\x00\x04" + chunk + chunk.replace(b"a", b"b"))
    assert not isinstance(reports, str)
    assert reports[0].texts == (("CNAME", b"a"), ("CNAME", b"b"))


def test_bytes_behind_a_report() -> None:
    reports = read_rtcp(SR.replace(b"\x00\x06", b"\x00\x07", 1) + b"HIDE")
    assert not isinstance(reports, str)
    assert reports[0].rest == b"HIDE"


@pytest.mark.parametrize("data", [b"", SR + b"\x80", b"\x80\xc8\x00\x07" + SR[4:], b"\x40" + SR[1:], b"\xa0" + SR[1:]])
def test_broken_rtcp(data: bytes) -> None:
    assert isinstance(read_rtcp(data), str)
