"""Our own P pictures: libavcodec shows what the encoder believes, bit for bit, whatever the picture."""

import shutil
import subprocess
from itertools import count, repeat

import numpy as np
import pytest

from tests.support.own_p_pictures import Player, assert_decodes, encoder, pan, scene
from transcoder.codecs.nal import Codec, join_byte_stream
from transcoder.ipc.messages import CodedMessage
from transcoder.media.encoders.motion import MotionEncoder, MotionSettings
from transcoder.media.encoders.x264 import X264Encoder
from transcoder.media.encoders.x264_library import X264Context
from transcoder.media.picture import OwnPicture
from transcoder.service.coded_pictures import CodedPictures
from transcoder.worker_options import OutputFormat
from transcoder_native.h264 import engine
from transcoder_native.h264.layout import INTRA4, INTRA16, LEVELS_BYTES, MODE, TRANSFORM_8X8, Geometry


def _message(units: list[bytes]) -> CodedMessage:
    return CodedMessage(
        output_number=0,
        codec=Codec.H264,
        flags=0,
        pts=0,
        arrival=0,
        decode_s=0,
        stages_s=0,
        encode_s=0,
        nal_units=units,
    )


@pytest.mark.parametrize("qp", [10, 18, 26, 33, 42, 51])
@pytest.mark.parametrize(("width", "height"), [(64, 48), (66, 50), (176, 130), (16, 16)])
@pytest.mark.parametrize("noise", [0, 2, 25])
def test_libavcodec_shows_the_reconstruction(width, height, qp, noise):
    assert_decodes(encoder(width, height, qp), scene(width, height, qp, noise), 7, gop=100)


@pytest.mark.parametrize("qp", [10, 20, 30, 44])
@pytest.mark.parametrize(("width", "height"), [(82, 34), (112, 96)])
def test_libavcodec_shows_what_moves_beyond_the_edges(width, height, qp):
    made = encoder(width, height, qp)
    pictures = pan(width, height, qp, 0.5)
    assert_decodes(made, pictures, 8, gop=100)
    assert made._engine._mbs.mv.any()


@pytest.mark.parametrize("qp", [11, 12, 19, 27, 35, 43, 51])
def test_both_transforms_are_used_beside_each_other(qp):
    """A decoder takes contexts, and edges to filter, from the transforms of neighbours."""
    made, counts = encoder(130, 98, qp), []

    def watched():
        for picture in pan(130, 98, qp, 1 + 2 ** (qp / 6) / 4):
            yield picture
            mbs = made._engine._mbs
            large = int((mbs.coded_blocks >> TRANSFORM_8X8 & 1).sum())
            counts.append((large, int((mbs.coded_blocks & 0xFFFF != 0).sum()) - large))

    assert_decodes(made, watched(), 10, gop=100)
    large, small = np.sum(counts, axis=0)
    assert small > 0
    assert large == 0 if qp < 12 else large > 0


@pytest.mark.parametrize("preset", ["ultrafast", "superfast", "veryfast"])
def test_the_sps_allows_the_8x8_transform_with_any_preset(preset):
    """A decoder may pass over a PPS's transform_8x8_mode_flag where the profile is not a High one."""
    made = encoder(320, 240, 24, preset=preset)
    units = made.encode(next(scene(320, 240, 1, 1)), None, 0, force_idr=True)
    assert units[0][1] == 100  # profile_idc
    assert_decodes(encoder(320, 240, 24, preset=preset), scene(320, 240, 1, 1), 4, gop=100)


@pytest.mark.parametrize("gop", [1, 2, 5])
def test_short_groups_of_pictures(gop):
    assert_decodes(encoder(96, 80, 26), scene(96, 80, gop, 0.5), 12, gop)


def test_x264_gives_its_memory_back_while_own_pictures_come():
    made, pictures, player = encoder(96, 80, 26), scene(96, 80, 1, 0.5), Player()
    holds = []
    for number in range(9):
        units = made.encode(next(pictures), None, 3600 * number, force_idr=number in {0, 4, 5})
        player.planes(units, made.reconstruction)
        holds.append(made._library._context is not None)
    assert holds == [True, False, False, False, True, True, False, False, False]


