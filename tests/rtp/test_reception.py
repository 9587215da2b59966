"""Reception of one source: order, loss, restarts and reports, against RFC 3550 by hand."""

import random
from collections.abc import Callable, Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.examples import examples
from transcoder.ledger import Ledger
from transcoder.rtp.reception import (
    MAX_DROPOUT,
    REORDER_PACKETS,
    REORDER_S,
    RETURN_S,
    SWITCH_PACKETS,
    RtpReceiver,
)
from transcoder.rtp.waiting_source import MAX_PACKETS

Build = Callable[..., bytes]


class Reception:
    def __init__(self, rtp: Build, *, reorder: bool = True) -> None:
        self.rtp = rtp
        self.ledger = Ledger()
        self.receiver = RtpReceiver(frozenset({96}), 90_000, self.ledger, reorder=reorder)
        self.now = 100.0

    def feed(self, *numbers: int, **fields: object) -> None:
        for number in numbers:
            self.now += 0.001
            packet = self.rtp(number & 0xFFFF, 0, b"\x41\x9a", **fields)
            self.receiver.receive(packet, self.now)

    def take(self) -> list[tuple[int, int]]:
        """Sequence numbers and what was lost before each."""
        found = []
        while (item := self.receiver.next_packet()) is not None:
            found.append((item[0].sequence_number, item[1]))
        return found

    def numbers(self) -> list[int]:
        return [number for number, _ in self.take()]

    def dropped(self) -> dict[tuple[str, str], int]:
        return {(layer, kind): entry.count for layer, kind, entry in self.ledger}


@pytest.fixture
def udp(rtp: Build) -> Reception:
    return Reception(rtp)


@pytest.fixture
def tcp(rtp: Build) -> Reception:
    return Reception(rtp, reorder=False)


def test_wrap(udp: Reception) -> None:
    udp.feed(65534, 65535, 0, 1)
    assert udp.take() == [(65534, 0), (65535, 0), (0, 0), (1, 0)]
    block = udp.receiver.report(0, 0.0)
    assert block is not None
    assert block.highest_sequence == 0x10001  # one cycle (RFC 3550 section 6.4.1)
    assert block.cumulative_lost == 0


def test_reordered_across_the_wrap(udp: Reception) -> None:
    udp.feed(65533, 65535, 1, 0, 65534, 2)
    assert udp.take() == [(65533, 0), (65534, 0), (65535, 0), (0, 0), (1, 0), (2, 0)]
    assert udp.receiver.lost == 0


def test_duplicates(udp: Reception) -> None:
    udp.feed(10, 10, 11, 13, 13, 12, 11)
    assert udp.numbers() == [10, 11, 12, 13]
    assert udp.receiver.duplicates + udp.receiver.late == 3
    assert udp.receiver.duplicates == 2


def test_late(udp: Reception) -> None:
    udp.feed(10, 12)
    udp.receiver.handle_timeout(udp.now + REORDER_S)
    udp.feed(11, 13)
    assert udp.take() == [(10, 0), (12, 1), (13, 0)]
    assert (udp.receiver.late, udp.receiver.lost) == (1, 1)


def test_window_in_time(udp: Reception) -> None:
    udp.feed(10, 12, 15)
    assert udp.numbers() == [10]
    due = udp.receiver.next_timeout()
    assert due is not None
    assert due == pytest.approx(100.002 + REORDER_S)
    udp.receiver.handle_timeout(due - 0.0001)
    assert udp.numbers() == []
    udp.receiver.handle_timeout(due)
    assert udp.take() == [(12, 1)]
    udp.receiver.handle_timeout(udp.receiver.next_timeout() or 0.0)
    assert udp.take() == [(15, 2)]
    assert udp.receiver.next_timeout() is None
    assert udp.receiver.lost == 3


def test_window_in_packets(udp: Reception) -> None:
    udp.feed(10, *range(12, 12 + REORDER_PACKETS))
    assert udp.numbers() == [10]
    udp.feed(12 + REORDER_PACKETS)
    assert udp.take()[0] == (12, 1)
    assert udp.receiver.lost == 1


def test_loss_over_tcp_is_known_at_once(tcp: Reception) -> None:
    tcp.feed(10, 11, 14)
    assert tcp.take() == [(10, 0), (11, 0), (14, 2)]
    assert tcp.receiver.lost == 2
    assert tcp.receiver.next_timeout() is None


