"""Messages between service and worker: round trips, cuts, and a worker that lies."""

import contextlib
import json
import math
import struct
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.examples import examples
from transcoder.codecs.nal import MAX_NAL_UNITS, Codec
from transcoder.errors import LimitExceeded, RemoteProtocolError
from transcoder.ipc.messages import (
    MAX_AUDIO_SIZE,
    MAX_JSON_SIZE,
    MAX_MESSAGE_SIZE,
    RANDOM_ACCESS,
    REPEATED,
    MessageParser,
    MessageType,
    check_output_number,
    parse_access_unit,
    parse_audio,
    parse_coded,
    parse_json,
    parse_output_number,
    parse_repeat,
    parse_snapshot,
    serialize_access_unit,
    serialize_audio,
    serialize_coded,
    serialize_json,
    serialize_message,
    serialize_output_number,
    serialize_repeat,
    serialize_snapshot,
)

UNITS = [b"\x67\x4d\x40\x1f", b"\x68\xee\x3c\x80", b"\x65\x88" + b"\x55" * 3000]


def read(data: bytes, step: int = 0) -> list[tuple[MessageType, bytes]]:
    parser = MessageParser()
    found = []
    for at in range(0, len(data), step or max(len(data), 1)):
        parser.receive_data(data[at : at + step] if step else data)
        while (message := parser.next_message()) is not None:
            found.append((message[0], bytes(message[1])))
    return found


def body_of(message: bytes) -> memoryview:
    return memoryview(message)[5:]


def test_wire_form() -> None:
    # 32-bit length of the body, little endian, a type byte, the body
    assert serialize_message(MessageType.KEYFRAME) == b"\x00\x00\x00\x00\x03"
    assert serialize_message(MessageType.REPEAT, b"12345678") == b"\x08\x00\x00\x00\x0412345678"


@pytest.mark.parametrize("step", [0, 1, 4, 5, 6, 100])
def test_messages_cut_anywhere(step: int) -> None:
    sent = [
        (MessageType.KEYFRAME, b""),
        (MessageType.STATS, b"{}"),
        (MessageType.ACCESS_UNIT, bytes(range(256)) * 5),
        (MessageType.READY, b""),
        (MessageType.SNAPSHOT, b"x"),
    ]
    assert read(b"".join(serialize_message(kind, body) for kind, body in sent), step) == sent


def test_what_was_handed_out_stays_when_more_is_received() -> None:
    parser = MessageParser()
    buffer = bytearray(serialize_message(MessageType.SNAPSHOT, b"first"))
    parser.receive_data(memoryview(buffer))
    message = parser.next_message()
    assert message is not None
    buffer[:] = b"\xff" * len(buffer)  # the reader's buffer is used again
    parser.receive_data(serialize_message(MessageType.SNAPSHOT, b"second"))
    assert bytes(message[1]) == b"first"


def test_access_unit() -> None:
    message = serialize_access_unit(Codec.H265, RANDOM_ACCESS, -5, 12.5, b"stream")
    ((kind, body),) = read(message)
    assert kind is MessageType.ACCESS_UNIT
    unit = parse_access_unit(memoryview(body))
    assert (unit.codec, unit.flags, unit.pts, unit.arrival) == (Codec.H265, RANDOM_ACCESS, -5, 12.5)
    assert bytes(unit.data) == b"stream"


def test_coded_picture() -> None:
    message = serialize_coded(3, Codec.H264, RANDOM_ACCESS | REPEATED, 1 << 40, 99.25, (0.5, 0.25, 0.125), UNITS)
    ((kind, body),) = read(message, 7)
    assert kind is MessageType.CODED
    coded = parse_coded(memoryview(body), 4)
    assert coded.output_number == 3
    assert (coded.codec, coded.flags, coded.pts, coded.arrival) == (Codec.H264, 6, 1 << 40, 99.25)
    assert (coded.decode_s, coded.stages_s, coded.encode_s) == (0.5, 0.25, 0.125)
    assert coded.nal_units == UNITS


