"""The service and a worker exchange these messages over a stream socket. The room is sans-IO.

A message is a 32-bit length of the rest, a type byte and a body. A worker's messages are checked as if they came from
the network: a worker may have been taken over by the bytes that it decoded.
"""

import json
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

from transcoder import formats
from transcoder.codecs.nal import MAX_ACCESS_UNIT_SIZE, MAX_NAL_UNITS, Codec, has_start_code, is_allowed, nal_unit_type
from transcoder.codecs.picture_codec import SourceCodec
from transcoder.errors import LimitExceeded, RemoteProtocolError

MAX_MESSAGE_SIZE = MAX_ACCESS_UNIT_SIZE + 65_536
"""Bytes of a message at most: an access unit, its start codes and its header."""
MAX_JSON_SIZE = 16 << 10
"""Bytes of a report at most; the largest is the statistics, with some fifty names and numbers below 4 KiB."""
MAX_TIME_S, MAX_CLOCK_S = 1e6, float(1 << 53)
"""Seconds at most that a picture can have cost (far above any watchdog), and those of the monotonic clock."""
CONCEALED = "concealed"
"""The key, among the errors that a worker reports, of pictures in which its decoder made up missing parts."""

_HEADER = struct.Struct("<IB")
_ACCESS_UNIT = struct.Struct("<BBqd")
_CODED = struct.Struct("<BBBqdfffH")
_REPEAT = struct.Struct("<Bq")
_PROCESS = struct.Struct("<II")
_ANNOUNCE = struct.Struct("<Bqd")


class MessageType(IntEnum):
    """Names the type byte of a message; types below 16 go to the worker."""

    CONFIGURE = 1
    ACCESS_UNIT = 2
    KEYFRAME = 3
    REPEAT = 4
    SNAPSHOT = 5
    AUDIO_FORMAT = 6
    AUDIO = 7
    DECODING_PROCESS = 8
    ANNOUNCE = 9
    UNREAD = 10
    BANNER = 11
    THUMBNAIL = 12
    READY = 16
    FORMAT = 17
    CODED = 18
    STATS = 19
    FAILED = 20
    SNAPSHOT_TAKEN = 21
    AUDIO_OUTPUT = 22
    AUDIO_CODED = 23
    SOURCE_FORMAT = 24
    LINK_BROKEN = 25
    THUMBNAIL_TAKEN = 26


_TYPES = {int(kind): kind for kind in MessageType}

DECODE_ONLY = 1
"""This flag of an access unit tells the worker to decode it for the units that follow and to put nothing out."""
RANDOM_ACCESS = 2
"""This flag of an access unit or coded picture says that decoding may start at it."""
REPEATED = 4
"""This flag marks a coded picture that repeats the last picture, or the slate, while the camera is away."""


@dataclass(slots=True, kw_only=True)
class AccessUnitMessage:
    """Holds an access unit on its way to the decoder.

    Attributes:
        codec: the codec of the camera.
        flags: DECODE_ONLY, RANDOM_ACCESS.
        pts: 90 kHz ticks of the monotonic clock.
        arrival: monotonic seconds at the access unit's last packet; tells how late it is.
        data: an Annex B byte stream, a JPEG file, or MPEG-4 elements.
    """

    codec: SourceCodec
    flags: int
    pts: int
    arrival: float
    data: memoryview


@dataclass(slots=True, kw_only=True)
class CodedMessage:
    """Holds a picture of our encoder.

    Attributes:
        output_number: the output of the stream that the picture belongs to, counted from 0.
        codec: the codec of the output.
        flags: RANDOM_ACCESS, REPEATED.
        pts: 90 kHz ticks, those of the access unit that the picture was made from.
        arrival: monotonic seconds, those of the access unit that the picture was made from.
        decode_s, stages_s, encode_s: processor time spent, seconds.
        nal_units: the NAL units without start codes, allow-listed.
    """

    output_number: int
    codec: Codec
    flags: int
    pts: int
    arrival: float
    decode_s: float
    stages_s: float
    encode_s: float
    nal_units: list[bytes]


def serialize_message(kind: MessageType, body: bytes = b"") -> bytes:
    """Return the wire form of a message."""
    return _HEADER.pack(len(body), kind) + body


def serialize_json(kind: MessageType, value: dict[str, Any]) -> bytes:
    """Return the wire form of a message whose body is JSON."""
    return serialize_message(kind, json.dumps(value).encode())


def parse_json(body: memoryview) -> dict[str, Any]:
    """Read the body of a JSON message.

    Raises:
        RemoteProtocolError: the body is not a JSON object, or too large.
    """
    if len(body) > MAX_JSON_SIZE:
        raise LimitExceeded(f"a worker's report of {len(body)} bytes is over {MAX_JSON_SIZE}")
    try:
        value = json.loads(bytes(body))
    except (ValueError, RecursionError) as error:
        raise RemoteProtocolError(f"a worker's report is no JSON: {error}") from None
    if not isinstance(value, dict):
        raise RemoteProtocolError("a worker's report is no JSON object")
    return value


