"""Decoding order numbers: the bits of RFC 6184 and RFC 7798, and what is bounded whatever a camera claims."""

import random
import struct
from collections import Counter
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.examples import examples
from tests.support.rtp_packets import LONG_S, NUMBERED_ENDS, end_numbered_pictures
from transcoder.codecs.access_unit import AccessUnit
from transcoder.codecs.nal import Codec
from transcoder.formats import h264, h265
from transcoder.formats.decoding_order import (
    DEFAULT_DEPTH,
    MAX_HELD_SIZE,
    MAX_HELD_UNITS,
    MAX_HOLD_S,
    MAX_LATE_UNITS,
    DecodingOrderBuffer,
    DecodingOrderDepacketizer,
    NumberedPayloadReader,
)
from transcoder.formats.depacketizer import DecodingOrder
from transcoder.ledger import Ledger
from transcoder.rtp.packet import parse_rtp
from transcoder.rtp.video import VideoReceiver

Build = Callable[..., bytes]


def numbered(reader: NumberedPayloadReader, payloads: list[str]) -> tuple[list[tuple[int, int, str]], dict[str, int]]:
    """(DON, ticks after the packet's timestamp, NAL unit in hex) of payloads in hex."""
    found = []
    for payload in payloads:
        found += reader.receive(memoryview(bytes.fromhex(payload)), marker=False)
    return [(don, offset, unit.hex()) for don, offset, unit in found], dict(reader.numbers.faults)


NO_DON = "packet without decoding order number"

H264_CASES = [
    # RFC 6184 figure 9: STAP-B header, DON, then size and NAL unit; the DON of each next one is one more
    ("STAP-B", ["79 0005 0002674d 000268ee"], [(5, 0, "674d"), (6, 0, "68ee")], {}),
    ("STAP-B, the number wraps", ["79 ffff 0002674d 000268ee"], [(65535, 0, "674d"), (0, 0, "68ee")], {}),
    # figures 10 to 12: MTAP header, DONB, then size, DOND, TS offset and NAL unit
    ("MTAP16", ["7a 0100 0002 00 0000 6588 0002 03 0e10 419a"], [(256, 0, "6588"), (259, 3600, "419a")], {}),
    ("MTAP16, the number wraps", ["7a fffe 0002 05 0000 6588"], [(3, 0, "6588")], {}),
    ("MTAP24", ["7b 0100 0002 00 000000 6588 0002 01 015f90 419a"], [(256, 0, "6588"), (257, 90000, "419a")], {}),
    # figure 15: FU-B has the DON behind the FU header; FU-As without it follow
    ("FU-B", ["7d85 0009 aa", "7c05 bb", "7c45 cc"], [(9, 0, "65aabbcc")], {}),
    ("FU-B cut off", ["7d85 0009 aa", "7d81 000a bb", "7c41 cc"], [(9, 0, "65aa"), (10, 0, "61bbcc")],
     {"fragments without end": 1}),
    ("FU-B with nothing in it", ["7d8500", "79 0005 0002674d"], [(5, 0, "674d")], {"fragment without header": 1}),
    ("STAP-B cut short", ["79 00", "79 0001 0009 67"], [], {"aggregate cut short": 2}),
    ("STAP-B padded", ["79 0001 0002674d 00000000"], [(1, 0, "674d")], {"aggregate padded": 1}),
    ("byte stream in an STAP-B", ["79 0001 0008 67aa000001060580"], [(1, 0, "67aa"), (1, 0, "060580")],
     {"byte stream in a unit": 1}),
    # packets that this mode does not have (table 3) continue the numbers
    ("single NAL unit packet", ["79 0005 0002674d", "6588"], [(5, 0, "674d"), (6, 0, "6588")], {NO_DON: 1}),
    ("STAP-A", ["79 0005 0002674d", "78 000268ee 00026588"], [(5, 0, "674d"), (6, 0, "68ee"), (7, 0, "6588")],
     {NO_DON: 2}),
    ("FU-A first", ["79 0005 0002674d", "7c85 aa", "7c45 bb"], [(5, 0, "674d"), (6, 0, "65aabb")], {NO_DON: 1}),
    ("type 31", ["7fb2b2"], [(1, 0, "7fb2b2")], {NO_DON: 1}),
    ("empty", [""], [], {"empty payload": 1}),
]  # fmt: skip


