"""How the service introduces the two processes of a stream to each other."""

from transcoder.codecs.nal import Codec
from transcoder.ipc.messages import (
    DECODE_ONLY,
    RANDOM_ACCESS,
    MessageParser,
    MessageType,
    parse_announcement,
    parse_decoding_process,
)
from transcoder.service.gop import SentUnit
from transcoder.service.split_halves import REMEMBERED_S, SplitHalves
from transcoder.source.intake import CodedUnit
from transcoder.worker_options import Role


def sent(pts: int, arrival: float, flags: int = 0) -> SentUnit:
    unit = CodedUnit(codec=Codec.H264, data=b"camera bytes", pts=pts, random_access=bool(flags & RANDOM_ACCESS))
    return SentUnit(unit, flags, arrival)


def told(halves: SplitHalves) -> tuple[tuple[int, int], list[tuple[int, int, float]]]:
    """Generation and number, and the announcements."""
    parser = MessageParser()
    for message in halves.introduction():
        assert b"camera bytes" not in message
        parser.receive_data(message)
    first = parser.next_message()
    assert first is not None
    assert first[0] is MessageType.DECODING_PROCESS
    announced = []
    while (read := parser.next_message()) is not None:
        assert read[0] is MessageType.ANNOUNCE
        announced.append(parse_announcement(read[1]))
    return parse_decoding_process(first[1]), announced


def test_each_decoding_process_has_its_generation_and_each_introduction_its_number() -> None:
    halves = SplitHalves()
    places = [halves.place(role) for role in (Role.ENCODING, Role.DECODING, Role.DECODING)]
    assert [place.generation for place in places] == [0, 1, 2]
    assert len({place.stream for place in places}) == 1
    assert SplitHalves().place(Role.DECODING).stream != places[0].stream
    assert [told(halves)[0], told(halves)[0]] == [(2, 1), (2, 2)]


def test_a_new_encoding_process_hears_of_everything_that_may_still_come() -> None:
    halves = SplitHalves()
    halves.place(Role.DECODING)
    halves.replay([sent(0, 5.0, DECODE_ONLY), sent(3600, 5.0)])
    halves.announce(sent(7200, 5.04))
    assert told(halves)[1] == [(DECODE_ONLY, 0, 5.0), (0, 3600, 5.0), (0, 7200, 5.04)]
    halves.announce(sent(10_800, 5.05 + REMEMBERED_S))
    assert told(halves)[1] == [(0, 10_800, 5.05 + REMEMBERED_S)]


def test_another_decoding_process_has_been_sent_nothing() -> None:
    halves = SplitHalves()
    halves.place(Role.DECODING)
    halves.announce(sent(7200, 5.0))
    halves.place(Role.DECODING)
    assert told(halves) == ((2, 1), [])
