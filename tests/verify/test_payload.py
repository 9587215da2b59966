"""Payload formats, from RFC 6184 section 5.6 to 5.8 and RFC 7798 section 4.4; byte streams from Annex B."""

import pytest

from transcoder.verify.codec import Codec
from transcoder.verify.payload import Depacketizer, split_annex_b

H264 = [
    ("single", ["6588aabb"], ["6588aabb"], ""),
    ("STAP-A", ["180003674d40000268ce"], ["674d40", "68ce"], ""),
    ("FU-A", ["7c85aa", "7c05bb", "7c45cc"], ["65aabbcc"], ""),
    ("STAP-A padded with zeros", ["180003674d400000"], ["674d40"], "add up"),
    ("STAP-A cut off", ["180009674d40"], ["674d40"], "add up"),
    ("reserved bit", ["7ca5aa", "7c45bb"], ["65aabb"], "reserved bit"),
    ("start and end", ["7cc5aa"], ["65aa"], "start and end"),
    ("empty fragment", ["7c85aa", "7c05", "7c45bb"], ["65aabb"], "empty fragment"),
    ("types differ", ["7c85aa", "7c41bb"], ["65aabb"], "different types"),
    ("no end", ["7c85aa", "419a"], ["419a"], "without its end"),
    ("end without start", ["7c45aa"], [], ""),
    ("MTAP", ["1a0000"], ["1a0000"], "type 26"),
    ("empty", [""], [], "without a NAL unit"),
]
H265 = [
    ("single", ["2601aabb"], ["2601aabb"], ""),
    ("AP", ["6001000440010c010003440100"], ["40010c01", "440100"], ""),
    ("FU", ["620193aa", "620113bb", "620153cc"], ["2601aabbcc"], ""),
    ("PACI", ["64010000"], ["64010000"], "type 50"),
]


@pytest.mark.parametrize(
    ("codec", "payloads", "units", "fault"),
    [(codec, *row[1:]) for codec, rows in ((Codec.H264, H264), (Codec.H265, H265)) for row in rows],
    ids=[f"{codec.value} {row[0]}" for codec, rows in ((Codec.H264, H264), (Codec.H265, H265)) for row in rows],
)
def test_payloads(codec: Codec, payloads: list[str], units: list[str], fault: str) -> None:
    depacketizer = Depacketizer(codec)
    found = [unit.hex() for text in payloads for unit in depacketizer.receive(bytes.fromhex(text), marker=False)]
    assert found == units
    assert fault in "".join(depacketizer.faults)
    assert bool(depacketizer.faults) == bool(fault)


def test_loss_is_no_fault() -> None:
    depacketizer = Depacketizer(Codec.H264)
    depacketizer.receive(bytes.fromhex("7c85aa"), marker=False)
    depacketizer.lose()
    assert depacketizer.receive(bytes.fromhex("7c45cc"), marker=True) == []
    assert not depacketizer.faults


def test_marker_inside_a_fragmented_unit() -> None:
    depacketizer = Depacketizer(Codec.H264)
    depacketizer.receive(bytes.fromhex("7c85aa"), marker=True)
    assert "a marker inside a fragmented NAL unit" in depacketizer.faults


def test_byte_stream() -> None:
    data = bytes.fromhex("00000001 6742 000001 68ce 00 00000001 6588 0000")
    assert [unit.hex() for unit in split_annex_b(data)] == ["6742", "68ce", "6588"]
    assert split_annex_b(b"abc\x00\x00\x01\x65")[0] == b"abc"
    assert split_annex_b(b"") == []
