"""What a worker may say, and its nearest neighbours that it may not."""

import json
import struct
from typing import Any

import pytest

from transcoder.codecs.audio_codec import AudioCodec
from transcoder.codecs.nal import Codec
from transcoder.codecs.picture_codec import MAX_DIMENSION
from transcoder.errors import RemoteProtocolError
from transcoder.formats.served_audio import ServedAudio
from transcoder.ipc.messages import CodedMessage, MessageParser, MessageType, serialize_audio, serialize_coded
from transcoder.ipc.thumbnails import Thumbnail
from transcoder.media.jpeg import encode_jpeg
from transcoder.media.picture import OwnPicture
from transcoder.service.worker_reports import (
    MAX_AHEAD_S,
    CodedAudio,
    Failure,
    PictureFormat,
    Ready,
    Snapshot,
    SourceFormat,
    Statistics,
    is_timely,
    parse_report,
)
from transcoder.worker_options import OutputFormat

SPS, PPS, IDR, SEI = b"\x67\x42", b"\x68\xce", b"\x65\x88", b"\x06\x05"
"""H.264 NAL units by their first byte (table 7-1): types 7, 8, 5 and 6."""
STATISTICS = {
    "cpu_s": 1.5,
    "counters": {"decoded_pictures": 25, "shed_pictures": 3},
    "decode_errors": {"concealed": 2},
    "encoder_dropped": {"6 SEI": 1},
    "audio_errors": {},
    "rate_divisor": 2,
    "motion": 0.25,
    "changed_macroblocks": 0.125,
    "conditions": ["dark"],
}
SOURCE_FORMAT = {"codec": "H264", "width": 1280, "height": 720, "pixel_format": "yuvj420p", "interlaced": False}
OUTPUT = {"width": 640, "height": 360, "frame_rate": 12.5, "matrix": 1}


JPEG = parse_report(MessageType.SNAPSHOT_TAKEN, memoryview(b"\0" + encode_jpeg(OwnPicture(64, 48))), 1).jpeg  # type: ignore[union-attr]
"""A snapshot of ours as it was written anew."""


def report(kind: MessageType, value: object, outputs: int = 1) -> Any:
    return parse_report(kind, memoryview(value if isinstance(value, bytes) else json.dumps(value).encode()), outputs)


def body(message: bytes) -> tuple[MessageType, memoryview]:
    parser = MessageParser()
    parser.receive_data(message)
    parsed = parser.next_message()
    assert parsed is not None
    return parsed


def picture(*nal_units: bytes, codec: Codec = Codec.H264, number: int = 0, outputs: int = 1) -> CodedMessage:
    coded = serialize_coded(number, codec, 0, 900_000, 10.0, (0.001, 0.002, 0.003), nal_units)
    message = parse_report(*body(coded), outputs)
    assert isinstance(message, CodedMessage)
    return message


# -- pictures and sound ------------------------------------------------------------------------------------------------


def test_a_nal_unit_that_is_not_let_through_ends_the_worker() -> None:
    with pytest.raises(RemoteProtocolError, match="not let through"):
        picture(SPS, SEI, IDR)


@pytest.mark.parametrize("seconds", [-MAX_AHEAD_S, MAX_AHEAD_S, 1e6])
def test_a_presentation_time_is_near_now(seconds: float) -> None:
    now = 5000.0
    assert is_timely(round(now * 90_000), now)
    assert is_timely(round((now + 0.9 * MAX_AHEAD_S) * 90_000), now)
    assert not is_timely(round((now + seconds) * 90_000), now)


def test_an_audio_unit() -> None:
    assert parse_report(*body(serialize_audio(MessageType.AUDIO_CODED, -5, b"aac")), 1) == CodedAudio(
        pts=-5, data=b"aac"
    )


AAC = {"codec": "aac", "rate": 16_000, "config": "1408"}


def test_an_audio_output() -> None:
    found = report(MessageType.AUDIO_OUTPUT, AAC)
    assert found == ServedAudio(clock_rate=16_000, config=b"\x14\x08")