def test_idrs_in_a_row_differ_in_their_number(monkeypatch):
    made, pictures = encoder(96, 80, 26), scene(96, 80, 1, 0.5)

    def encode(number: int, *, force_idr: bool) -> bytes:
        return made.encode(next(pictures), None, 3600 * number, force_idr=force_idr)[-1]

    found = [_idr_pic_id(encode(number, force_idr=True)) for number in range(3)]
    encode(3, force_idr=False)
    found.append(_idr_pic_id(encode(4, force_idr=True)))
    # a picture of ours that no decoder's buffer holds is forgotten, and an IDR comes instead
    monkeypatch.setattr(made, "_fits", lambda units: len(units) > 1)
    found.append(_idr_pic_id(encode(5, force_idr=False)))
    assert found[0] != found[1] != found[2]
    assert found[3] != found[4]


def _idr_pic_id(unit: bytes) -> int:
    """Read it of an IDR slice (H.264, 7.3.3) whose frame_num has 4 bits, as x264's."""
    assert unit[0] & 0x1F == 5
    bits = "".join(f"{byte:08b}" for byte in unit[1:8])
    assert bits.startswith("1000100010000")  # first_mb 0, slice_type 7, pps 0, frame_num 0
    zeros = len(bits[13:]) - len(bits[13:].lstrip("0"))
    return int(bits[13 + zeros : 14 + 2 * zeros], 2) - 1


def test_frame_num_runs_over_in_a_long_group():
    made = encoder(64, 64, 30)
    assert_decodes(made, scene(64, 64, 1, 1), 40, gop=100)


@pytest.mark.parametrize("seed", range(3))
def test_the_settled_map_changes_no_byte(seed):
    streams = []
    for settle in (True, False):
        made = encoder(176, 144, 24)
        made._engine = engine.Engine(Geometry(176, 144), settle=settle)
        reference = made._engine.reference
        made.reconstruction = [reference.luma, reference.cb, reference.cr]
        pictures = scene(176, 144, seed, 1.0)
        still = (
            next(pictures) if number % 3 == 0 else picture for number, picture in enumerate(repeat(next(pictures)))
        )
        streams.append(assert_decodes(made, still, 16, gop=12))
    assert streams[0] == streams[1]


def test_what_does_not_change_is_settled_and_takes_a_handful_of_bytes():
    made = encoder(320, 240, 28)
    picture = next(scene(320, 240, 3, 1.5))
    for number in range(4):
        units = made.encode(picture, None, 3600 * number, force_idr=number == 0)
    assert len(units) == 1
    assert len(units[0]) < 40
    assert (made._engine.changed, made._engine.tested, made._engine.coded) == (0, 0, 0)


def test_a_busy_group_is_followed_by_one_of_x264():
    made = encoder(320, 240, 26, always_own=False)
    player, before = Player(), None
    pictures = scene(320, 240, 5, 30)
    kinds = []
    for number in range(10):
        units = made.encode(next(pictures), None, 3600 * number, force_idr=number in {0, 4})
        shown = player.planes(units, made.reconstruction)
        assert before is None or any((one != other).any() for one, other in zip(shown, before, strict=True))
        before = shown
        kinds.append(made._choice.engine.name)
    assert kinds == ["OWN"] * 4 + ["LIBRARY"] * 6


def test_the_engine_has_no_memory_while_x264_codes():
    made, player = encoder(320, 240, 26, always_own=False), Player()
    busy, still = scene(320, 240, 5, 30), next(scene(320, 240, 6, 0))
    like, kinds, holds = made.reconstruction, [], []
    for number in range(24):
        changed = np.full((15, 20), number <= 14, np.uint8)
        if number > 14:
            still.planes[0][40:44, 100:104] += 9
            changed[2, 6] = 1
        units = made.encode(next(busy) if number < 14 else still, changed, 3600 * number, force_idr=number % 4 == 0)
        shown = player.planes(units, like)
        kinds.append(made._choice.engine.name)
        holds.append(made._engine is not None)
        if kinds[-1] == "OWN":
            for one, other in zip(shown, made.reconstruction, strict=True):
                np.testing.assert_array_equal(one, other)
    assert kinds == ["OWN"] * 4 + ["LIBRARY"] * 16 + ["OWN"] * 4
    assert holds == [True] * 4 + [False] * 16 + [True] * 4


