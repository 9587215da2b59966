"""H.265 payloads: the bits of RFC 7798, round trips with a reader of their own, and what cameras make of it."""

from collections.abc import Callable, Iterator, Sequence
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.examples import examples
from tests.support.payloads import any_payloads, depacketize_with, units_with_losses
from transcoder.formats.h265 import InOrderReader, packetize

VPS = bytes.fromhex("40010c01ffff01600000030090000003000003003c959809")
SPS = bytes.fromhex("42010101600000030090000003000003003ca00b080d165959a4932b9a020000030002000003001e10")
PPS = bytes.fromhex("4401c172b46240")


def depacketize(
    payloads: Sequence[str | bytes], markers: list[bool] | None = None
) -> tuple[list[bytes], dict[str, int]]:
    return depacketize_with(InOrderReader(), payloads, markers)


def fields(header: bytes) -> tuple[int, int, int, int]:
    """F, Type, LayerId and TID of a NAL unit or payload header (RFC 7798 section 1.1.4)."""
    word = int.from_bytes(header[:2])
    return word >> 15, word >> 9 & 63, word >> 3 & 63, word & 7


def reference_units(payloads: list[bytes], limit: int) -> Iterator[bytes]:
    """Read what was packetized, strictly: only what RFC 7798 sections 4.4.1 to 4.4.3 let a sender write."""
    open_unit: bytearray | None = None
    for payload in payloads:
        assert 3 <= len(payload) <= limit
        forbidden, kind, layer, temporal = fields(payload)
        assert not forbidden
        if kind == 49:
            start, end, unit_type = payload[2] >> 7, payload[2] >> 6 & 1, payload[2] & 63
            assert not (start and end)  # section 4.4.3: MUST NOT be both
            assert len(payload) > 3
            assert bool(start) == (open_unit is None)
            header = (unit_type << 9 | layer << 3 | temporal).to_bytes(2)
            open_unit = bytearray(header) if open_unit is None else open_unit
            assert open_unit[:2] == header
            open_unit += payload[3:]
            if end:
                yield bytes(open_unit)
                open_unit = None
            continue
        assert open_unit is None
        if kind == 48:
            position, inside = 2, []
            while position < len(payload):
                size = int.from_bytes(payload[position : position + 2])
                unit = payload[position + 2 : position + 2 + size]
                assert len(unit) == size > 0
                inside.append(fields(unit))
                yield unit
                position += 2 + size
            assert len(inside) > 1
            assert layer == min(item[2] for item in inside)  # section 4.4.2: the lowest of the aggregated
            assert temporal == min(item[3] for item in inside)
        else:
            assert kind < 48
            yield payload
    assert open_unit is None


def nal_unit(kind: int, layer: int, temporal: int, size: int) -> bytes:
    return (kind << 9 | layer << 3 | temporal).to_bytes(2) + bytes(1 + (index * 7) % 250 for index in range(size - 2))


UNITS = st.lists(
    st.tuples(
        st.sampled_from([32, 33, 34, 19, 1, 0, 39]),
        st.sampled_from([0, 0, 0, 1, 63]),
        st.integers(1, 7),
        st.one_of(st.integers(3, 80), st.integers(230, 300), st.integers(1100, 1500), st.integers(3, 6000)),
    ).map(lambda spec: nal_unit(*spec)),
    min_size=1,
    max_size=6,
)


@examples(200)
@given(UNITS, st.one_of(st.integers(64, 300), st.sampled_from([1188, 1400, 65_000])))
def test_round_trip(units: list[bytes], limit: int) -> None:
    payloads = packetize(units, limit)
    assert list(reference_units(payloads, limit)) == units
    assert depacketize(payloads) == (units, {})


def test_parameter_sets_share_a_packet() -> None:
    payloads = packetize([VPS, SPS, PPS, nal_unit(19, 0, 1, 2000)], 1200)
    assert payloads[0][:2].hex() == "6001"  # type 48, layer 0, TID 1
    assert payloads[0][2:].hex() == "0018" + VPS.hex() + "0029" + SPS.hex() + "0007" + PPS.hex()
    assert payloads[1][:3].hex() == "620193"  # FU, start, type 19
    assert payloads[2][:3].hex() == "620153"


STREAM = {"byte stream in a unit": 1}