@pytest.mark.parametrize("rate", [7_999, 48_001, 16_000.0, "16000", None, True])
def test_an_audio_output_of_an_impossible_rate(rate: object) -> None:
    with pytest.raises(RemoteProtocolError, match="audio output is none"):
        report(MessageType.AUDIO_OUTPUT, AAC | {"rate": rate})


@pytest.mark.parametrize("config", [None, 5, "14 0", "zz"])
def test_an_audio_output_of_an_impossible_configuration(config: object) -> None:
    with pytest.raises(RemoteProtocolError, match="a worker's audio"):
        report(MessageType.AUDIO_OUTPUT, AAC | {"config": config})


def test_an_audio_configuration_is_one_of_ours() -> None:
    assert report(MessageType.AUDIO_OUTPUT, AAC | {"rate": 48_000, "config": "118856e500"}).config.hex() == "118856e500"
    for config in ("00" * 5000, "118856e500ff", "1408", "", "1190"):
        with pytest.raises(RemoteProtocolError, match="none of ours"):
            report(MessageType.AUDIO_OUTPUT, AAC | {"rate": 48_000, "config": config})


@pytest.mark.parametrize("codec", [AudioCodec.PCMA, AudioCodec.PCMU])
def test_an_audio_output_of_g711(codec: AudioCodec) -> None:
    fields = {"codec": codec.value, "rate": 8000, "config": ""}
    assert report(MessageType.AUDIO_OUTPUT, fields) == ServedAudio(codec=codec, clock_rate=8000)
    for wrong in ({"rate": 16_000}, {"config": "1408"}, {"codec": "opus"}, {"codec": None}):
        with pytest.raises(RemoteProtocolError, match="audio output is none"):
            report(MessageType.AUDIO_OUTPUT, fields | wrong)


# -- statistics --------------------------------------------------------------------------------------------------------


def test_statistics() -> None:
    assert report(MessageType.STATS, STATISTICS) == Statistics(cpu_s=1.5, decoded_pictures=25, document=STATISTICS)
    assert report(MessageType.STATS, STATISTICS | {"counters": {}}).decoded_pictures == 0


@pytest.mark.parametrize("cpu_s", [-0.1, 1e9, 1, "1.5", None, float("nan"), float("inf")])
def test_statistics_without_a_processor_time(cpu_s: object) -> None:
    with pytest.raises(RemoteProtocolError, match="processor time"):
        report(MessageType.STATS, STATISTICS | {"cpu_s": cpu_s})


@pytest.mark.parametrize("name", ["counters", "decode_errors", "encoder_dropped", "audio_errors"])
@pytest.mark.parametrize("counts", [None, [], {"a": 1.5}, {"a": "1"}, {"a": None}, {"a": True}, {"a": {}}])
def test_statistics_count_in_whole_numbers(name: str, counts: object) -> None:
    with pytest.raises(RemoteProtocolError, match=name):
        report(MessageType.STATS, STATISTICS | {name: counts})


@pytest.mark.parametrize("text", [b"", b"[]", b"{", b"\xff", b"7", b"[" * 5000])
def test_reports_are_json_objects(text: bytes) -> None:
    for kind in (
        MessageType.STATS,
        MessageType.FORMAT,
        MessageType.SOURCE_FORMAT,
        MessageType.AUDIO_OUTPUT,
        MessageType.FAILED,
    ):
        with pytest.raises(RemoteProtocolError, match="no JSON"):
            report(kind, text)


# -- formats -----------------------------------------------------------------------------------------------------------


def test_a_source_format() -> None:
    assert report(MessageType.SOURCE_FORMAT, SOURCE_FORMAT) == SourceFormat(document=SOURCE_FORMAT)


def test_a_source_format_of_samples_that_are_not_square() -> None:
    wide = SOURCE_FORMAT | {"sample_aspect": 16 / 11}
    assert report(MessageType.SOURCE_FORMAT, wide) == SourceFormat(document=wide)


def test_a_format() -> None:
    found = report(MessageType.FORMAT, {"output_number": 1, "output": OUTPUT, "slate": False}, outputs=2)
    expected = OutputFormat(width=640, height=360, frame_rate=12.5, matrix=1)
    assert found == PictureFormat(output_number=1, output=expected, is_slate=False)


