"""From packets to access units: the case table, the recorded streams, reports."""

import itertools
import json
import re
import struct
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.examples import examples
from transcoder.codecs.access_unit import AccessUnit, filter_nal_units
from transcoder.codecs.nal import Codec, is_allowed, nal_unit_type
from transcoder.formats import h264, h265
from transcoder.ledger import Ledger
from transcoder.rtp.timeline import Timeline
from transcoder.rtp.video import REPORT_INTERVAL_S, VideoReceiver

Build = Callable[..., bytes]
DATA = Path(__file__).parents[1] / "data"
STREAMS = tomllib.loads((DATA / "rtp_streams.toml").read_text())["stream"]


class Reception:
    def __init__(
        self, codec: Codec = Codec.H264, payload_types: frozenset[int] = frozenset({96}), *, reorder: bool = False
    ):
        self.ledger = Ledger()
        self.receiver = VideoReceiver(
            codec=codec, payload_types=payload_types, clock_rate=90_000, ledger=self.ledger, reorder=reorder,
            ssrc=0x55667788, cname="us",
        )  # fmt: skip
        self.now = 10.0

    def feed(self, packet: bytes) -> None:
        self.now += 0.005
        self.receiver.receive_rtp(packet, self.now)

    def take(self) -> list[AccessUnit]:
        found = []
        while (unit := self.receiver.next_access_unit()) is not None:
            found.append(unit)
        return found

    def counted(self) -> dict[str, int]:
        return {f"{layer} {kind}": entry.count for layer, kind, entry in self.ledger}


def packet_of(rtp: Build, entry: list | dict) -> bytes:
    entry = entry if isinstance(entry, dict) else {"packet": entry}
    number, timestamp, marker, payload = entry["packet"]
    fields = {name: entry[name] for name in ("payload_type", "ssrc") if name in entry}
    if "extension" in entry:
        profile, words = entry["extension"]
        fields["extension"] = (int(profile, 16), bytes.fromhex(words))
    return rtp(number, timestamp, bytes.fromhex(payload), marker=marker, **fields)


@pytest.mark.parametrize("stream", STREAMS, ids=[stream["name"] for stream in STREAMS])
def test_stream(stream: dict, rtp: Build) -> None:
    reception = Reception(Codec(stream["codec"]))
    for entry in stream["packets"]:
        reception.feed(packet_of(rtp, entry))
    found = [
        [unit.timestamp, [nal.hex() for nal in filter_nal_units(unit, reception.ledger, is_allowed, "nal")]]
        for unit in reception.take()
    ]
    assert found == stream["access_units"]
    assert reception.counted() == stream.get("ledger", {})
    faults = dict(reception.receiver.faults)
    if "faults" in stream:
        assert faults == stream["faults"]
    assert reception.receiver.receiver.lost == 0


# -- recorded streams --------------------------------------------------------------------------------------------------


def recorded(rtp: Build, path: Path) -> tuple[str, list[bytes], list[bytes]]:
    """What is expected, the packets and their payloads."""
    head, *rows = [json.loads(line) for line in path.read_text().splitlines()]
    packets, payloads = [], []
    for row in rows:
        payloads.append(bytes.fromhex(row["payload_hex"]))
        extension = None
        if "ext_hex" in row:
            extension = (int(row["ext_profile"], 16), bytes.fromhex(row["ext_hex"]))
        packets.append(
            rtp(
                row["seq"], row["ts"], payloads[-1], payload_type=row["pt"], marker=bool(row["m"]),
                ssrc=int(row["ssrc"], 16), extension=extension,
            )
        )  # fmt: skip
    return head["expect"], packets, payloads


def reassembled(path: Path, rtp: Build, codec: Codec = Codec.H264) -> tuple[list[bytes], list[bytes], str]:
    """NAL units straight out of the depacketizer, the payloads, what is expected."""
    expect, packets, payloads = recorded(rtp, path)
    reader = h264.InOrderReader() if codec is Codec.H264 else h265.InOrderReader()
    units: list[bytes] = []
    for packet, payload in zip(packets, payloads, strict=True):
        before, completed = reader.receive(memoryview(payload), marker=bool(packet[1] & 0x80))
        units += [*before, *completed]
    return units, payloads, expect


def test_recorded_amatek(vectors: Path, rtp: Build) -> None:
    units, _, expect = reassembled(vectors / "amatek/rtp_h264_multi_nal_in_fu.rtp.jsonl", rtp)
    assert [unit.hex() for unit in units] == re.findall(r"\b[0-9a-f]{8,}\b", expect)