HEAD = struct.Struct("<BBBqdfffH")


def lie(
    *,
    number: int = 0,
    codec: int = 1,
    times: tuple[float, float, float, float] = (1.0, 0.0, 0.0, 0.0),
    count: int | None = None,
    sizes: list[int] | None = None,
    units: list[bytes] = UNITS,
) -> bytes:
    sizes = [len(unit) for unit in units] if sizes is None else sizes
    head = HEAD.pack(number, codec, 0, 0, *times, len(units) if count is None else count)
    return head + struct.pack(f"<{len(sizes)}I", *sizes) + b"".join(units)


LIES = {
    "nothing": b"",
    "half a header": lie()[:20],
    "an output that is not configured": lie(number=2),
    "the last number": lie(number=255),
    "another codec": lie(codec=9),
    "JPEG": lie(codec=3),
    "no NAL unit": lie(units=[]),
    "too many NAL units": lie(units=[b"\x65\x88"] * (MAX_NAL_UNITS + 1)),
    "sizes cut off": lie(count=3000, units=[b"\x65\x88"]),
    "a size too large": lie(sizes=[4, 4, 9999]),
    "a size near 2**32": lie(sizes=[4, 4, 0xFFFF_FFFF]),
    "a size of one": lie(units=[b"\x65"]),
    "a size of none": lie(units=[b"\x65\x88", b""]),
    "bytes left over": lie() + b"x",
    "arrival that is no number": lie(times=(math.nan, 0, 0, 0)),
    "time without end": lie(times=(1.0, 0, math.inf, 0)),
    "SEI": lie(units=[*UNITS, b"\x06\x05\x10"]),
    "AUD": lie(units=[b"\x09\xf0"]),
    "a start code inside": lie(units=[b"\x65\x88\x00\x00\x01\x06\x05"]),
    "H.265 SEI": lie(codec=2, units=[b"\x4e\x01\x05"]),
    "H.265 reserved": lie(codec=2, units=[b"\x16\x01\x80"]),
}


def test_the_truth_in_the_same_words() -> None:
    assert parse_coded(memoryview(lie()), 2).nal_units == UNITS


@pytest.mark.parametrize("name", LIES)
def test_lies(name: str) -> None:
    with pytest.raises(RemoteProtocolError):
        parse_coded(memoryview(LIES[name]), 2)


def test_requests_about_an_output() -> None:
    # each begins with the output's number, one byte
    assert serialize_output_number(MessageType.KEYFRAME, 0) == b"\x01\x00\x00\x00\x03\x00"
    assert serialize_output_number(MessageType.SNAPSHOT, 2) == b"\x01\x00\x00\x00\x05\x02"
    assert serialize_output_number(MessageType.UNREAD, 1) == b"\x01\x00\x00\x00\x0a\x01"
    assert serialize_repeat(7, 2) == b"\x09\x00\x00\x00\x04\x07\x02" + bytes(7)
    assert parse_output_number(body_of(serialize_output_number(MessageType.KEYFRAME, 5))) == 5
    assert parse_repeat(body_of(serialize_repeat(7, -90_000))) == (7, -90_000)


def test_snapshot() -> None:
    assert parse_snapshot(body_of(serialize_snapshot(1, b"jpeg")), 2) == (1, b"jpeg")
    assert parse_snapshot(body_of(serialize_snapshot(0, b"")), 1) == (0, b"")


@pytest.mark.parametrize("body", [b"", b"\x02jpeg", b"\xffjpeg"])
def test_a_snapshot_of_no_output(body: bytes) -> None:
    with pytest.raises(RemoteProtocolError):
        parse_snapshot(memoryview(body), 2)


@pytest.mark.parametrize("number", [None, -1, 2, 1.0, True, "0", [0], 1 << 80])
def test_a_report_about_no_output(number: object) -> None:
    with pytest.raises(RemoteProtocolError):
        check_output_number(number, 2)
    assert check_output_number(1, 2) == 1


