"""The RTP header: every field of RFC 3550 section 5.1, and packets shorter than they say."""

import contextlib
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transcoder.errors import PayloadError
from transcoder.rtp.packet import parse_rtp, peek_payload_type, serialize_header


def test_fields() -> None:
    packet = parse_rtp(bytes.fromhex("80e0 1234 89abcdef 0a1b2c3d 6588"))
    assert packet.marker
    assert packet.payload_type == 96
    assert packet.sequence_number == 0x1234
    assert packet.timestamp == 0x89ABCDEF
    assert packet.ssrc == 0x0A1B2C3D
    assert bytes(packet.payload) == b"\x65\x88"
    assert (packet.extension_profile, packet.csrc_count, packet.padding) == (None, 0, 0)


def test_everything_optional_at_once() -> None:
    # V=2 P X CC=2; two CSRCs; extension 0xabac of one word; 3 bytes of payload; 5 of padding
    data = bytes.fromhex("b2 60 0001 00000002 00000003 11111111 22222222 abac0001 01020304 414243 0000000005")
    packet = parse_rtp(data)
    assert bytes(packet.payload) == b"ABC"
    assert (packet.extension_profile, packet.extension) == (0xABAC, bytes.fromhex("01020304"))
    assert (packet.csrc_count, packet.padding) == (2, 5)


def test_padding_may_be_all_there_is() -> None:
    assert bytes(parse_rtp(bytes.fromhex("a0 60 0001 00000002 00000003 00000004")).payload) == b""


def test_recorded_replay_extension(vectors) -> None:
    lines = (vectors / "onvif_nvr/rtp_with_abac_extension.hex").read_text().splitlines()
    packet = parse_rtp(bytes.fromhex("".join(line for line in lines if not line.startswith("#"))))
    assert packet.extension_profile == 0xABAC
    assert len(packet.extension) == 12
    assert packet.payload[0] == 0x67


@pytest.mark.parametrize(
    "text",
    [
        "",
        "80",
        "80e0 0001 00000002 000000",
        "40e0 0001 00000002 00000003",  # version 1
        "82e0 0001 00000002 00000003 11111111",  # one CSRC of two
        "90e0 0001 00000002 00000003 abac",  # extension header cut off
        "90e0 0001 00000002 00000003 abac0002 01020304",  # extension cut off
        "a0e0 0001 00000002 00000003 00",  # padding of nothing
        "a0e0 0001 00000002 00000003 4105",  # more padding than packet
        "a0e0 0001 00000002 00000003",  # padding bit and no byte of it
    ],
)
def test_refused(text: str) -> None:
    with pytest.raises(PayloadError):
        parse_rtp(bytes.fromhex(text))


def test_payload_type_is_read_without_parsing() -> None:
    assert peek_payload_type(bytes.fromhex("80f0 0001 00000002 00000003")) == 112
    assert peek_payload_type(bytes.fromhex("80f0 0001")) == -1


def test_header_that_is_sent() -> None:
    header = serialize_header(payload_type=96, sequence_number=0x1FFFF, timestamp=1 << 32, ssrc=7, marker=True)
    assert header == bytes.fromhex("80e0 ffff 00000000 00000007")


@given(st.binary(max_size=80))
def test_any_bytes(data: bytes) -> None:
    with contextlib.suppress(PayloadError):
        packet = parse_rtp(data)
        assert len(packet.payload) + 12 <= len(data)


@given(st.integers(0, 15), st.one_of(st.none(), st.integers(0, 5)), st.integers(0, 40), st.binary(max_size=40))
def test_round_trip(rtp: Callable[..., bytes], sources: int, words: int | None, padding: int, payload: bytes) -> None:
    extension = None if words is None else (0xBEDE, bytes(4 * words))
    packet = parse_rtp(rtp(1, 2, payload, csrc=tuple(range(sources)), extension=extension, padding=padding))
    assert bytes(packet.payload) == payload
    assert packet.padding == padding
    assert packet.csrc_count == sources
    assert packet.extension == (b"" if extension is None else extension[1])