def test_x264_looks_for_half_samples_in_the_groups_that_are_its_own():
    """A shaken camera becomes a still one; x264 is another one each time, and a decoder notices nothing."""
    made, player = encoder(320, 240, 26, always_own=False), Player()
    shaken, subme, sets = pan(320, 240, 3, 2), [], set()
    picture = next(shaken)
    for number in range(32):
        if number < 16:
            picture = next(shaken)
        units = made.encode(picture, None, 3600 * number, force_idr=number % 8 == 0)
        shown = player.planes(units, made.reconstruction)
        if made._choice.engine.name == "OWN":
            for plane, own in zip(shown, made.reconstruction, strict=True):
                np.testing.assert_array_equal(plane, own)
        if number % 8 == 0:
            subme.append(made._subme)
            sets.add((units[0], units[1]))
    assert subme == [0, 1, 1, 0]
    assert len(sets) == 1


def test_idrs_behind_one_another_are_of_one_x264():
    """It gives them numbers that differ (idr_pic_id, section 7.4.3)."""
    made, pictures = encoder(320, 240, 26, always_own=False), pan(320, 240, 3, 2)
    for number in range(6):
        made.encode(next(pictures), None, 3600 * number, force_idr=number == 0)
    made._is_behind_idr = True
    before = made._library
    made.encode(next(pictures), None, 30_000, force_idr=True)
    assert made._choice.engine.name == "LIBRARY"
    assert made._library is before


def test_a_cut_gets_an_idr():
    made = encoder(320, 240, 26, always_own=False)
    one, other = next(scene(320, 240, 1, 0)), next(scene(320, 240, 2, 0))
    player = Player()
    lengths = []
    for number in range(20):
        units = made.encode(one if number < 15 else other, None, 3600 * number, force_idr=number == 0)
        player.planes(units, made.reconstruction)
        lengths.append(len(units))
    assert lengths == [4] + [1] * 14 + [4] + [1] * 4


def test_the_service_lets_every_picture_through():
    made = encoder(320, 240, 26)
    pictures, judged = scene(320, 240, 9, 1), CodedPictures(Codec.H264)
    for number in range(40):
        units = made.encode(next(pictures), None, 3600 * number, force_idr=number % 20 == 0)
        assert judged.types(_message(units)) == [unit[0] & 0x1F for unit in units]
    assert judged.size == (320, 240)


def test_the_service_lets_no_slice_of_ours_through_without_our_pps():
    made = encoder(320, 240, 26)
    pictures, judged = scene(320, 240, 9, 1), CodedPictures(Codec.H264)
    units = made.encode(next(pictures), None, 0, force_idr=True)
    del units[2]
    assert judged.types(_message(units)) is not None
    assert judged.types(_message(made.encode(next(pictures), None, 3600, force_idr=False))) is None


def test_the_cap_of_the_bitrate_holds_over_seconds():
    made = encoder(320, 240, 20, kbps=600)
    pictures = scene(320, 240, 4, 4)
    bits = [
        8 * sum(map(len, made.encode(next(pictures), None, 3600 * number, force_idr=number % 25 == 0)))
        for number in range(100)
    ]
    assert sum(bits[25:]) / 3 < 600_000 * 1.1


def test_x264_serves_where_it_does_not_tell_its_reconstruction(monkeypatch):
    made = encoder(320, 240, 26)
    monkeypatch.setattr(X264Context, "reconstruction", lambda _: None)
    pictures = scene(320, 240, 9, 1)
    units = [made.encode(next(pictures), None, 3600 * number, force_idr=number == 0) for number in range(3)]
    assert [len(each) for each in units] == [3, 1, 1]
    assert made.fallback is not None


