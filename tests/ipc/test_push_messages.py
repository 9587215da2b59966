"""What the service and a process that sends tell each other."""

import pytest

from transcoder.codecs.nal import Codec
from transcoder.errors import LimitExceeded, RemoteProtocolError
from transcoder.ipc.push_messages import (
    MAX_LINE,
    MAX_RECORD,
    LineParser,
    PushHead,
    PushKind,
    PushParser,
    PushUnit,
    problem_line,
    problem_of,
)

HEAD = PushHead(
    container="flv", codec=Codec.H264, parameter_sets=(b"\x67\x4d", b"\x68"), audio_rate=16000,
    url="rtmp://192.0.2.9:1935/live/k3y", port=1935, is_required=True,
)  # fmt: skip
UNITS = [
    PushUnit(kind=PushKind.VIDEO, body=b"\0\0\0\1\x65", pts=1 << 40, random_access=True),
    PushUnit(kind=PushKind.AUDIO, body=b"", pts=3),
]


@pytest.mark.parametrize("step", [1, 3, 1000])
def test_records_come_as_they_were_sent_however_they_are_cut(step: int) -> None:
    parser, found = PushParser(), list[PushUnit]()
    data = HEAD.serialize() + b"".join(unit.serialize() for unit in UNITS)
    for start in range(0, len(data), step):
        parser.receive_data(data[start : start + step])
        while (unit := parser.next_unit()) is not None:
            found.append(unit)
    assert found[1:] == UNITS
    assert (found[0].kind, PushHead.parse(found[0].body)) == (PushKind.HEAD, HEAD)


def test_the_key_of_a_stream_is_in_no_repr() -> None:
    assert "k3y" not in repr(HEAD)


def test_what_is_too_large_or_of_no_kind_is_refused() -> None:
    parser = PushParser()
    parser.receive_data((MAX_RECORD + 1).to_bytes(4) + bytes(10))
    with pytest.raises(LimitExceeded):
        parser.next_unit()
    parser = PushParser()
    parser.receive_data(bytes((0, 0, 0, 0, 9)) + bytes(9))
    with pytest.raises(RemoteProtocolError):
        parser.next_unit()


def test_lines_are_bounded() -> None:
    parser = LineParser()
    assert parser.receive_data(b"sends\n+\n+") == ["sends", "+"]
    assert parser.receive_data(b"\n" + problem_line("Connection\nrefused")) == ["+", "problem Connection refused"]
    assert problem_of("problem Connection refused") == "Connection refused"
    assert problem_of("+") is None
    assert len(problem_line("x" * 10_000)) < MAX_LINE
    with pytest.raises(LimitExceeded):
        parser.receive_data(b"x" * (MAX_LINE + 1))
