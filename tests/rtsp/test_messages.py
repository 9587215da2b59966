"""The parser: every way real servers write, cut anywhere, and bytes that nobody would send."""

import re
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.examples import examples
from transcoder.errors import LimitExceeded, RtspSyntaxError
from transcoder.rtsp.messages import (
    MAX_BODY_SIZE,
    MAX_HEADER_SIZE,
    MAX_HEADERS,
    MAX_RESYNC,
    Headers,
    InterleavedFrame,
    InterleavedFrames,
    Request,
    Response,
    RtspParser,
    serialize_frame,
    serialize_request,
    serialize_response,
)

TABLE = tomllib.loads((Path(__file__).parents[1] / "data" / "wire.toml").read_text())
CASES = TABLE["case"]
Event = Request | Response | InterleavedFrame


def wire(text: str) -> bytes:
    data = text.replace("\n", "\r\n").encode()
    for name, value in TABLE["hex"].items():
        data = data.replace(f"@{name}@".encode(), bytes.fromhex(value))
    return data


def read(data: bytes, step: int = 0, channels: frozenset[int] | None = None) -> tuple[list[Event], RtspParser]:
    parser = RtspParser()
    parser.channels = channels
    events: list[Event] = []
    for at in range(0, len(data), step or max(len(data), 1)):
        parser.receive_data(data[at : at + step] if step else data)
        while (event := parser.next_event()) is not None:
            events.append(event)
    return events, parser


def shown(event: Event) -> str:
    if isinstance(event, InterleavedFrame):
        return f"frame {event.channel} {event.data.hex()}"
    return f"response {event.status}" if isinstance(event, Response) else f"request {event.method}"


@pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])
@pytest.mark.parametrize("step", [0, 1, 2, 3, 7])
def test_wire(case: dict, step: int) -> None:
    events, parser = read(wire(case["text"]), step)
    assert [shown(event) for event in events] == case["events"]
    assert parser.skipped == case.get("skipped", 0)


RECORDED = {
    "crlf_before_dollar.bin": ["response 200", "frame 0", "frame 0", "frame 0"],
    "teardown_with_data.bin": ["frame 0", "frame 0", "response 200"],
    "unassigned_channel.bin": ["response 200", "frame 0", "frame 2", "frame 0", "frame 4", "frame 0"],
}


@pytest.mark.parametrize("name", RECORDED)
@pytest.mark.parametrize("step", [0, 1, 5])
def test_recorded_wire(name: str, step: int, vectors: Path) -> None:
    events, parser = read((vectors / "synthetic/wire" / name).read_bytes(), step)
    assert [re.sub(r"^(frame \d+).*", r"\1", shown(event)) for event in events] == RECORDED[name]
    assert parser.skipped == 0


def test_response_fields() -> None:
    (event,), _ = read(
        b"RTSP/1.0 404 Stream Not Found\r\nCseq:  3 \r\nWWW-Authenticate: a\r\nServer : x\r\n"
        b"www-authenticate: b\r\nX-Long: one\r\n\ttwo\r\nContent-Length: 2\r\n\r\nhi"
    )
    assert isinstance(event, Response)
    assert (event.status, event.reason, event.cseq, event.body) == (404, "Stream Not Found", 3, b"hi")
    assert event.headers.get_all("WWW-Authenticate") == ["a", "b"]
    assert event.headers.get("server") == "x"
    assert event.headers.get("X-LONG") == "one two"  # folded, RFC 2616 section 2.2
    assert event.headers.get("Session") is None


@pytest.mark.parametrize("end", [b"\r\n", b"\n"])
@pytest.mark.parametrize("blank", [b"\r\n", b"\n"])
def test_line_ends(end: bytes, blank: bytes) -> None:
    (event, frame), _ = read(b"RTSP/1.0 200 OK" + end + b"CSeq: 3" + end + blank + b"$\x00\x00\x01x")
    assert isinstance(event, Response)
    assert event.cseq == 3
    assert isinstance(frame, InterleavedFrame)


@pytest.mark.parametrize(
    ("value", "expected"),
    [("12", 12), ("", None), ("x", None), ("1 2", None), ("9" * 30, None), ("-1", None), ("٣", None)],
)
def test_cseq(value: str, expected: int | None) -> None:
    assert Response(status=200, reason="", headers=Headers([("cseq", value)])).cseq == expected


def test_status_line_without_a_reason() -> None:
    (event,), _ = read(b"RTSP/1.0 200\r\n\r\n")
    assert isinstance(event, Response)
    assert (event.status, event.reason) == (200, "")