def test_json() -> None:
    value = {"reason": "ä", "fatal": False, "n": 1.5}
    ((kind, body),) = read(serialize_json(MessageType.FAILED, value))
    assert kind is MessageType.FAILED
    assert parse_json(memoryview(body)) == value == json.loads(body)


@pytest.mark.parametrize(
    "body",
    [b"", b"[]", b"null", b"{", b"\xff", b'{"a": ' + b"9" * 5000 + b"}", b"[" * 100_000, b'{"a":' * 20_000],
    ids=["nothing", "list", "null", "open", "charset", "digits", "deep list", "deep object"],
)
def test_json_that_is_none(body: bytes) -> None:
    with pytest.raises(RemoteProtocolError):
        parse_json(memoryview(body))


def test_json_limit() -> None:
    with pytest.raises(LimitExceeded):
        parse_json(memoryview(b"{" + b" " * MAX_JSON_SIZE + b"}"))


def test_audio() -> None:
    ((kind, body),) = read(serialize_audio(MessageType.AUDIO_CODED, -7, b"aac"))
    assert kind is MessageType.AUDIO_CODED
    assert parse_audio(memoryview(body)) == (-7, b"aac")


@pytest.mark.parametrize("size", [0, 7, 8, 9 + MAX_AUDIO_SIZE])
def test_audio_that_is_none(size: int) -> None:
    with pytest.raises(RemoteProtocolError):
        parse_audio(memoryview(bytes(size)))


@pytest.mark.parametrize("kind", [0, 15, 99, 255])
def test_an_unknown_type(kind: int) -> None:
    with pytest.raises(RemoteProtocolError):
        read(b"\x00\x00\x00\x00" + bytes((kind,)))


def test_a_message_over_the_limit_is_refused_before_it_is_there() -> None:
    with pytest.raises(LimitExceeded):
        read(struct.pack("<IB", MAX_MESSAGE_SIZE + 1, MessageType.CODED))


def _parse_coded(body: memoryview) -> None:
    parse_coded(body, 2)


def _parse_snapshot(body: memoryview) -> None:
    parse_snapshot(body, 2)


@examples(200)
@given(st.binary(max_size=200))
def test_any_bytes_of_a_worker(data: bytes) -> None:
    with contextlib.suppress(RemoteProtocolError):
        read(data)
    for parse in (_parse_coded, parse_json, parse_audio, _parse_snapshot):
        with contextlib.suppress(RemoteProtocolError):
            parse(memoryview(data))


@examples(200)
@given(st.integers(0, 60), st.integers(0, 255))
def test_any_byte_changed(at: int, value: int) -> None:
    body = bytearray(lie(units=[b"\x65\x88\x01", b"\x41\x9a\x02"]))
    body[at % len(body)] = value
    with contextlib.suppress(RemoteProtocolError):
        coded = parse_coded(memoryview(bytes(body)), 2)
        assert all(len(unit) >= 2 for unit in coded.nal_units)


@pytest.mark.parametrize("step", [0, 65_536])
def test_many_small_messages_cost_no_more_than_their_size(step: int, assert_linear: Callable[..., None]) -> None:
    assert_linear(
        lambda size: serialize_message(MessageType.KEYFRAME) * (size // 5),
        lambda data: drain(data, step),
        200_000,
        at_most_s=1.0,
    )


def test_one_large_message_is_joined_once(assert_linear: Callable[..., None]) -> None:
    assert_linear(
        lambda size: serialize_message(MessageType.CODED, bytes(size)),
        lambda data: drain(data, 512),
        2 << 20,
        at_most_s=1.0,
    )


def drain(data: bytes, step: int) -> None:
    parser = MessageParser()
    for at in range(0, len(data), step or len(data)):
        parser.receive_data(data[at : at + step] if step else data)
        while parser.next_message() is not None:
            pass
