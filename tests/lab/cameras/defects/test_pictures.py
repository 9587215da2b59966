import base64
import itertools
import re

import pytest

from transcoder.codecs.nal import Codec
from transcoder.lab.cameras.content import ContentOptions, from_scene
from transcoder.lab.cameras.scenes import SceneOptions

PLAIN = ("idr_nal_units=", "fu_reserved_bit=false")
FAMILY = "longse"


def kinds(recorded) -> list[int]:
    """nal_unit_type of each unit that begins, fragments included."""
    found = []
    for packet in recorded.packets:
        data = packet.payload
        if data[0] & 31 != 28:
            found.append(data[0] & 31)
        elif data[1] & 0x80:
            found.append(data[1] & 31)
    return found


def sdp(recorded) -> str:
    return recorded.camera.describe("rtsp://192.0.2.7/", "192.0.2.7").decode()


def test_parameter_sets_only_in_the_description(record) -> None:
    recorded = record(FAMILY, *PLAIN, "parameter_sets=sdp")
    assert not {7, 8} & set(kinds(recorded))
    assert "sprop-parameter-sets=" in sdp(recorded)


def test_parameter_sets_only_in_the_stream(record) -> None:
    recorded = record(FAMILY, *PLAIN, "parameter_sets=stream")
    assert kinds(recorded)[:3] == [7, 8, 5]
    assert "sprop" not in sdp(recorded)
    assert "sprop" not in sdp(record("tiandy", "parameter_sets=stream"))


def test_parameter_sets_in_two_places(record) -> None:
    recorded = record(FAMILY, *PLAIN, "parameter_sets=apart", seconds=1.2)
    assert [kind for kind in kinds(recorded) if kind in {5, 7, 8}] == [8, 5, 5, 5]
    (sets,) = re.findall(r"sprop-parameter-sets=(\S+)", sdp(recorded))
    assert [base64.b64decode(each)[0] & 31 for each in sets.split(",")] == [7]


def test_late_parameter_sets(record) -> None:
    recorded = record(FAMILY, *PLAIN, "parameter_sets_after_s=1.2", seconds=2.0)
    assert "sprop" not in sdp(recorded)
    sets = [packet.at for packet in recorded.packets if packet.payload[0] & 31 in {7, 8}]
    assert sets[0] == pytest.approx(1.5, abs=0.02)  # the first IDR after 1.2 s
    assert len([kind for kind in kinds(recorded) if kind == 5]) == 5  # 0, 0.5, 1, 1.5 and 2 s


def test_parameter_sets_with_the_timestamp_of_the_picture_before(record) -> None:
    """Reolink RLC-822A."""
    recorded = record(FAMILY, *PLAIN, "parameter_sets_old_timestamp=true")
    pictures = recorded.pictures
    for before, picture in itertools.pairwise(pictures):
        if picture[0].payload[0] & 31 == 7:
            assert [packet.timestamp for packet in picture[:2]] == [before[-1].timestamp] * 2
            assert {packet.timestamp for packet in picture[2:]} == {picture[-1].timestamp} != {before[-1].timestamp}


@pytest.mark.parametrize(
    ("style", "begins", "ends"),
    [("start_code", b"\0\0\0\x01\x67", b""), ("zeros", b"\x67", b"\0"), ("no_header", b"\x64", b"")],
)
def test_sprop_styles(record, style: str, begins: bytes, ends: bytes) -> None:
    """Tenda, Dahua, VStarcam."""
    [text] = re.findall(r"sprop-parameter-sets=(\S+)", sdp(record(FAMILY, f"sprop={style}", seconds=0.1)))
    first = base64.b64decode(text.split(",")[0])
    assert first.startswith(begins)
    assert first.endswith(ends)


def test_sprop_without_pps(record) -> None:
    assert re.search(r"sprop-parameter-sets=[^,]+,\r", sdp(record(FAMILY, "sprop=no_pps", seconds=0.1)))


