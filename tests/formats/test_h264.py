"""H.264 payloads: the bits of RFC 6184, round trips with a reader of their own, and what cameras make of it."""

from collections.abc import Callable, Iterator, Sequence
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.examples import examples
from tests.support.payloads import any_payloads, depacketize_with, units_with_losses
from transcoder.formats.h264 import InOrderReader, packetize

SPS = bytes.fromhex("674d401fda0586e840000003004000000783c60ca8")
PPS = bytes.fromhex("68ef0f2c80")


def depacketize(
    payloads: Sequence[str | bytes], markers: list[bool] | None = None
) -> tuple[list[bytes], dict[str, int]]:
    return depacketize_with(InOrderReader(), payloads, markers)


def reference_units(payloads: list[bytes], limit: int) -> Iterator[bytes]:
    """Read what was packetized, strictly: only what RFC 6184 sections 5.6 to 5.8 let a sender write."""
    open_unit: bytearray | None = None
    for payload in payloads:
        assert 1 <= len(payload) <= limit
        forbidden, nri, kind = payload[0] >> 7, payload[0] >> 5 & 3, payload[0] & 31
        assert not forbidden
        if kind == 28:
            start, end, reserved = payload[1] >> 7, payload[1] >> 6 & 1, payload[1] >> 5 & 1
            assert not reserved
            assert not (start and end)  # section 5.8: MUST NOT be both
            assert len(payload) > 2
            assert bool(start) == (open_unit is None)
            header = bytes((nri << 5 | payload[1] & 31,))
            open_unit = bytearray(header) if open_unit is None else open_unit
            assert open_unit[0] == header[0]
            open_unit += payload[2:]
            if end:
                yield bytes(open_unit)
                open_unit = None
            continue
        assert open_unit is None
        if kind == 24:
            position, nris = 1, []
            while position < len(payload):
                size = int.from_bytes(payload[position : position + 2])
                unit = payload[position + 2 : position + 2 + size]
                assert len(unit) == size > 0
                nris.append(unit[0] >> 5 & 3)
                yield unit
                position += 2 + size
            assert len(nris) > 1
            assert nri == max(nris)  # section 5.7: the highest of the aggregated
        else:
            assert 1 <= kind <= 23
            yield payload
    assert open_unit is None


def nal_unit(header: int, size: int) -> bytes:
    return bytes((header,)) + bytes(1 + (index * 7) % 250 for index in range(size - 1))