def test_recorded_stap_a_with_padding(vectors: Path, rtp: Build) -> None:
    units, _, _ = reassembled(vectors / "unknown_misc/rtp_stapa_zero_padding.rtp.jsonl", rtp)
    assert [unit.hex() for unit in units] == ["aabb", "ccdd"]


def test_recorded_empty_fragment(vectors: Path, rtp: Build) -> None:
    units, payloads, _ = reassembled(vectors / "unknown_misc/rtp_fua_empty_fragment.rtp.jsonl", rtp)
    assert units == [b"\x61" + b"".join(payload[2:] for payload in payloads)]


def test_recorded_tiandy(vectors: Path, rtp: Build) -> None:
    units, payloads, _ = reassembled(vectors / "tiandy/rtp_hevc_fu_inconsistent_header.rtp.jsonl", rtp, Codec.H265)
    assert units == [b"\x28\x01" + b"".join(payload[3:] for payload in payloads)]


def test_recorded_v380(vectors: Path, rtp: Build) -> None:
    units, _, _ = reassembled(vectors / "v380/rtp_annexb_in_single_nal.rtp.jsonl", rtp)
    assert [(unit[0] & 31, len(unit)) for unit in units] == [(7, 20), (8, 4), (5, 12)]


def test_recorded_flir(vectors: Path, rtp: Build) -> None:
    _, packets, payloads = recorded(rtp, vectors / "flir/rtp_no_marker.rtp.jsonl")
    reception = Reception()
    reception.feed(packets[0])
    assert reception.take() == []
    reception.feed(packets[1])
    (unit,) = reception.take()
    assert unit.nal_units == [payloads[0]]


def test_recorded_reolink(vectors: Path, rtp: Build) -> None:
    _, packets, payloads = recorded(rtp, vectors / "reolink/rtp_gop_boundary_ts.rtp.jsonl")
    reception = Reception()
    for packet in packets:
        reception.feed(packet)
    first, second = reception.take()
    assert (first.timestamp, first.nal_units) == (0, payloads[:1])
    assert (second.timestamp, second.nal_units, second.random_access) == (1, payloads[1:], True)


def test_recorded_parameter_change(vectors: Path, rtp: Build) -> None:
    _, packets, payloads = recorded(rtp, vectors / "unknown_misc/rtp_sps_change_midstream.rtp.jsonl")
    reception = Reception()
    for packet in packets:
        reception.feed(packet)
    (unit,) = reception.take()
    assert unit.nal_units == payloads


def test_recorded_reserved_types(vectors: Path, rtp: Build) -> None:
    _, packets, _ = recorded(rtp, vectors / "synthetic/h264_reserved_nal_types.rtp.jsonl")
    reception = Reception()
    for packet in packets:
        reception.feed(packet)
    (unit,) = reception.take()
    kept = filter_nal_units(unit, reception.ledger, is_allowed, "nal")
    assert [nal_unit_type(Codec.H264, nal) for nal in kept] == [7, 8, 5]
    assert {int(kind.rsplit(" ")[-1]) for kind in reception.counted()} == {9, 15, 6, 14, 30, 31, 22, 12, 20}


def test_recorded_extensions(vectors: Path, rtp: Build) -> None:
    _, packets, _ = recorded(rtp, vectors / "synthetic/hik_ext_on_video.rtp.jsonl")
    reception = Reception()
    for packet in packets:
        reception.feed(packet)
    (unit,) = reception.take()
    assert unit.nal_units == [b"eidr-mid-end"]
    assert reception.counted() == {"rtp_extension 0x4000": 1, "rtp_extension 0xbede": 1}


def test_recorded_replay_extension(vectors: Path, rtp: Build) -> None:
    _, packets, payloads = recorded(rtp, vectors / "synthetic/onvif_replay_abac.rtp.jsonl")
    reception = Reception()
    for packet in packets:
        reception.feed(packet)
    (unit,) = reception.take()
    assert unit.nal_units == payloads
    assert reception.counted() == {"rtp_extension 0xabac": 2}


