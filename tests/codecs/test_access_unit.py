"""Access unit boundaries: what the bitstream says against markers and timestamps that lie."""

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.examples import examples
from transcoder.codecs.access_unit import RECOVERY_POINT, AccessUnit, AccessUnitAssembler, filter_nal_units
from transcoder.codecs.nal import (
    MAX_ACCESS_UNIT_SIZE,
    MAX_NAL_UNITS,
    Codec,
    is_allowed,
    join_byte_stream,
    split_byte_stream,
)
from transcoder.ledger import Ledger

# H.264; a second byte of 0x80 and more is first_mb_in_slice 0, 0x40 is first_mb_in_slice 1
SPS, PPS, SEI, AUD = b"\x67\x4d\x40\x1f", b"\x68\xee\x3c\x80", b"\x06\x05\x01\x00\x80", b"\x09\xf0"
IDR, IDR_2 = b"\x65\x88\x11", b"\x65\x44\x22"
P, P_2 = b"\x41\x9a\x33", b"\x41\x46\x44"
# H.265; first_slice_segment_in_pic_flag is the highest bit of the third byte
VPS5, SPS5, PPS5 = b"\x40\x01\x0c", b"\x42\x01\x01", b"\x44\x01\xc1"
IDR5, IDR5_2, P5, P5_2 = b"\x26\x01\xaf", b"\x26\x01\x2f", b"\x02\x01\xd0", b"\x02\x01\x50"
PREFIX5, SUFFIX5, EOS5 = b"\x4e\x01\x05", b"\x50\x01\x84", b"\x48\x01"


class Feed:
    """One packet per NAL unit."""

    def __init__(self, codec: Codec = Codec.H264) -> None:
        self.assembler = AccessUnitAssembler(codec)
        self.now = 0.0

    def packet(self, timestamp: int, *units: bytes, marker: bool = False) -> None:
        self.now += 0.01
        for unit in units:
            self.assembler.add(unit, timestamp, self.now)
        self.assembler.end_of_packet(marker=marker)

    def end(self) -> None:
        """End the picture that is open: an access unit delimiter begins the next one."""
        self.packet(0, AUD)

    def take(self) -> list[AccessUnit]:
        found = []
        while (unit := self.assembler.next_access_unit()) is not None:
            found.append(unit)
        return found

    def units(self) -> list[list[bytes]]:
        return [unit.nal_units for unit in self.take()]


def test_one_slice_per_picture() -> None:
    feed = Feed()
    feed.packet(0, SPS)
    feed.packet(0, PPS)
    feed.packet(0, IDR, marker=True)
    feed.packet(3600, P, marker=True)
    first, second = feed.take()
    assert first.nal_units == [SPS, PPS, IDR]
    assert (first.timestamp, first.random_access, first.damaged) == (0, True, False)
    assert (first.arrival, first.completed) == (0.01, 0.03)
    assert first.size == len(SPS + PPS + IDR)
    assert (second.nal_units, second.timestamp, second.random_access) == ([P], 3600, False)


def test_several_slices_with_the_marker_on_the_last() -> None:
    feed = Feed()
    feed.packet(0, IDR)
    feed.packet(0, IDR_2, marker=True)  # Reolink: two IDR NAL units a picture
    feed.packet(3600, P)
    feed.packet(3600, P_2, marker=True)
    assert feed.units() == [[IDR, IDR_2], [P, P_2]]


def test_marker_nowhere() -> None:  # FLIR M400
    feed = Feed()
    for timestamp in (0, 3600, 7200):
        feed.packet(timestamp, P)
        feed.packet(timestamp, P_2)
    assert feed.units() == [[P, P_2], [P, P_2]]
    feed.end()
    assert feed.units() == [[P, P_2]]