def test_x264_serves_small_pictures():
    settings = MotionSettings(preset="superfast", crf=27, subme=0)
    assert isinstance(settings.open(OutputFormat(width=160, height=120, frame_rate=25), 1000), X264Encoder)
    assert isinstance(settings.open(OutputFormat(width=320, height=240, frame_rate=25), 1000), MotionEncoder)


def test_the_map_of_changes_is_believed_where_it_says_that_nothing_changed():
    made = encoder(64, 64, 26)
    pictures = scene(64, 64, 3, 4)
    made.encode(next(pictures), None, 0, force_idr=True)
    made.encode(next(pictures), np.zeros((4, 4), np.uint8), 3600, force_idr=False)
    assert made._engine.changed == 0
    made.encode(next(pictures), np.ones((4, 4), np.uint8), 7200, force_idr=False)
    assert made._engine.changed == 16


@pytest.mark.parametrize("seed", range(2))
def test_an_exact_map_of_changes_changes_no_byte(seed):
    streams = []
    for told in (True, False):
        made, before = encoder(176, 144, 24), None
        pictures, stream = scene(176, 144, seed, 0), b""
        for number in range(12):
            picture = next(pictures)
            shown = [plane[:, : 176 // (1 if index == 0 else 2)].copy() for index, plane in enumerate(picture.planes)]
            changed = None if before is None or not told else _changed(before, shown)
            stream += join_byte_stream(made.encode(picture, changed, 3600 * number, force_idr=number == 0))
            before = shown
        streams.append(stream)
    assert streams[0] == streams[1]


def _changed(before: list[np.ndarray], now: list[np.ndarray]) -> np.ndarray:
    luma, cb, cr = (
        (one != other).reshape(9, -1, 11, one.shape[1] // 11).any(axis=(1, 3))
        for one, other in zip(before, now, strict=True)
    )
    return (luma | cb | cr).astype(np.uint8)


def test_another_cap_needs_no_other_encoder_while_the_level_is_the_same():
    output = OutputFormat(width=320, height=240, frame_rate=25)
    settings = MotionSettings(preset="superfast", crf=20, subme=0)
    made = encoder(320, 240, 20, kbps=600)
    pictures = scene(320, 240, 4, 4)

    def kbps() -> float:
        pictures_made = [
            made.encode(next(pictures), None, next(times), force_idr=number % 25 == 0) for number in range(50)
        ]
        return sum(8 * len(unit) for units in pictures_made[25:] for unit in units) / 1000

    times = count(0, 3600)
    kbps()
    assert kbps() < 700
    assert settings.adapt(made, output, 300)
    kbps()
    assert kbps() < 350
    assert not settings.adapt(made, output, 100_000)


@pytest.mark.process
@pytest.mark.parametrize("element", ["openh264dec", "avdec_h264"])
def test_other_decoders_show_the_reconstruction(element, tmp_path):
    """OpenH264 shares no code with libavcodec; avdec_h264 is the system's libavcodec, several years older."""
    if (
        shutil.which("gst-launch-1.0") is None
        or subprocess.run(["gst-inspect-1.0", element], check=False, capture_output=True).returncode
    ):
        pytest.skip(f"GStreamer has no {element}")
    width, height, count_ = 176, 130, 40
    made, pictures = encoder(width, height, 24), scene(width, height, 6, 1)
    stream, shown = b"", b""
    for number in range(count_):
        stream += join_byte_stream(made.encode(next(pictures), None, 3600 * number, force_idr=number % 16 == 0))
        luma, cb, cr = made.reconstruction
        for plane, half in ((luma, 1), (cb, 2), (cr, 2)):
            shown += plane[: height // half, : width // half].tobytes()
    (tmp_path / "in.h264").write_bytes(stream)
    launch = [
        "gst-launch-1.0",
        "-q",
        "filesrc",
        "location=in.h264",
        "!",
        "h264parse",
        "!",
        element,
        "!",
        "videoconvert",
    ]
    launch += ["!", "video/x-raw,format=I420", "!", "filesink", "location=out.yuv"]
    subprocess.run(launch, cwd=tmp_path, check=True, timeout=60, capture_output=True)
    out = _packed((tmp_path / "out.yuv").read_bytes(), width, height)
    assert len(out) == len(shown)
    assert out == shown


def _packed(data: bytes, width: int, height: int) -> bytes:
    """Take GStreamer's padding of rows and of odd chroma heights out of I420."""
    stride, chroma = -(-width // 4) * 4, -(-width // 2 // 4) * 4
    rows = -(-height // 2) * 2
    pictures = np.frombuffer(data, np.uint8).reshape(-1, stride * rows + 2 * chroma * (rows // 2))
    packed = b""
    for picture in pictures:
        luma, rest = (
            picture[: stride * rows].reshape(rows, stride),
            picture[stride * rows :].reshape(2, rows // 2, chroma),
        )
        packed += luma[:height, :width].tobytes() + rest[:, : height // 2, : width // 2].tobytes()
    return packed


@pytest.mark.parametrize("qp", [10, 22, 37, 51])
@pytest.mark.parametrize("seed", range(3))
def test_what_is_seen_for_the_first_time_is_coded_by_itself(qp, seed):
    """Flat areas that come and go: nothing in the picture before resembles them."""
    random = np.random.default_rng(seed)
    made, pictures = encoder(98, 66, qp), scene(98, 66, seed, 2)

    def changing():
        while True:
            picture = next(pictures)
            for plane, half in zip(picture.planes, (1, 2, 2), strict=True):
                slope = np.linspace(0, 30, 98 // half)
                plane[:, : 98 // half] = np.clip(plane[:, : 98 // half] // 16 + random.integers(0, 200) + slope, 0, 255)
            yield picture

    assert_decodes(made, changing(), 6, gop=100)
    assert (made._engine._mbs.kind == INTRA16).any()


@pytest.mark.parametrize("qp", [10, 24, 38])
def test_stripes_that_come_up_are_predicted_in_all_nine_directions(qp):
    """Stripes of any direction, and other ones in the next picture: a decoder shows each mode of 4x4 blocks."""
    random = np.random.default_rng(qp)
    made, modes = encoder(98, 66, qp), set[int]()
    rows, columns = np.indices((66, 98))

    def stripes():
        picture = OwnPicture(98, 66)
        while True:
            angle = random.uniform(0, np.pi, (5, 7)).repeat(16, 0).repeat(16, 1)[:66, :98]
            waves = np.sin((rows * np.cos(angle) + columns * np.sin(angle)) * random.uniform(0.2, 0.8))
            picture.planes[0][:, :98] = 120 + 90 * waves
            for plane in picture.planes[1:]:
                plane[:] = random.integers(0, 256)
            yield picture
            mbs, levels = made._engine._mbs, made._engine._levels.reshape(-1, LEVELS_BYTES)
            modes.update(levels[mbs.levels[mbs.kind == INTRA4], MODE : MODE + 16].ravel().tolist())

    assert_decodes(made, stripes(), 10, gop=100)
    assert modes == set(range(9))


@pytest.mark.parametrize("qp", [20, 28, 36])
def test_slow_light_drift_is_followed_for_a_minute(qp):
    """No picture differs from the one before by more than a level, and no IDR helps."""
    made, picture = encoder(96, 80, qp), OwnPicture(96, 80)
    backdrop = [plane * 0.7 + 30 for plane in next(scene(96, 80, 3, 0)).planes]
    off, brightest = 0.0, 0
    for number in range(1500):
        for plane, behind in zip(picture.planes, backdrop, strict=True):
            plane[:] = np.clip(behind + number * 0.03, 0, 255)
        made.encode(picture, None, 3600 * number, force_idr=number == 0)
        difference = made.reconstruction[0].astype(int)[:80, :96] - picture.planes[0][:80, :96]
        off = max(off, np.abs(difference.reshape(5, 16, 6, 16).mean(axis=(1, 3))).max())
        brightest = max(brightest, int(picture.planes[0][0, 0]))
    step = 0.625 * 2 ** (qp / 6)  # section 8.5.9
    assert brightest > backdrop[0][0, 0] + 40
    assert off < step / 2
