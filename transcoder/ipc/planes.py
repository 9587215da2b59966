"""The decoding and the encoding process of a stream exchange records about pictures that lie in memory they share.

A record has a fixed length and goes over a SOCK_SEQPACKET socket, one record a message. The decoding process may have
been taken over by the bytes that it decoded, so the encoding process is strict: a record that breaks a rule ends the
exchange until there is another decoding process. One record is outstanding: the decoding process writes to the shared
memory only after the answer to the record before. Sans-IO.

    encoding process                decoding process
         | BEGIN generation, number        |    after it was told of a decoding process, or started itself
         |-------------------------------->|
         |          RESET the same numbers |    what came before this record is stale
         |<--------------------------------|
         | COPIED number                   |
         |-------------------------------->|
         |  PICTURE sequence 1, pts, size  |    again for a picture that lies in the planes, if there is one
         |<--------------------------------|
         | COPIED 1                        |
         |-------------------------------->|
"""

import struct
from dataclasses import dataclass, replace
from enum import IntEnum
from fractions import Fraction
from typing import Final

from transcoder.codecs.audio_codec import AAC_SAMPLES, RATES, samples_at
from transcoder.codecs.picture_codec import MAX_DIMENSION, MAX_PIXELS, is_sane_size
from transcoder.errors import RemoteProtocolError

MAGIC: Final = b"tcp1"
_RECORD: Final = struct.Struct("<4sBBHHHHIIqq")
RECORD_SIZE: Final = _RECORD.size
MATRICES: Final = frozenset({1, 2, 5, 6})
"""The values of matrix_coefficients that a decoder of ours tells: BT.709, unspecified, the two for BT.601."""
AUDIO_SAMPLES: Final = AAC_SAMPLES
"""Samples of a record at most. A record holds what the encoder takes at once, and has one channel."""
AUDIO_BURST_S: Final = 4.0
"""Seconds of audio that may come at once, as after a service that was stopped for a while."""
AUDIO_PACE: Final = 1.25
"""Times its own rate at which audio may come on average."""
MAX_STALE: Final = 8
"""Records that may come before RESET: an honest process has one under way."""
_ALIGNMENT: Final = 64
_MAX_SEQUENCE: Final = (1 << 32) - 1
_MAX_ASPECT: Final = 4
"""The ratio of a sample's width to its height, at most, and its reciprocal at least (transcoder.media.geometry)."""
_MAX_DENOMINATOR: Final = 16_383
"""So the numerator of a ratio of 4 fits into its field."""


class RecordKind(IntEnum):
    """Names the kind of a record; kinds from 16 on are those of the encoding process."""

    RESET = 1
    PICTURE = 2
    AUDIO = 3
    BEGIN = 16
    COPIED = 17


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """Holds what one process tells the other; fields that a kind has no use for are 0.

    Attributes:
        kind: the kind of the record.
        generation: counts the decoding processes of a stream; the service gives it.
        sequence: counts the records since RESET; in BEGIN and RESET the number that the service gave.
        pts: 90 kHz ticks.
        cause: the time of the access unit whose decoding completed the picture; where pictures are reordered it is
            not the picture's own.
        width, height: luma samples, both even; of audio the number of samples and the samples a second.
        matrix: matrix_coefficients.
        aspect: the ratio of a sample's width to its height.
    """

    kind: RecordKind
    generation: int
    sequence: int
    pts: int = 0
    cause: int = 0
    width: int = 0
    height: int = 0
    matrix: int = 0
    aspect: Fraction = Fraction(1)

    def to_bytes(self) -> bytes:
        """Return the wire form."""
        aspect = self.aspect.limit_denominator(_MAX_DENOMINATOR)
        return _RECORD.pack(
            MAGIC, self.kind, self.matrix, self.width, self.height, aspect.numerator, aspect.denominator,
            self.generation, self.sequence, self.pts, self.cause,
        )  # fmt: skip

    @classmethod
    def from_bytes(cls, data: bytes) -> "Record":
        """Read the wire form.

        Raises:
            RemoteProtocolError: the data is no record.
        """
        if len(data) != RECORD_SIZE:
            raise RemoteProtocolError("a record of another length")
        magic, kind, matrix, width, height, numerator, denominator, generation, sequence, pts, cause = _RECORD.unpack(
            data
        )
        if magic != MAGIC:
            raise RemoteProtocolError("a record without the magic number")
        if not denominator or not denominator <= _MAX_ASPECT * numerator or not numerator <= _MAX_ASPECT * denominator:
            raise RemoteProtocolError("a record with an impossible aspect")
        try:
            known = RecordKind(kind)
        except ValueError:
            raise RemoteProtocolError("a record of an unknown kind") from None
        return cls(
            kind=known,
            generation=generation,
            sequence=sequence,
            pts=pts,
            cause=cause,
            width=width,
            height=height,
            matrix=matrix,
            aspect=Fraction(numerator, denominator),
        )


