"""Reports are known by host and SSRC; packets follow a reader to other ports of its host, and nobody else."""

import pytest

from transcoder.rtsp.reader_addresses import MAX_PUNCHES, RECENT_S, SILENT_S, Moved, ReaderAddresses

HOST, OTHER = "192.0.2.7", "192.0.2.8"
PORTS = (5000, 5001)
NATTED = (40000, 40001)
SSRC, SECOND = 0x1122_3344, 0x5566_7788
FFMPEG_PUNCH = b"\x80\x00" + bytes(10)
LIVE555_PUNCH = b"\xfe\xed\xfa\xce"


@pytest.fixture
def addresses() -> ReaderAddresses[str]:
    made = ReaderAddresses[str]()
    made.add("one", 0, HOST, PORTS, SSRC)
    return made


def named_punch(ssrc: int) -> bytes:
    return b"\x80\x60" + bytes(6) + ssrc.to_bytes(4)


def moved(owner: str, ports: tuple[int, int], number: int = 0) -> list[Moved[str]]:
    return [Moved(owner=owner, number=number, ports=ports)]


@pytest.mark.parametrize(
    ("port", "ssrcs", "alive"),
    [
        (5001, set(), {"one"}),  # FFmpeg's first report has no block
        (5001, {SSRC}, {"one"}),
        (5000, set(), {"one"}),
        (61234, {SSRC}, {"one"}),
        (61234, {SECOND, SSRC}, {"one"}),
        (61234, {SECOND}, set()),
        (61234, set(), set()),
    ],
)
def test_a_report_counts_by_port_or_by_ssrc(
    addresses: ReaderAddresses[str], port: int, ssrcs: set[int], alive: set[str]
) -> None:
    assert addresses.receive_report(HOST, port, ssrcs, 0.0) == (alive, [])


def test_a_report_of_another_host_counts_for_nobody(addresses: ReaderAddresses[str]) -> None:
    assert addresses.receive_report(OTHER, PORTS[1], {SSRC}, 0.0) == (set(), [])
    addresses.add("two", 0, OTHER, PORTS, SECOND)
    assert addresses.receive_report(OTHER, PORTS[1], {SSRC}, 0.0) == ({"two"}, [])


@pytest.mark.parametrize("punch", [FFMPEG_PUNCH, LIVE555_PUNCH, b"", named_punch(SSRC)])
def test_packets_follow_a_punch_and_a_report_in_either_order(punch: bytes) -> None:
    for punch_first in (False, True):
        addresses = ReaderAddresses[str]()
        addresses.add("one", 0, HOST, PORTS, SSRC)
        found = addresses.receive_punch(HOST, NATTED[0], punch, 0.0) if punch_first else []
        assert not found
        found += addresses.receive_report(HOST, NATTED[1], {SSRC}, 1.0)[1]
        found += [] if punch_first else addresses.receive_punch(HOST, NATTED[0], punch, 2.0)
        assert found == moved("one", NATTED)
        assert addresses.receive_report(HOST, NATTED[1], set(), 3.0) == ({"one"}, [])


def test_neither_alone_is_followed(addresses: ReaderAddresses[str]) -> None:
    for second in range(5):
        assert not addresses.receive_punch(HOST, NATTED[0], named_punch(SSRC), float(second))
        assert not addresses.receive_report(HOST, NATTED[1], set(), float(second))[1]
    quiet = ReaderAddresses[str]()
    quiet.add("one", 0, HOST, PORTS, SSRC)
    assert not any(quiet.receive_report(HOST, NATTED[1], {SSRC}, float(second))[1] for second in range(99))


def test_strangers_steer_nothing(addresses: ReaderAddresses[str]) -> None:
    """A stranger knows the SSRC, has every port and does everything but stand at the reader's address."""
    for second in range(200):
        assert addresses.receive_report(OTHER, NATTED[1], {SSRC}, float(second)) == (set(), [])
        assert not addresses.receive_punch(OTHER, NATTED[0], named_punch(SSRC), float(second))
    addresses.add("theirs", 0, OTHER, NATTED, SECOND)
    assert addresses.receive_report(OTHER, 6001, {SSRC, SECOND}, 201.0) == ({"theirs"}, [])
    assert addresses.receive_punch(OTHER, 6000, named_punch(SSRC), 202.0) == moved("theirs", (6000, 6001))


def test_a_reader_that_is_heard_is_not_taken_from(addresses: ReaderAddresses[str]) -> None:
    """Another program of the reader's host tries for minutes, while the reader reports every five seconds."""
    for second in range(0, 300, 5):
        addresses.receive_report(HOST, PORTS[1], {SSRC}, float(second))
        assert not addresses.receive_report(HOST, NATTED[1], {SSRC}, second + 1.0)[1]
        assert not addresses.receive_punch(HOST, NATTED[0], named_punch(SSRC), second + 2.0)