def test_marker_on_everything() -> None:
    feed = Feed()
    for timestamp in (0, 3600, 7200, 10800):
        for unit in (SPS, PPS, IDR, IDR_2):
            feed.packet(timestamp, unit, marker=True)
    feed.end()
    units = feed.units()
    # the first picture comes in two halves; then the marker is not believed any more
    assert units[:2] == [[SPS, PPS, IDR], [IDR_2]]
    assert units[2:] == [[SPS, PPS, IDR, IDR_2]] * 3
    assert not feed.assembler.marker_is_reliable
    assert feed.assembler.faults == {"marker inside a picture": 1}


def test_marker_on_parameter_sets_and_sei() -> None:  # Tapo TC70, Reolink Duo 2; H264DVR
    feed = Feed()
    for timestamp in (0, 3600):
        feed.packet(timestamp, SPS, marker=True)
        feed.packet(timestamp, PPS, marker=True)
        feed.packet(timestamp, SEI, marker=True)
        feed.packet(timestamp, IDR, marker=True)
    assert feed.units() == [[SPS, PPS, SEI, IDR]] * 2
    assert feed.assembler.marker_is_reliable


I_SLICE = b"\x41\x88\x84"  # first_mb_in_slice 0, slice_type 7


def test_a_stream_without_any_idr_begins_at_an_i_picture() -> None:
    feed = Feed()
    for timestamp in range(0, 36_000, 3600):
        units = (SPS, PPS, SEI, I_SLICE) if timestamp % 10_800 == 0 else (P,)
        feed.packet(timestamp, *units, marker=True)
    found = feed.take()
    # the first one may be followed by an IDR; the others are where a decoder begins, told by an SEI of ours
    assert [unit.random_access for unit in found] == [False] * 3 + [True, False, False] * 2 + [True]
    ledger = Ledger()
    assert [filter_nal_units(unit, ledger, is_allowed, "nal_in") for unit in found[2:5]] == [
        [P], [SPS, PPS, RECOVERY_POINT, I_SLICE], [P]
    ]  # fmt: skip
    assert {kind: entry.count for _, kind, entry in ledger} == {"h264 type 6": 1}
    assert feed.assembler.faults == {"begun without an IDR": 3}


@pytest.mark.parametrize("given", ["described", "once"])
def test_i_pictures_without_sets_of_their_own_are_a_beginning_where_no_idr_comes(given: str) -> None:
    """A camera without IDR, recovery points and sets in the stream; FFmpeg shows it from an I picture on."""
    assembler = AccessUnitAssembler(Codec.H264, parameter_sets=(SPS, PPS) if given == "described" else ())
    began = []
    for index in range(160):
        units = [SPS, PPS] if given == "once" and index == 3 else []
        if index == 140:
            units.append(IDR)
        else:
            units.append(I_SLICE if index % 20 == 7 else P)
        for unit in units:
            assembler.add(unit, 9000 * index, 50 + index / 10)
        assembler.end_of_packet(marker=True)
        found = assembler.next_access_unit()
        assert found is not None
        if found.random_access:
            began.append(index)
    assert began == [87, 107, 127, 140]  # the second I picture behind 5 s, and after the IDR none


def test_an_sei_of_the_camera_with_the_same_bytes_is_dropped() -> None:
    feed = Feed()
    feed.packet(0, SPS, PPS, bytes(bytearray(RECOVERY_POINT)), IDR, marker=True)
    (unit,) = feed.take()
    assert filter_nal_units(unit, Ledger(), is_allowed, "nal_in") == [SPS, PPS, IDR]


def test_i_pictures_of_a_stream_with_idr_are_no_beginning() -> None:
    feed = Feed()
    for timestamp, units in enumerate([(SPS, PPS, I_SLICE), (P,), (SPS, PPS, IDR), *[(SPS, PPS, I_SLICE), (P,)] * 4]):
        feed.packet(3600 * timestamp, *units, marker=True)
    assert [unit.random_access for unit in feed.take()] == [False, False, True] + [False] * 8


