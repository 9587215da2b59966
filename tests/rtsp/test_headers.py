"""Transport, Session and Public as real servers write them."""

import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transcoder.rtsp.headers import (
    SessionHeader,
    Transport,
    parse_session,
    parse_transports,
    serialize_rtp_info,
    serialize_transport,
)

CASES = tomllib.loads((Path(__file__).parents[1] / "data" / "transports.toml").read_text())["case"]


def expected(case: dict) -> Transport:
    fields: dict[str, Any] = {
        name: tuple(value) if isinstance(value, list) else value for name, value in case.items() if name != "value"
    }
    return Transport(**fields)


@pytest.mark.parametrize("case", CASES, ids=[case["value"] for case in CASES])
def test_transport(case: dict) -> None:
    assert parse_transports(case["value"]) == [expected(case)]


def test_several_in_the_order_of_preference() -> None:
    value = ", ".join(case["value"] for case in CASES[:4])
    assert parse_transports(value) == [expected(case) for case in CASES[:4]]


@pytest.mark.parametrize(
    "value", ["", ";;;", "RAW/RAW/UDP;unicast", "RTP/AVP/SCTP;unicast", "unicast;client_port=1-2", "x=RTP"]
)
def test_no_transport(value: str) -> None:
    assert parse_transports(value) == []


# lower, interleaved, client port, server port, ssrc of every value in the recorded file, in its order
RECORDED = [
    ("UDP", None, (3456, 3457), None, None),
    ("UDP", None, (3056, 3057), (5000, 5001), None),
    ("UDP", None, None, None, None),
    ("TCP", (0, 1), None, None, None),
    ("UDP", None, (14186, 14187), (8052, 8053), 0x0B6020AD),
    ("UDP", None, (14186, 14187), (5000, 5001), None),
    ("UDP", None, (3456, 3457), None, None),
    ("UDP", None, (14186, 14187), (8052, 8053), 0x4317F),
    ("UDP", None, (14186, 14187), (8052, 8053), 0x4317F),
    ("TCP", (0, 1), None, None, 0xD93FF),
    ("UDP", None, (32560, 32561), (3046, 3047), 0x45DCB578),
    ("UDP", None, (14236, 14237), (56002, 56003), None),
    ("UDP", None, (3456, 3457), None, None),
    ("TCP", (0, 1), None, None, None),
]


def test_recorded_transports(vectors: Path) -> None:
    lines = (vectors / "headers/transport_values.txt").read_text().splitlines()
    values = [line.removeprefix("Transport: ") for line in lines if line and not line.startswith("#")]
    found = [
        (item.lower, item.interleaved, item.client_port, item.server_port, item.ssrc)
        for (item,) in map(parse_transports, values)
    ]
    assert found == RECORDED
    assert [parse_transports(value)[0].secure for value in values] == [False] * 12 + [True] * 2


@pytest.mark.parametrize(
    ("transport", "text"),
    [
        (Transport(lower="TCP", interleaved=(2, 3), ssrc=0xAB), "RTP/AVP/TCP;unicast;interleaved=2-3;ssrc=000000AB"),
        (
            Transport(lower="UDP", client_port=(5000, 5001), server_port=(8000, 8001)),
            "RTP/AVP;unicast;client_port=5000-5001;server_port=8000-8001",
        ),
    ],
)
def test_what_is_written(transport: Transport, text: str) -> None:
    assert serialize_transport(transport) == text
    assert parse_transports(text) == [transport]


@pytest.mark.parametrize(
    ("value", "session"),
    [
        ("708345", SessionHeader("708345", 60.0)),  # RFC 2326 section 12.37: 60 s where nothing is said
        ("        708345;timeout=60", SessionHeader("708345", 60.0)),  # Hikvision
        ("9a90de54; timeout=120", SessionHeader("9a90de54", 120.0)),  # GW Security
        ("1234567890;Timeout = 65", SessionHeader("1234567890", 65.0)),  # Foscam
        ("1" * 31 + ";timeout=60", SessionHeader("1" * 31, 60.0)),  # LTS
        ("a;timeout=0", SessionHeader("a", 1.0)),
        ("a;timeout=x", SessionHeader("a", 60.0)),
        ("l0TtlUFSR ", SessionHeader("l0TtlUFSR", 60.0)),
        ("", None),
        (";timeout=60", None),
        ("a b", None),
        ("a\x00b", None),
        ("x" * 300, None),
    ],
)
def test_session(value: str, session: SessionHeader | None) -> None:
    assert parse_session(value) == session


def test_rtp_info() -> None:
    assert serialize_rtp_info("rtsp://a/b", {0: (1, None)}) == "url=rtsp://a/b/trackID=0;seq=1"
    tracks = "url=rtsp://a/b/trackID=0;seq=1;rtptime=2,url=rtsp://a/b/trackID=1;seq=3;rtptime=4"
    assert serialize_rtp_info("rtsp://a/b", {1: (3, 4), 0: (1, 2)}) == tracks


@given(st.text(max_size=80))
def test_any_text(text: str) -> None:
    for item in parse_transports(text):
        for pair in (item.interleaved, item.client_port, item.server_port):
            assert pair is None or 0 <= pair[0] <= 65_535
    session = parse_session(text)
    assert session is None or (session.id and not session.id.startswith(" ") and session.timeout_s >= 1)


@pytest.mark.parametrize(
    ("name", "parse"),
    [("interleaved=1-", parse_transports), ("RTP/AVP,", parse_transports), ("timeout ", parse_session)],
)
def test_work_is_bounded(name: str, parse: Callable[[str], object], assert_linear: Callable[..., None]) -> None:
    assert_linear(lambda size: "x;" + name * (size // len(name)), parse, 30_000, at_most_s=0.05)
