"""Messages about thumbnails."""

import struct

import pytest

from transcoder.errors import RemoteProtocolError
from transcoder.ipc.messages import MessageParser, MessageType
from transcoder.ipc.thumbnails import (
    MAX_WIDTH,
    Thumbnail,
    parse_thumbnail,
    parse_thumbnail_request,
    serialize_thumbnail,
    serialize_thumbnail_request,
)


def parsed(message: bytes) -> tuple[MessageType, memoryview]:
    parser = MessageParser()
    parser.receive_data(message)
    found = parser.next_message()
    assert found is not None
    return found


def test_a_request_comes_back() -> None:
    kind, body = parsed(serialize_thumbnail_request(7, MAX_WIDTH, 0xFFFF_FFFF))
    assert (kind, parse_thumbnail_request(body)) == (MessageType.THUMBNAIL, (7, MAX_WIDTH, 0xFFFF_FFFF))


@pytest.mark.parametrize("jpeg", [b"", b"\xff\xd8 a picture \xff\xd9"])
def test_a_thumbnail_comes_back(jpeg: bytes) -> None:
    sent = Thumbnail(output_number=1, width=320, version=5, jpeg=jpeg)
    kind, body = parsed(serialize_thumbnail(sent))
    assert (kind, parse_thumbnail(body, 2)) == (MessageType.THUMBNAIL_TAKEN, sent)


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"", "no header"),
        (bytes(6), "no header"),
        (struct.pack("<BHI", 2, 320, 1), "names output 2 of 2"),
        (struct.pack("<BHI", 0, 320, 0) + b"\xff\xd8", "no version"),
    ],
)
def test_a_worker_that_lies(body: bytes, words: str) -> None:
    with pytest.raises(RemoteProtocolError, match=words):
        parse_thumbnail(memoryview(body), 2)
