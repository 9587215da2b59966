"""The records between the decoding and the encoding process, as transcripts; and the places of planes."""

import itertools
import struct
from fractions import Fraction

import pytest

from transcoder.codecs.picture_codec import MAX_DIMENSION, MAX_PIXELS
from transcoder.errors import RemoteProtocolError
from transcoder.ipc.planes import (
    AUDIO_OFFSET,
    AUDIO_SAMPLES,
    MAP_OFFSET,
    MAP_SIZE,
    MAX_STALE,
    MEMORY_SIZE,
    PLANES_SIZE,
    RECORD_SIZE,
    Record,
    RecordKind,
    RecordReader,
    RecordWriter,
    plan_planes,
)

PICTURE = (1920, 1080, 1, Fraction(1))


class Pair:
    """Both ends, which talk to each other."""

    def __init__(self) -> None:
        self.reader = RecordReader()
        self.writer = RecordWriter(generation=1)
        self.taken: list[Record] = []

    def begin(self, number: int = 1) -> None:
        self.exchange(self.writer.receive(self.reader.begin(1, number)))

    def exchange(self, record: bytes | None, now: float = 0.0) -> None:
        while record is not None:
            taken = self.reader.receive(record, now)
            assert taken is not None
            self.taken.append(taken)
            record = self.writer.receive(self.reader.answer())

    def picture(self, pts: int) -> None:
        assert self.writer.may_write
        record = self.writer.picture(pts, *PICTURE)
        assert not self.writer.may_write
        self.exchange(record)


def test_pictures_cross_one_by_one() -> None:
    pair = Pair()
    assert not pair.writer.may_write
    pair.begin()
    for pts in (0, 3600, 7200):
        pair.picture(pts)
    kinds = [(record.kind, record.sequence, record.pts) for record in pair.taken]
    assert kinds == [
        (RecordKind.RESET, 1, 0),
        (RecordKind.PICTURE, 1, 0),
        (RecordKind.PICTURE, 2, 3600),
        (RecordKind.PICTURE, 3, 7200),
    ]
    assert (pair.taken[-1].width, pair.taken[-1].height, pair.taken[-1].matrix) == (1920, 1080, 1)
    assert pair.taken[-1].cause == 7200
    pair.exchange(pair.writer.picture(9000, *PICTURE, cause=12_600))
    assert (pair.taken[-1].pts, pair.taken[-1].cause) == (9000, 12_600)


def test_another_encoding_process_is_given_the_picture_that_lies_in_the_planes() -> None:
    pair = Pair()
    pair.begin()
    pair.picture(3600)
    answer_is_lost = pair.writer.picture(7200, *PICTURE)
    pair.reader = RecordReader()
    begin = pair.reader.begin(1, 2)
    assert pair.reader.receive(answer_is_lost, 0.0) is None  # it was under way before RESET
    pair.exchange(pair.writer.receive(begin))
    assert [(record.kind, record.pts) for record in pair.taken[-2:]] == [
        (RecordKind.RESET, 0),
        (RecordKind.PICTURE, 7200),
    ]
    assert pair.writer.may_write
    pair.picture(10_800)


def test_another_decoding_process_goes_on_from_earlier_times() -> None:
    pair = Pair()
    pair.begin()
    pair.picture(7200)
    pair.writer = RecordWriter(generation=2)
    begin = pair.reader.begin(2, 2)
    assert pair.writer.receive(Record(kind=RecordKind.COPIED, generation=1, sequence=1).to_bytes()) is None
    pair.exchange(pair.writer.receive(begin))
    pair.picture(0)
    assert pair.taken[-1].generation == 2


def test_answers_to_others_give_the_memory_to_nobody() -> None:
    pair = Pair()
    pair.begin()
    pair.writer.picture(0, *PICTURE)
    for answer in (
        Record(kind=RecordKind.COPIED, generation=1, sequence=2),
        Record(kind=RecordKind.COPIED, generation=2, sequence=1),
        Record(kind=RecordKind.PICTURE, generation=1, sequence=1),
    ):
        assert pair.writer.receive(answer.to_bytes()) is None
        assert not pair.writer.may_write


def test_only_pictures_that_lie_in_the_planes_are_shown_again() -> None:
    pair = Pair()
    pair.begin()
    pair.exchange(pair.writer.picture(3600, *PICTURE, kept=False))
    pair.begin(2)
    assert pair.taken[-1].kind is RecordKind.RESET


def record(**changes: object) -> bytes:
    fields: dict[str, object] = {
        "kind": RecordKind.PICTURE, "generation": 1, "sequence": 1, "pts": 90, "width": 640, "height": 360, "matrix": 1,
    }  # fmt: skip
    return Record(**fields | changes).to_bytes()  # type: ignore[arg-type]