@pytest.mark.process
def test_what_begins_without_an_idr_can_be_decoded(tmp_path: Path) -> None:
    ffmpeg = shutil.which("ffmpeg")
    if not ffmpeg:
        pytest.skip("ffmpeg is not installed")
    made = tmp_path / "made.h264"
    options = "open-gop=1:keyint=10:min-keyint=10:scenecut=0:repeat-headers=1:bframes=1"
    source = ["-f", "lavfi", "-i", "testsrc2=s=320x192:r=10:d=6", "-c:v", "libx264", "-x264-params", options]
    subprocess.run([ffmpeg, "-v", "error", *source, "-f", "h264", made], check=True, timeout=60)
    feed = Feed()
    units = list(split_byte_stream(made.read_bytes()))
    begin = [index for index, unit in enumerate(units) if unit[0] & 31 == 7][1]
    assert not [unit for unit in units[begin:] if unit[0] & 31 == 5]
    timestamp = 0
    for unit in units[begin:]:
        feed.packet(timestamp, unit, marker=unit[0] & 31 == 1)
        timestamp += 3600 * (unit[0] & 31 == 1)
    found = feed.take()
    first = [unit.random_access for unit in found].index(True)
    served = found[first:]
    stream = [nal for unit in served for nal in filter_nal_units(unit, Ledger(), is_allowed, "nal_in")]
    again = tmp_path / "again.h264"
    again.write_bytes(join_byte_stream(stream))
    count = subprocess.run(
        [ffmpeg, "-v", "error", "-i", again, "-f", "framecrc", "-"],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    ).stdout
    shown = [line for line in count.splitlines() if line and not line.startswith("#")]
    assert len(shown) >= len(served) - 1 > 30


@pytest.mark.parametrize("marker", [True, False])
def test_parameter_sets_with_the_previous_timestamp(marker: bool) -> None:  # Reolink RLC-822A
    feed = Feed()
    feed.packet(0, P, marker=marker)
    feed.packet(0, SPS)
    feed.packet(0, PPS)
    feed.packet(3600, IDR, marker=True)
    first, second = feed.take()
    assert (first.nal_units, first.timestamp) == ([P], 0)
    assert (second.nal_units, second.timestamp, second.random_access) == ([SPS, PPS, IDR], 3600, True)


def test_order_of_amcrest() -> None:
    feed = Feed()
    feed.packet(0, AUD, SPS, PPS, SEI, IDR)
    feed.packet(3600, AUD, SEI, P)
    feed.packet(7200, AUD)
    assert feed.units() == [[AUD, SPS, PPS, SEI, IDR], [AUD, SEI, P]]


def test_two_pictures_with_one_timestamp() -> None:
    feed = Feed()
    feed.packet(0, P)
    feed.packet(0, P)
    feed.end()
    assert feed.units() == [[P], [P]]


def test_first_slice_lost() -> None:
    feed = Feed()
    feed.packet(0, IDR, marker=True)
    feed.assembler.lose()
    feed.packet(3600, P_2, marker=True)
    first, second = feed.take()
    assert not first.damaged
    assert (second.nal_units, second.damaged) == ([P_2], True)
    assert feed.assembler.marker_is_reliable


def test_last_slice_and_marker_lost() -> None:
    feed = Feed()
    feed.packet(0, IDR)
    feed.assembler.lose()
    feed.packet(3600, P, marker=True)
    first, second = feed.take()
    assert (first.nal_units, first.damaged) == ([IDR], True)
    assert (second.nal_units, second.damaged) == ([P], False)


def test_slice_lost_that_shared_the_timestamp_of_a_closed_picture() -> None:
    # a non-first slice after a loss says nothing about the marker
    feed = Feed()
    feed.packet(0, IDR, marker=True)
    feed.assembler.lose()
    feed.packet(0, IDR_2, marker=True)
    assert feed.assembler.marker_is_reliable


def test_restart_gives_up_what_is_open() -> None:
    feed = Feed()
    feed.packet(0, IDR)
    feed.assembler.restart()
    feed.packet(900, IDR_2)
    feed.end()
    (unit,) = feed.take()
    assert (unit.nal_units, unit.damaged) == ([IDR_2], True)
    assert feed.assembler.faults == {"cut off by a restart": 1}