def test_a_format_of_a_slate() -> None:
    assert report(MessageType.FORMAT, {"output_number": 0, "output": OUTPUT, "slate": True}).is_slate


@pytest.mark.parametrize("output", [None, [], "640x360"])
def test_a_format_without_an_output(output: object) -> None:
    with pytest.raises(RemoteProtocolError, match="lacks the output's"):
        report(MessageType.FORMAT, {"output_number": 0, "output": output})


@pytest.mark.parametrize("number", [None, -1, 1, "0", True, 0.0])
def test_an_output_that_there_is_not(number: Any) -> None:
    with pytest.raises(RemoteProtocolError, match="names output"):
        report(MessageType.FORMAT, {"output_number": number, "output": OUTPUT})


def test_pictures_and_snapshots_of_an_output_that_there_is_not() -> None:
    assert picture(SPS, PPS, IDR, number=1, outputs=2).output_number == 1
    for outputs in (0, 1):
        with pytest.raises(RemoteProtocolError, match="names output 1"):
            picture(SPS, PPS, IDR, number=1, outputs=outputs)
    for text in (b"", b"\1\xff\xd8"):
        with pytest.raises(RemoteProtocolError, match="names output"):
            report(MessageType.SNAPSHOT_TAKEN, text)


def test_a_thumbnail_is_written_anew_and_has_a_version() -> None:
    head = struct.pack("<BHI", 1, 320, 99)
    hidden = JPEG[:2] + b"\xff\xfe\x00\x08secret" + JPEG[2:] + b"behind the end"
    found = report(MessageType.THUMBNAIL_TAKEN, head + hidden, outputs=2)
    assert found == Thumbnail(output_number=1, width=320, version=99, jpeg=JPEG)
    same = report(MessageType.THUMBNAIL_TAKEN, head, outputs=2)
    assert same == Thumbnail(output_number=1, width=320, version=99, jpeg=b"")
    with pytest.raises(RemoteProtocolError, match="names output 1 of 1"):
        report(MessageType.THUMBNAIL_TAKEN, head + JPEG)
    with pytest.raises(RemoteProtocolError, match="is no JPEG"):
        report(MessageType.THUMBNAIL_TAKEN, head + b"GIF89a", outputs=2)


NO_NUMBERS: list[object] = [None, "640", -1, 1 << 31, float("nan"), float("inf"), []]


@pytest.mark.parametrize(
    ("name", "value"),
    [(name, value) for name in OUTPUT for value in NO_NUMBERS]
    + [("width", 0), ("width", MAX_DIMENSION + 2), ("height", 0), ("height", MAX_DIMENSION + 2)]
    + [("frame_rate", 0), ("frame_rate", 240.5), ("matrix", 256)],
)  # fmt: skip
def test_a_format_out_of_bounds(name: str, value: object) -> None:
    with pytest.raises(RemoteProtocolError, match="output format is"):
        report(MessageType.FORMAT, {"output_number": 0, "output": OUTPUT | {name: value}})


# -- the rest ----------------------------------------------------------------------------------------------------------


def test_a_failure_is_one_bounded_text() -> None:
    reason = "the H264 encoder failed: [Errno 22] Invalid argument"
    found = report(MessageType.FAILED, {"reason": reason, "fatal": False})
    assert found == Failure(reason=reason, problem="the H264 encoder failed")
    assert len(report(MessageType.FAILED, {"reason": "x" * 5000}).reason) == 300
    assert report(MessageType.FAILED, {}).reason == ""
    assert report(MessageType.FAILED, {"reason": 7}).reason == ""


def test_a_snapshot_and_a_worker_that_is_ready() -> None:
    assert report(MessageType.SNAPSHOT_TAKEN, b"\0" + JPEG) == Snapshot(output_number=0, jpeg=JPEG)
    assert report(MessageType.SNAPSHOT_TAKEN, b"\0").jpeg == b""
    assert report(MessageType.READY, b"") == Ready()


@pytest.mark.parametrize("kind", [kind for kind in MessageType if kind < 16])
def test_what_only_the_service_sends(kind: MessageType) -> None:
    with pytest.raises(RemoteProtocolError, match=f"does not send {kind.name}"):
        report(kind, b"{}")
