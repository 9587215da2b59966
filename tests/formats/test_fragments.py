"""Bounds of reassembly: fragments, bytes, units, and the receive buffers that fragments keep alive."""

import pytest

from transcoder.codecs.nal import MAX_NAL_UNIT_SIZE, MAX_NAL_UNITS
from transcoder.formats.fragments import MAX_AGGREGATED, MAX_FRAGMENTS, MAX_PINNED, Reassembly


def start(reassembly: Reassembly, body: bytes = b"\xaa") -> None:
    assert reassembly.fragment(b"\x65", memoryview(body), start=True, end=False, marker=False) == ((), ())


def go_on(reassembly: Reassembly, body: bytes | memoryview, *, end: bool = False) -> list[bytes]:
    before, units = reassembly.fragment(b"\x65", memoryview(body), start=False, end=end, marker=False)
    assert before == ()
    return list(units)


def test_a_unit_over_the_size_limit_is_given_up() -> None:
    reassembly = Reassembly()
    start(reassembly)
    piece = bytes(range(1, 251)) * 4000
    for _ in range(MAX_NAL_UNIT_SIZE // len(piece) + 1):
        assert go_on(reassembly, piece) == []
    assert reassembly.faults["unit over the size limit"] == 1
    assert reassembly._parts == []
    assert go_on(reassembly, b"\xbb", end=True) == []


def test_a_unit_of_too_many_fragments_is_given_up() -> None:
    reassembly = Reassembly()
    start(reassembly)
    for _ in range(MAX_FRAGMENTS):
        go_on(reassembly, b"")
    assert reassembly.faults["unit over the size limit"] == 1
    assert reassembly._parts == []


def test_aggregated_units_are_bounded() -> None:
    assert len(Reassembly().aggregate(memoryview(b"\x00\x01\x67" * 1000), minimum=1)) == MAX_AGGREGATED


def test_units_of_a_byte_stream_are_bounded() -> None:
    reassembly = Reassembly()
    assert len(reassembly.single(memoryview(b"\x67" + b"\x00\x00\x01\x06" * 50_000))) == MAX_NAL_UNITS
    assert reassembly.faults["too many units in a unit"] == 1


@pytest.mark.parametrize("buffer_size", [64, 60_000, 256 << 10])
def test_small_fragments_do_not_keep_large_buffers(buffer_size: int) -> None:
    reassembly = Reassembly()
    start(reassembly)
    kept = set()
    for index in range(2000):
        buffer = bytes((1 + index % 250,)) * buffer_size
        go_on(reassembly, memoryview(buffer)[:2])
        alive = {
            id(part.obj): memoryview(part.obj).nbytes for part in reassembly._parts if isinstance(part, memoryview)
        }
        kept.add(sum(alive.values()))
    assert max(kept) <= MAX_PINNED + buffer_size
    (unit,) = go_on(reassembly, b"\xff", end=True)
    assert unit == b"\x65\xaa" + b"".join(bytes((1 + index % 250,)) * 2 for index in range(2000)) + b"\xff"