def test_restart_of_the_counter_over_tcp(tcp: Reception) -> None:
    tcp.feed(100, 101, 40000, 40001)
    assert tcp.take() == [(100, 0), (101, 0), (40000, -1), (40001, 0)]
    assert (tcp.receiver.restarts, tcp.receiver.lost) == (1, 0)


def test_restart_of_the_counter_over_udp_keeps_its_first_packet(udp: Reception) -> None:
    udp.feed(100, 101, 40000)
    assert udp.numbers() == [100, 101]
    udp.feed(40001, 40002)  # two in a row (RFC 3550 A.1)
    assert udp.take() == [(40000, -1), (40001, 0), (40002, 0)]
    assert udp.receiver.restarts == 1


def test_one_stray_packet_is_no_restart(udp: Reception) -> None:
    udp.feed(100, 40000, 101, 40001, 102)
    assert udp.numbers() == [100, 101, 102]
    assert udp.receiver.restarts == 0


def test_jumps_at_the_edge_of_dropout(tcp: Reception) -> None:
    tcp.feed(0, MAX_DROPOUT)
    assert tcp.take() == [(0, 0), (MAX_DROPOUT, MAX_DROPOUT - 1)]
    tcp.feed(2 * MAX_DROPOUT + 1)
    assert tcp.take() == [(2 * MAX_DROPOUT + 1, -1)]


def test_another_ssrc_takes_over_with_its_first_packets(udp: Reception) -> None:
    udp.feed(100, 101)
    udp.feed(7, 8, ssrc=2)
    assert udp.numbers() == [100, 101]
    udp.feed(9, 10, ssrc=2)
    assert udp.take() == [(7, -1), (8, 0), (9, 0), (10, 0)]
    assert (udp.receiver.ssrc, udp.receiver.restarts) == (2, 1)
    assert udp.dropped() == {}


def test_foreign_packets_between_ours_are_dropped(tcp: Reception) -> None:
    for index in range(20):
        tcp.feed(100 + index)
        tcp.feed(*range(5000 + 2 * index, 5002 + 2 * index), ssrc=2)
    tcp.feed(120)
    assert tcp.numbers() == list(range(100, 121))
    assert tcp.dropped() == {("rtp_ssrc", "foreign"): 40}


def test_a_dead_session_does_not_come_back(tcp: Reception) -> None:
    # old live555 servers write the previous session's packets into this connection, in bursts like ours
    tcp.feed(9000, 9001, ssrc=66)
    for index in range(10):
        tcp.feed(*range(100 + 5 * index, 105 + 5 * index))
        tcp.feed(*range(9002 + 5 * index, 9007 + 5 * index), ssrc=66)
    assert tcp.receiver.restarts == 1
    assert tcp.numbers() == [9000, 9001, *range(100, 150)]
    tcp.now += RETURN_S  # ours is silent: whoever sends is the source
    tcp.feed(*range(9100, 9100 + SWITCH_PACKETS), ssrc=66)
    assert tcp.receiver.ssrc == 66


def test_private_payload_type_with_its_own_counter(tcp: Reception) -> None:  # Hikvision 112
    for index in range(10):
        tcp.receiver.receive(tcp.rtp(index, 0, b"", payload_type=112, marker=True, extension=(1, bytes(48))), tcp.now)
        tcp.feed(100 + index)
    assert tcp.take() == [(100 + index, 0) for index in range(10)]
    assert tcp.receiver.lost == tcp.receiver.restarts == tcp.receiver.duplicates == 0
    assert tcp.receiver.received == 10
    assert tcp.dropped() == {("rtp_payload_type", "private payload type 112"): 10}  # its extension is not looked at


def test_private_payload_type_repeating_a_sequence_number(tcp: Reception) -> None:  # Uniview 50
    tcp.feed(100, 101)
    tcp.feed(101, payload_type=50)
    tcp.feed(102)
    assert tcp.take() == [(100, 0), (101, 0), (102, 0)]
    assert tcp.receiver.duplicates == 0
    assert tcp.dropped() == {("rtp_payload_type", "private payload type 50"): 1}