def test_h265() -> None:
    feed = Feed(Codec.H265)
    feed.packet(0, VPS5, SPS5, PPS5, PREFIX5, IDR5)
    feed.packet(0, IDR5_2, SUFFIX5)
    feed.packet(3600, P5)
    feed.packet(3600, P5_2, marker=True)
    feed.packet(3600, VPS5)
    feed.packet(7200, IDR5, marker=True)
    units = feed.take()
    assert [unit.nal_units for unit in units] == [
        [VPS5, SPS5, PPS5, PREFIX5, IDR5, IDR5_2, SUFFIX5],
        [P5, P5_2],
        [VPS5, IDR5],
    ]
    assert [unit.random_access for unit in units] == [True, False, True]


def test_h265_reserved_vcl_types_are_no_pictures() -> None:
    reserved = bytes((22 << 1, 1, 0x80)), bytes((10 << 1, 1, 0x80))
    feed = Feed(Codec.H265)
    feed.packet(0, IDR5, *reserved)
    feed.packet(0, IDR5_2, marker=True)
    feed.packet(3600, *reserved)
    feed.packet(3600, P5, marker=True)
    units = feed.take()
    assert [unit.nal_units for unit in units] == [[IDR5, *reserved, IDR5_2], [*reserved, P5]]
    assert [unit.random_access for unit in units] == [True, False]


@pytest.mark.parametrize("number", [32, 33, 34, 35, 39, 41, 44, 48, 55])
def test_h265_types_that_begin_an_access_unit(number: int) -> None:  # section 7.4.2.4.4
    opening = bytes((number << 1, 1, 0))
    feed = Feed(Codec.H265)
    feed.packet(0, P5)
    feed.packet(0, opening)
    assert feed.units() == [[P5]]


@pytest.mark.parametrize("number", [36, 37, 38, 40, 45, 47, 56, 63])
def test_h265_types_that_do_not(number: int) -> None:
    feed = Feed(Codec.H265)
    feed.packet(0, P5)
    feed.packet(0, bytes((number << 1, 1, 0)))
    assert feed.units() == []


@pytest.mark.parametrize("number", [6, 7, 8, 9, 14, 15, 16, 17, 18])
def test_h264_types_that_begin_an_access_unit(number: int) -> None:  # section 7.4.1.2.3
    feed = Feed()
    feed.packet(0, P)
    feed.packet(0, bytes((number, 0)))
    assert feed.units() == [[P]]


@pytest.mark.parametrize("number", [0, 10, 11, 12, 13, 19, 20, 30, 31])
def test_h264_types_that_do_not(number: int) -> None:
    feed = Feed()
    feed.packet(0, P)
    feed.packet(0, bytes((number, 0)))
    assert feed.units() == []


def test_too_many_units() -> None:
    feed = Feed()
    for _ in range(MAX_NAL_UNITS + 1):
        feed.packet(0, SEI)
    feed.packet(0, IDR, marker=True)
    feed.packet(3600, IDR, marker=True)
    assert feed.units() == [[IDR]]
    assert feed.assembler.faults == {"over the size limit": 1}


def test_too_many_bytes() -> None:
    feed = Feed()
    big = IDR + bytes(4 << 20)
    feed.packet(0, big)
    slices = [IDR_2 + big[3:]] * 5
    feed.packet(0, *slices, marker=True)
    feed.packet(3600, P, marker=True)
    assert feed.units() == [[P]]
    assert feed.assembler.faults == {"over the size limit": 1}


def test_the_limit_itself_fits() -> None:
    feed = Feed()
    feed.packet(0, IDR + bytes(MAX_ACCESS_UNIT_SIZE - 3), marker=True)
    assert len(feed.take()) == 1


