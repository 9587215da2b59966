"""NAL units that are not clean, each for one reason."""

from collections import Counter
from pathlib import Path

import pytest

from transcoder.verify.codec import Codec
from transcoder.verify.nal_units import NalUnits, guess_codec
from transcoder.verify.search import Search

SPS = bytes.fromhex("674d401fda0586e840000003004000000783c60ca8")
PPS = bytes.fromhex("68ef0f2c80")
H265_SPS = bytes.fromhex("42010101600000030090000003000003003ca00b080d165959a4932b9a020000030002000003001e10")
IDR, SLICE = b"\x65\x88\x84", b"\x41\x9a\x02"


def look(codec: Codec, *units: bytes) -> NalUnits:
    found = NalUnits(codec, Search([]), Counter())
    for unit in units:
        found.look(unit)
    return found


def test_clean() -> None:
    found = look(Codec.H264, SPS, PPS, IDR, SLICE, b"\x41\x00\x02", SPS, PPS, IDR)
    assert not found.problems
    assert found.types == {7: 2, 8: 2, 5: 2, 1: 2}
    assert (found.pictures, found.random_access) == (3, [0, 2])  # a slice whose first bit is 0 is no first slice
    assert [(sps.width, sps.height) for sps in found.sets.values()] == [(352, 208)]


def test_clean_h265() -> None:
    found = look(Codec.H265, b"\x40\x01\x0c", H265_SPS, b"\x44\x01\xc1", b"\x28\x01\xaf", b"\x02\x01\xd0")
    assert not found.problems
    assert (found.pictures, found.random_access) == (2, [0])


CASES = [
    (Codec.H264, b"\x06\x80\x02ab\x80", "6 SEI"),
    (Codec.H264, b"\x09\xf0", "9 AUD"),
    (Codec.H264, b"\x0c\xff\x80", "12 filler"),
    (Codec.H264, b"\x1f\xff\x80", "31 reserved"),
    (Codec.H264, b"\x02\xff\x80", "2 partition A"),
    (Codec.H265, b"\x4e\x01\x05\x01\xff\x80", "39 prefix SEI"),
    (Codec.H265, b"\x60\x01\xff", "48 reserved"),
    (Codec.H265, b"\x14\x01\xff", "10 reserved"),
    (Codec.H265, b"\x02\x09\xd0", "another layer"),
    (Codec.H264, b"\xe5\x88", "forbidden bit"),
    (Codec.H264, b"\x65", "header alone"),
    (Codec.H264, b"\x65\x88\x00\x00\x01\x09", "start code"),
    (Codec.H264, SPS + b"\x01\x02", "behind its end"),
    (Codec.H264, SPS[:7], "can't be read"),
    (Codec.H264, PPS + b"written on it", "text in a parameter set"),
    (Codec.H264, b"\x06\x04\x09\xb5\x00\x31GA94\x03\x40\x80", "mark GA94"),
    (Codec.H264, b"\x06\x05\x40ab\x80", "size is wrong"),
]


@pytest.mark.parametrize(("codec", "unit", "words"), CASES)
def test_not_clean(codec: Codec, unit: bytes, words: str) -> None:
    assert words in "\n".join(look(codec, unit).problems)


def test_sei_messages_are_listed() -> None:
    # 255 bytes and more are written as ff and the rest (H.264 section 7.3.2.3.1)
    long = b"\xff\x01\xff\x05" + bytes(range(1, 256)) + b"abcde"
    found = look(Codec.H264, b"\x06" + b"\x05\x03abc" + long + b"\x80", b"\x06\xe5\x01\xa7\x80")
    assert {kind: entry.count for kind, entry in found.sei.items()} == {5: 1, 256: 1, 229: 1}
    assert found.sei[5].first == b"\x05\x03abc"
    assert found.sei[256].first == long[:24]


def test_recorded_sei(vectors: Path) -> None:
    rows = [line.split("\t") for line in (vectors / "synthetic/sei_collection.tsv").read_text().splitlines()]
    for name, text in (row for row in rows if len(row) == 2 and not row[0].startswith("#")):
        unit = bytes.fromhex(text)
        found = look(Codec.H264, unit)
        assert unit[1] in found.sei, name
        assert "NAL units of type 6 SEI" in found.problems, name


def test_printable_runs() -> None:
    found = look(
        Codec.H264, b"\x06\x05\x20" + b"\x00" * 16 + b"DahuaTech 4711\x00\x00" + b"\x80", SLICE + b"looks like text"
    )
    assert list(found.texts) == ["6 SEI: DahuaTech 4711"]


def test_guess() -> None:
    assert guess_codec([b"\x65\x88", SPS]) is Codec.H264
    assert guess_codec([b"\x26\x01", H265_SPS]) is Codec.H265
    assert guess_codec([IDR, SLICE]) is None
