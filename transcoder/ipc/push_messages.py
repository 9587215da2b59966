"""The messages between the service and a process that muxes one output and sends it to one target.

The service sends records: the head, then coded units. The process answers with lines: that it sends, that a unit left,
or why it ends. Both sides bound what they take.
"""

import json
import struct
from dataclasses import asdict, dataclass, field
from enum import IntEnum
from typing import Any, Final

from transcoder.codecs.nal import Codec
from transcoder.errors import LimitExceeded, RemoteProtocolError

MAX_RECORD: Final = 16 << 20
"""Bytes of a record at most: an IDR of 8K takes less."""
MAX_LINE: Final = 512
"""Bytes of a line at most."""
SENDS: Final = "sends"
"""The line that says that the target takes the stream."""
LEFT: Final = "+"
"""The line that says that one more unit was handed to the network."""
_PROBLEM: Final = "problem "
_HEADER: Final = struct.Struct("!IBBq")
"""Length of the body, kind, flags, presentation time in ticks of 90 kHz."""
_RANDOM_ACCESS: Final = 1


class PushKind(IntEnum):
    """Names the kind of a record."""

    HEAD = 0
    VIDEO = 1
    AUDIO = 2


_KINDS: Final = frozenset(int(kind) for kind in PushKind)


@dataclass(frozen=True, slots=True, kw_only=True)
class PushHead:
    """Says what is sent, and where to; the first record.

    Attributes:
        container: "flv" over RTMP, or "mpegts" over UDP.
        codec: the codec of the video.
        parameter_sets: SPS and PPS (H.264) or VPS, SPS and PPS (H.265).
        audio_rate: the samples a second of AAC-LC, one channel; 0: there is no audio.
        url: the RTMP URL with an address in the place of a name; "" for UDP.
        port: the TCP port that the process connects to; 0: it connects to none, its socket is given.
        is_required: whether nothing may be sent where a measure of the sandbox is missing.
    """

    container: str
    codec: Codec
    parameter_sets: tuple[bytes, ...]
    audio_rate: int = 0
    url: str = field(default="", repr=False)
    port: int = 0
    is_required: bool = False

    def serialize(self) -> bytes:
        """Return the record."""
        sets = [unit.hex() for unit in self.parameter_sets]
        body = json.dumps(asdict(self) | {"codec": self.codec.value, "parameter_sets": sets}).encode()
        return _HEADER.pack(len(body), PushKind.HEAD, 0, 0) + body

    @classmethod
    def parse(cls, body: bytes) -> "PushHead":
        """Read the body that serialize() of the same version made."""
        fields: dict[str, Any] = json.loads(body)
        sets = tuple(bytes.fromhex(text) for text in fields["parameter_sets"])
        return cls(**fields | {"codec": Codec(fields["codec"]), "parameter_sets": sets})


@dataclass(frozen=True, slots=True, kw_only=True)
class PushUnit:
    """Holds a record: the head's body, an access unit in Annex B, or an AAC frame.

    Attributes:
        pts: the presentation time, 90 kHz ticks from the begin of the push.
        random_access: whether the access unit is an IDR with its parameter sets.
    """

    kind: PushKind
    body: bytes
    pts: int = 0
    random_access: bool = False

    def serialize(self) -> bytes:
        """Return the record."""
        flags = _RANDOM_ACCESS if self.random_access else 0
        return _HEADER.pack(len(self.body), self.kind, flags, self.pts) + self.body


class PushParser:
    """Takes the bytes of the service and gives records."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def receive_data(self, data: bytes) -> None:
        """Feed received bytes."""
        self._buffer += data

    def next_unit(self) -> PushUnit | None:
        """Return the next record, or None when more data is needed.

        Raises:
            LimitExceeded: a record is too large.
            RemoteProtocolError: a record is of no kind that there is.
        """
        if len(self._buffer) < _HEADER.size:
            return None
        length, kind, flags, pts = _HEADER.unpack_from(self._buffer)
        if length > MAX_RECORD:
            raise LimitExceeded(f"a record of {length} bytes is over {MAX_RECORD}")
        if kind not in _KINDS:
            raise RemoteProtocolError("a record is of no kind that there is")
        end = _HEADER.size + length
        if len(self._buffer) < end:
            return None
        body = bytes(memoryview(self._buffer)[_HEADER.size : end])
        del self._buffer[:end]
        return PushUnit(kind=PushKind(kind), body=body, pts=pts, random_access=bool(flags & _RANDOM_ACCESS))


def problem_line(words: str) -> bytes:
    """Return the line that says why a process ends."""
    return (_PROBLEM + words.replace("\n", " ")[: MAX_LINE // 4] + "\n").encode()


def problem_of(line: str) -> str | None:
    """Return the words of a line that says why a process ends, None of another line."""
    return line.removeprefix(_PROBLEM) if line.startswith(_PROBLEM) else None


class LineParser:
    """Takes the bytes of a process and gives its lines."""

    def __init__(self) -> None:
        self._buffer = b""

    def receive_data(self, data: bytes) -> list[str]:
        """Feed received bytes; return the lines that are complete.

        Raises:
            LimitExceeded: a line is too long.
        """
        *lines, self._buffer = (self._buffer + data).split(b"\n")
        if any(len(line) > MAX_LINE for line in (*lines, self._buffer)):
            raise LimitExceeded(f"a line is over {MAX_LINE} bytes")
        return [line.decode("utf-8", "replace") for line in lines]