UNITS = st.lists(
    st.tuples(
        st.sampled_from([0x67, 0x68, 0x65, 0x41, 0x01, 0x27, 0x06]),
        st.one_of(st.integers(1, 80), st.integers(230, 300), st.integers(1100, 1500), st.integers(2, 6000)),
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
    payloads = packetize([SPS, PPS, nal_unit(0x65, 2000)], 1200)
    assert payloads[0].hex() == "78" + "0015" + SPS.hex() + "0005" + PPS.hex()
    assert [payload[0] & 31 for payload in payloads] == [24, 28, 28]


def test_fragments_are_of_nearly_equal_size() -> None:
    sizes = [len(payload) for payload in packetize([nal_unit(0x65, 1402)], 1400)]
    assert max(sizes) - min(sizes) <= 1
    # FU indicator keeps F and NRI, FU header has the type (section 5.8)
    first, last = packetize([nal_unit(0x41, 150)], 100)
    assert (first[:2].hex(), last[:2].hex()) == ("5c81", "5c41")


def test_lowest_reference_idc_of_a_packet_of_disposable_units() -> None:
    assert packetize([b"\x01\x9a", b"\x01\x46"], 1200)[0][0] == 24


STREAM = {"byte stream in a unit": 1}
NO_END = {"fragments without end": 1}

CASES = [
    ("single", ["6588"], ["6588"], {}),
    ("STAP-A", ["780002674d000268ee"], ["674d", "68ee"], {}),
    ("STAP-A with zeros behind it", ["78000267aa000268bb" + "00" * 20], ["67aa", "68bb"], {"aggregate padded": 1}),
    ("STAP-A cut short", ["78000267aa00ff68"], ["67aa"], {"aggregate cut short": 1}),
    ("STAP-A with half a size", ["78000267aa00"], ["67aa"], {}),
    ("STAP-A of nothing", ["78"], [], {}),
    ("FU-A", ["7c85aa", "7c05bb", "7c45cc"], ["65aabbcc"], {}),
    ("NRI of the indicator", ["3c81aa", "3c41bb"], ["21aabb"], {}),
    ("reserved bit set (Longse)", ["7ca5aa", "7c25bb", "7c65cc"], ["65aabbcc"], {}),
    ("start and end in one (CostarHD)", ["7cc5aabb"], ["65aabb"], {"start and end in one fragment": 1}),
    ("empty fragment", ["7c85aa", "7c05", "7c45cc"], ["65aacc"], {"empty fragment": 1}),
    ("another type later", ["7c85aa", "7c41bb"], ["65aabb"], {}),
    ("no end bit, the marker tells", ["7c85aa", "7c05bb"], ["65aabb"], {}),
    ("no end bit, the next unit tells", ["7c85aa", "7c05bb", "41cc"], ["65aabb", "41cc"], NO_END),
    ("no end bit, the next start tells", ["7c85aa", "7c81bb", "7c41cc"], ["65aa", "61bbcc"], NO_END),
    ("no start", ["7c05aa", "7c45bb", "41cc"], ["41cc"], {"fragment without start": 2}),
    ("no header", ["7c", "41cc"], ["41cc"], {"fragment without header": 1}),
    ("empty payload", ["", "41cc"], ["41cc"], {"empty payload": 1}),
    ("byte stream in one packet (V380)", ["67aa0000000168bb00000165880000"], ["67aa", "68bb", "6588"], STREAM),
    ("byte stream with its first start code", ["0000000167aa0000000168bb"], ["67aa", "68bb"], STREAM),
    ("byte stream in fragments (Amatek)", ["7c87aa0000", "7c47000168bb"], ["67aa", "68bb"], STREAM),
    ("fragments of type 0 (Amatek)", ["7c800000000167aa", "7c400000000168bb"], ["67aa", "68bb"], STREAM),
    ("byte stream inside an aggregate", ["78000867aa000001060580"], ["67aa", "060580"], STREAM),
    ("zeros behind a unit (Dahua)", ["68ee3c8000"], ["68ee3c80"], {}),
    ("zeros behind an aggregated unit", ["78000367aa00000268bb"], ["67aa", "68bb"], {}),
    ("type 31 (VStarcam)", ["7fb2b2"], ["7fb2b2"], {}),
    ("STAP-B", ["7900010002674d"], [], {"packet type 25": 1}),
    ("MTAP", ["7a00", "7b00"], [], {"packet type 26": 1, "packet type 27": 1}),
    ("FU-B", ["7d850000aa"], [], {"packet type 29": 1}),
]


@pytest.mark.parametrize(("payloads", "units", "faults"), [row[1:] for row in CASES], ids=[row[0] for row in CASES])
def test_payloads(payloads: list[str], units: list[str], faults: dict[str, int]) -> None:
    found, counted = depacketize(payloads)
    assert [unit.hex() for unit in found] == units
    assert counted == faults


def test_marker_on_every_packet_costs_one_unit() -> None:
    # a marker inside a unit is believed once, then never again
    picture = [["7c85aa", "7c05bb", "7c45cc"], ["7c85dd", "7c05ee", "7c45ff"]]
    units, faults = depacketize(picture[0] + picture[1], [True] * 6)
    assert [unit.hex() for unit in units] == ["65aa", "65ddeeff"]
    assert faults["marker inside a unit"] == 1


def test_a_loss_gives_up_the_unit_and_nothing_else() -> None:
    reader = InOrderReader()

    def feed(text: str) -> list[bytes]:
        before, completed = reader.receive(memoryview(bytes.fromhex(text)), marker=False)
        return [*before, *completed]

    assert feed("7c85aa") == []
    reader.reassembly.lose()
    assert feed("7c45cc") == []
    assert feed("7c81dd") == []
    assert feed("7c41ee") == [bytes.fromhex("61ddee")]
    assert dict(reader.reassembly.faults) == {"unit lost with a packet": 1}


PAYLOADS = any_payloads(
    [b"\x7c\x85", b"\x7c\x05", b"\x7c\x45", b"\x78", b"\x7c\x80"],
    [b"\x00", b"\x01", b"\x67", b"\x7c", b"\x85"],
    12,
)


@examples(300)
@given(PAYLOADS, st.randoms(use_true_random=False))
def test_any_payloads(payloads: list[bytes], chance: Random) -> None:
    def check(payload: bytes, unit: bytes) -> None:
        assert unit
        if payload[0] & 31 not in {30, 31}:  # types that the allow-list drops whole
            assert b"\x00\x00\x01" not in unit

    units_with_losses(InOrderReader(), payloads, chance, check)


WORST = {
    "tiny fragments": lambda size: [b"\x7c\x85\xaa"] + [b"\x7c\x05\xbb"] * size,
    "starts without end": lambda size: [b"\x7c\x85\xaa"] * size,
    "tiny aggregated units": lambda size: [b"\x78" + b"\x00\x01\x67" * 400] * (size // 100),
    "start codes": lambda size: [b"\x67" + b"\x00\x00\x01\x06" * 10_000] * (size // 2000),
    "start codes in fragments": lambda size: (
        [b"\x7c\x87\xaa"] + [b"\x7c\x07" + b"\x00\x00\x01\x06" * 200] * (size // 10) + [b"\x7c\x47\xaa"]
    ),
}


@pytest.mark.parametrize("name", WORST)
def test_worst_cases_cost_no_more_than_their_size(name: str, assert_linear: Callable[..., None]) -> None:
    def run(payloads: list[bytes]) -> None:
        reader = InOrderReader()
        for payload in payloads:
            reader.receive(memoryview(payload), marker=False)

    assert_linear(WORST[name], run, 8000, at_most_s=1.0)