def serialize_access_unit(codec: SourceCodec, flags: int, pts: int, arrival: float, data: bytes) -> bytes:
    """Return the wire form of an access unit.

    Args:
        codec: the codec of the camera.
        flags: DECODE_ONLY, RANDOM_ACCESS.
        pts: 90 kHz ticks.
        arrival: monotonic seconds.
        data: an Annex B byte stream, a JPEG file, or MPEG-4 elements.
    """
    head = _ACCESS_UNIT.pack(formats.VIDEO.of_codec(codec).number, flags, pts, arrival)
    return b"".join((_HEADER.pack(len(head) + len(data), MessageType.ACCESS_UNIT), head, data))


def parse_access_unit(body: memoryview) -> AccessUnitMessage:
    """Read the body of an access unit message, as our own service wrote it."""
    number, flags, pts, arrival = _ACCESS_UNIT.unpack_from(body)
    return AccessUnitMessage(
        codec=formats.VIDEO.of_number(number).codec,
        flags=flags,
        pts=pts,
        arrival=arrival,
        data=body[_ACCESS_UNIT.size :],
    )


def serialize_coded(
    output_number: int,
    codec: Codec,
    flags: int,
    pts: int,
    arrival: float,
    timings: tuple[float, float, float],
    nal_units: Sequence[bytes],
) -> bytes:
    """Return the wire form of a coded picture: header, sizes, NAL units."""
    head = _CODED.pack(
        output_number, formats.VIDEO.of_codec(codec).number, flags, pts, arrival, *timings, len(nal_units)
    )
    sizes = struct.pack(f"<{len(nal_units)}I", *map(len, nal_units))
    size = len(head) + len(sizes) + sum(map(len, nal_units))
    return b"".join((_HEADER.pack(size, MessageType.CODED), head, sizes, *nal_units))


def parse_coded(body: memoryview, outputs: int) -> CodedMessage:
    """Read the body of a coded picture message.

    Args:
        body: the body of the message.
        outputs: the number of outputs that this worker was told to make.

    Raises:
        RemoteProtocolError: the parts of the body do not add up, or the body holds something that no encoder of ours
            makes.
    """
    if len(body) < _CODED.size:
        raise RemoteProtocolError("a coded picture is cut off")
    output_number, number, flags, pts, arrival, decode_s, stages_s, encode_s, count = _CODED.unpack_from(body)
    check_output_number(output_number, outputs)
    codec = formats.VIDEO.served_codec(number)
    position = _CODED.size + 4 * count
    if flags & ~(RANDOM_ACCESS | REPEATED):
        raise RemoteProtocolError("a coded picture has unknown flags")
    if codec is None or not 0 < count <= MAX_NAL_UNITS or position > len(body):
        raise RemoteProtocolError("a coded picture has an impossible header")
    if not (
        0 <= decode_s <= MAX_TIME_S
        and 0 <= stages_s <= MAX_TIME_S
        and 0 <= encode_s <= MAX_TIME_S
        and 0 <= arrival <= MAX_CLOCK_S
    ):
        raise RemoteProtocolError("a coded picture has impossible times")
    sizes = struct.unpack_from(f"<{count}I", body, _CODED.size)
    nal_units = []
    for size in sizes:
        unit = bytes(body[position : position + size])
        if size < 2 or len(unit) < size:
            raise RemoteProtocolError("a coded picture has an impossible NAL unit")
        if not is_allowed(codec, nal_unit_type(codec, unit)) or has_start_code(unit):
            raise RemoteProtocolError("a coded picture has a NAL unit that is not let through")
        nal_units.append(unit)
        position += size
    if position != len(body):
        raise RemoteProtocolError("a coded picture has bytes left over")
    return CodedMessage(
        output_number=output_number,
        codec=codec,
        flags=flags,
        pts=pts,
        arrival=arrival,
        decode_s=decode_s,
        stages_s=stages_s,
        encode_s=encode_s,
        nal_units=nal_units,
    )


def check_output_number(number: object, outputs: int) -> int:
    """Check and return the number by which a worker names an output.

    Args:
        number: the number in a message or a report.
        outputs: the number of outputs that this worker was told to make.

    Raises:
        RemoteProtocolError: there is no such output.
    """
    if type(number) is not int or not 0 <= number < outputs:
        raise RemoteProtocolError(f"a worker names output {str(number)[:20]} of {outputs}")
    return number


def serialize_output_number(kind: MessageType, output_number: int) -> bytes:
    """Return the wire form of a message that names an output and says no more: KEYFRAME, SNAPSHOT or UNREAD."""
    return serialize_message(kind, bytes((output_number,)))


def serialize_repeat(output_number: int, pts: int) -> bytes:
    """Return the wire form of the request to encode an output's last picture again.

    Args:
        output_number: the number of the output.
        pts: 90 kHz ticks at which the picture is to be shown.
    """
    return serialize_message(MessageType.REPEAT, _REPEAT.pack(output_number, pts))