CASES = [
    ("single", ["2601af"], ["2601af"], {}),
    ("AP", ["60010003400aaa0003420abb"], ["400aaa", "420abb"], {}),
    ("AP with zeros behind it", ["60010003400aaa" + "00" * 9], ["400aaa"], {"aggregate padded": 1}),
    ("AP cut short", ["60010003400aaa00ff42"], ["400aaa"], {"aggregate cut short": 1}),
    ("FU", ["620193aa", "620113bb", "620153cc"], ["2601aabbcc"], {}),
    ("layer and TID of the payload header", ["630b93aa", "630b53bb"], ["270baabb"], {}),
    ("another type later (Tiandy)", ["620194aa", "620166bb"], ["2801aabb"], {}),
    ("start and end in one (CostarHD)", ["6201d3aabb"], ["2601aabb"], {"start and end in one fragment": 1}),
    ("empty fragment", ["620193aa", "620113", "620153cc"], ["2601aacc"], {"empty fragment": 1}),
    ("no end bit", ["620193aa", "620113bb", "0201cc"], ["2601aabb", "0201cc"], {"fragments without end": 1}),
    ("no start", ["620113aa", "0201cc"], ["0201cc"], {"fragment without start": 1}),
    ("no header", ["6201", "0201cc"], ["0201cc"], {"fragment without header": 1}),
    ("one byte", ["62", "0201cc"], ["0201cc"], {"empty payload": 1}),
    ("byte stream in one packet", ["4001aa000000014201bb"], ["4001aa", "4201bb"], STREAM),
    ("byte stream with its first start code", ["000000014001aa0000014201bb"], ["4001aa", "4201bb"], STREAM),
    ("byte stream in fragments (Amatek)", ["6201a0aa0000", "620160014201bb"], ["4001aa", "4201bb"], STREAM),
    ("byte stream inside an aggregate", ["6001 0009 4001aa 000001 4e0105"], ["4001aa", "4e0105"], STREAM),
    ("zeros behind a unit", ["4401c10000"], ["4401c1"], {}),
    # RFC 7798 figure 12: A 0, cType 19, PHSsize 3, F0 set; three bytes of PHES, then all but the first two bytes
    ("PACI around a single", ["6401 2638 abcdef af88"], ["2601af88"], {"PACI packet": 1}),
    ("PACI with the longest PHES", ["6401 27f8" + "ee" * 31 + "af88"], ["2601af88"], {"PACI packet": 1}),
    ("layer and TID of a PACI packet, A for F", ["650b a638 abcdef af88"], ["a70baf88"], {"PACI packet": 1}),
    ("PACI around FU", ["6401 6238 abcdef 93aa", "620113bb", "6401 6238 abcdef 53cc"], ["2601aabbcc"],
     {"PACI packet": 2}),
    ("PACI around AP", ["6401 6038 abcdef 0003400aaa0003420abb"], ["400aaa", "420abb"], {"PACI packet": 1}),
    ("PACI within PACI", ["6401 6438 abcdef aabb", "0201cc"], ["0201cc"], {"unreadable PACI packet": 1}),
    ("PACI cut short", ["6401", "6401 2638 abcdef", "0201cc"], ["0201cc"], {"unreadable PACI packet": 2}),
    # Dahua's own data: without TSCI there is no reason for a PACI packet
    ("type 50 that is none", ["6401 0000 af88", "6401 26b0" + "ee" * 11 + "af"], [], {"unreadable PACI packet": 2}),
    ("type 63", ["7e01aabb"], [], {"packet type 63": 1}),
]  # fmt: skip


@pytest.mark.parametrize(("payloads", "units", "faults"), [row[1:] for row in CASES], ids=[row[0] for row in CASES])
def test_payloads(payloads: list[str], units: list[str], faults: dict[str, int]) -> None:
    found, counted = depacketize(payloads)
    assert [unit.hex() for unit in found] == units
    assert counted == faults


def test_marker_on_every_packet_costs_one_unit() -> None:
    picture = ["620193aa", "620113bb", "620153cc"]
    units, faults = depacketize(picture * 2, [True] * 6)
    assert [unit.hex() for unit in units] == ["2601aa", "2601aabbcc"]
    assert faults["marker inside a unit"] == 1


PAYLOADS = any_payloads(
    [b"\x62\x01\x93", b"\x62\x01\x13", b"\x62\x01\x53", b"\x60\x01"], [b"\x00", b"\x01", b"\x62", b"\x93"], 9
)


@examples(300)
@given(PAYLOADS, st.randoms(use_true_random=False))
def test_any_payloads(payloads: list[bytes], chance: Random) -> None:
    def check(payload: bytes, unit: bytes) -> None:
        del payload
        assert unit
        assert b"\x00\x00\x01" not in unit

    units_with_losses(InOrderReader(), payloads, chance, check)


WORST = {
    "tiny fragments": lambda size: [b"\x62\x01\x93\xaa"] + [b"\x62\x01\x13\xbb"] * size,
    "starts without end": lambda size: [b"\x62\x01\x93\xaa"] * size,
    "tiny aggregated units": lambda size: [b"\x60\x01" + b"\x00\x02\x40\x01" * 400] * (size // 100),
    "start codes": lambda size: [b"\x40\x01" + b"\x00\x00\x01\x4e" * 10_000] * (size // 2000),
}


@pytest.mark.parametrize("name", WORST)
def test_worst_cases_cost_no_more_than_their_size(name: str, assert_linear: Callable[..., None]) -> None:
    def run(payloads: list[bytes]) -> None:
        reader = InOrderReader()
        for payload in payloads:
            reader.receive(memoryview(payload), marker=False)

    assert_linear(WORST[name], run, 8000, at_most_s=1.0)