@pytest.mark.parametrize(
    ("payloads", "units", "faults"), [row[1:] for row in H264_CASES], ids=[r[0] for r in H264_CASES]
)
def test_h264(payloads: list[str], units: list[tuple[int, int, str]], faults: dict[str, int]) -> None:
    assert numbered(h264.NumberedReader(), payloads) == (units, faults)


H265_CASES = [
    # RFC 7798 figure 3: PayloadHdr, DONL, then the rest of the NAL unit
    ("single", ["2601 0007 af"], [(7, 0, "2601af")], {}),
    # figures 6 and 7: DONL before the first size, DOND before the others; each is DOND + 1 behind the one before
    ("AP", ["6001 0005 0003400aaa 00 0003420abb 02 0003440acc"],
     [(5, 0, "400aaa"), (6, 0, "420abb"), (9, 0, "440acc")], {}),
    ("AP, the number wraps", ["6001 ffff 0003400aaa 00 0003420abb"], [(65535, 0, "400aaa"), (0, 0, "420abb")], {}),
    # figure 9: DONL behind the FU header of the first fragment only
    ("FU", ["620193 0009 aa", "620113 bb", "620153 cc"], [(9, 0, "2601aabbcc")], {}),
    ("FU, an empty fragment", ["620193 0009 aa", "620113", "620153 cc"], [(9, 0, "2601aacc")], {"empty fragment": 1}),
    ("FU without its number", ["62019300"], [], {"fragment without header": 1}),
    ("single cut short", ["260100"], [], {"packet cut short": 1}),
    ("empty", [""], [], {"packet cut short": 1}),
    # figure 12: A 0, cType 19, PHSsize 3, F0 1; PHES of three bytes, then what follows the NAL unit's header
    ("PACI around a single", ["6401 2638 abcdef 0007 af"], [(7, 0, "2601af")], {"PACI packet": 1}),
    ("PACI within PACI", ["6401 6438 abcdef 0007 af"], [], {"unreadable PACI packet": 1, "packet cut short": 1}),
    ("type 63", ["7e01 0001 aabb"], [], {"packet type 63": 1}),
]  # fmt: skip


@pytest.mark.parametrize(
    ("payloads", "units", "faults"), [row[1:] for row in H265_CASES], ids=[r[0] for r in H265_CASES]
)
def test_h265(payloads: list[str], units: list[tuple[int, int, str]], faults: dict[str, int]) -> None:
    assert numbered(h265.NumberedReader(), payloads) == (units, faults)


class Order:
    """A deinterleaver of units that are named by their DON."""

    def __init__(self, codec: Codec = Codec.H264, **described: int | None) -> None:
        self.faults: Counter[str] = Counter()
        self.order = DecodingOrderBuffer(codec, DecodingOrder(**described), self.faults)
        self.slice = b"\x41" if codec is Codec.H264 else b"\x02\x01"
        self.now = 0.0

    def add(self, *dons: int, size: int = 0, other: bool = False) -> list[int]:
        """DONs that leave."""
        left = []
        for don in dons:
            body = b"\x67" if other else self.slice
            self.order.add(don & 0xFFFF, 0, body + (don & 0xFFFF).to_bytes(2) + bytes(size), self.now)
            while (item := self.order.next_unit(self.now)) is not None:
                at = 1 if self.slice == b"\x41" else 2
                left.append(int.from_bytes(item[1][at : at + 2]))
        return left


