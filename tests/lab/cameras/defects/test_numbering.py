import itertools

import pytest

PLAIN = ("idr_nal_units=", "fu_reserved_bit=false")


def test_two_ssrc_take_turns(record) -> None:
    pictures = record("longse", *PLAIN, "ssrc_turns=true", seconds=3.0).pictures
    groups = [list(group) for _, group in itertools.groupby(pictures, key=lambda picture: picture[0].ssrc)]
    assert len({picture[0].ssrc for picture in pictures}) == 2
    assert all(group[0][0].payload[0] & 31 == 7 for group in groups)
    assert len(groups) == sum(picture[0].payload[0] & 31 == 7 for picture in pictures) >= 4
    for group in (groups[::2], groups[1::2]):
        numbers = [packet.sequence_number for turn in group for picture in turn for packet in picture]
        assert {(later - earlier) & 0xFFFF for earlier, later in itertools.pairwise(numbers)} == {1}


def test_numbers_begin_anew_with_each_group(record) -> None:
    pictures = record("longse", *PLAIN, "sequence_restart=true", seconds=3.0).pictures
    first = [picture[0] for picture in pictures if picture[0].payload[0] & 31 == 7]
    assert [packet.sequence_number for packet in first] == [0] * len(first)
    assert len(first) >= 4
    steps = {later[0].timestamp - earlier[0].timestamp & 0xFFFF_FFFF for earlier, later in itertools.pairwise(pictures)}
    assert len(steps) <= 2


@pytest.mark.parametrize(
    ("switch", "steps"), [("pictures", {0}), ("nothing", {0}), ("shared", {2}), ("swapped", {0x100, 0x101 - 0x10000})]
)
def test_numbers_that_do_not_count_packets(record, switch: str, steps: set[int]) -> None:
    pictures = record("longse", *PLAIN, f"packet_numbers={switch}", seconds=3.0).pictures
    pairs = [pair for picture in pictures for pair in itertools.pairwise(packet.sequence_number for packet in picture)]
    assert len(pairs) > 12
    assert {(later - earlier) & 0xFFFF for earlier, later in pairs} <= {step & 0xFFFF for step in steps}
    first = [picture[0].sequence_number for picture in pictures]
    assert len(set(first)) == (1 if switch == "nothing" else len(first))


def test_a_payload_type_that_no_description_has(record) -> None:
    recorded = record("longse", "sent_payload_type=97")
    assert {packet.payload_type for packet in recorded.packets} == {97}
    described = recorded.camera.describe("rtsp://192.0.2.7/", "192.0.2.7").decode()
    assert "m=video 0 RTP/AVP 96" in described
    assert "97" not in described.partition("m=video")[2].partition("\n")[0]
