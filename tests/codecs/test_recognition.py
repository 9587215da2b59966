"""The codec of packets by their first bytes; the headers were written by hand after RFC 6184 and RFC 7798."""

import random

import pytest

from transcoder.codecs.nal import Codec
from transcoder.codecs.picture_codec import PictureCodec, SourceCodec
from transcoder.codecs.recognition import CERTAIN_PACKETS, CodecRecognition

H264_SPS = bytes.fromhex("674d401fda0586e840000003004000000783c60ca8")
H264 = {
    "SPS": H264_SPS, "PPS": b"\x68\xef\x0f\x2c\x80", "SEI": b"\x06\x05\x10", "AUD": b"\x09\xf0",
    "IDR in FU-A": b"\x7c\x85\x88", "middle of it": b"\x7c\x05\x12", "end of it": b"\x7c\x45\x34",
    "slice": b"\x41\x9a\x02", "slice of no reference": b"\x01\x9e\x03", "STAP-A": b"\x78\x00\x15",
}  # fmt: skip
H265_SPS = bytes.fromhex("42010101600000030090000003000003003ca00b080d165959a4932b9a020000030002000003001e10")
H265 = {
    "VPS": b"\x40\x01\x0c\x01", "SPS": H265_SPS, "PPS": bytes.fromhex("4401c172b46240"), "SEI": b"\x4e\x01\x05",
    "IDR in FU": b"\x62\x01\x93", "middle of it": b"\x62\x01\x13", "end of it": b"\x62\x01\x53",
    "TRAIL_R": b"\x02\x01\xd0", "TRAIL_N of a higher temporal layer": b"\x00\x02\xe0", "CRA": b"\x2a\x01\xaf",
    "AP": b"\x60\x01\x00\x18",
}  # fmt: skip


def recognized(described: SourceCodec, payloads: list[bytes]) -> Codec | None:
    recognition = CodecRecognition(described)
    for payload in payloads:
        recognition.look(memoryview(payload))
    return recognition.other


@pytest.mark.parametrize("described", [Codec.H264, PictureCodec.JPEG, PictureCodec.MPEG4])
def test_h265_is_recognized(described: SourceCodec) -> None:
    known = recognized(described, [H265["TRAIL_R"]] * CERTAIN_PACKETS)
    assert known is (Codec.H265 if described is Codec.H264 else None)
    assert recognized(described, [H265["TRAIL_R"]] * (CERTAIN_PACKETS - 1)) is None
    assert recognized(described, [H265[name] for name in ("VPS", "SPS", "PPS", "IDR in FU", *["middle of it"] * 4)])


@pytest.mark.parametrize("described", [Codec.H265, PictureCodec.JPEG, PictureCodec.MPEG4])
def test_h264_is_recognized(described: SourceCodec) -> None:
    known = recognized(described, [H264["slice"]] * CERTAIN_PACKETS)
    assert known is (Codec.H264 if described is Codec.H265 else None)
    assert recognized(described, [H264["SPS"], H264["PPS"], *[H264["middle of it"]] * 5]) is Codec.H264


@pytest.mark.parametrize(("described", "payloads"), [(Codec.H264, H264), (Codec.H265, H265)])
def test_a_true_description_is_never_doubted(described: Codec, payloads: dict[str, bytes]) -> None:
    for name, payload in payloads.items():
        assert recognized(described, [payload] * 100) is None, name
    chance = random.Random(1)
    private = [b"\x64\x01", b"\x1e\x01", b"\x6f\x00", b"\x00\x00\x00\x01", b"\x7a\x01"]
    mixed = [chance.choice([*payloads.values(), *private]) for _ in range(10_000)]
    assert recognized(described, mixed) is None


def test_the_data_of_pictures_is_no_nal_unit() -> None:
    chance = random.Random(2)
    for described in (PictureCodec.JPEG, PictureCodec.MPEG4):
        assert recognized(described, [chance.randbytes(40) for _ in range(20_000)]) is None


def test_a_large_jpeg_picture_is_no_h265() -> None:
    """Behind 64 KiB packets begin with 00 01, type-specific 0 and the fragment offset (RFC 2435 section 3.1)."""
    picture = [b"\0" + offset.to_bytes(3) + b"\x01\xff\x40\xb4" + bytes(1392) for offset in range(0, 600_000, 1392)]
    assert recognized(PictureCodec.JPEG, picture * 5) is None


def test_empty_and_short_payloads() -> None:
    for described in (*Codec, PictureCodec.JPEG):
        assert recognized(described, [b"", b"\x41", b"\x02"] * 100) is None