def test_filter_counts_by_type_and_changes_nothing() -> None:
    unit = AccessUnit(codec=Codec.H264, timestamp=0, nal_units=[AUD, SPS, SEI, SEI, PPS, IDR, b"\x1f\x01"])
    ledger = Ledger()
    assert filter_nal_units(unit, ledger, is_allowed, "nal_in") == [SPS, PPS, IDR]
    assert len(unit.nal_units) == 7
    counted = {kind: (entry.count, entry.size) for _, kind, entry in ledger}
    assert counted == {"h264 type 9": (1, 2), "h264 type 6": (2, 10), "h264 type 31": (1, 2)}


STEPS = st.lists(
    st.tuples(
        st.binary(min_size=2, max_size=6), st.integers(0, 3), st.booleans(), st.sampled_from(["", "lose", "restart"])
    ),
    max_size=40,
)


@examples(200)
@given(st.sampled_from(list(Codec)), STEPS)
def test_any_units_come_out_once_and_in_order(codec: Codec, steps: list[tuple[bytes, int, bool, str]]) -> None:
    feed = Feed(codec)
    fed = []
    restarted = False
    for unit, timestamp, marker, what in steps:
        if what == "lose":
            feed.assembler.lose()
        elif what == "restart":
            feed.assembler.restart()
            restarted = True
        fed.append(unit)
        feed.packet(timestamp, unit, marker=marker)
    feed.end()
    out = [unit for units in feed.units() for unit in units]
    remaining = iter(fed)
    assert all(unit in remaining for unit in out)  # a subsequence
    if not restarted:
        assert out == fed[: len(out)]


def test_work_and_memory_are_bounded(assert_linear: Callable[..., None]) -> None:
    def run(units: list[bytes]) -> None:
        assembler = AccessUnitAssembler(Codec.H264)
        for unit in units:
            assembler.add(unit, 0, 0.0)
        assert len(assembler._units) <= MAX_NAL_UNITS

    assert_linear(lambda size: [SEI] * size, run, 20_000, at_most_s=0.5)


def test_a_marker_on_every_slice_costs_no_picture_when_it_has_to_prove_itself() -> None:
    """GStreamer's x264enc with tune=zerolatency: several slices a picture, the marker on each."""
    assembler = AccessUnitAssembler(Codec.H264, proofs=2)
    other_idr, other_p = bytes((0x65, 0x40, 1)), bytes((0x41, 0x40, 1))
    for timestamp, units in ((0, [SPS, PPS, IDR, other_idr]), (3600, [P, other_p]), (7200, [P, other_p])):
        for unit in units:
            assembler.add(unit, timestamp, 0.0)
            assembler.end_of_packet(marker=unit[0] & 0x1F in {1, 5})
    assembler.add(AUD, 7200, 0.0)  # ends the picture before it
    found = []
    while (access_unit := assembler.next_access_unit()) is not None:
        found.append((len(access_unit.nal_units), access_unit.damaged))
    assert found == [(4, False), (2, False), (2, False)]
    assert not assembler.marker_is_reliable


def test_a_marker_that_proved_itself_ends_pictures_at_once() -> None:
    assembler = AccessUnitAssembler(Codec.H264, proofs=2)
    ready = []
    for index in range(5):
        assembler.add(IDR if index == 0 else P, 3600 * index, 0.0)
        assembler.end_of_packet(marker=True)
        ready.append(0)
        while assembler.next_access_unit() is not None:
            ready[-1] += 1
    assert ready == [0, 1, 2, 1, 1]


def test_a_marker_proves_itself_where_sei_begins_the_next_picture() -> None:
    """Hikvision and most others: SEI or AUD before each slice."""
    assembler = AccessUnitAssembler(Codec.H264, proofs=2)
    ready = []
    for index in range(5):
        assembler.add(bytes((0x06, 5, 1, 0x80)), 3600 * index, 0.0)
        assembler.add(IDR if index == 0 else P, 3600 * index, 0.0)
        assembler.end_of_packet(marker=True)
        ready.append(0)
        while assembler.next_access_unit() is not None:
            ready[-1] += 1
    assert ready == [0, 1, 2, 1, 1]
