"""Values of fmtp parameters: RFC 6184 section 8.1, RFC 7798 section 7.1, and what cameras write."""

import base64

import pytest

from transcoder.codecs.nal import Codec
from transcoder.formats import fmtp, h264, h265

SPS, PPS = bytes.fromhex("674d401f95a814016e40"), bytes.fromhex("68ee3c80")
VPS5, SPS5, PPS5 = bytes.fromhex("40010c01"), bytes.fromhex("42010101"), bytes.fromhex("4401c172")


def text(*units: bytes) -> str:
    return ",".join(base64.b64encode(unit).decode() for unit in units)


@pytest.mark.parametrize(
    ("value", "number"),
    [("0", 0), ("90000", 90_000), ("9999999999", 9_999_999_999), ("", None), ("-1", None), ("1.5", None), (" 1", None),
     ("12345678901", None), ("٣", None)],
)  # fmt: skip
def test_number(value: str, number: int | None) -> None:
    assert fmtp.number({"sprop-max-don-diff": value}, "sprop-max-don-diff") == number
    assert fmtp.number({}, "sprop-max-don-diff") is None


@pytest.mark.parametrize(
    ("sprop", "sets"),
    [
        (text(SPS, PPS), (SPS, PPS)),
        (f'"{text(SPS)}","{text(PPS)}"', (SPS, PPS)),  # quotes around the comma
        (text(b"\0\0\0\1" + SPS, b"\0\0\0\1" + PPS), (SPS, PPS)),  # Tenda
        (text(SPS + b"\0\0\0\1", PPS), (SPS, PPS)),  # GW Security
        (text(SPS + bytes(3), PPS + bytes(2)), (SPS, PPS)),  # Dahua
        (text(SPS, PPS).rstrip("="), (SPS, PPS)),
        (text(SPS), (SPS,)),  # the stream may give the PPS once
        (text(PPS), (PPS,)),
        (f"{text(SPS)},", (SPS,)),
        (text(SPS, b"\x65\x88"), ()),  # a slice in the place of a set
        (text(SPS[1:], PPS[1:]), ()),  # VStarcam: without NAL unit headers
        (text(b"\x65\x88", SPS, PPS), (SPS, PPS)),  # a slice is no parameter set
        ("!,?", ()),
        ("", ()),
    ],
)
def test_sets_of_h264(sprop: str, sets: tuple[bytes, ...]) -> None:
    assert h264.FORMAT.from_fmtp({"sprop-parameter-sets": sprop}).parameter_sets == sets


def test_sets_of_h265_stand_in_three_parameters() -> None:
    parameters = {"sprop-sps": text(SPS5), "sprop-vps": text(VPS5), "sprop-pps": text(PPS5)}
    assert h265.FORMAT.from_fmtp(parameters).parameter_sets == (VPS5, SPS5, PPS5)
    del parameters["sprop-vps"]  # LTS
    assert h265.FORMAT.from_fmtp(parameters).parameter_sets == (SPS5, PPS5)
    parameters["sprop-pps"] = text(b"\x26\x01\xaf")  # an IDR slice
    assert h265.FORMAT.from_fmtp(parameters).parameter_sets == ()


def test_sets_are_bounded() -> None:
    many = fmtp.parameter_sets(
        Codec.H264, {"sprop-parameter-sets": text(*[SPS, PPS] * 50)}, ("sprop-parameter-sets",), 2
    )
    assert len(many) == fmtp.MAX_PARAMETER_SETS
    long = text(SPS + b"a" * 9000, PPS)
    assert fmtp.parameter_sets(Codec.H264, {"sprop-parameter-sets": long}, ("sprop-parameter-sets",), 2) == ()
