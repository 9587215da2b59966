"""The worker's pipeline with video of every kind: what comes out is what readers see."""

import contextlib
import itertools
import time
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from tests.support.coded_video import byte_stream, caption_sei, decode, encode, headers, plane
from tests.support.pipeline_run import TICKS, Run
from transcoder.codecs.nal import Codec
from transcoder.codecs.parameter_sets import picture_size
from transcoder.errors import MediaError
from transcoder.ipc.messages import DECODE_ONLY, RANDOM_ACCESS, REPEATED
from transcoder.worker import output_chain
from transcoder.worker_options import Mask, OutputFormat, OutputOptions, WorkerOptions

SIZE = (320, 240)
BOTH = pytest.mark.parametrize("codec", ["H264", "H265"])
OUTPUTS = pytest.mark.parametrize("output", ["H264", "H265"])


def options(output: str = "H264", **changes) -> WorkerOptions:
    shared = {name: changes.pop(name) for name in ("masks", "display_aspect") if name in changes}
    return WorkerOptions(outputs=(OutputOptions(codec=Codec(output), **changes),), **shared)


def halves(luma: np.ndarray) -> tuple[float, float]:
    """Mean of the upper quarter, left and right, away from the edges."""
    height, width = luma.shape
    return (
        float(luma[height // 8 : height // 4, width // 8 : 3 * width // 8].mean()),
        float(luma[height // 8 : height // 4, 5 * width // 8 : 7 * width // 8].mean()),
    )


# -- what is put out -------------------------------------------------------------------------------------------------


@BOTH
@OUTPUTS
def test_a_picture_in_is_a_picture_out(codec: str, output: str) -> None:
    run = Run(options(output), Codec(codec))
    run.feed(encode(codec, SIZE, 30))
    # the first three tell the frame rate; the fourth is the first one put out
    assert len(run.coded) == 27
    assert run.coded[0].flags & RANDOM_ACCESS
    frames = run.frames()
    assert len(frames) == 27
    assert {(frame.width, frame.height, frame.format.name) for frame in frames} == {(*SIZE, "yuv420p")}
    assert not any(str(frame.pict_type).endswith("B") or frame.pict_type == 3 for frame in frames)
    left, right = halves(plane(frames[-1]))
    assert (left, right) == (pytest.approx(60, abs=2), pytest.approx(180, abs=2))
    times = [message.pts for message in run.coded]
    assert {later - earlier for earlier, later in itertools.pairwise(times)} == {TICKS}
    assert run.formats[0]["output"] == {"width": 320, "height": 240, "frame_rate": 25.0, "matrix": 2}


@OUTPUTS
def test_an_idr_every_gop_and_where_it_is_asked_for(output: str) -> None:
    run = Run(options(output, gop_s=1.0))
    units = encode("H264", SIZE, 100)
    run.feed(units[:50])
    run.pipeline.encoding.force_idr(0)
    for unit in units[50:]:
        run.one(unit, random_access=False)
        run.now += 0.04
    positions = [index for index, message in enumerate(run.coded) if message.flags & RANDOM_ACCESS]
    assert positions == [0, 25, 47, 50, 75]  # the reader's moves no other
    idr = {5} if output == "H264" else {19, 20}
    sets = {7, 8} if output == "H264" else {32, 33, 34}
    for index, message in enumerate(run.coded):
        types = {unit[0] & 31 if output == "H264" else unit[0] >> 1 & 63 for unit in message.nal_units}
        if index in positions:
            assert sets <= types
            assert types & idr
            # decoding may start here: nothing refers to what was before
            assert len(decode(output, list(run.streams())[index : index + 3])) >= 3
        else:
            assert not types & (sets | idr)


@pytest.mark.process
@OUTPUTS
@pytest.mark.parametrize("rate", [25, 12.5, 10, 1])
def test_parameter_sets_announce_the_rate_without_promising_it(output: str, rate: float, tmp_path: Path) -> None:
    run = Run(options(output))
    run.feed(encode("H264", SIZE, 8), step=1 / rate)
    assert len(run.coded) >= 5
    assert run.formats[-1]["output"]["frame_rate"] == rate
    found = headers(output, b"".join(run.streams()), tmp_path)
    if output == "H264":
        assert found["time_scale"] / found["num_units_in_tick"] / 2 == rate
        assert found["max_num_ref_frames"] == 1
        assert found["max_num_reorder_frames"] == 0
        assert found["frame_mbs_only_flag"] == 1
    else:
        assert found["vui_time_scale"] / found["vui_num_units_in_tick"] == rate
        assert found["sps_max_num_reorder_pics"] == 0
    assert found.get("video_full_range_flag", 0) == 0


@pytest.mark.process
def test_no_fixed_rate_is_promised(tmp_path: Path) -> None:
    run = Run()
    run.feed(encode("H264", SIZE, 8))
    assert headers("H264", b"".join(run.streams()), tmp_path)["fixed_frame_rate_flag"] == 0


@BOTH
@OUTPUTS
def test_captions_of_the_camera_do_not_come_out(codec: str, output: str) -> None:
    """The NAL allow-list drops them before; here they are let in, to prove that pixels alone go through."""
    mark = b"canary1234"
    units = [
        byte_stream([caption_sei(codec, mark)]) + unit if index else unit
        for index, unit in enumerate(encode(codec, SIZE, 12))
    ]
    # a plain re-encode is not clean: FFmpeg's decoder hands the captions to its encoder
    frames: list[Any] = [*decode(codec, units)]
    assert any("A53_CC" in str(item.type) for frame in frames for item in frame.side_data)
    run = Run(options(output), Codec(codec))
    run.feed(units)
    assert len(run.coded) == 9
    for stream in run.streams():
        assert b"GA94" not in stream
        assert mark[:2] not in stream or mark[2:4] not in stream
    allowed = {1, 5, 7, 8} if output == "H264" else {0, 1, 19, 20, 32, 33, 34}
    for message in run.coded:
        assert {unit[0] & 31 if output == "H264" else unit[0] >> 1 & 63 for unit in message.nal_units} <= allowed
    assert not any(frame.side_data for frame in run.frames())


def test_no_encoder_signs_the_stream() -> None:
    for output in ("H264", "H265"):
        run = Run(options(output))
        run.feed(encode("H264", SIZE, 10))
        stream = b"".join(run.streams())
        assert not any(name in stream for name in (b"x264", b"x265", b"Lavc", b"videolan"))


# -- formats -----------------------------------------------------------------------------------------------------------

FORMATS: dict[str, tuple[str, dict[str, Any], tuple[int, int]]] = {
    "full range": ("H264", {"pixel_format": "yuvj420p", "luma": (0, 255)}, (16, 235)),
    "full range H.265": ("H265", {"pixel_format": "yuvj420p", "luma": (0, 255)}, (16, 235)),
    "4:2:2": ("H264", {"pixel_format": "yuv422p"}, (60, 180)),
    "4:4:4": ("H264", {"pixel_format": "yuv444p"}, (60, 180)),
    "10 bit": ("H265", {"pixel_format": "yuv420p10le"}, (60, 180)),
    "10 bit 4:2:2": ("H264", {"pixel_format": "yuv422p10le"}, (60, 180)),
    "grey": ("H265", {"pixel_format": "gray"}, (60, 180)),
    "interlaced": ("H264", {"parameters": "tff=1:interlaced=1"}, (60, 180)),
}


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_becomes_8_bit_420_limited(name: str) -> None:
    codec, form, expected = FORMATS[name]
    run = Run(options(), Codec(codec))
    run.feed(encode(codec, SIZE, 8, **form))
    frames = run.frames()
    assert len(frames) == 5
    assert {(frame.width, frame.height, frame.format.name) for frame in frames} == {(*SIZE, "yuv420p")}
    assert not frames[-1].interlaced_frame
    assert halves(plane(frames[-1])) == (pytest.approx(expected[0], abs=2), pytest.approx(expected[1], abs=2))
    for index in (1, 2):
        assert plane(frames[-1], index).mean() == pytest.approx(128, abs=1)


def test_samples_that_are_not_square_are_made_so() -> None:
    """D1 in 4:3: 704x576 with samples 12:11 is shown 768 wide."""
    run = Run()
    run.feed(encode("H264", (704, 576), 6, aspect=Fraction(12, 11)))
    assert (run.frames()[0].width, run.frames()[0].height) == (768, 576)


def test_an_aspect_that_only_the_operator_knows() -> None:
    """Hikvision DS-2CD2032-I: the sub-stream is 704x480 of a 16:9 scene, with samples 40:33, and does not say so."""
    run = Run(options(display_aspect=(16, 9)))
    run.feed(encode("H264", (704, 480), 6))
    # 480 * 16 / 9 = 853.3, and 4:2:0 has no odd sizes
    assert (run.frames()[0].width, run.frames()[0].height) == (852, 480)


def test_the_operator_knows_better_than_the_stream() -> None:
    run = Run(options(display_aspect=(4, 3), size=(640, 480)))
    run.feed(encode("H264", (704, 576), 6, aspect=Fraction(16, 11)))
    luma = plane(run.frames()[-1])
    assert luma.shape == (480, 640)
    assert luma[[2, -3]].mean() > 50  # no bars above and below, as there are with 16:11


def test_an_aspect_that_changes_is_another_format() -> None:
    run = Run()
    units = encode("H264", (704, 480), 6)
    run.feed(units)
    assert picture_size(Codec.H264, run.coded[0].nal_units) == (704, 480)
    run.coded.clear()
    run.pipeline.encoding.configure(options(display_aspect=(16, 9)))
    run.feed(units)
    assert picture_size(Codec.H264, run.coded[0].nal_units) == (852, 480)


CHANGES: dict[str, dict[str, Any]] = {
    "smaller": {"size": (160, 120)},
    "wider": {"size": (640, 240)},
    "taller": {"size": (240, 640)},
    "larger": {"size": (1280, 960)},
    "odd": {"size": (322, 242)},
    "full range": {"size": SIZE, "pixel_format": "yuvj420p"},
    "10 bit": {"size": SIZE, "pixel_format": "yuv420p10le"},
    "4:2:2": {"size": SIZE, "pixel_format": "yuv422p"},
    "SPS": {"size": SIZE, "parameters": "ref=4:level=51"},
}


@OUTPUTS
@pytest.mark.parametrize("name", CHANGES)
def test_a_change_of_the_source_leaves_the_output_as_it_was(name: str, output: str) -> None:
    run = Run(options(output))
    run.feed(encode("H264", SIZE, 10))
    sets = run.coded[0].nal_units[:-1]
    before = len(run.coded)
    run.feed(encode("H264", count=10, **CHANGES[name]))
    assert len(run.coded) == before + 10  # no picture is lost to it
    assert not [form for form in run.formats if form["output"] != run.formats[0]["output"]]
    for message in run.coded:
        if message.flags & RANDOM_ACCESS:
            assert message.nal_units[:-1] == sets  # a reader's session description stays true
    frames = run.frames()
    assert {(frame.width, frame.height) for frame in frames} == {SIZE}
    luma = plane(frames[-1])
    _width, _height = CHANGES[name]["size"]
    if name == "wider":  # bars above and below
        assert luma[:55].mean() == pytest.approx(16, abs=2)
        assert luma[-55:].mean() == pytest.approx(16, abs=2)
        luma = luma[60:180]
    elif name == "taller":  # bars left and right
        assert luma[:, :110].mean() == pytest.approx(16, abs=2)
        assert luma[:, -110:].mean() == pytest.approx(16, abs=2)
        luma = luma[:, 115:205]
    expected = (67, 171) if name == "full range" else (60, 180)  # 16 + 219/255 * value
    assert halves(luma) == (pytest.approx(expected[0], abs=3), pytest.approx(expected[1], abs=3))
    if name not in {"SPS", "full range"}:
        assert run.pipeline.counters["source_format_changes"] == 1


def test_another_codec_in_the_middle() -> None:
    run = Run()
    run.feed(encode("H264", SIZE, 10))
    run.codec = Codec.H265
    run.feed(encode("H265", SIZE, 10))
    assert len(run.frames()) == 17


def test_a_fixed_format_of_an_earlier_worker_is_kept() -> None:
    fixed = OutputFormat(width=640, height=360, frame_rate=15.0)
    run = Run(options(fixed=fixed))
    run.feed(encode("H264", SIZE, 5))
    assert len(run.coded) == 5  # at once: the rate is known
    assert {(frame.width, frame.height) for frame in run.frames()} == {(640, 360)}


# -- masks -------------------------------------------------------------------------------------------------------------

OUTSIDE = ((2.0, 2.0), (3.0, 2.0), (3.0, 3.0))
CORNER = ((0.5, 0.0), (1.0, 0.0), (1.0, 0.5), (0.5, 0.5))
"""The upper right quarter."""


@pytest.mark.parametrize("style", ["solid", "pixelate", "blur"])
@pytest.mark.parametrize("size", [SIZE, (640, 240), (160, 120)], ids=str)
def test_a_mask_covers_after_a_change_of_size_and_on_repeated_pictures(style: str, size: tuple[int, int]) -> None:
    run = Run(options(masks=(Mask(polygon=CORNER, style=style),), bitrate_kbps=20_000))
    run.feed(encode("H264", SIZE, 6))
    run.feed(encode("H264", size, 6))
    run.now += 2
    run.repeat()
    frames = run.frames()
    for frame in (frames[2], frames[-2], frames[-1]):
        luma = plane(frame)
        content = luma[60:180] if frame is not frames[2] and size == (640, 240) else luma
        rows, columns = content.shape
        hidden = content[4 : rows // 2 - 4, columns // 2 + 4 : columns - 4]
        if style == "solid":
            assert hidden.max() <= 20
        assert content[rows // 8, columns // 4] == pytest.approx(60, abs=3)
        below = content[3 * rows // 4 : 7 * rows // 8, 5 * columns // 8 : 7 * columns // 8]
        assert below.mean() == pytest.approx(180, abs=3)


def test_solid_hides_and_the_picture_without_a_mask_does_not() -> None:
    run = Run()
    run.feed(encode("H264", SIZE, 6))
    luma = plane(run.frames()[-1])
    assert luma[10:100, 170:310].mean() > 150


@pytest.mark.parametrize(
    "mask",
    [Mask(polygon=OUTSIDE), Mask(polygon=CORNER, style="sepia")],
    ids=["covers nothing", "unknown style"],
)
def test_a_mask_that_can_not_be_applied_means_no_picture(mask: Mask) -> None:
    run = Run(options(masks=(mask,)))
    for index, unit in enumerate(encode("H264", SIZE, 10)):
        with contextlib.suppress(MediaError):
            run.one(unit, random_access=index == 0)
        run.now += 0.04
    with pytest.raises(MediaError):
        run.repeat()
    assert run.coded == []


def test_masks_that_change_lie_on_the_picture_that_is_there() -> None:
    run = Run()
    run.feed(encode("H264", SIZE, 6))
    changed = options(masks=(Mask(polygon=CORNER),))
    run.pipeline.encoding.configure(changed)
    run.now += 2
    run.repeat()
    assert plane(run.frames()[-1])[10:100, 170:310].max() <= 24


def test_new_masks_that_can_not_be_drawn_take_the_picture_away() -> None:
    run = Run()
    run.feed(encode("H264", SIZE, 6))
    count = len(run.coded)
    bad = options(masks=(Mask(polygon=OUTSIDE),))
    with pytest.raises(MediaError):
        run.pipeline.encoding.configure(bad)
    for unit in encode("H264", SIZE, 3):
        run.now += 0.04
        with contextlib.suppress(MediaError):
            run.one(unit, random_access=True)
    assert len(run.coded) == count
    run.now += 2
    try:
        run.repeat()
    except MediaError:
        return
    assert plane(run.frames()[-1]).std() < 1  # one colour: nothing of the camera


# -- damage ------------------------------------------------------------------------------------------------------------


@BOTH
def test_broken_access_units_are_survived_and_counted(codec: str) -> None:
    rng = np.random.default_rng(7)
    run = Run(options(), Codec(codec))
    good = encode(codec, SIZE, 40)
    run.feed(good[:10])
    for index in range(40):
        unit = bytearray(good[10 + index % 20])
        kind = index % 4
        if kind == 0:
            unit = bytearray(rng.integers(0, 256, 400, np.uint8).tobytes())
        elif kind == 1:
            unit = unit[: len(unit) // 2]
        elif kind == 2:
            for position in rng.integers(6, len(unit), 8):
                unit[position] ^= int(rng.integers(1, 256))
        else:
            unit = bytearray(b"\0\0\0\1" + bytes([unit[4]]) + b"\xff" * 50)
        run.one(bytes(unit), random_access=index % 10 == 0)
        run.now += 0.04
    report = run.pipeline.stats()
    assert sum(report["decode_errors"].values()) > 5
    # a good IDR and everything is well again
    run.feed(encode(codec, SIZE, 10, luma=(90, 200)))
    luma = plane(run.frames()[-1])
    assert halves(luma) == (pytest.approx(90, abs=3), pytest.approx(200, abs=3))


def test_nothing_is_decoded_before_a_random_access_point() -> None:
    run = Run()
    for unit in encode("H264", SIZE, 10)[1:]:
        run.one(unit, random_access=False)
    assert run.pipeline.counters == {"skipped_access_units": 9}
    assert run.coded == []


# -- overload, replay, repeats -----------------------------------------------------------------------------------------


def test_late_pictures_are_decoded_and_not_encoded_but_two_a_second(monkeypatch: pytest.MonkeyPatch) -> None:
    run = Run()
    simulated = SimpleNamespace(monotonic=lambda: run.now + 0.5, thread_time=time.thread_time)
    monkeypatch.setattr(output_chain, "time", simulated)
    units = encode("H264", SIZE, 100)
    run.feed(units[:10])
    before = len(run.coded)
    for unit in units[10:]:
        run.one(unit, random_access=False, late=0.5)
        run.now += 0.04
    assert run.pipeline.counters["decoded_pictures"] == 100
    assert run.pipeline.counters["shed_pictures"] >= 80
    assert len(run.coded) - before == 90 - run.pipeline.counters["shed_pictures"]
    assert 6 <= len(run.coded) - before <= 9  # 3.6 s


def test_very_late_access_units_are_not_even_decoded_up_to_the_next_idr() -> None:
    run = Run()
    units = encode("H264", SIZE, 60, gop=25)
    run.feed(units[:10])
    for index, unit in enumerate(units[10:], 10):
        run.one(unit, random_access=index % 25 == 0, late=1.5 if index < 20 else 0.0)
        run.now += 0.04
    counters = run.pipeline.counters
    assert counters["shed_access_units"] == 1
    assert counters["skipped_access_units"] == 14  # to the IDR at 25
    assert counters["decoded_pictures"] == 45
    assert len(decode("H264", list(run.streams()))) == len(run.coded)


def test_a_replay_is_decoded_without_output_up_to_its_last_picture() -> None:
    fixed = OutputFormat(width=320, height=240, frame_rate=25.0)
    run = Run(options(fixed=fixed))
    units = encode("H264", SIZE, 50)
    assert run.feed(units[:49], late=5.0, flags=DECODE_ONLY) == []
    # what waited behind the replay is late for a good reason
    assert len(run.one(units[49], random_access=False, late=1.2)) == 1
    assert run.pipeline.counters["decoded_pictures"] == 50
    assert run.coded[0].flags & RANDOM_ACCESS


def test_a_repeat_shows_the_last_picture_with_a_new_time() -> None:
    run = Run()
    run.feed(encode("H264", SIZE, 10))
    last = run.coded[-1].pts
    run.now += 5
    [repeated] = run.repeat()
    assert repeated.flags & REPEATED
    assert repeated.pts == round(run.now * 90_000) > last
    frames = run.frames()
    assert np.abs(plane(frames[-1]) - plane(frames[-2])).mean() < 1


@OUTPUTS
def test_a_slate_stands_in_where_there_never_was_a_picture(output: str) -> None:
    run = Run(options(output))
    [slate] = run.repeat()
    assert slate.flags & REPEATED
    assert slate.flags & RANDOM_ACCESS
    assert run.formats == [
        {"output_number": 0, "output": {"width": 1280, "height": 720, "frame_rate": 25.0, "matrix": 2}, "slate": True}
    ]
    assert run.sources == []
    luma = plane(run.frames()[0])
    assert luma.std() < 2
    assert 100 < luma.mean() < 150


def test_a_slate_has_the_configured_size_and_the_camera_then_changes_nothing() -> None:
    run = Run(options(size=(640, 480)))
    run.repeat()
    run.now += 1
    run.feed(encode("H264", SIZE, 10))
    frames = run.frames()
    assert {(frame.width, frame.height) for frame in frames} == {(640, 480)}
    assert halves(plane(frames[-1])) == (pytest.approx(60, abs=3), pytest.approx(180, abs=3))


def test_time_never_steps_back_in_the_output() -> None:
    run = Run()
    units = encode("H264", SIZE, 20)
    run.feed(units)
    run.now += 1
    run.repeat()
    run.now -= 0.5  # a picture older than the repeated one
    run.feed(encode("H264", SIZE, 5))
    times = [message.pts for message in run.coded]
    assert all(later > earlier for earlier, later in itertools.pairwise(times))


@pytest.mark.parametrize(("cap", "expected"), [(5, 20), (12, 48), (30, 97)])
def test_a_frame_rate_cap(cap: int, expected: int) -> None:
    run = Run(options(fps=cap))
    run.feed(encode("H264", SIZE, 100))  # 4 s at 25 fps, less the first three pictures
    assert len(run.coded) == pytest.approx(expected, abs=2)
    assert run.formats[0]["output"]["frame_rate"] == min(cap, 25)