@pytest.mark.parametrize("name", ["tapo_ts_reset", "ts_wraparound"])
def test_recorded_timestamps(name: str, vectors: Path, rtp: Build) -> None:
    _, packets, payloads = recorded(rtp, vectors / f"synthetic/{name}.rtp.jsonl")
    reception = Reception()
    timeline = Timeline(90_000)
    times = []
    for index, packet in enumerate(packets):
        reception.now = 50 + 0.04 * index
        reception.feed(packet)
        times += [timeline.presentation_time(unit.timestamp, unit.completed) for unit in reception.take()]
    assert len(times) == len(payloads)
    assert [later - earlier for earlier, later in itertools.pairwise(times)] == [3600] * (len(times) - 1)
    assert reception.receiver.receiver.lost == 0


def test_recorded_audio(vectors: Path, rtp: Build) -> None:
    _, packets, payloads = recorded(rtp, vectors / "synthetic/audio_aac_inside_g711.rtp.jsonl")
    reception = Reception()
    for packet in packets:
        reception.feed(packet)
    assert reception.take() == []
    assert reception.counted() == {"rtp_payload_type private payload type 8": len(payloads)}


# -- SEI ---------------------------------------------------------------------------------------------------------------


def sei_rows(path: Path) -> list[bytes]:
    rows = [line.split("\t") for line in path.read_text().splitlines() if line and not line.startswith("#")]
    return [bytes.fromhex(text) for _, text in rows]


def assert_stripped(messages: list[bytes], rtp: Build) -> None:
    picture = [b"\x67\x4d\x40\x1f\xda", b"\x68\xef\x0f\x2c\x80", b"\x65\x88\x01"]
    ways = [
        [[unit] for unit in [*messages, *picture]],  # packets of their own
        [[b"\x78" + b"".join(struct.pack("!H", len(unit)) + unit for unit in [*messages, *picture])]],  # one STAP-A
        [[b"\x00\x00\x00\x01".join([picture[0], *messages, *picture[1:]])]],  # a byte stream (V380)
        [
            [b"\x7c\x87" + picture[0][1:]],
            [b"\x7c\x47" + b"\x00\x00\x01" + b"\x00\x00\x01".join([*messages, *picture[1:]])],
        ],
    ]
    for packets in ways:
        reception = Reception()
        for index, (payload,) in enumerate(packets):
            reception.feed(rtp(index, 0, payload, marker=index == len(packets) - 1))
        (unit,) = reception.take()
        assert filter_nal_units(unit, reception.ledger, is_allowed, "nal") == picture
        assert reception.counted() == {"nal h264 type 6": len(messages)}


def test_no_sei_passes(rtp: Build) -> None:
    assert_stripped(sei_rows(DATA / "sei_h264.tsv"), rtp)


def test_no_recorded_sei_passes(vectors: Path, rtp: Build) -> None:
    assert_stripped(sei_rows(vectors / "synthetic/sei_collection.tsv"), rtp)


# -- loss and restarts -------------------------------------------------------------------------------------------------


def test_a_lost_fragment_costs_its_picture(rtp: Build) -> None:
    reception = Reception()
    reception.feed(rtp(1, 0, b"\x7c\x85\x88\xaa"))
    reception.feed(rtp(3, 0, b"\x7c\x45\xcc", marker=True))
    reception.feed(rtp(4, 3600, b"\x41\x9a\x01", marker=True))
    (unit,) = reception.take()
    assert (unit.timestamp, unit.damaged) == (3600, False)
    assert reception.receiver.receiver.lost == 1
    assert reception.receiver.faults["unit lost with a packet"] == 1


def test_a_lost_second_slice_marks_the_picture(rtp: Build) -> None:
    reception = Reception()
    reception.feed(rtp(1, 0, b"\x65\x88\xaa"))
    reception.feed(rtp(3, 3600, b"\x41\x9a\x01", marker=True))
    first, second = reception.take()
    assert (first.damaged, second.damaged) == (True, False)


def test_restart_of_the_source(rtp: Build) -> None:
    reception = Reception()
    reception.feed(rtp(1, 0, b"\x7c\x85\x88\xaa"))
    reception.feed(rtp(40_000, 777, b"\x65\x88\x01", marker=True))
    (unit,) = reception.take()
    assert (unit.timestamp, unit.nal_units, unit.damaged) == (777, [b"\x65\x88\x01"], False)
    assert reception.receiver.restarts == 1


def test_what_waits_over_udp_comes_with_the_timeout(rtp: Build) -> None:
    reception = Reception(reorder=True)
    reception.feed(rtp(1, 0, b"\x65\x88\x01", marker=True))
    reception.feed(rtp(3, 7200, b"\x41\x9a\x03", marker=True))
    assert [unit.timestamp for unit in reception.take()] == [0]
    due = reception.receiver.next_timeout()
    assert due is not None
    reception.receiver.handle_timeout(due)
    assert [unit.timestamp for unit in reception.take()] == [7200]


