"""AAC over RTP: AU headers written bit by bit from RFC 3640 sections 3.2.1 and 3.3.6."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.examples import examples
from transcoder.formats.mpeg4_generic import MAX_AUDIO_UNIT, MAX_AUDIO_UNITS, AacDepacketizer, packetize

HBR, LBR = (13, 3), (6, 2)
"""sizeLength and indexLength of modes AAC-hbr and AAC-lbr (RFC 3640 sections 3.3.6, 3.3.5)."""


def payload(bits: tuple[int, int], headers: list[tuple[int, int]], data: bytes) -> memoryview:
    """The AU header section for (AU-size, AU-Index) pairs, then data."""
    text = "".join(f"{size:0{bits[0]}b}" + (f"{index:0{bits[1]}b}" if bits[1] else "") for size, index in headers)
    length = len(text)
    text += "0" * (-length % 8)
    return memoryview(length.to_bytes(2) + bytes(int(text[at : at + 8], 2) for at in range(0, len(text), 8)) + data)


@pytest.mark.parametrize(
    ("bits", "packet", "units"),
    [
        # AU-headers-length 16, AU-size 5, AU-Index 0
        (HBR, "0010 0028 6161616161", [b"aaaaa"]),
        # 32 bits: sizes 3 and 2
        (HBR, "0020 0018 0010 616161 6262", [b"aaa", b"bb"]),
        # the second AU has an AU-Index-delta of 1: interleaving, which is not undone
        (HBR, "0020 0018 0011 616161 6262", [b"aaa", b"bb"]),
        # 8 bits a header: sizes 3 and 2
        (LBR, "0010 0c08 616161 6262", [b"aaa", b"bb"]),
        # 26 bits and 6 bits of padding: 13-bit sizes without an index
        ((13, 0), "001a 00180080 616161 6262", [b"aaa", b"bb"]),
        # 13 bits and 3 of padding
        ((13, 0), "000d 0018 616161", [b"aaa"]),
        # sizes of 16 bits
        ((16, 0), "0020 0003 0002 616161 6262", [b"aaa", b"bb"]),
        # what follows the last AU belongs to none
        (HBR, "0010 0018 616161 626262", [b"aaa"]),
    ],
)
def test_by_hand(bits: tuple[int, int], packet: str, units: list[bytes]) -> None:
    depacketizer = AacDepacketizer(*bits)
    assert depacketizer.frames(memoryview(bytes.fromhex(packet)), marker=True) == units
    assert not depacketizer.faults


def test_what_is_sent() -> None:
    assert packetize(b"abc") == bytes.fromhex("0010 0018") + b"abc"
    assert packetize(bytes(8191))[:4] == bytes.fromhex("0010 fff8")


def test_a_frame_of_several_packets() -> None:
    """Each fragment tells the size of the whole AU (section 3.2.3); the marker is on the last."""
    depacketizer = AacDepacketizer(*HBR)
    header = bytes.fromhex("0010 0050")
    assert depacketizer.frames(memoryview(header + b"0123"), marker=False) == []
    assert depacketizer.frames(memoryview(header + b"4567"), marker=False) == []
    assert depacketizer.frames(memoryview(header + b"89"), marker=True) == [b"0123456789"]
    assert depacketizer.frames(memoryview(header + b"abcdefghij"), marker=True) == [b"abcdefghij"]
    assert not depacketizer.faults


def test_a_lost_fragment_costs_its_frame_alone() -> None:
    header = bytes.fromhex("0010 0050")
    first, middle, last = (memoryview(header + part) for part in (b"0123", b"4567", b"89"))
    whole = memoryview(header + b"abcdefghij")

    missing_first = AacDepacketizer(*HBR)
    assert missing_first.frames(middle, marker=False) == []
    assert missing_first.frames(last, marker=True) == []
    assert missing_first.frames(whole, marker=True) == [b"abcdefghij"]
    assert missing_first.faults == {"fragment lost": 1}

    missing_middle = AacDepacketizer(*HBR)
    assert missing_middle.frames(first, marker=False) == []
    missing_middle.lose()
    assert missing_middle.frames(last, marker=True) == []
    assert missing_middle.frames(first, marker=False) == []
    assert missing_middle.frames(middle, marker=False) == []
    assert missing_middle.frames(last, marker=True) == [b"0123456789"]

    missing_last = AacDepacketizer(*HBR)
    assert missing_last.frames(first, marker=False) == []
    missing_last.lose()
    assert missing_last.frames(whole, marker=True) == [b"abcdefghij"]


@pytest.mark.parametrize(
    ("bits", "packet", "fault"),
    [
        (HBR, "", "cut short"),
        (HBR, "00", "cut short"),
        ((0, 0), "0010 0018 616161", "cut short"),
        (HBR, "0000 0018 616161", "impossible AU headers"),  # no header
        (HBR, "0008 0018 616161", "impossible AU headers"),  # half a header
        (HBR, "ffff 0018 616161", "impossible AU headers"),  # more headers than bytes
        (HBR, "0010", "impossible AU headers"),
        (HBR, "0010 0000 616161", "impossible AU size"),
        (HBR, "0020 0018 0018 616161 6262", "impossible AU size"),  # the second is cut short
    ],
)
def test_what_can_not_be(bits: tuple[int, int], packet: str, fault: str) -> None:
    depacketizer = AacDepacketizer(*bits)
    units = depacketizer.frames(memoryview(bytes.fromhex(packet)), marker=True)
    assert units == ([b"aaa"] if packet.startswith("0020") else [])
    assert depacketizer.faults == {fault: 1}


def test_limits() -> None:
    most = payload(HBR, [(1, 0)] * MAX_AUDIO_UNITS, b"x" * MAX_AUDIO_UNITS)
    assert len(AacDepacketizer(*HBR).frames(most, marker=True)) == MAX_AUDIO_UNITS
    more = payload(HBR, [(1, 0)] * (MAX_AUDIO_UNITS + 1), b"x" * (MAX_AUDIO_UNITS + 1))
    assert AacDepacketizer(*HBR).frames(more, marker=True) == []
    large = payload((16, 0), [(MAX_AUDIO_UNIT + 1, 0)], bytes(MAX_AUDIO_UNIT + 1))
    assert AacDepacketizer(16, 0).frames(large, marker=True) == []


def test_fragments_without_end_are_not_collected() -> None:
    depacketizer = AacDepacketizer(16, 0)
    for _ in range(1000):
        assert depacketizer.frames(payload((16, 0), [(0xFFFF, 0)], bytes(1000)), marker=False) == []
    for _ in range(1000):
        assert all(
            len(unit) <= MAX_AUDIO_UNIT
            for unit in depacketizer.frames(payload((16, 0), [(8000, 0)], bytes(1000)), marker=False)
        )
    assert depacketizer.faults["impossible AU size"] >= 1000


@examples(200)
@given(
    bits=st.sampled_from([HBR, (13, 0), (16, 0), (16, 8), (11, 1)]),
    frames=st.lists(st.binary(min_size=1, max_size=300), min_size=1, max_size=20),
    seed=st.integers(0, 2**32 - 1),
)
def test_frames_packed_in_any_way_come_out(bits: tuple[int, int], frames: list[bytes], seed: int) -> None:
    rng = random.Random(seed)
    depacketizer = AacDepacketizer(*bits)
    out = []
    waiting = list(frames)
    while waiting:
        if rng.random() < 0.5:  # several in one packet
            together = [waiting.pop(0) for _ in range(min(rng.randint(1, 5), len(waiting)))]
            headers = [(len(frame), 0) for frame in together]
            out += depacketizer.frames(payload(bits, headers, b"".join(together)), marker=True)
        else:  # one in several packets
            frame = waiting.pop(0)
            cuts = sorted({rng.randint(1, len(frame)) for _ in range(3)} | {len(frame)})
            for begin, end in zip([0, *cuts], cuts, strict=False):
                part = payload(bits, [(len(frame), 0)], frame[begin:end])
                out += depacketizer.frames(part, marker=end == len(frame))
    assert out == frames
    assert not depacketizer.faults


@examples(300)
@given(
    size_length=st.integers(0, 32),
    index_length=st.integers(0, 32),
    packets=st.lists(st.tuples(st.binary(max_size=120), st.booleans()), max_size=6),
)
def test_garbage_raises_nothing_and_grows_nothing(
    size_length: int, index_length: int, packets: list[tuple[bytes, bool]]
) -> None:
    depacketizer = AacDepacketizer(size_length, index_length)
    received = sum(len(data) for data, _ in packets)
    units = [unit for data, marker in packets for unit in depacketizer.frames(memoryview(data), marker=marker)]
    assert sum(map(len, units)) <= received
    assert all(0 < len(unit) <= MAX_AUDIO_UNIT for unit in units)