def test_extensions_sources_and_padding_are_counted(tcp: Reception) -> None:
    tcp.feed(1, extension=(0xABAC, bytes(12)), csrc=(1, 2), padding=4)
    assert tcp.numbers() == [1]
    assert tcp.dropped() == {
        ("rtp_extension", "0xabac"): 1,
        ("rtp_csrc", "csrc"): 2,
        ("rtp_padding", "padding"): 1,
    }


def test_malformed(tcp: Reception) -> None:
    tcp.receiver.receive(b"", 0.0)
    tcp.receiver.receive(b"\x80\xe0\x00", 0.0)
    tcp.receiver.receive(bytes.fromhex("40e0 0001 00000002 00000003"), 0.0)
    assert tcp.receiver.malformed == 3
    assert tcp.numbers() == []


def test_jitter(rtp: Build) -> None:
    # A.8, J += (|D| - J) / 16, in ticks of 90 kHz; arrivals 0, 40, 90, 115 ms; 3600 ticks between timestamps
    # transits: 0, 0, 900, -450  ->  D: 0, 900, 1350  ->  J: 0, 56.25, 137.109375
    receiver = RtpReceiver(frozenset({96}), 90_000, Ledger(), reorder=True)
    for index, arrival in enumerate((0.0, 0.040, 0.090, 0.115)):
        receiver.receive(rtp(index, 3600 * index), 50 + arrival)
    assert receiver.jitter == pytest.approx(137.109375, abs=0.01)
    block = receiver.report(0, 0.0)
    assert block is not None
    assert block.jitter == 137


def test_jitter_is_in_the_order_of_arrival(rtp: Build) -> None:
    # section 6.4.1: "in order of arrival (not necessarily in sequence)"; arrivals 0 (#0), 41 (#2), 42 (#1) ms
    # transits: 0, 3690 - 7200 = -3510, 3780 - 3600 = 180  ->  D: 3510, 3690  ->  J: 219.375, 436.289
    receiver = RtpReceiver(frozenset({96}), 90_000, Ledger(), reorder=True)
    for number, arrival in ((0, 0.0), (2, 0.041), (1, 0.042)):
        receiver.receive(rtp(number, 3600 * number), 50 + arrival)
    assert receiver.jitter == pytest.approx(436.289, abs=0.01)


def test_a_wrapped_timestamp_is_no_jitter(rtp: Build) -> None:
    receiver = RtpReceiver(frozenset({96}), 90_000, Ledger(), reorder=True)
    for index in range(4):
        receiver.receive(rtp(index, (0xFFFF_F000 + 3600 * index) & 0xFFFF_FFFF), 50 + 0.04 * index)
    assert receiver.jitter == pytest.approx(0.0, abs=0.01)


def test_report_block(udp: Reception) -> None:
    # first interval: 10 expected, 8 received -> fraction 2/10 of 256 = 51 (A.3)
    udp.feed(*range(65530, 65534), *range(65536, 65540))
    udp.receiver.handle_timeout(udp.now + 1)
    assert len(udp.numbers()) == 8
    block = udp.receiver.report(0xAABBCCDD, 1.5)
    assert block is not None
    assert block.fraction_lost == 51
    assert block.cumulative_lost == 2
    assert block.highest_sequence == 65539
    assert block.last_sender_report == 0xAABBCCDD
    assert block.delay_since_last == 98304  # 1.5 s in 1/65536 s
    # second interval: nothing missing
    udp.feed(*range(4, 10))
    block = udp.receiver.report(0, 1.5)
    assert block is not None
    assert (block.fraction_lost, block.cumulative_lost, block.delay_since_last) == (0, 2, 0)
    # third: nothing at all
    block = udp.receiver.report(0, 0.0)
    assert block is not None
    assert block.fraction_lost == 0
    # fourth: 8 expected, 4 received; the fraction is of this interval, the sum of all
    udp.feed(11, 13, 15, 17)
    udp.receiver.handle_timeout(udp.now + 1)
    block = udp.receiver.report(0, 0.0)
    assert block is not None
    assert (block.fraction_lost, block.cumulative_lost, block.highest_sequence) == (128, 6, 65536 + 17)


def test_no_report_before_the_first_packet(udp: Reception) -> None:
    assert udp.receiver.report(0, 0.0) is None