def test_size_changes_at_an_idr(record, cache) -> None:
    """Lorex: another size at night."""
    scene = SceneOptions(width=240, height=136, fps=20, seconds=1.0)
    other = from_scene(ContentOptions(scene=scene, gop_s=0.5, bitrate_kbps=400), cache)
    recorded = record(FAMILY, *PLAIN, "size_change_every_s=1.2", seconds=4.0, other=other)
    sps = [(packet.at, packet.payload) for packet in recorded.packets if packet.payload[0] & 31 == 7]
    changes = [late[0] for early, late in itertools.pairwise(sps) if early[1] != late[1]]
    assert changes == [pytest.approx(at, abs=0.02) for at in (1.5, 2.5, 4.0)]
    assert len({payload for _, payload in sps}) == 2
    assert len({packet.ssrc for packet in recorded.packets}) == 1


def test_first_idr_is_late(record) -> None:
    recorded = record(FAMILY, *PLAIN, "first_idr_after_s=3", seconds=4.0)
    found = kinds(recorded)
    assert 50 <= found.index(5) - 2 <= 61
    first = next(packet for packet in recorded.packets if packet.payload[0] & 31 == 7)
    assert first.at == pytest.approx(3.0, abs=0.06)


def test_svc_units(record) -> None:
    """H.264 sections 7.3.1, G.7.3.1.1."""
    recorded = record(FAMILY, *PLAIN, "svc=true", "aggregation=false")
    found = kinds(recorded)
    assert found[:5] == [7, 8, 14, 5, 20]
    assert found.count(14) == found.count(20) == found.count(5) + found.count(1)
    layer = next(packet.payload for packet in recorded.packets if packet.payload[0] & 31 == 20)
    canary = next(canary for canary in recorded.camera.canaries() if canary.name == "svc_slice")
    assert canary.value in layer
    assert layer[2] & 0x70 == 0x10  # dependency_id 1


def test_frozen_picture(record) -> None:
    recorded = record(FAMILY, *PLAIN, "frozen_after_s=1.2", seconds=3.0)
    late = [b"".join(p.payload for p in picture) for picture in recorded.pictures if picture[0].at > 1.3]
    assert len(late) > 30
    assert len(set(late)) == 1


