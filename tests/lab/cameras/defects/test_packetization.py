"""Payloads, by RFC 6184 sections 5.6 to 5.8 and RFC 7798 section 4.4, written out by hand."""

from transcoder.codecs.nal import Codec

H264, H265 = "longse", "tiandy"  # their own defects are switched off below
NORMAL = ("fu_reserved_bit=false", "fu_wrong_type=false", "fu_no_end=false", "idr_nal_units=", "max_payload=500")


def fragments(recorded, codec: Codec) -> list[tuple[int, bytes]]:
    """FU header and body of each fragment."""
    found = []
    for packet in recorded.packets:
        data = packet.payload
        if codec is Codec.H264 and data[0] & 31 == 28:
            found.append((data[1], data[2:]))
        if codec is Codec.H265 and data[0] >> 1 & 63 == 49:
            found.append((data[2], data[3:]))
    return found


def test_without_a_defect(record) -> None:
    for family, codec, mask in ((H264, Codec.H264, 31), (H265, Codec.H265, 63)):
        found = fragments(record(family, *NORMAL), codec)
        starts = sum(header >= 0x80 for header, _ in found)
        assert starts == sum(bool(header & 0x40) for header, _ in found) > 10
        assert not [header for header, _ in found if header & 0xC0 == 0xC0]
        assert all(body for _, body in found)
        kind = 0
        for header, _ in found:
            kind = header & mask if header >= 0x80 else kind
            assert header & mask == kind
            assert not header & 0x20 or codec is Codec.H265


def test_start_and_end_in_one_fragment(record) -> None:
    """CostarHD, H.264 and H.265."""
    for family, codec in ((H264, Codec.H264), (H265, Codec.H265)):
        recorded = record(family, *NORMAL, "fu_start_and_end=true", "aggregation=false")
        found = fragments(recorded, codec)
        assert len(found) == len(recorded.packets)  # nothing else is sent
        assert sum(header & 0xC0 == 0xC0 for header, _ in found) >= 4  # parameter sets at least


def test_empty_fragments(record) -> None:
    """retina#115."""
    for family, codec in ((H264, Codec.H264), (H265, Codec.H265)):
        found = fragments(record(family, *NORMAL, "fu_empty=true"), codec)
        empty = [index for index, (_, body) in enumerate(found) if not body]
        assert len(empty) > 10
        assert all(found[index - 1][0] & 0x80 and not found[index][0] & 0xC0 for index in empty)


def test_later_fragments_of_another_type(record) -> None:
    """Tiandy."""
    for family, codec, mask, idr in ((H264, Codec.H264, 31, 5), (H265, Codec.H265, 63, 19)):
        found = fragments(record(family, *NORMAL, "fu_wrong_type=true"), codec)
        idrs = [index for index, (header, _) in enumerate(found) if header & 0x80 and header & mask in {idr, 20}]
        assert len(idrs) >= 2
        assert all(found[index + 1][0] & mask == 1 for index in idrs)


def test_end_bit_never_set(record) -> None:
    for family, codec in ((H264, Codec.H264), (H265, Codec.H265)):
        found = fragments(record(family, *NORMAL, "fu_no_end=true"), codec)
        assert any(header & 0x80 for header, _ in found)
        assert not any(header & 0x40 for header, _ in found)


def test_reserved_bit(record) -> None:
    """Longse CMSEKL800."""
    found = fragments(record("longse", "max_payload=500"), Codec.H264)
    assert found
    assert all(header & 0x20 for header, _ in found)


def test_fragments_of_type_0_hold_a_byte_stream(record) -> None:
    """Amatek AR-N3222F."""
    found = fragments(record("amatek", "max_payload=500", "idr_nal_units="), Codec.H264)
    assert {header & 31 for header, _ in found} == {0}
    stream = b"".join(body for _, body in found)
    assert stream[:5] == b"\0\0\0\x01\x67"
    kinds = [part[0] & 31 for part in stream.split(b"\0\0\0\x01")[1:]]
    assert kinds[:3] == [7, 8, 5]
    assert kinds.count(7) >= 2


def test_byte_stream_in_a_single_nal_unit_packet(record) -> None:
    """V380: SPS, PPS and IDR slice with start codes between them."""
    recorded = record("v380", "idr_nal_units=", "max_payload=1400")
    blobs = [packet.payload for packet in recorded.packets if packet.payload[0] & 31 == 7]
    assert len(blobs) >= 2
    for blob in blobs:
        assert len(blob) > 1400
        assert [part[0] & 31 for part in blob.split(b"\0\0\0\x01")] == [7, 8, 5]