def test_depth() -> None:
    order = Order(depth=2)
    # initial buffering until there are N = depth + 1 slices (RFC 6184 section 7.2.2)
    assert order.add(10, 14) == []
    assert order.add(12) == [10]
    # nothing can come between 10 and 11, nor between 11 and 12
    assert order.add(11) == [11, 12]
    assert order.add(16, 18) == [14]
    # parameter sets are not counted
    assert order.add(20, 22, other=True) == []
    assert order.add(13) == []
    assert order.faults == {"NAL unit after its turn": 1}


def test_depth_of_zero_waits_for_nothing() -> None:
    assert Order(depth=0).add(5, 6, 8, 9) == [5, 6, 8, 9]


def test_without_a_depth() -> None:
    order = Order()
    assert order.add(*range(2 * DEFAULT_DEPTH, 0, -2)) == []
    assert order.add(0) == [0]


def test_numbers_wrap() -> None:
    order = Order(depth=2)
    assert order.add(65533, 65535, 65534) == [65533, 65534, 65535]
    assert order.add(1, 0, 2) == [0, 1, 2]


def test_max_don_diff_of_h264_is_exceeded() -> None:  # RFC 6184 section 7.2.2: don_diff(m,n) greater than
    order = Order(depth=100, max_don_diff=4)
    assert order.add(10, 14) == []
    assert order.add(15) == [10]


def test_max_don_diff_of_h265_is_reached() -> None:  # RFC 7798 section 6, condition A: greater than or equal
    order = Order(Codec.H265, max_don_diff=4)
    assert order.add(10, 12, 13) == []
    assert order.add(14) == [10]
    assert order.add(11) == [11, 12, 13, 14]


def test_depack_buf_nalus_of_h265_is_exceeded() -> None:  # condition B: greater than
    order = Order(Codec.H265, max_don_diff=1000, depth=3)
    assert order.add(10, 12, 14) == []
    assert order.add(16) == [10]


def test_buffer_size() -> None:
    order = Order(depth=100, buffer_size=1000)
    assert order.add(10, 14, size=400) == []
    assert order.add(12, size=400) == [10]


def test_equal_numbers_leave_in_order_of_arrival() -> None:  # RFC 6184 section 5.5: in any order
    order = Order(depth=0)
    order.order.add(5, 1, b"\x41\x01", 0.0)
    order.order.add(5, 2, b"\x41\x02", 0.0)
    assert [order.order.next_unit(0.0), order.order.next_unit(0.0)] == [
        (1, b"\x41\x01", False),
        (2, b"\x41\x02", False),
    ]


@pytest.mark.parametrize("claimed", [32767, None])
def test_units_are_bounded_whatever_is_claimed(claimed: int | None) -> None:
    order = Order(Codec.H265, depth=claimed, max_don_diff=32767)
    left = order.add(*range(0, 4 * MAX_HELD_UNITS, 2))
    assert left == list(range(0, 2 * MAX_HELD_UNITS, 2))
    assert len(order.order._held) == MAX_HELD_UNITS


def test_bytes_are_bounded_whatever_is_claimed() -> None:
    order = Order(depth=32767, buffer_size=4294967295)
    left = order.add(*range(0, 200, 2), size=1 << 20)
    assert len(left) == 100 - MAX_HELD_SIZE // ((1 << 20) + 3)
    assert order.order._size <= MAX_HELD_SIZE


def test_delay_is_bounded_whatever_is_claimed() -> None:
    order = Order(depth=32767, max_don_diff=32767)
    assert order.add(10) == []
    order.now = MAX_HOLD_S
    assert order.add(14) == []
    order.now = MAX_HOLD_S + 0.01
    assert order.add(20) == [10]
    order.now = 2 * MAX_HOLD_S + 0.005
    assert order.add(30, 25) == [14]


def test_a_lone_number_far_ahead_costs_no_other_unit() -> None:
    order = Order(depth=32, max_don_diff=8)
    assert order.add(1, 2, 3) == []
    assert order.add(20_000) == [1, 2, 3]
    assert order.add(4, 5, 6) == [4, 5, 6]


