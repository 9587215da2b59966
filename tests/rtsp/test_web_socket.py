"""RTSP over WebSocket: the handshake and the frames, by the examples of RFC 6455."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transcoder.errors import RemoteProtocolError
from transcoder.rtsp.reader_tunnel import Opening, TunnelRefused, WebSocketRequest
from transcoder.rtsp.web_socket import FREE_FRAMES, MAX_PAYLOAD, FrameReader, in_messages

HELLO = bytes.fromhex("818537fa213d7f9f4d5158")  # section 5.7: a single-frame masked text message
REQUEST = {
    "Host": "server.example.com",
    "Upgrade": "websocket",
    "Connection": "Upgrade",
    "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
    "Sec-WebSocket-Protocol": "rtsp.onvif.org",
    "Sec-WebSocket-Version": "13",
}
"""Section 1.3, with the sub-protocol of ONVIF."""


def request(**changes: str | None) -> bytes:
    fields = REQUEST | {name.replace("_", "-"): value for name, value in changes.items() if value is not None}
    gone = {name.replace("_", "-") for name, value in changes.items() if value is None}
    lines = "".join(f"{name}: {value}\r\n" for name, value in fields.items() if name not in gone)
    return f"GET /rtsp-over-websocket HTTP/1.1\r\n{lines}\r\n".encode()


def masked(first: int, payload: bytes, mask: bytes = b"\x37\xfa\x21\x3d") -> bytes:
    """Section 5.2, byte by byte."""
    size = len(payload)
    if size < 126:
        length = bytes((0x80 | size,))
    elif size < 1 << 16:
        length = b"\xfe" + size.to_bytes(2)
    else:
        length = b"\xff" + size.to_bytes(8)
    return bytes((first,)) + length + mask + bytes(byte ^ mask[at % 4] for at, byte in enumerate(payload))


# -- the handshake -----------------------------------------------------------------------------------------------------


def opened(data: bytes) -> WebSocketRequest:
    found = Opening().receive_data(data)
    assert isinstance(found, WebSocketRequest)
    return found


def test_the_handshake_of_the_rfc() -> None:
    found = opened(request() + HELLO)
    lines = found.reply.decode().split("\r\n")
    assert lines[0] == "HTTP/1.1 101 Switching Protocols"
    assert "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=" in lines
    assert "Sec-WebSocket-Protocol: rtsp.onvif.org" in lines
    assert lines[-2:] == ["", ""]
    assert (found.origin, found.rest) == ("", HELLO)


@pytest.mark.parametrize(
    "changes",
    [
        {"Connection": "keep-alive, Upgrade", "Upgrade": "WebSocket"},  # Firefox
        {"Sec_WebSocket_Protocol": "other, rtsp.onvif.org"},
        {"Sec_WebSocket_Extensions": "permessage-deflate; client_max_window_bits"},
    ],
)
def test_other_ways_to_write_it(changes: dict[str, str]) -> None:
    reply = opened(request(**changes)).reply
    assert b"Sec-WebSocket-Protocol: rtsp.onvif.org\r\n" in reply
    assert b"Extensions" not in reply


def test_a_browser_says_whose_page_asks() -> None:
    assert opened(request(Origin="https://vms.example")).origin == "https://vms.example"


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"Sec_WebSocket_Version": "8"}, 426),
        ({"Sec_WebSocket_Version": None}, 426),
        ({"Sec_WebSocket_Key": None}, 400),
        ({"Sec_WebSocket_Key": "short"}, 400),
        ({"Sec_WebSocket_Key": "dGhlIHNhbXBsZQ=="}, 400),
        ({"Sec_WebSocket_Protocol": None}, 404),
        ({"Sec_WebSocket_Protocol": "webrtc.onvif.org"}, 404),
        ({"Upgrade": None}, 404),
        ({"Connection": "keep-alive"}, 404),
    ],
)
def test_what_is_refused(changes: dict[str, str | None], status: int) -> None:
    with pytest.raises(TunnelRefused) as caught:
        Opening().receive_data(request(**changes))
    assert caught.value.reply.startswith(f"HTTP/1.1 {status} ".encode())
    assert (b"Sec-WebSocket-Version: 13\r\n" in caught.value.reply) is (status == 426)  # section 4.2.2


# -- frames of the reader ----------------------------------------------------------------------------------------------


def test_the_frames_of_the_rfc() -> None:
    reader = FrameReader()
    assert reader.receive_data(HELLO) == b"Hello"
    assert reader.receive_data(masked(0x01, b"Hel") + masked(0x80, b"lo")) == b"Hello"
    assert reader.receive_data(masked(0x89, b"Hello")) == b""
    assert reader.data_to_send() == bytes.fromhex("8a0548656c6c6f")  # a pong of the same body
    assert reader.data_to_send() == b""
    assert reader.receive_data(bytes.fromhex("8a8537fa213d7f9f4d5158")) == b""  # a masked pong
    assert reader.data_to_send() == b""


@given(st.lists(st.binary(max_size=400), max_size=6), st.integers(1, 700), st.binary(min_size=4, max_size=4))
def test_frames_are_read_however_they_come(payloads: list[bytes], size: int, mask: bytes) -> None:
    data = b"".join(masked(0x82, payload, mask) for payload in payloads)
    reader = FrameReader()
    found = b"".join(reader.receive_data(data[start : start + size]) for start in range(0, len(data), size))
    assert found == b"".join(payloads)


@pytest.mark.parametrize("size", [0, 125, 126, 65535, 65536, MAX_PAYLOAD])
def test_all_sizes(size: int) -> None:
    payload = bytes(index % 251 for index in range(size))
    assert FrameReader().receive_data(masked(0x82, payload)) == payload


def test_close_is_answered_and_nothing_behind_it_is_read() -> None:
    reader = FrameReader()
    assert reader.receive_data(masked(0x82, b"a") + masked(0x88, b"\x03\xe8gone") + masked(0x82, b"b")) == b"a"
    assert reader.is_closed
    assert reader.data_to_send() == bytes.fromhex("880203e8")
    assert reader.receive_data(masked(0x82, b"c")) == b""


def test_of_many_pings_the_last_is_answered() -> None:
    """Section 5.5.3."""
    reader = FrameReader()
    reader.receive_data(b"".join(masked(0x89, bytes((number,)) * 9) for number in range(50)))
    assert reader.data_to_send() == b"\x8a\x09" + bytes((49,)) * 9


@pytest.mark.parametrize(
    "data",
    [
        bytes.fromhex("810548656c6c6f"),  # section 5.7, not masked, which a client may not send
        masked(0xC2, b"x"),  # a reserved bit
        masked(0x83, b"x"),
        masked(0x8B, b"x"),
        masked(0x80, b"x"),  # continues nothing
        masked(0x02, b"x") + masked(0x82, b"x"),
        masked(0x09, b"x"),  # a control frame in pieces
        masked(0x89, bytes(126)),
        b"\x82\xff" + (MAX_PAYLOAD + 1).to_bytes(8),
        b"\x82\xff" + b"\xff" * 8,
        masked(0x82, b"") * (2 * FREE_FRAMES),
    ],
)
def test_what_breaks_the_protocol_or_a_limit(data: bytes) -> None:
    with pytest.raises(RemoteProtocolError):
        FrameReader().receive_data(data)


@given(st.lists(st.binary(max_size=80), max_size=20))
def test_junk_is_refused_or_read(parts: list[bytes]) -> None:
    reader = FrameReader()
    try:
        for part in parts:
            reader.receive_data(part)
    except RemoteProtocolError:
        pass


# -- our frames --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("size", "header"),
    [
        (5, "8205"),
        (125, "827d"),
        (126, "827e007e"),
        (256, "827e0100"),  # section 5.7
        (65535, "827effff"),
        (65536, "827f0000000000010000"),  # section 5.7
    ],
)
def test_our_messages_are_whole_binary_and_not_masked(size: int, header: str) -> None:
    assert in_messages([bytes(size)]) == bytes.fromhex(header) + bytes(size)


def test_each_part_is_a_message() -> None:
    assert in_messages([b"ab", memoryview(b"c")]) == b"\x82\x02ab\x82\x01c"