def test_encrypted_slices(record) -> None:
    clear = record(FAMILY, *PLAIN, "max_payload=60000")
    secret = record(FAMILY, *PLAIN, "max_payload=60000", "encrypted=true")
    assert kinds(clear) == kinds(secret)
    for one, two in zip(clear.packets, secret.packets, strict=True):
        if one.payload[0] & 31 in {7, 8}:
            assert one.payload == two.payload
        elif len(one.payload) > 100:
            assert one.payload[0] == two.payload[0]
            end = 1 + min(4096, (len(one.payload) - 1) // 16 * 16)
            same = sum(a == b for a, b in zip(one.payload[1:end], two.payload[1:end], strict=True))
            assert same < end / 16
            assert one.payload[end:] == two.payload[end:]


def test_encoder_restarts(record) -> None:
    recorded = record(FAMILY, *PLAIN, "encoder_restart_every_s=0.7", seconds=2.0)
    sources = list(dict.fromkeys(packet.ssrc for packet in recorded.packets))
    assert len(sources) == 3
    for ssrc in sources:
        packets = [packet for packet in recorded.packets if packet.ssrc == ssrc]
        assert packets[0].payload[0] & 31 == 7
        numbers = [packet.sequence_number for packet in packets]
        assert numbers == [(numbers[0] + index) % 2**16 for index in range(len(numbers))]
    assert len({p.sequence_number for p in recorded.packets}) == len(recorded.packets)


def test_dark_picture(cache) -> None:
    import av

    scene = SceneOptions(width=192, height=96, fps=5, seconds=0.4, brightness=0.02)
    content = from_scene(ContentOptions(scene=scene, codec=Codec.H264, gop_s=1.0), cache)
    decoder = av.CodecContext.create("h264", "r")
    stream = b"".join(b"\0\0\0\x01" + unit for au in content.access_units for unit in au.nal_units)
    frame = next(iter([*decoder.decode(av.Packet(stream)), *decoder.decode(None)]))
    assert 14 < frame.to_ndarray()[40:96].mean() < 24


def test_a_second_pps_for_p_pictures(record) -> None:
    """gortsplib#96; PPS 15 begins with ue(15), 000010000 (H.264 section 9.1)."""
    recorded = record(FAMILY, *PLAIN, "second_pps=sdp", "max_payload=60000")
    sets = [
        base64.b64decode(text) for text in re.findall(r"sprop-parameter-sets=([^;\r]+)", sdp(recorded))[0].split(",")
    ]
    assert [unit[0] & 31 for unit in sets] == [7, 8, 8]
    assert (sets[1][1] & 0x80, sets[2][1], sets[2][2] & 0x80) == (0x80, 0b00001000, 0)
    units = [packet.payload for packet in recorded.packets]
    assert {bytes(unit[1:3]) for unit in units if unit[0] & 31 == 8} == {sets[1][1:3]}
    slices = [int.from_bytes(unit[1:4]) for unit in units if unit[0] & 31 == 1]
    # first_mb_in_slice 0 (1), slice_type P (00110), pic_parameter_set_id
    assert slices
    assert {bits >> 9 for bits in slices} == {0b1_00110_000010000}


def test_intra_refresh(record, tmp_path) -> None:
    scene = SceneOptions(width=192, height=96, fps=10, seconds=3.0)
    content = from_scene(ContentOptions(scene=scene, gop_s=1.0, intra_refresh=True), tmp_path)
    assert [unit.random_access for unit in content.access_units].count(True) == 1
    recorder = record(FAMILY, *PLAIN, "intra_refresh=true", seconds=8.0, content=content)
    found = kinds(recorder)
    assert 5 not in found
    assert 5 <= found.count(6) <= 8
    assert {packet.payload[1] for packet in recorder.packets if packet.payload[0] & 31 == 6} == {6}


def test_a_codec_that_is_switched_and_back(record, contents) -> None:
    h265 = contents[Codec.H265]
    recorded = record(FAMILY, *PLAIN, "codec_switch_every_s=1.2", seconds=3.5, other=h265)
    shown = recorded.packets
    # headers of H.265 (section 7.3.1.2) with types of slices, parameter sets, AP and FU
    headers = {bytes((kind << 1, 1)) for kind in (1, 19, 20, 32, 33, 34, 48, 49)}
    of_h265 = {packet.at for packet in shown if packet.payload[:2] in headers}
    assert of_h265 == {packet.at for packet in shown if 1.49 < packet.at < 2.49}  # a GOP is half a second
    numbers = [packet.sequence_number for packet in shown]
    assert all((late - early) % 65536 == 1 for early, late in itertools.pairwise(numbers))
    assert len({(packet.ssrc, packet.payload_type) for packet in shown}) == 1
    assert "H264/90000" in sdp(recorded)


@pytest.mark.parametrize(("setting", "named"), [("false", "H264"), ("true", "H265")])
def test_what_is_described_after_a_switch(record, contents, setting: str, named: str) -> None:
    h265 = contents[Codec.H265]
    settings = ("codec_switch_every_s=1.2", f"describes_switch={setting}")
    recorded = record(FAMILY, *PLAIN, *settings, seconds=2.0, other=h265)
    assert f"a=rtpmap:96 {named}/90000" in sdp(recorded)
    recorded.camera.stop()
    recorded.camera.start(200.0)  # another reader gets what the first one has got
    packets = [bytes(burst.data) for burst in recorded.camera.advance(200.0, 0.0, [0]) if not burst.rtcp]
    assert packets[0][17] == 1


def test_a_picture_that_grows_for_good(record, contents, tmp_path) -> None:
    scene = SceneOptions(width=384, height=192, fps=20, seconds=1.0)
    larger = from_scene(ContentOptions(scene=scene, gop_s=0.5), tmp_path)
    recorded = record(FAMILY, *PLAIN, "grow_after_s=1.2", seconds=4.0, other=larger)
    sets = [packet for packet in recorded.packets if packet.payload[0] & 31 == 7]
    own, other = contents[Codec.H264].parameter_sets[0], larger.parameter_sets[0]
    assert {packet.payload for packet in sets if packet.at < 1.4} == {own}
    assert {packet.payload for packet in sets if packet.at > 1.6} == {other}