def test_numbers_that_begin_anew() -> None:
    order = Order(depth=0)
    assert order.add(30_000, 30_001) == [30_000, 30_001]
    assert order.add(*range(MAX_LATE_UNITS + 3)) == list(range(MAX_LATE_UNITS - 1, MAX_LATE_UNITS + 3))
    assert order.faults["NAL unit after its turn"] == MAX_LATE_UNITS
    assert order.faults["decoding order numbers began anew"] == 1


def test_what_follows_numbers_that_began_anew_is_damaged() -> None:
    order = Order(depth=0).order
    found = []
    for don in (30_000, *range(MAX_LATE_UNITS + 1)):
        order.add(don, don, b"\x41\x9a", 0.0)
        while (item := order.next_unit(0.0)) is not None:
            found.append((item[0], item[2]))
    assert found == [(30_000, False), (MAX_LATE_UNITS - 1, True), (MAX_LATE_UNITS, False)]


def test_the_gap_after_a_loss() -> None:
    order = Order(depth=1)
    assert order.add(1, 2) == [1, 2]
    order.order.lose()
    for don in (3, 5, 9):  # 4 was lost; the gap before 9 is the sender's own
        order.order.add(don, don, b"\x41\x9a", 0.0)
    order.order.add(11, 11, b"\x41\x9a", 0.0)
    found = []
    while (item := order.order.next_unit(0.0)) is not None:
        found.append((item[0], item[2]))
    assert found == [(3, False), (5, True), (9, False)]


@examples(200)
@given(st.integers(0, 65535), st.integers(1, 12), st.integers(1, 200), st.randoms(use_true_random=False))
def test_any_order_within_the_depth_is_mended(first: int, depth: int, total: int, chance: random.Random) -> None:
    # unit i is sent at i plus up to `depth`: so many can come before one that is decoded earlier
    sent = sorted(range(total), key=lambda number: (number + chance.uniform(0, depth), number))
    order = Order(depth=depth)
    left = order.add(*[(first + number) & 0xFFFF for number in sent])
    while (item := order.order.next_unit(float("inf"))) is not None:
        left.append(int.from_bytes(item[1][1:3]))
    assert left == [(first + number) & 0xFFFF for number in range(total)]
    assert not order.faults


# -- access units ------------------------------------------------------------------------------------------------------


def receive(codec: Codec, order: DecodingOrder, packets: list[tuple[int, str]], rtp: Build) -> list[AccessUnit]:
    """Access units of (timestamp, payload in hex)."""
    receiver = VideoReceiver(
        codec=codec, payload_types=frozenset({96}), clock_rate=90_000, ledger=Ledger(), reorder=False, ssrc=1,
        cname="us", decoding_order=order,
    )  # fmt: skip
    found = []
    for number, (timestamp, payload) in enumerate(packets):
        receiver.receive_rtp(rtp(number, timestamp, bytes.fromhex(payload)), 10.0 + number / 100)
    end_numbered_pictures(receiver, codec.value, len(packets), 20.0)
    while (unit := receiver.next_access_unit()) is not None:
        found.append(unit)
    assert not receiver.faults
    return found


def test_h264_pictures_in_decoding_order(rtp: Build) -> None:
    packets = [
        (0, "7d85 000a 8811"),
        (0, "7c45 22"),
        (3600, "79 000d 0003 419a44"),
        (0, "79 0008 0003 674d40 0003 68ee3c"),
        # two pictures in one MTAP16: NALU-time is the packet's timestamp and the offset
        (3600, "7a 000b 0003 00 0000 419a33 0003 04 0e10 419a55"),
    ]
    found = receive(Codec.H264, DecodingOrder(depth=2), packets, rtp)
    assert [(unit.timestamp, [each.hex() for each in unit.nal_units]) for unit in found] == [
        (0, ["674d40", "68ee3c", "65881122"]),
        (3600, ["419a33"]),
        (3600, ["419a44"]),
        (7200, ["419a55"]),
    ]
    assert [unit.random_access for unit in found] == [True, False, False, False]
    assert not any(unit.damaged for unit in found)


