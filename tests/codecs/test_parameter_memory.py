"""Random access points that are decodable by themselves; the sets were made by x264 and x265."""

import pytest

from transcoder.codecs.nal import Codec
from transcoder.codecs.parameter_memory import MAX_SETS, ParameterSetMemory

# of x264 and x265, told to make 352x208 at 15 fps, Main profile
SPS = bytes.fromhex("674d401fda0586e840000003004000000783c60ca8")
PPS = bytes.fromhex("68ef0f2c80")
IDR, SLICE = b"\x65\x88\x84\x00", b"\x41\x9a\x02\x00"
H265_VPS = b"\x40\x01\x0c\x01\xff\xff"
H265_SPS = bytes.fromhex("42010101600000030090000003000003003ca00b080d165959a4932b9a020000030002000003001e10")
H265_PPS = bytes.fromhex("4401c172b46240")
H265_IDR = b"\x26\x01\xaf\x00"
OTHER_SPS, OTHER_PPS = SPS[:-1] + b"\xaa", b"\x68\xee\x0f\x2c\x80"


def test_described_sets_come_before_an_idr_that_has_none() -> None:
    memory = ParameterSetMemory(Codec.H264, (SPS, PPS))
    assert memory.complete([IDR], random_access=True) == [SPS, PPS, IDR]
    assert memory.completed == 1


def test_nothing_else_is_touched() -> None:
    memory = ParameterSetMemory(Codec.H264, (SPS, PPS))
    assert memory.complete([SLICE], random_access=False) == [SLICE]
    assert memory.complete([SPS, PPS, IDR, IDR], random_access=True) == [SPS, PPS, IDR, IDR]
    assert memory.completed == 0


def test_without_any_the_idr_goes_as_it_is() -> None:
    memory = ParameterSetMemory(Codec.H264, ())
    assert memory.complete([IDR], random_access=True) == [IDR]
    assert memory.completed == 0


def test_those_of_the_stream_replace_those_described() -> None:
    memory = ParameterSetMemory(Codec.H264, (SPS, PPS))
    assert memory.complete([OTHER_SPS, OTHER_PPS, IDR], random_access=True) == [OTHER_SPS, OTHER_PPS, IDR]
    assert memory.complete([IDR], random_access=True) == [OTHER_SPS, OTHER_PPS, IDR]


def test_sets_that_come_without_an_idr_are_remembered() -> None:
    memory = ParameterSetMemory(Codec.H264, ())
    assert memory.complete([SPS, PPS], random_access=False) == [SPS, PPS]
    assert memory.complete([SLICE], random_access=False) == [SLICE]
    assert memory.complete([IDR], random_access=True) == [SPS, PPS, IDR]


def test_sets_that_come_one_by_one_in_any_order() -> None:
    memory = ParameterSetMemory(Codec.H264, ())
    memory.complete([PPS], random_access=False)
    memory.complete([SPS], random_access=False)
    assert memory.complete([IDR], random_access=True) == [SPS, PPS, IDR]


@pytest.mark.parametrize("own", [[SPS], [PPS]])
def test_what_is_missing_goes_where_it_can_be_read(own: list[bytes]) -> None:
    """A PPS can't be read before its SPS (H.264 section 7.3.2.2: its scaling lists depend on chroma_format_idc)."""
    memory = ParameterSetMemory(Codec.H264, (SPS, PPS))
    assert memory.complete([*own, IDR], random_access=True) == [SPS, PPS, IDR]


@pytest.mark.parametrize("own", [[], [H265_VPS], [H265_SPS], [H265_PPS], [H265_VPS, H265_SPS], [H265_SPS, H265_PPS]])
def test_h265_sets_are_in_order(own: list[bytes]) -> None:
    memory = ParameterSetMemory(Codec.H265, (H265_VPS, H265_SPS, H265_PPS))
    completed = memory.complete([*own, H265_IDR], random_access=True)
    assert completed == [H265_VPS, H265_SPS, H265_PPS, H265_IDR]


def test_all_pps_of_a_stream_are_kept() -> None:
    memory = ParameterSetMemory(Codec.H264, ())
    memory.complete([SPS, PPS, OTHER_PPS, IDR], random_access=True)
    assert memory.complete([IDR], random_access=True) == [SPS, PPS, OTHER_PPS, IDR]


@pytest.mark.parametrize(
    ("codec", "described"),
    [
        (Codec.H264, (SPS,)),
        (Codec.H264, (PPS,)),
        (Codec.H264, (SPS, b"")),
        (Codec.H264, (SPS, PPS, b"")),
        (Codec.H264, (SPS[:3], PPS)),
        (Codec.H264, (b"\x67\xff\xff", PPS)),
        (Codec.H265, (H265_VPS, H265_SPS)),
        (Codec.H265, (H265_VPS, H265_SPS[:10], H265_PPS)),
        (Codec.H265, (SPS, PPS)),
    ],
)
def test_described_sets_that_can_not_be_used(codec: Codec, described: tuple[bytes, ...]) -> None:
    idr = IDR if codec is Codec.H264 else H265_IDR
    assert ParameterSetMemory(codec, described).complete([idr], random_access=True) == [idr]


def test_memory_is_bounded() -> None:
    memory = ParameterSetMemory(Codec.H264, ())
    many = [b"\x68" + index.to_bytes(2) + b"\x80" for index in range(1000)]
    memory.complete([SPS, *many], random_access=False)
    assert len(memory.complete([IDR], random_access=True)) <= MAX_SETS + 1