def parse_output_number(body: memoryview) -> int:
    """Read the output number of a KEYFRAME, UNREAD or SNAPSHOT message, as our own service wrote it."""
    return body[0]


def parse_repeat(body: memoryview) -> tuple[int, int]:
    """Read the output number and the presentation time of a REPEAT message, as our own service wrote it."""
    number, pts = _REPEAT.unpack(body)
    return int(number), int(pts)


def serialize_decoding_process(generation: int, number: int) -> bytes:
    """Return the wire form of the news for an encoding process that a decoding process serves it.

    Args:
        generation: counts the decoding processes of the stream.
        number: another one in each of these messages.
    """
    return serialize_message(MessageType.DECODING_PROCESS, _PROCESS.pack(generation, number))


def parse_decoding_process(body: memoryview) -> tuple[int, int]:
    """Read generation and number of a DECODING_PROCESS message, as our own service wrote it."""
    generation, number = _PROCESS.unpack(body)
    return int(generation), int(number)


def serialize_announcement(flags: int, pts: int, arrival: float) -> bytes:
    """Return the wire form of the news for an encoding process that the decoding one was sent an access unit.

    Args:
        flags: those of the access unit.
        pts: 90 kHz ticks; only a picture of this time is taken from the decoding process.
        arrival: monotonic seconds.
    """
    return serialize_message(MessageType.ANNOUNCE, _ANNOUNCE.pack(flags, pts, arrival))


def parse_announcement(body: memoryview) -> tuple[int, int, float]:
    """Read flags, time and arrival of an ANNOUNCE message, as our own service wrote it."""
    flags, pts, arrival = _ANNOUNCE.unpack(body)
    return int(flags), int(pts), float(arrival)


def serialize_snapshot(output_number: int, jpeg: bytes) -> bytes:
    """Return the wire form of an output's last picture as a JPEG, which is empty where there is no picture."""
    return serialize_message(MessageType.SNAPSHOT_TAKEN, bytes((output_number,)) + jpeg)


def parse_snapshot(body: memoryview, outputs: int) -> tuple[int, bytes]:
    """Read the output number and the JPEG of a SNAPSHOT_TAKEN message; without a picture the JPEG is empty.

    Raises:
        RemoteProtocolError: there is no such output.
    """
    return check_output_number(body[0] if len(body) else None, outputs), bytes(body[1:])


_AUDIO = struct.Struct("<q")
MAX_AUDIO_SIZE = 16 << 10
"""Bytes of an audio unit at most, from the camera or our own."""


def serialize_audio(kind: MessageType, pts: int, data: bytes) -> bytes:
    """Return the wire form of an audio unit, in either direction.

    Args:
        kind: AUDIO or AUDIO_CODED.
        pts: 90 kHz ticks of its first sample.
        data: coded audio.
    """
    return serialize_message(kind, _AUDIO.pack(pts) + data)


def parse_audio(body: memoryview) -> tuple[int, bytes]:
    """Read the presentation time and the data of an audio unit.

    Raises:
        RemoteProtocolError: the body is too short or too large.
    """
    if not _AUDIO.size < len(body) <= _AUDIO.size + MAX_AUDIO_SIZE:
        raise RemoteProtocolError(f"an audio unit of {len(body)} bytes is none")
    return int(_AUDIO.unpack_from(body)[0]), bytes(body[_AUDIO.size :])


class MessageParser:
    """Takes bytes of the socket and gives messages."""

    def __init__(self) -> None:
        self._parts: list[bytes | memoryview] = []
        self._position = 0
        """The position of the next message in the first part: a small one costs no copy of the bytes behind it."""
        self._buffered = 0
        self._need = _HEADER.size

    def receive_data(self, data: bytes | memoryview) -> None:
        """Feed received bytes; call next_message() until it returns None afterwards."""
        self._parts.append(bytes(data))
        self._buffered += len(data)

    def next_message(self) -> tuple[MessageType, memoryview] | None:
        """Return the next message, or None when more data is needed.

        Raises:
            RemoteProtocolError: a message has an unknown type, or is over its limit.
        """
        if self._buffered < self._need:
            return None
        if len(self._parts) > 1:
            self._parts[0] = memoryview(self._parts[0])[self._position :]
            self._parts = [b"".join(self._parts)]
            self._position = 0
        buffer, start = self._parts[0], self._position
        length, kind = _HEADER.unpack_from(buffer, start)
        if length > MAX_MESSAGE_SIZE:
            raise LimitExceeded(f"a message of {length} bytes is over {MAX_MESSAGE_SIZE}")
        size = _HEADER.size + length
        if self._buffered < size:
            self._need = size  # a large message is joined once, when all of it is there
            return None
        self._buffered -= size
        self._need = _HEADER.size
        self._position = start + size
        if not self._buffered:
            self._parts, self._position = [], 0
        known = _TYPES.get(kind)
        if known is None:
            raise RemoteProtocolError(f"a message of unknown type {kind}")
        return known, memoryview(buffer)[start + _HEADER.size : start + size]