# -- memory ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class PlanePlan:
    """Says where a plane lies in the shared memory: rows of `stride` bytes from `offset` on."""

    offset: int
    stride: int
    rows: int

    @property
    def end(self) -> int:
        """Return the offset of the first byte behind the plane."""
        return self.offset + self.stride * self.rows


def plan_planes(width: int, height: int) -> tuple[PlanePlan, PlanePlan, PlanePlan]:
    """Return the places of the three planes of an 8-bit 4:2:0 picture, one behind the other.

    Args:
        width: luma samples of a row, even.
        height: rows of luma samples, even.
    """
    luma = PlanePlan(0, _aligned(width), height)
    first = PlanePlan(luma.end, _aligned(width // 2), height // 2)
    return luma, first, PlanePlan(first.end, first.stride, first.rows)


def _aligned(size: int) -> int:
    return -(-size // _ALIGNMENT) * _ALIGNMENT


PLANES_SIZE: Final = MAX_PIXELS * 3 // 2 + 2 * _ALIGNMENT * MAX_DIMENSION
"""Bytes for the planes of any picture; the padding adds less than _ALIGNMENT to a row of luma, and to one of each
chroma plane, of which there are half as many."""
AUDIO_OFFSET: Final = -(-PLANES_SIZE // 4096) * 4096
"""The place of audio samples, 16 bits each, little endian, behind the planes."""
MAP_OFFSET: Final = AUDIO_OFFSET + 2 * AUDIO_SAMPLES
"""The place of the map of changed macroblocks, a byte each, behind the samples."""
MACROBLOCK: Final = 16
"""Samples of a macroblock's side."""
UNKNOWN: Final = 2
"""The mark of macroblocks that may have changed, of which nobody knows: the first picture is no change of scene."""
MAP_SIZE: Final = MAX_PIXELS // MACROBLOCK**2 + 2 * MAX_DIMENSION // MACROBLOCK + 1
"""Bytes for the map of any picture: whole macroblocks, and those that its right and lower edge cut."""
MEMORY_SIZE: Final = MAP_OFFSET + MAP_SIZE
"""Bytes of the shared memory; only pages that were written take any memory."""


# -- the two ends ------------------------------------------------------------------------------------------------------


class RecordWriter:
    """Is the decoding process's end: it says when the planes may be written, and makes the records.

    Args:
        generation: counts the decoding processes of the stream.
    """

    def __init__(self, generation: int) -> None:
        self._generation = generation
        self._sequence = 0
        self._outstanding: int | None = None
        self._is_open = False
        self._picture: Record | None = None

    @property
    def may_write(self) -> bool:
        """Return whether the memory belongs to this process now."""
        return self._is_open and self._outstanding is None

    def receive(self, data: bytes) -> bytes | None:
        """Take an answer; return the record that follows from it.

        Raises:
            RemoteProtocolError: the data is no record.
        """
        answer = Record.from_bytes(data)
        if answer.generation != self._generation:
            return None  # for a process before this one
        if answer.kind is RecordKind.BEGIN:
            self._is_open = False
            self._outstanding = self._sequence = answer.sequence
            return self._next(RecordKind.RESET)
        if answer.kind is not RecordKind.COPIED or answer.sequence != self._outstanding:
            return None
        self._outstanding = None
        if self._is_open:
            return None
        self._is_open, self._sequence = True, 0
        if self._picture is None:
            return None
        return self._numbered(self._picture)

    def picture(
        self,
        pts: int,
        width: int,
        height: int,
        matrix: int,
        aspect: Fraction,
        *,
        cause: int | None = None,
        kept: bool = True,
    ) -> bytes:
        """Return the record of a picture that was written into the planes.

        Args:
            pts: presentation time, 90 kHz ticks.
            width: luma samples of a row, even.
            height: rows, even.
            matrix: matrix_coefficients.
            aspect: the ratio of a sample's width to its height.
            cause: the time of the access unit whose decoding completed the picture; None: the picture's own.
            kept: whether the picture lies in the planes, where another encoding process finds it.
        """
        picture = Record(
            kind=RecordKind.PICTURE,
            generation=self._generation,
            sequence=0,
            pts=pts,
            cause=pts if cause is None else cause,
            width=width,
            height=height,
            matrix=matrix,
            aspect=aspect,
        )
        if kept:
            self._picture = picture
        return self._numbered(picture)

    def audio(self, pts: int, rate: int) -> bytes:
        """Return the record of the samples that were written behind the planes: as many as a frame of the rate has."""
        return self._next(RecordKind.AUDIO, pts, samples_at(rate), rate)

    def _next(self, kind: RecordKind, pts: int = 0, width: int = 0, height: int = 0) -> bytes:
        record = Record(
            kind=kind, generation=self._generation, sequence=self._sequence, pts=pts, width=width, height=height
        )
        if kind is RecordKind.RESET:
            return record.to_bytes()  # it has the number of BEGIN, and so has its answer
        return self._numbered(record)

    def _numbered(self, record: Record) -> bytes:
        self._sequence += 1
        self._outstanding = self._sequence
        return replace(record, sequence=self._sequence).to_bytes()


class RecordReader:
    """Is the encoding process's end: it checks every record, and is closed by the first that breaks a rule."""

    def __init__(self) -> None:
        self._generation = 0
        self._number: int | None = None
        """The number that RESET has to name; None: there was RESET."""
        self._is_closed = True
        self._stale = 0
        self._sequence = 0
        self._outstanding: Record | None = None
        self._last_pts: int | None = None
        self._audio_since = self._audio_s = 0.0

    @property
    def generation(self) -> int:
        """Return which decoding process's records are taken."""
        return self._generation

    @property
    def is_closed(self) -> bool:
        """Return whether no record is taken until begin()."""
        return self._is_closed

    def begin(self, generation: int, number: int) -> bytes:
        """Expect RESET of a decoding process; return the record that asks for it.

        Args:
            generation: counts the decoding processes of the stream.
            number: another one each time.
        """
        self._generation, self._number = generation, number
        self._is_closed, self._outstanding, self._last_pts = False, None, None
        self._stale = self._sequence = 0
        return Record(kind=RecordKind.BEGIN, generation=generation, sequence=number).to_bytes()

    def close(self) -> None:
        """Take no record until begin()."""
        self._is_closed = True

    def receive(self, data: bytes, now: float) -> Record | None:
        """Return a record that came; None for one that was under way before RESET.

        Args:
            data: one message of the socket.
            now: monotonic seconds.

        Raises:
            RemoteProtocolError: a rule is broken; the reader is closed.
        """
        try:
            return self._receive(data, now)
        except RemoteProtocolError:
            self._is_closed = True
            raise

    def answer(self) -> bytes:
        """Return the answer to the outstanding record: the memory was copied."""
        sequence = self._outstanding.sequence if self._outstanding is not None else 0
        self._outstanding = None
        return Record(kind=RecordKind.COPIED, generation=self._generation, sequence=sequence).to_bytes()

    def _receive(self, data: bytes, now: float) -> Record | None:
        if self._is_closed or self._outstanding is not None:
            raise RemoteProtocolError("a record before the answer to the last one")
        record = Record.from_bytes(data)
        if self._number is not None:
            is_reset = record.kind is RecordKind.RESET
            if not is_reset or (record.generation, record.sequence) != (self._generation, self._number):
                self._stale += 1
                if self._stale > MAX_STALE:
                    raise RemoteProtocolError("no end of records before RESET")
                return None
            self._number = None
        elif record.generation != self._generation or record.sequence != self._sequence + 1:
            raise RemoteProtocolError("a record out of sequence")
        elif record.kind is RecordKind.PICTURE:
            self._check_picture(record)
            self._sequence = record.sequence
        elif record.kind is RecordKind.AUDIO:
            self._check_audio(record, now)
            self._sequence = record.sequence
        else:
            raise RemoteProtocolError("a record of a kind that does not come now")
        self._outstanding = record
        return record

    def _check_picture(self, record: Record) -> None:
        if record.width % 2 or record.height % 2 or not is_sane_size(record.width, record.height):
            raise RemoteProtocolError("a picture of an impossible size")
        if record.matrix not in MATRICES:
            raise RemoteProtocolError("a picture with an unknown matrix")
        if self._last_pts is not None and record.pts <= self._last_pts:
            raise RemoteProtocolError("a picture that is no later than the last one")
        self._last_pts = record.pts

    def _check_audio(self, record: Record, now: float) -> None:
        if record.height not in RATES or record.width != samples_at(record.height) or record.matrix:
            raise RemoteProtocolError("audio of an impossible form")
        self._audio_s = max(self._audio_s - AUDIO_PACE * (now - self._audio_since), 0.0) + record.width / record.height
        self._audio_since = now
        if self._audio_s > AUDIO_BURST_S:
            raise RemoteProtocolError("more audio than there is time")