GARBAGE = {
    "nothing": b"",
    "short": record()[:-1],
    "long": record() + b"\0",
    "another magic number": b"tcp2" + record()[4:],
    "unknown kind": record()[:4] + b"\x09" + record()[5:],
    "an answer": record(kind=RecordKind.COPIED),
    "a second reset": record(kind=RecordKind.RESET),
    "sequence skipped": record(sequence=2),
    "sequence again": record(sequence=0),
    "another generation": record(generation=2),
    "odd width": record(width=641),
    "odd height": record(height=361),
    "no width": record(width=0),
    "too wide": record(width=MAX_DIMENSION + 2),
    "too many samples": record(width=8192, height=8192),
    "unknown matrix": record(matrix=9),
    "aspect without denominator": record()[:12] + struct.pack("<H", 0) + record()[14:],
    "aspect of 0": record()[:10] + struct.pack("<H", 0) + record()[12:],
    "aspect of 5": record()[:10] + struct.pack("<HH", 5, 1) + record()[14:],
    "audio rate": record(kind=RecordKind.AUDIO, width=1024, height=11_025, matrix=0),
    "no audio": record(kind=RecordKind.AUDIO, width=0, height=16_000, matrix=0),
    "audio longer than its place": record(kind=RecordKind.AUDIO, width=1025, height=16_000, matrix=0),
    "audio of two channels": record(kind=RecordKind.AUDIO, width=1024, height=16_000, matrix=2),
}


@pytest.mark.parametrize("garbage", GARBAGE.values(), ids=GARBAGE)
def test_a_record_that_breaks_a_rule_is_the_last(garbage: bytes) -> None:
    pair = Pair()
    pair.begin()
    with pytest.raises(RemoteProtocolError):
        pair.reader.receive(garbage, 0.0)
    assert pair.reader.is_closed
    with pytest.raises(RemoteProtocolError):
        pair.reader.receive(record(), 0.0)
    pair.writer = RecordWriter(generation=2)
    pair.exchange(pair.writer.receive(pair.reader.begin(2, 2)))
    pair.picture(0)


def test_the_record_that_the_garbage_is_made_of_is_taken() -> None:
    pair = Pair()
    pair.begin()
    assert pair.reader.receive(record(), 0.0) is not None


def test_a_record_before_the_answer_is_the_last() -> None:
    pair = Pair()
    pair.begin()
    assert pair.reader.receive(record(), 0.0) is not None
    with pytest.raises(RemoteProtocolError, match="before the answer"):
        pair.reader.receive(record(sequence=2, pts=91), 0.0)


@pytest.mark.parametrize("pts", [90, 89, -(1 << 63)])
def test_a_time_that_is_not_later_is_the_last(pts: int) -> None:
    pair = Pair()
    pair.begin()
    pair.exchange(record())
    with pytest.raises(RemoteProtocolError, match="no later"):
        pair.reader.receive(record(sequence=2, pts=pts), 0.0)


def test_records_before_reset_have_an_end() -> None:
    reader = RecordReader()
    reader.begin(1, 1)
    for _ in range(MAX_STALE):
        assert reader.receive(record(), 0.0) is None
    with pytest.raises(RemoteProtocolError, match="no end"):
        reader.receive(record(), 0.0)


def test_audio_comes_as_fast_as_it_plays() -> None:
    def seconds_taken(spacing_s: float) -> float:
        reader = RecordReader()
        reader.begin(1, 1)
        reader.receive(Record(kind=RecordKind.RESET, generation=1, sequence=1).to_bytes(), 0.0)
        reader.answer()
        taken = 0
        try:
            for number in range(1, 2000):
                audio = record(kind=RecordKind.AUDIO, sequence=number, width=1024, height=16_000, matrix=0)
                reader.receive(audio, number * spacing_s)
                reader.answer()
                taken = number
        except RemoteProtocolError:
            pass
        return taken * 1024 / 16_000

    assert seconds_taken(0.064) == pytest.approx(1999 * 0.064)
    assert seconds_taken(0.064 / 1.2) == pytest.approx(1999 * 0.064)
    assert seconds_taken(0.0) == pytest.approx(4.0, abs=0.1)


@pytest.mark.parametrize(
    "aspect", [Fraction(1), Fraction(4), Fraction(1, 4), Fraction(16, 11), Fraction(64_001, 48_000)]
)
def test_an_aspect_crosses(aspect: Fraction) -> None:
    read = Record.from_bytes(record(aspect=aspect))
    assert abs(read.aspect - aspect) < Fraction(1, 10_000)
    assert len(record(aspect=aspect)) == RECORD_SIZE


# -- memory ------------------------------------------------------------------------------------------------------------


def test_planes_lie_one_behind_the_other() -> None:
    luma, first, second = plan_planes(1366, 768)
    assert (luma.offset, luma.stride, luma.rows) == (0, 1408, 768)
    assert (first.offset, first.stride, first.rows) == (1408 * 768, 704, 384)
    assert (second.offset, second.stride, second.rows, second.end) == (1408 * 768 + 704 * 384, 704, 384, 1_622_016)


def test_every_picture_fits() -> None:
    sides = [2, 62, 64, 66, 1080, 1920, 4320, 4322, 8190, 8192]
    sizes = [(width, height) for width, height in itertools.product(sides, sides) if width * height <= MAX_PIXELS]
    sizes += [(width, MAX_PIXELS // width & ~1) for width in range(4320, 8193, 2)]
    assert max(plan_planes(*size)[-1].end for size in sizes) <= PLANES_SIZE
    assert 8192 * 4320 * 3 // 2 <= PLANES_SIZE <= AUDIO_OFFSET
    assert MAP_OFFSET == AUDIO_OFFSET + 2 * AUDIO_SAMPLES
    assert MEMORY_SIZE == MAP_OFFSET + MAP_SIZE
    assert max(-(-width // 16) * -(-height // 16) for width, height in sizes) <= MAP_SIZE < 150_000
    for width, height in sizes:
        luma, first, second = plan_planes(width, height)
        assert luma.end <= first.offset
        assert first.end <= second.offset
        assert luma.stride >= width
        assert first.stride == second.stride >= width // 2
