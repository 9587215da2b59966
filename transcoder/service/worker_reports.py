"""Messages of a worker are checked as if they came from the network: a worker may have been taken over. Sans-IO."""

from dataclasses import dataclass, replace
from typing import Any

from transcoder.clock import VIDEO_CLOCK_RATE
from transcoder.codecs.audio_codec import G711_RATE, AudioCodec
from transcoder.codecs.jpeg import JpegHeader, entropy_data, read_segments, serialize_jpeg
from transcoder.codecs.picture_codec import is_sane_size
from transcoder.errors import BitstreamError, RemoteProtocolError
from transcoder.formats.served_audio import ServedAudio
from transcoder.ipc.messages import (
    CodedMessage,
    MessageType,
    check_output_number,
    parse_audio,
    parse_coded,
    parse_json,
    parse_snapshot,
)
from transcoder.ipc.thumbnails import Thumbnail, parse_thumbnail
from transcoder.service.worker_words import (
    check_number,
    check_source_format,
    check_statistics,
    problem_of,
    shown_reason,
)
from transcoder.worker_options import OutputFormat, Role

MAX_AHEAD_S = 10.0
"""Seconds between now and a presentation time of ours, at most."""
MAX_FRAME_RATE = 240
MAX_GENERATION = (1 << 32) - 1
"""The largest generation of a decoding process: a record has 32 bits for it."""
MAX_MATRIX = 255
"""The largest matrix_coefficients, an u(8) (H.273 section 8.3)."""
AUDIO_CONFIGS = {
    rate: tuple(bytes.fromhex(first + rest) for rest in ("", "56e500"))
    for rate, first in ((16_000, "1408"), (24_000, "1308"), (32_000, "1288"), (44_100, "1208"), (48_000, "1188"))
}
"""Samples a second and AudioSpecificConfigs of our AAC-LC, one channel; FFmpeg adds that there is no SBR."""
_CODECS = {codec.value: codec for codec in AudioCodec}


@dataclass(frozen=True, slots=True, kw_only=True)
class CodedAudio:
    """Holds an audio unit of the worker's encoder.

    Attributes:
        pts: presentation time of the unit's first sample, 90 kHz ticks.
        data: an AAC frame.
    """

    pts: int
    data: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Statistics:
    """Holds the worker's regular report, which is also the worker's sign of life.

    Attributes:
        cpu_s: processor time of the worker so far, seconds.
        decoded_pictures: how many pictures the worker has decoded so far.
        document: the whole report, for the status.
    """

    cpu_s: float
    decoded_pictures: int
    document: dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceFormat:
    """Describes the camera's pictures as the worker decodes them.

    Attributes:
        document: the whole report, for the status.
    """

    document: dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class PictureFormat:
    """Holds the format of the pictures of one output.

    Attributes:
        output_number: which of the stream's outputs has this format, counted from 0.
        output: the format.
        is_slate: whether the format is a slate's, which is given up for the camera's format.
    """

    output_number: int
    output: OutputFormat
    is_slate: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """The worker could not do something.

    Attributes:
        reason: the worker's words in one printable line, for the log alone.
        problem: words of ours that tell the same, for documents.
    """

    reason: str
    problem: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """Holds the last picture of one output.

    Attributes:
        output_number: which of the stream's outputs shows the picture, counted from 0.
        jpeg: a JPEG file, or nothing where there is no picture yet.
    """

    output_number: int
    jpeg: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkBroken:
    """The encoding process tells that the decoding process broke a rule of the memory that they share.

    Attributes:
        reason: the rule, in one printable line.
        generation: tells which decoding process it was.
    """

    reason: str
    generation: int


@dataclass(frozen=True, slots=True)
class Ready:
    """The worker is in its sandbox and waits for pictures."""


Report = (
    CodedMessage
    | CodedAudio
    | ServedAudio
    | Statistics
    | SourceFormat
    | PictureFormat
    | Failure
    | Snapshot
    | Thumbnail
    | LinkBroken
    | Ready
)

_BY_DECODING = frozenset({MessageType.READY, MessageType.STATS, MessageType.SOURCE_FORMAT, MessageType.FAILED})
_BY_ENCODING = frozenset(kind for kind in MessageType if kind >= MessageType.READY) - {MessageType.SOURCE_FORMAT}
MAY_SEND = {
    Role.WHOLE: (_BY_DECODING | _BY_ENCODING) - {MessageType.LINK_BROKEN},
    Role.DECODING: _BY_DECODING,
    Role.ENCODING: _BY_ENCODING,
}
"""The messages of each role: nothing that a decoding process sends is handed on to readers."""