def test_h265_pictures_in_decoding_order(rtp: Build) -> None:
    packets = [
        (3600, "0201 0004 d011"),
        (0, "620193 0003 af22"),
        (0, "620153 33"),
        (0, "6001 0000 000340010c 00 0003420101 00 00034401c1"),
        (7200, "0201 0005 d044"),
    ]
    found = receive(Codec.H265, DecodingOrder(max_don_diff=5), packets, rtp)
    assert [(unit.timestamp, [each.hex() for each in unit.nal_units]) for unit in found] == [
        (0, ["40010c", "420101", "4401c1", "2601af2233"]),
        (3600, ["0201d011"]),
        (7200, ["0201d044"]),
    ]


def test_a_camera_that_only_says_so(rtp: Build) -> None:
    # packetization-mode 2 in the session description, packets of mode 1: their order is kept, and a loss is seen
    receiver = VideoReceiver(
        codec=Codec.H264, payload_types=frozenset({96}), clock_rate=90_000, ledger=Ledger(), reorder=False, ssrc=1,
        cname="us", decoding_order=DecodingOrder(depth=3),
    )  # fmt: skip
    for number, payload in enumerate(["658811", "7c819a", "7c4122", "419a33", None, "419a55", "419a66"]):
        if payload is not None:
            receiver.receive_rtp(rtp(number, 3600 * number, bytes.fromhex(payload), marker=payload != "7c819a"), 1.0)
    end_numbered_pictures(receiver, "H264", 7, 1.0)
    found = []
    while (unit := receiver.next_access_unit()) is not None:
        found.append((unit.nal_units[0].hex(), unit.damaged))
    assert found == [("658811", False), ("619a22", False), ("419a33", True), ("419a55", False), ("419a66", False)]
    assert receiver.faults == {NO_DON: 5}


def test_a_timestamp_offset_wraps(rtp: Build) -> None:
    packets = [(0xFFFFFF00, "7b 0000 0003 00 000200 658811")]
    (unit,) = receive(Codec.H264, DecodingOrder(depth=0), packets, rtp)
    assert unit.timestamp == 0x100


def test_a_restart_hands_on_what_waits() -> None:
    depacketizer = DecodingOrderDepacketizer(Codec.H264, h264.NumberedReader(), DecodingOrder(depth=4))
    head = struct.pack("!BBHII", 0x80, 96, 0, 0, 7)
    for don, body in ((1, "658811"), (2, "419a22"), (4, "419a33")):
        depacketizer.receive(parse_rtp(head + bytes.fromhex(f"79 {don:04x} 0003 {body}")), 1.0)
    assert depacketizer.next_access_unit() is None
    depacketizer.lose(restart=True)
    units = [depacketizer.next_access_unit(), depacketizer.next_access_unit()]
    assert [unit.nal_units[0].hex() for unit in units if unit] == ["658811", "419a22"]
    assert depacketizer.next_access_unit() is None  # the last one may have been cut off
    depacketizer.receive(parse_rtp(head + bytes.fromhex("79 0000 0003 658811")), 1.1)
    for index, end in enumerate(NUMBERED_ENDS["H264"], 1):
        depacketizer.receive(parse_rtp(head + end), 1.1 + index * LONG_S)
    (unit,) = [depacketizer.next_access_unit()]
    assert unit is not None
    assert (unit.nal_units[0].hex(), unit.damaged) == ("658811", False)


WORST = {
    "numbers that fall": lambda size: [(size - index) * 2 % 30_000 for index in range(size)],
    "numbers that rise by two": lambda size: [index * 2 for index in range(size)],
    "random numbers": lambda size: random.Random(1).choices(range(65536), k=size),
}


@pytest.mark.parametrize("name", WORST)
def test_worst_cases_cost_no_more_than_their_size(name: str, assert_linear: Callable[..., None]) -> None:
    def run(dons: list[int]) -> None:
        order = Order(depth=32767)
        for don in dons:
            order.now += 0.001
            order.add(don)

    assert_linear(WORST[name], run, 8000, at_most_s=1.0)