def test_a_reader_moves_no_more_often_than_it_may(addresses: ReaderAddresses[str]) -> None:
    count = 0
    for second in range(300):  # other ports each second
        port = 10_000 + 2 * second
        addresses.receive_report(HOST, port + 1, {SSRC}, float(second))
        count += len(addresses.receive_punch(HOST, port, named_punch(SSRC), second + 0.5))
    assert 1 < count <= 300 / SILENT_S


def test_two_readers_behind_one_address_keep_their_own(addresses: ReaderAddresses[str]) -> None:
    addresses.add("two", 0, HOST, (5002, 5003), SECOND)
    assert not addresses.receive_punch(HOST, 40002, FFMPEG_PUNCH, 0.0)
    assert not addresses.receive_punch(HOST, 50002, FFMPEG_PUNCH, 0.0)
    assert addresses.receive_report(HOST, 50003, {SECOND}, 1.0) == ({"two"}, moved("two", (50002, 50003)))
    assert addresses.receive_report(HOST, 40003, {SSRC}, 1.0) == ({"one"}, moved("one", (40002, 40003)))
    assert addresses.receive_report(HOST, 40003, set(), 2.0) == ({"one"}, [])


def test_a_punch_that_may_be_anybodys_is_nobodys(addresses: ReaderAddresses[str]) -> None:
    addresses.add("two", 0, HOST, (5002, 5003), SECOND)
    assert not addresses.receive_report(HOST, 40009, {SSRC}, 0.0)[1]
    assert not addresses.receive_punch(HOST, 50002, FFMPEG_PUNCH, 1.0)
    assert not addresses.receive_punch(HOST, 50004, named_punch(SECOND), 1.0)
    assert addresses.receive_punch(HOST, 50000, named_punch(SSRC), 1.0) == moved("one", (50000, 40009))


def test_nobody_is_moved_to_ports_of_another(addresses: ReaderAddresses[str]) -> None:
    addresses.add("two", 0, HOST, NATTED, SECOND)
    assert addresses.receive_report(HOST, NATTED[1], {SSRC}, 0.0) == ({"one", "two"}, [])
    assert not addresses.receive_punch(HOST, NATTED[0], named_punch(SSRC), 1.0)
    assert not addresses.receive_punch(HOST, 45000, named_punch(SSRC), 2.0)


def test_what_is_old_is_forgotten(addresses: ReaderAddresses[str]) -> None:
    addresses.receive_punch(HOST, NATTED[0], FFMPEG_PUNCH, 0.0)
    assert not addresses.receive_report(HOST, NATTED[1], {SSRC}, RECENT_S + 1)[1]
    assert not addresses.receive_punch(HOST, NATTED[0], FFMPEG_PUNCH, 3 * RECENT_S)


def test_a_flood_of_punches_leaves_the_newest(addresses: ReaderAddresses[str]) -> None:
    addresses.receive_punch(HOST, NATTED[0], FFMPEG_PUNCH, 0.0)
    for port in range(20_000, 20_000 + MAX_PUNCHES):
        addresses.receive_punch(HOST, port, FFMPEG_PUNCH, 0.1)
    assert not addresses.receive_report(HOST, NATTED[1], {SSRC}, 1.0)[1]
    assert addresses.receive_punch(HOST, NATTED[0], FFMPEG_PUNCH, 2.0) == moved("one", NATTED)


def test_picture_and_sound_move_each_for_itself(addresses: ReaderAddresses[str]) -> None:
    addresses.add("one", 1, HOST, (5002, 5003), SECOND)
    assert addresses.receive_report(HOST, 40003, {SECOND}, 0.0) == ({"one"}, [])
    assert addresses.receive_punch(HOST, 40002, FFMPEG_PUNCH, 0.0) == moved("one", (40002, 40003), 1)
    assert addresses.receive_report(HOST, NATTED[1], {SSRC}, 1.0) == ({"one"}, [])
    assert addresses.receive_punch(HOST, NATTED[0], FFMPEG_PUNCH, 1.0) == moved("one", NATTED)


def test_what_ended_is_forgotten(addresses: ReaderAddresses[str]) -> None:
    addresses.add("one", 1, HOST, (5002, 5003), SECOND)
    addresses.remove("one", HOST, 0)
    assert addresses.receive_report(HOST, PORTS[1], {SSRC}, 0.0) == (set(), [])
    assert addresses.receive_report(HOST, 5003, {SECOND}, 0.0) == ({"one"}, [])
    addresses.add("one", 1, HOST, (5004, 5005), 99)  # set up again
    assert addresses.receive_report(HOST, 5003, {SECOND}, 0.0) == (set(), [])
    addresses.remove("two", HOST)
    addresses.remove("one", HOST)
    addresses.remove("one", HOST)
    assert addresses.receive_report(HOST, 5005, {99}, 0.0) == (set(), [])