# -- RTCP --------------------------------------------------------------------------------------------------------------


def sender_report(ssrc: int, ntp: int = 0x1122334455667788) -> bytes:
    return struct.pack("!BBHIQIII", 0x80, 200, 6, ssrc, ntp, 1234, 5, 6)


def test_receiver_reports(rtp: Build) -> None:
    reception = Reception()
    receiver = reception.receiver
    assert receiver.report_due(10.0) is None
    reception.feed(rtp(1, 0, b"\x65\x88\x01", marker=True, ssrc=7))
    receiver.receive_rtcp(sender_report(7), 10.5)
    first = receiver.report_due(11.0)
    assert first is not None
    # RR, one block, our SSRC; the block: source 7, nothing lost, highest 1, LSR the middle of NTP, DLSR 0.5 s
    assert first[:8] == bytes.fromhex("81c90007 55667788")
    assert first[8:32] == bytes.fromhex("00000007 00000000 00000001 00000000 33445566 00008000")
    assert first[32:34] == bytes.fromhex("81ca")
    assert receiver.report_due(11.0 + REPORT_INTERVAL_S - 0.1) is None
    assert receiver.report_due(11.0 + REPORT_INTERVAL_S) is not None


def test_a_report_of_nobody(rtp: Build) -> None:  # Tapo C320WS: reports of an SSRC that sends nothing
    reception = Reception()
    reception.feed(rtp(1, 0, b"\x65\x88\x01", marker=True, ssrc=7))
    reception.receiver.receive_rtcp(sender_report(8), 10.5)
    assert reception.receiver.sender_report is None
    reception.receiver.receive_rtcp(sender_report(7), 10.6)
    assert reception.receiver.sender_report is not None
    for index in range(3):
        reception.feed(rtp(100 + index, 0, b"\x65\x88\x01", marker=True, ssrc=9))
    assert reception.receiver.sender_report is None  # of the source that was


def test_names_and_vendor_data_in_rtcp_are_counted_and_dropped() -> None:
    reception = Reception()
    description = bytes.fromhex("81ca0003 00000007 01034142430000 00".replace(" ", ""))
    application = bytes.fromhex("80cc0003 00000007 48494b56 01020304".replace(" ", ""))
    goodbye = bytes.fromhex("81cb0001 00000007".replace(" ", ""))
    reception.receiver.receive_rtcp(sender_report(7) + description + application + goodbye, 1.0)
    reception.receiver.receive_rtcp(b"\x00", 1.0)
    assert reception.counted() == {"rtcp SDES": 1, "rtcp APP": 1, "rtcp BYE": 1}
    assert reception.receiver.receiver.malformed == 1


# -- anything ----------------------------------------------------------------------------------------------------------


@examples(200)
@given(
    st.sampled_from(list(Codec)),
    st.booleans(),
    st.lists(
        st.one_of(
            st.binary(max_size=40),
            st.tuples(
                st.integers(0, 30),
                st.sampled_from([0, 3600, 1 << 31]),
                st.one_of(
                    st.binary(max_size=16),
                    st.tuples(
                        st.sampled_from(
                            [b"\x7c\x85", b"\x7c\x45", b"\x62\x01\x93", b"\x62\x01\x53", b"\x78", b"\x60\x01"]
                        ),
                        st.binary(max_size=10),
                    ).map(b"".join),
                ),
                st.booleans(),
                st.sampled_from([1, 1, 2]),
            ),
        ),
        max_size=40,
    ),
)
def test_any_packets(rtp: Build, codec: Codec, reorder: bool, packets: list) -> None:
    reception = Reception(codec, reorder=reorder)
    for entry in packets:
        if isinstance(entry, bytes):
            reception.receiver.receive_rtcp(entry, reception.now)
            reception.feed(entry)
        else:
            number, timestamp, payload, marker, ssrc = entry
            reception.feed(rtp(number, timestamp, payload, marker=marker, ssrc=ssrc))
        reception.receiver.handle_timeout(reception.now)
        reception.receiver.report_due(reception.now)
    for unit in reception.take():
        for nal in filter_nal_units(unit, reception.ledger, is_allowed, "nal"):
            assert b"\x00\x00\x01" not in nal  # nothing hides behind what is let through
