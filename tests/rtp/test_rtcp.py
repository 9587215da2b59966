"""RTCP: reports by the layouts of RFC 3550 section 6, and what cameras send instead."""

import contextlib
import struct
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transcoder.errors import PayloadError
from transcoder.rtp.rtcp import (
    MAX_PACKETS,
    Other,
    ReceiverReport,
    ReportBlock,
    SenderReport,
    parse_rtcp,
    serialize_goodbye,
    serialize_receiver_report,
    serialize_sender_report,
)

# SR of SSRC 0x01020304 with one block: fraction 64, cumulative -2, highest 0x00012345, jitter 900, LSR, DLSR
SENDER = bytes.fromhex(
    "81c8000c 01020304 e4362f99 80000000 00015f90 0000000a 00000400"
    "0a0b0c0d 40fffffe 00012345 00000384 2f998000 00010000"
)


def test_sender_report() -> None:
    (report,) = parse_rtcp(SENDER)
    assert report == SenderReport(
        ssrc=0x01020304,
        ntp=0xE4362F9980000000,
        rtp_timestamp=90_000,
        packet_count=10,
        octet_count=1024,
        reports=(
            ReportBlock(
                ssrc=0x0A0B0C0D,
                fraction_lost=64,
                cumulative_lost=-2,
                highest_sequence=0x12345,
                jitter=900,
                last_sender_report=0x2F998000,
                delay_since_last=0x10000,
            ),
        ),
    )


def test_recorded_compound_of_dahua(vectors) -> None:  # CNAME is the text "(none)"
    lines = (vectors / "dahua/rtcp_sr_sdes.hex").read_text().splitlines()
    report, description = parse_rtcp(bytes.fromhex("".join(line for line in lines if not line.startswith("#"))))
    assert isinstance(report, SenderReport)
    assert report.ntp >> 32 == 0xE4362F99
    assert isinstance(description, Other)
    assert description.packet_type == 202


def test_report_without_the_blocks_it_counts() -> None:
    (report,) = parse_rtcp(bytes.fromhex("9fc90001 01020304"))
    assert report == ReceiverReport(ssrc=0x01020304)


def test_sender_report_too_short_to_be_one() -> None:
    (packet,) = parse_rtcp(bytes.fromhex("80c80001 01020304"))
    assert packet == Other(packet_type=200, body=bytes.fromhex("01020304"))


def test_what_follows_an_unreadable_packet_is_left_out() -> None:  # malformed SDES (Hanwha)
    assert len(parse_rtcp(SENDER + bytes.fromhex("81caffff 01020304"))) == 1
    assert len(parse_rtcp(SENDER + b"\x81\xca")) == 1


@pytest.mark.parametrize("text", ["", "80c8", "40c80000", "80c80001"])
def test_nothing_to_read(text: str) -> None:
    with pytest.raises(PayloadError):
        parse_rtcp(bytes.fromhex(text))


def test_packets_of_a_compound_are_bounded() -> None:
    assert len(parse_rtcp(bytes.fromhex("80cb0000") * 500)) == MAX_PACKETS


def split(data: bytes) -> list[tuple[int, int, bytes]]:
    """Count, type and body of every packet of a compound, by section 6.4."""
    found = []
    while data:
        first, kind, words = struct.unpack_from("!BBH", data)
        assert first >> 6 == 2
        assert not first & 0x20
        end = 4 * (words + 1)
        assert end <= len(data)
        found.append((first & 31, kind, data[4:end]))
        data = data[end:]
    return found


@pytest.mark.parametrize("cname", ["a", "ab", "abc", "abcd", "gateway@example", "x" * 255])
def test_receiver_report_compound(cname: str) -> None:
    block = ReportBlock(
        ssrc=7, fraction_lost=64, cumulative_lost=-2, highest_sequence=0x12345, jitter=900,
        last_sender_report=0x2F998000, delay_since_last=0x10000,
    )  # fmt: skip
    report, description = split(serialize_receiver_report(0x11223344, cname, block))
    assert report == (
        1,
        201,
        bytes.fromhex("11223344 00000007 40fffffe 00012345 00000384 2f998000 00010000"),
    )
    count, kind, body = description
    assert (count, kind) == (1, 202)
    assert body[:6] == bytes.fromhex("11223344 01") + bytes((len(cname),))
    assert body[6 : 6 + len(cname)] == cname.encode()
    rest = body[6 + len(cname) :]
    assert 1 <= len(rest) <= 4  # section 6.5: the item list ends with a null octet, padded to 32 bits
    assert not any(rest)


def test_empty_receiver_report() -> None:
    report, _ = split(serialize_receiver_report(1, "x", None))
    assert report == (0, 201, bytes.fromhex("00000001"))


def test_sender_report_compound() -> None:
    report = SenderReport(ssrc=5, ntp=0xE4362F9980000000, rtp_timestamp=1 << 32 | 7, packet_count=2, octet_count=3)
    sent, description = split(serialize_sender_report(report, "x"))
    assert sent == (0, 200, bytes.fromhex("00000005 e4362f99 80000000 00000007 00000002 00000003"))
    assert description[1] == 202


def test_goodbye_compound_begins_with_a_report() -> None:  # section 6.1
    assert [kind for _, kind, _ in split(serialize_goodbye(9, "x"))] == [201, 202, 203]
    assert split(serialize_goodbye(9, "x"))[2] == (1, 203, bytes.fromhex("00000009"))


@given(st.binary(max_size=120))
def test_any_bytes(data: bytes) -> None:
    with contextlib.suppress(PayloadError):
        assert 1 <= len(parse_rtcp(data)) <= MAX_PACKETS


def test_work_is_bounded(assert_linear: Callable[..., None]) -> None:
    assert_linear(lambda size: bytes.fromhex("9fc80000") * (size // 4), parse_rtcp, 30_000, at_most_s=0.05)
