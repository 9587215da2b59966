"""NAL units to access units: which packet's timestamp a unit has that is complete only when the next packet comes."""

from collections.abc import Callable

import pytest

from transcoder.formats import h264, h265
from transcoder.formats.depacketizer import DepacketizerOptions, RunDepacketizer
from transcoder.formats.video_format import VideoPayloadFormat
from transcoder.ledger import Ledger
from transcoder.rtp.packet import parse_rtp

Build = Callable[..., bytes]


def depacketizer_of(video: VideoPayloadFormat) -> RunDepacketizer:
    made = video.depacketizer(DepacketizerOptions(ledger=Ledger()))
    assert isinstance(made, RunDepacketizer)
    return made


@pytest.mark.parametrize(
    ("video", "start", "middle", "following", "units"),
    [
        (h264.FORMAT, "7c85 88aa", "7c05 bb", "419a", ["6588aabb", "419a"]),  # RFC 6184 section 5.8
        (h265.FORMAT, "620193 afaa", "620113 bb", "0201d0", ["2601afaabb", "0201d0"]),  # RFC 7798 section 4.4.3
    ],
    ids=["H.264", "H.265"],
)
def test_a_unit_without_end_bit_keeps_its_own_timestamp(
    rtp: Build, video: VideoPayloadFormat, start: str, middle: str, following: str, units: list[str]
) -> None:
    depacketizer = depacketizer_of(video)
    for number, (timestamp, payload) in enumerate([(0, start), (0, middle), (3600, following), (7200, following)]):
        depacketizer.receive(parse_rtp(rtp(number, timestamp, bytes.fromhex(payload))), 1.0 + number)
    first, second = depacketizer.next_access_unit(), depacketizer.next_access_unit()
    assert first is not None and second is not None  # noqa: PT018
    assert [(unit.timestamp, [each.hex() for each in unit.nal_units]) for unit in (first, second)] == [
        (0, units[:1]),
        (3600, units[1:]),
    ]
    assert depacketizer.faults == {"fragments without end": 1}


def test_a_run_continues_the_open_unit_and_nothing_else(rtp: Build) -> None:
    depacketizer = depacketizer_of(h264.FORMAT)
    assert depacketizer.continuation == b""
    depacketizer.receive(parse_rtp(rtp(0, 0, bytes.fromhex("7c8588aa"))), 1.0)
    assert depacketizer.continuation == bytes.fromhex("7c05")  # FU indicator; FU header without start and end bit
    depacketizer.receive_middles([memoryview(b"\xbb\xcc"), memoryview(b"\xdd")], 3)
    depacketizer.receive(parse_rtp(rtp(3, 0, bytes.fromhex("7c45ee"), marker=True)), 1.0)
    assert depacketizer.continuation == b""
    unit = depacketizer.next_access_unit()
    assert unit is not None
    assert unit.nal_units == [bytes.fromhex("6588aabbccddee")]


def test_a_restart_gives_up_what_is_open(rtp: Build) -> None:
    depacketizer = depacketizer_of(h264.FORMAT)
    depacketizer.receive(parse_rtp(rtp(0, 0, b"\x65\x88\x11")), 1.0)
    depacketizer.lose(restart=True)
    depacketizer.receive(parse_rtp(rtp(9, 0, b"\x65\x88\x22", marker=True)), 2.0)
    unit = depacketizer.next_access_unit()
    assert unit is not None
    assert (unit.nal_units, unit.damaged, unit.arrival) == ([b"\x65\x88\x22"], False, 2.0)
    assert depacketizer.faults == {"cut off by a restart": 1}