def test_a_header_in_another_charset_is_kept_byte_for_byte() -> None:
    (event,), _ = read(b'RTSP/1.0 401 No\r\nWWW-Authenticate: Digest realm="\xc4\x85\xff\xe9"\r\n\r\n')
    assert isinstance(event, Response)
    value = event.headers.get("WWW-Authenticate")
    sent = serialize_request(Request(method="OPTIONS", uri="*", headers=Headers([("X", value or "")])))
    assert b'Digest realm="\xc4\x85\xff\xe9"' in sent


@pytest.mark.parametrize(
    "data",
    [
        b"RTSP/1.0 OK\r\n\r\n",
        b"RTSP/1.0\r\n\r\n",
        b"RTSP/1.0 2000 OK\r\n\r\n",
        b"RTSP/1.0 \xb2\xb2\xb2 OK\r\n\r\n",
        b"RTSP/1.0 200 OK\r\nContent-Length: many\r\n\r\n",
        b"RTSP/1.0 200 OK\r\nContent-Length: -5\r\n\r\n",
        b"PLAY rtsp://x\r\n\r\n",
        b"PLAY rtsp://x HTTP/1.1\r\n\r\n",
        b"PLAY rtsp://x y RTSP/1.0\r\n\r\n",
    ],
)
def test_unreadable(data: bytes) -> None:
    with pytest.raises(RtspSyntaxError):
        read(data)


@pytest.mark.parametrize(
    "data",
    [
        b"RTSP/1.0 200 OK\r\nX: " + b"x" * MAX_HEADER_SIZE + b"\r\n\r\n",
        b"RTSP/1.0 200 OK\r\nX: " + b"x" * (MAX_HEADER_SIZE + 64),
        b"RTSP/1.0 200 OK\r\n" + b"X: y\r\n" * (MAX_HEADERS + 1) + b"\r\n",
        b"RTSP/1.0 200 OK\r\nContent-Length: %d\r\n\r\n" % (MAX_BODY_SIZE + 1),
        b"\x00" * (MAX_RESYNC + 64),
    ],
    ids=["header", "header without end", "fields", "body", "stray bytes"],
)
@pytest.mark.parametrize("step", [0, 4096])
def test_limits(data: bytes, step: int) -> None:
    with pytest.raises(LimitExceeded):
        read(data, step)


def test_a_frame_after_stray_bytes_is_believed_on_a_known_channel_only() -> None:
    data = b"\x00\x00$\x99\x00\x02ab" + b"$\x00\x00\x03xyz"
    events, parser = read(data, channels=frozenset({0, 1}))
    assert [shown(event) for event in events] == ["frame 0 78797a"]
    assert (parser.skipped, parser.resyncs) == (8, 1)


