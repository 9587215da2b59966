"""Random access points that are decodable by themselves; the sets were made by x264 and x265."""

import pytest

from transcoder.codecs.nal import Codec
from transcoder.codecs.parameter_memory import MAX_BYTES, MAX_SETS, ParameterSetMemory

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


def pps(number: int, sps: int = 0) -> bytes:
    """A PPS of this id: ue(id), ue(sps), then the bits of PPS behind its two ids (H.264 section 7.3.2.2)."""
    bits = exp_golomb(number) + exp_golomb(sps) + f"{int.from_bytes(PPS[1:]):032b}"[2:]
    bits += "0" * (-len(bits) % 8)
    return b"\x68" + int(bits, 2).to_bytes(len(bits) // 8)


def exp_golomb(value: int) -> str:
    """H.264 section 9.1."""
    return f"{value + 1:b}".zfill(2 * (value + 1).bit_length() - 1)


def test_a_pps_that_only_the_description_has_counts_beside_those_of_the_stream() -> None:
    """gortsplib#96: SPS, PPS 0 and PPS 1 are described, SPS and PPS 0 come with every IDR, P slices need PPS 1."""
    memory = ParameterSetMemory(Codec.H264, (SPS, PPS, pps(1)))
    assert memory.complete([SPS, PPS, IDR], random_access=True) == [SPS, PPS, pps(1), IDR]
    assert memory.complete([OTHER_SPS, OTHER_PPS, IDR], random_access=True) == [OTHER_SPS, pps(1), OTHER_PPS, IDR]


def test_a_set_that_came_once_counts_for_every_later_idr() -> None:
    memory = ParameterSetMemory(Codec.H264, ())
    memory.complete([SPS, PPS, pps(1), pps(7), IDR], random_access=True)
    memory.complete([pps(200)], random_access=False)
    memory.complete([SPS, PPS, IDR], random_access=True)
    assert memory.complete([SPS, PPS, IDR], random_access=True) == [SPS, PPS, pps(1), pps(7), pps(200), IDR]


def test_a_described_sps_alone_counts_with_the_pps_of_the_stream() -> None:
    memory = ParameterSetMemory(Codec.H264, (SPS,))
    assert memory.complete([PPS, IDR], random_access=True) == [SPS, PPS, IDR]


def test_a_described_pps_that_can_not_be_read_costs_the_others_nothing() -> None:
    memory = ParameterSetMemory(Codec.H264, (SPS, b"\x68\x00\x00\x00\x00\x00", PPS))
    assert memory.complete([IDR], random_access=True) == [SPS, PPS, IDR]


def test_h265_sets_are_told_apart_by_id() -> None:
    """slice_pic_parameter_set_id may be 0 to 63 (H.265 section 7.4.7.1); the PPS here begin with ue(0) and ue(1)."""
    second = b"\x44\x01" + bytes.fromhex("5072b46240")
    memory = ParameterSetMemory(Codec.H265, (H265_VPS, H265_SPS, H265_PPS, second))
    sets = [H265_VPS, H265_SPS, H265_PPS]
    assert memory.complete([*sets, H265_IDR], random_access=True) == [*sets, second, H265_IDR]


def test_every_id_of_h264_has_its_place_and_the_bytes_are_bounded() -> None:
    memory = ParameterSetMemory(Codec.H264, (SPS,))
    every = [pps(number) for number in range(256)]
    memory.complete(every, random_access=False)
    assert memory.complete([IDR], random_access=True) == [SPS, *every, IDR]
    for number in range(256):
        memory.complete([pps(number) + bytes(2000)], random_access=False)
    assert sum(map(len, memory.complete([SPS, IDR], random_access=True))) <= MAX_BYTES + len(IDR)