def test_a_new_source_is_reported_on_its_own(tcp: Reception) -> None:
    tcp.feed(10, 20)
    tcp.feed(500, 501, 502, ssrc=2)
    block = tcp.receiver.report(0, 0.0)
    assert block is not None
    assert (block.ssrc, block.cumulative_lost, block.highest_sequence, block.jitter) == (2, 0, 502, block.jitter)


@examples(60)
@given(st.integers(0, 65535), st.integers(0, 1 << 30), st.integers(0, 20))
def test_a_shuffled_window_comes_out_in_order(rtp: Build, first: int, seed: int, spread: int) -> None:
    order = list(range(300))
    chance = random.Random(seed)
    order[1:] = sorted(order[1:], key=lambda index: index + chance.random() * spread)
    reception = Reception(rtp)
    reception.feed(*(first + index for index in order))
    reception.receiver.handle_timeout(reception.now + 1)
    assert reception.numbers() == [(first + index) & 0xFFFF for index in range(300)]


@examples(100)
@given(
    st.booleans(),
    st.lists(
        st.tuples(
            st.one_of(st.integers(0, 65535), st.integers(0, 40)),
            st.sampled_from([1, 1, 1, 2, 3]),
            st.floats(0, 0.2),
            st.binary(max_size=3),
        ),
        max_size=60,
    ),
)
def test_any_sequence_of_packets(rtp: Build, reorder: bool, packets: Iterable[tuple[int, int, float, bytes]]) -> None:
    receiver = RtpReceiver(frozenset({96}), 90_000, Ledger(), reorder=reorder)
    now, out = 0.0, 0
    for fed, (number, ssrc, wait, payload) in enumerate(packets, 1):
        now += wait
        receiver.handle_timeout(now)
        receiver.receive(rtp(number, 0, payload, ssrc=ssrc), now)
        assert len(receiver._held) <= REORDER_PACKETS
        while receiver.next_packet() is not None:
            out += 1
        assert out <= fed
    block = receiver.report(0, 0.0)
    assert block is None or 0 <= block.fraction_lost <= 255


def test_work_is_bounded(rtp: Build, assert_linear: Callable[..., None]) -> None:
    def run(packets: list[bytes]) -> None:
        receiver = RtpReceiver(frozenset({96}), 90_000, Ledger(), reorder=True)
        for packet in packets:
            receiver.receive(packet, 0.0)
            while receiver.next_packet() is not None:
                pass

    # every second one is missing: the window is always full
    packets = [rtp(2 * index & 0xFFFF) for index in range(8000)]
    assert_linear(lambda size: packets[:size], run, 4000, at_most_s=1.0)


# -- what a source is, is told by what it sends ------------------------------------------------------------------------


class Pictures:
    """Pictures of some packets each, 10 a second, and what came of them."""

    def __init__(self, rtp: Build, *, reorder: bool = False) -> None:
        self.rtp = rtp
        self.receiver = RtpReceiver(frozenset({96}), 90_000, Ledger(), reorder=reorder)
        self.now = 100.0
        self.sent: list[bytes] = []
        self.received: list[bytes] = []
        self.gaps: list[int] = []

    def send(self, ssrc: int, number: int, timestamp: int, *, packets: int = 3, wait_s: float = 0.1) -> int:
        """Send a picture; the number that follows."""
        self.now += wait_s
        for index in range(packets):
            payload = len(self.sent).to_bytes(4)
            self.sent.append(payload)
            data = self.rtp(number & 0xFFFF, timestamp & 0xFFFF_FFFF, payload, ssrc=ssrc, marker=index == packets - 1)
            self.receiver.receive(data, self.now)
            self.take()
            number += 1
        return number

    def take(self) -> None:
        self.receiver.handle_timeout(self.now)
        while (item := self.receiver.next_packet()) is not None:
            self.received.append(bytes(item[0].payload))
            self.gaps.append(item[1])