def parse_report(kind: MessageType, body: memoryview, outputs: int, role: Role = Role.WHOLE) -> Report:
    """Read a worker's message.

    Args:
        kind: the type of the message.
        body: the rest of the message.
        outputs: how many outputs the worker was told to make.
        role: the role of the worker's process.

    Raises:
        RemoteProtocolError: no worker of ours sends this.
    """
    if kind not in MAY_SEND[role]:
        raise RemoteProtocolError(f"a worker does not send {kind.name}")
    if kind is MessageType.CODED:
        return parse_coded(body, outputs)
    if kind is MessageType.AUDIO_CODED:
        pts, data = parse_audio(body)
        return CodedAudio(pts=pts, data=data)
    if kind is MessageType.STATS:
        return _statistics(parse_json(body))
    if kind is MessageType.FORMAT:
        return _picture_format(parse_json(body), outputs)
    if kind is MessageType.SOURCE_FORMAT:
        return SourceFormat(document=check_source_format(parse_json(body)))
    if kind is MessageType.AUDIO_OUTPUT:
        return _audio_output(parse_json(body))
    if kind is MessageType.FAILED:
        reason = shown_reason(parse_json(body).get("reason"))
        return Failure(reason=reason, problem=problem_of(reason))
    if kind is MessageType.SNAPSHOT_TAKEN:
        number, jpeg = parse_snapshot(body, outputs)
        return Snapshot(output_number=number, jpeg=_own_jpeg(jpeg))
    if kind is MessageType.THUMBNAIL_TAKEN:
        taken = parse_thumbnail(body, outputs)
        return replace(taken, jpeg=_own_jpeg(taken.jpeg))
    if kind is MessageType.LINK_BROKEN:
        report = parse_json(body)
        generation = check_number(report.get("generation"), 0, MAX_GENERATION, what="generation")
        return LinkBroken(reason=shown_reason(report.get("reason")), generation=int(generation))
    return Ready()


def is_timely(pts: int, now: float) -> bool:
    """Return whether a presentation time is near enough to now to be one of ours."""
    return abs(pts / VIDEO_CLOCK_RATE - now) < MAX_AHEAD_S


def _statistics(report: dict[str, Any]) -> Statistics:
    document = check_statistics(report)
    decoded = document["counters"].get("decoded_pictures", 0)
    return Statistics(cpu_s=document["cpu_s"], decoded_pictures=decoded, document=document)


def _picture_format(report: dict[str, Any], outputs: int) -> PictureFormat:
    number = check_output_number(report.get("output_number"), outputs)
    output, slate = report.get("output"), report.get("slate", False)
    if not isinstance(output, dict):
        raise RemoteProtocolError("a worker's format lacks the output's")
    if not isinstance(slate, bool):
        raise RemoteProtocolError("a worker's format does not tell whether it is a slate's")
    return PictureFormat(output_number=number, output=_output_format(output), is_slate=slate)


def _output_format(output: dict[str, Any]) -> OutputFormat:
    width, height, matrix = output.get("width"), output.get("height"), output.get("matrix")
    if type(width) is not int or type(height) is not int or type(matrix) is not int:
        raise RemoteProtocolError("a worker's output format is none")
    rate = check_number(output.get("frame_rate"), 0, MAX_FRAME_RATE, what="output format is none: its frame rate")
    if not is_sane_size(width, height) or rate == 0 or not 0 <= matrix <= MAX_MATRIX:
        raise RemoteProtocolError("a worker's output format is out of bounds")
    return OutputFormat(width=width, height=height, frame_rate=rate, matrix=matrix)


def _own_jpeg(data: bytes) -> bytes:
    """Return a JPEG written anew from the numbers of a worker's: no APPn, no comment, nothing behind its end."""
    if not data:
        return b""
    try:
        header, position = read_segments(data, JpegHeader(), _leave_out)
        return serialize_jpeg(header, entropy_data(data[position:], _leave_out))
    except (BitstreamError, IndexError, ValueError) as error:
        raise RemoteProtocolError(f"a worker's snapshot is no JPEG: {error}") from None


def _leave_out(kind: str, data: bytes) -> None:
    """Leave out a segment that no decoder needs."""


def _audio_output(report: dict[str, Any]) -> ServedAudio:
    rate, config, codec = report.get("rate"), report.get("config"), _CODECS.get(str(report.get("codec")))
    if type(rate) is not int or codec is None or not isinstance(config, str):
        raise RemoteProtocolError("a worker's audio output is none")
    known = AUDIO_CONFIGS.get(rate, ()) if codec is AudioCodec.AAC else (b"",) if rate == G711_RATE else ()
    own = next((each for each in known if each.hex() == config), None)
    if own is None:
        raise RemoteProtocolError("a worker's audio output is none of ours")
    return ServedAudio(codec=codec, clock_rate=rate, config=own)