def test_byte_stream_in_fragments(record) -> None:
    recorded = record("v380", "idr_nal_units=", "max_payload=1400", "byte_stream=fragmented")
    found = fragments(recorded, Codec.H264)
    start = next(index for index, (header, _) in enumerate(found) if header & 0x80)
    end = next(index for index, (header, _) in enumerate(found) if header & 0x40)
    assert found[start][0] & 31 == 7
    whole = b"".join(body for _, body in found[start : end + 1])
    assert [part[0] & 31 for part in whole.split(b"\0\0\0\x01")[1:]] == [8, 5]


def test_padded_aggregates(record) -> None:
    recorded = record("v380", "byte_stream=none", "stap_padding=true", "idr_nal_units=")
    aggregates = [packet.payload for packet in recorded.packets if packet.payload[0] & 31 == 24]
    assert len(aggregates) >= 2
    for data in aggregates:
        at, kinds = 1, []
        while size := int.from_bytes(data[at : at + 2]):
            kinds.append(data[at + 2] & 31)
            at += 2 + size
        assert kinds[:2] == [7, 8]
        assert data[at:] == bytes(20)


def test_fragments_under_packetization_mode_0(record) -> None:
    """HIK Media Server, Anpviz."""
    recorded = record(H264, *NORMAL, "declared_mode=0")
    assert b"packetization-mode=0" in recorded.camera.describe("rtsp://192.0.2.7/", "192.0.2.7")
    assert fragments(recorded, Codec.H264)


def test_lost_end_fragments(record) -> None:
    recorded = record(H264, *NORMAL, "end_lost_every_s=0.5", seconds=2.2)
    numbers = [packet.sequence_number for packet in recorded.packets]
    gaps = [index for index in range(1, len(numbers)) if (numbers[index] - numbers[index - 1]) % 2**16 != 1]
    assert len(gaps) in {3, 4}
    assert all((numbers[index] - numbers[index - 1]) % 2**16 == 2 for index in gaps)
    assert not any(recorded.packets[index - 1].marker for index in gaps)


def test_markers(record) -> None:
    """FLIR M400: never. Tapo, Reolink: on parameter sets too."""
    assert not any(packet.marker for packet in record("flir").packets)
    assert all(packet.marker for packet in record("flir", "marker=all").packets)
    recorded = record(H264, *NORMAL, "marker=parameter_sets", "aggregation=false")
    marked = [packet.payload[0] & 31 for packet in recorded.packets if packet.marker]
    assert marked.count(7) == marked.count(8) >= 2
    assert len([picture for picture in recorded.pictures if picture[-1].marker]) == len(recorded.pictures)
    aggregated = record(H264, *NORMAL, "marker=parameter_sets", "aggregation=true")
    assert [packet.marker for packet in aggregated.packets if packet.payload[0] & 31 == 24] == [True] * marked.count(7)


def test_decoding_order_numbers(record) -> None:
    """RFC 6184 sections 5.7.1, 5.7.2, 5.8; RFC 7798 sections 4.4.1 to 4.4.3: sets behind the slices that need them."""
    recorded = record(H264, "decoding_order_numbers=true", "max_payload=500")
    kinds = {packet.payload[0] & 31 for packet in recorded.packets}
    assert kinds <= {25, 26, 28, 29}
    assert {25, 28, 29} <= kinds
    for index, packet in enumerate(recorded.packets):
        data = packet.payload
        if data[0] & 31 == 25:  # STAP-B: DON, then SPS and PPS; the IDR slice, sent before it, is the third
            assert (data[5] & 31, data[7 + int.from_bytes(data[3:5])] & 31) == (7, 8)
            start = next(p.payload for p in reversed(recorded.packets[:index]) if p.payload[0] & 31 == 29)
            assert start[1] == 0x85
            assert (int.from_bytes(start[2:4]) - int.from_bytes(data[1:3])) % 65536 == 2
    recorded = record(H265, "decoding_order_numbers=true", "max_payload=500")
    for index, packet in enumerate(recorded.packets):
        data = packet.payload
        if data[0] >> 1 == 48:
            start = next(p.payload for p in reversed(recorded.packets[:index]) if p.payload[2] & 0x80)
            assert (int.from_bytes(start[3:5]) - int.from_bytes(data[2:4])) % 65536 == 3