def test_stray_bytes_are_counted_from_zero_after_each_frame() -> None:
    block = b"\x00" * 1000 + b"$\x00\x00\x01x"
    events, parser = read(block * (MAX_RESYNC // 1000 + 10))
    assert len(events) == MAX_RESYNC // 1000 + 10
    assert parser.skipped == 1000 * len(events)


def test_serialized_forms() -> None:
    request = Request(method="SETUP", uri="rtsp://h/x", headers=Headers([("CSeq", "1"), ("Transport", "t")]))
    assert serialize_request(request) == b"SETUP rtsp://h/x RTSP/1.0\r\nCSeq: 1\r\nTransport: t\r\n\r\n"
    response = Response(status=200, reason="OK", headers=Headers([("CSeq", "1")]), body=b"v=0\r\n")
    assert serialize_response(response) == b"RTSP/1.0 200 OK\r\nCSeq: 1\r\nContent-Length: 5\r\n\r\nv=0\r\n"
    assert serialize_frame(3, b"abc") == b"$\x03\x00\x03abc"  # RFC 2326 section 10.12


def test_header_values_do_not_show_in_a_repr() -> None:
    assert "secret" not in repr(Request(method="X", uri="y", headers=Headers([("Authorization", "secret")])))


PIECES = st.lists(
    st.one_of(
        st.binary(max_size=20),
        st.sampled_from(
            [b"$", b"$\x00\x00\x02ab", b"RTSP/1.0 200 OK\r\n", b"CSeq: 1\r\n", b"\r\n", b"\n",
             b"OPTIONS * RTSP/1.0\r\n", b"Content-Length: 3\r\n", b"RTSP/", b"$\xff\xff\xff",
             b"x y RTSP/1.0\r\n", b":", b" \r\n"]
        ),
    ),
    max_size=25,
).map(b"".join)  # fmt: skip


@examples(500)
@given(PIECES, st.integers(1, 40), st.sampled_from([None, frozenset({0, 1})]))
def test_any_bytes_cut_anywhere_read_the_same(data: bytes, step: int, channels: frozenset[int] | None) -> None:
    def outcome(cut: int, *, rows: bool = False) -> tuple[list[str], str, int]:
        parser = RtspParser()
        parser.channels = channels
        events = []
        try:
            for at in range(0, len(data), cut):
                parser.receive_data(data[at : at + cut])
                while (event := (parser.next_frames() if rows else None) or parser.next_event()) is not None:
                    if isinstance(event, InterleavedFrames):
                        events += [f"frame {event.channel} {frame.hex()}" for frame in event]
                    else:
                        events.append(shown(event))
        except (RtspSyntaxError, LimitExceeded) as error:
            return events, type(error).__name__, parser.skipped
        return events, "", parser.skipped

    whole = outcome(max(len(data), 1))
    assert outcome(step)[:2] == whole[:2]
    assert outcome(max(len(data), 1), rows=True) == whole
    assert outcome(step, rows=True)[:2] == whole[:2]


def test_frames_in_a_row_come_together_until_something_else_stands_there() -> None:
    parser = RtspParser()
    assert parser.next_frames() is None
    parser.receive_data(b"$\x00\x00\x01a")
    assert parser.next_frames() is None  # nothing is set up: next_event() looks
    parser.channels = frozenset({0, 1})
    parser.receive_data(b"$\x00\x00\x00$\x01\x00\x02bc$\x02\x00\x01d$\x00\x00\x02e")
    rows = []
    while (row := parser.next_frames()) is not None:
        rows.append((row.channel, [bytes(frame) for frame in row]))
    assert rows == [(0, [b"a", b""]), (1, [b"bc"])]
    foreign = parser.next_event()
    assert isinstance(foreign, InterleavedFrame)
    assert (foreign.channel, bytes(foreign.data)) == (2, b"d")
    assert parser.next_frames() is None  # its second byte is still to come
    parser.receive_data(b"f")
    row = parser.next_frames()
    assert row is not None
    assert [bytes(frame) for frame in row] == [b"ef"]


WORST = {
    "empty frames": lambda size: b"$\x00\x00\x00" * (size // 4),
    "stray bytes": lambda size: (b"\x00" * 1000 + b"$\x00\x00\x00") * (size // 1004),
    "stray dollars": lambda size: (b"\x00" + b"$\x09" * 500 + b"$\x00\x00\x00") * (size // 1005),
    "stray letters": lambda size: (b"abcdefgh" * 100 + b"$\x00\x00\x00") * (size // 804),
    "stray words": lambda size: (b"ab cd ef " * 100 + b"$\x00\x00\x00") * (size // 904),
    "line ends": lambda size: b"\r\n" * (size // 2),
    "responses": lambda size: b"RTSP/1.0 200 OK\r\n\r\n" * (size // 19),
    "headers": lambda size: (b"RTSP/1.0 200 OK\r\n" + b"a:\r\n" * 120 + b"\r\n") * (size // 499),
    "folded headers": lambda size: (b"RTSP/1.0 200 OK\r\na:\r\n" + b" x\r\n" * 120 + b"\r\n") * (size // 503),
    "starts of messages": lambda size: b"\x00RTSP" * (size // 5) + b"$\x00\x00\x00",
    "parts of request lines": lambda size: (b"x " + b"y" * 2000 + b" R\x00$\x00\x00\x00") * (size // 2010),
}


def drain(data: bytes, step: int) -> None:
    parser = RtspParser()
    parser.channels = frozenset({0, 1})
    for at in range(0, len(data), step):
        parser.receive_data(data[at : at + step])
        while parser.next_event() is not None:
            pass


@pytest.mark.parametrize("name", WORST)
def test_worst_cases_cost_no_more_than_their_size(name: str, assert_linear: Callable[..., None]) -> None:
    assert_linear(WORST[name], lambda data: drain(data, 65_536), 60_000, at_most_s=1.0)


def test_a_message_that_comes_byte_by_byte_is_read_once(assert_linear: Callable[..., None]) -> None:
    def make(size: int) -> bytes:
        return b"RTSP/1.0 200 OK\r\n" + b"a: b\r\n" * 120 + b"Content-Length: %d\r\n\r\n" % size + b"x" * size

    assert_linear(make, lambda data: drain(data, 1), 20_000, at_most_s=1.0)


def test_frames_that_wait_for_their_turn_are_measured_once(assert_linear: Callable[..., None]) -> None:
    """A read that holds thousands of small frames is taken in portions, and none of them looks at all that is left."""

    def drain_in_portions(data: bytes) -> None:
        parser = RtspParser()
        parser.channels = frozenset({0})
        parser.receive_data(data)
        sizes = []
        while frames := parser.next_frames(32):
            sizes.append(len(frames.spans))
        assert sizes == [32] * (len(data) // 44 // 32)

    assert_linear(lambda count: serialize_frame(0, bytes(40)) * count, drain_in_portions, 3_200, at_most_s=1.0)