@pytest.mark.parametrize("reorder", [False, True])
@pytest.mark.parametrize(("sources", "pictures"), [(2, 20), (3, 10), (2, 5)])
def test_sources_that_take_turns_lose_no_picture(rtp: Build, sources: int, pictures: int, *, reorder: bool) -> None:
    """gortsplib#687: two SSRC in turn with every group of 2 s, each with numbers and timestamps of its own."""
    seen = Pictures(rtp, reorder=reorder)
    numbers = [5000 * source for source in range(sources)]
    for index in range(300):
        source = index // pictures % sources
        packets = 30 if index % pictures == 0 else 3
        numbers[source] = seen.send(source + 1, numbers[source], (1 << 30) * source + 9000 * index, packets=packets)
    missing = len(seen.sent) - len(seen.received)
    assert seen.received == seen.sent[: len(seen.received)]
    assert missing <= 33  # the last picture of the first kind still waits for its turn
    assert seen.receiver.lost == 0


def test_a_dead_session_beside_a_living_one_has_no_turn(rtp: Build) -> None:
    """Both send at the same time, in bursts, whatever the network does to their arrival."""
    chance = random.Random(7)
    seen = Pictures(rtp)
    living, dead = 100, 40_000
    seen.send(2, 99, 0, packets=1)
    living = seen.send(1, living, 9000, packets=4)
    kept = 0
    for index in range(400):
        living = seen.send(1, living, 9000 * (index + 2), wait_s=chance.choice([0.0, 0.1, 0.3]))
        before = len(seen.received)
        dead = seen.send(2, dead, 1 << 31 | 9000 * index, packets=chance.randint(1, 40), wait_s=0.05)
        kept += len(seen.received) - before
    assert kept == 0
    assert seen.receiver.ssrc == 1


@pytest.mark.parametrize("back", [40, 90, 400])
def test_numbers_that_begin_anew_with_every_group_over_tcp(rtp: Build, back: int) -> None:
    """gortsplib#750: numbers begin at 0 with every GOP, over TCP; the pictures and their timestamps go on."""
    seen = Pictures(rtp)
    number = 0
    for index in range(200):
        if number >= back:
            number = 0
        number = seen.send(1, number, 9000 * index + 0xFFFF_0000, packets=5)
    assert seen.received == seen.sent
    assert set(seen.gaps) == {0}
    assert (seen.receiver.restarts, seen.receiver.late, seen.receiver.duplicates) == (0, 0, 0)
    assert seen.receiver.renumbered == 1000 // back - (1000 % back == 0)


def test_numbers_and_timestamps_that_begin_anew_over_tcp(rtp: Build) -> None:
    seen = Pictures(rtp)
    for group in range(5):
        number = 7
        for index in range(12):
            number = seen.send(1, number, 9000 * index + 777_000_000 * (group % 3))
    assert seen.received == seen.sent


def test_numbers_that_begin_anew_with_every_group_over_udp(rtp: Build) -> None:
    seen = Pictures(rtp, reorder=True)
    for group in range(5):
        number = 0
        for index in range(10):
            number = seen.send(1, number, 9000 * (10 * group + index))
    assert seen.received == seen.sent
    assert seen.receiver.restarts == 4


def test_repeated_packets_over_tcp_are_no_new_pictures(rtp: Build) -> None:
    seen = Pictures(rtp)
    number = 50
    for index in range(20):
        seen.send(1, number, 9000 * index)
        number = seen.send(1, number, 9000 * index, wait_s=0.0)  # the whole picture again
    assert len(seen.received) == 60
    assert seen.receiver.duplicates + seen.receiver.late == 60
    assert (seen.receiver.restarts, seen.receiver.renumbered) == (0, 0)


def test_an_ssrc_that_changes_with_every_picture(rtp: Build) -> None:
    """Numbers and timestamps go on: it is one stream."""
    seen = Pictures(rtp)
    number = 65_500
    for index in range(60):
        number = seen.send(index % 2, number, 9000 * index)
    assert seen.received == seen.sent


def test_what_waits_for_its_turn_is_bounded(rtp: Build) -> None:
    seen = Pictures(rtp)
    number = 0
    for index in range(10):
        number = seen.send(1, number, 9000 * index)
    seen.send(2, 0, 0)
    seen.send(1, seen.send(1, number, 90_000, wait_s=0.5), 99_000)
    seen.send(1, number + 6, 108_000)
    for _ in range(10 * MAX_PACKETS):
        seen.receiver.receive(rtp(1, 5, bytes(1000), ssrc=2), seen.now)
        assert len(seen.receiver._waiting) <= MAX_PACKETS
