"""Outputs of one decoder that are scaled from the first one's picture, and outputs that sleep."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from tests.support.coded_video import decode_jpeg, encode, plane
from tests.support.pipeline_run import Run, frames_of, messages_of
from transcoder.codecs.nal import Codec
from transcoder.ipc.messages import RANDOM_ACCESS, REPEATED, MessageType, parse_snapshot
from transcoder.worker_options import Mask, OutputOptions, WorkerOptions

SIZE = (320, 240)
CORNER = ((0.5, 0.0), (1.0, 0.0), (1.0, 0.5), (0.5, 0.5))
"""The upper right quarter."""
TWO = WorkerOptions(
    outputs=(
        OutputOptions(codec=Codec.H264, gop_s=100.0),
        OutputOptions(codec=Codec.H265, size=(160, 96), gop_s=100.0, fps=12.5),
    )
)


# -- an output that is scaled from the first one's picture -------------------------------------------------------------

HALF = WorkerOptions(outputs=(OutputOptions(gop_s=100.0), OutputOptions(size=(160, 120), gop_s=100.0)))


def smaller(options: WorkerOptions, **keys: Any) -> WorkerOptions:
    """Return the same options with other ones of the second output."""
    return replace(options, outputs=(options.outputs[0], replace(options.outputs[1], **keys)))


def counted(run: Run) -> list[int]:
    return [sum(message.output_number == number for message in run.coded) for number in (0, 1)]


def half_of(frame: Any) -> Any:
    """The luma of a picture in half its size: means of two by two samples."""
    luma = plane(frame).astype(np.float64)
    return luma.reshape(luma.shape[0] // 2, 2, luma.shape[1] // 2, 2).mean(axis=(1, 3))


def test_a_smaller_output_of_the_same_shape_shows_the_same_picture() -> None:
    run = Run(HALF)
    run.feed(encode("H264", SIZE, 20))
    assert counted(run) == [17, 17]
    large, small = frames_of(run, 0), frames_of(run, 1)
    for one, other in zip(large, small, strict=True):
        assert np.abs(half_of(one) - plane(other)).mean() < 3


@pytest.mark.parametrize("style", ["solid", "pixelate", "blur"])
def test_every_style_of_mask_lies_on_a_scaled_output(style: str) -> None:
    bare, masked = Run(HALF), Run(replace(HALF, masks=(Mask(polygon=CORNER, style=style),)))
    for run in (bare, masked):
        run.feed(encode("H264", SIZE, 8))
    seen, hidden, large = (plane(frames_of(run, number)[-1]) for run, number in ((bare, 1), (masked, 1), (masked, 0)))
    assert np.abs(half_of(frames_of(masked, 0)[-1]) - hidden).mean() < 3
    assert np.abs(hidden[70:, :].astype(int) - seen[70:, :]).mean() < 3, "outside of the mask"
    if style == "solid":
        assert max(large[4:116, 168:316].max(), hidden[2:56, 84:158].max()) <= 24


def test_the_cap_of_a_scaled_output_holds_before_it_is_drawn() -> None:
    run = Run(smaller(HALF, fps=5))
    run.feed(encode("H264", SIZE, 30))
    assert counted(run) == [27, 6]
    assert run.pipeline.counters["capped_pictures"] == 21


def test_a_scaled_output_shows_the_pictures_of_the_first_one_alone() -> None:
    options = replace(HALF, outputs=(replace(HALF.outputs[0], fps=10), replace(HALF.outputs[1], fps=5)))
    run = Run(options)
    run.feed(encode("H264", SIZE, 60))
    times = [{message.pts for message in run.coded if message.output_number == number} for number in (0, 1)]
    assert times[1] < times[0]
    assert [len(each) for each in times] == [pytest.approx(23, abs=2), pytest.approx(12, abs=2)]


def test_an_output_with_more_pictures_than_the_first_one_is_drawn_for_itself() -> None:
    run = Run(replace(HALF, outputs=(replace(HALF.outputs[0], fps=5), HALF.outputs[1])))
    run.feed(encode("H264", SIZE, 30))
    assert counted(run) == [6, 27]


def test_a_smaller_output_gives_way_before_the_first_one() -> None:
    run = Run(HALF)
    units = encode("H264", SIZE, 60)
    run.feed(units[:10])
    before = counted(run)
    for unit in units[10:]:
        run.one(unit, random_access=False, late=0.23)  # less than HIGH_S, more than its share
        run.now += 0.04
    large, small = (now - then for now, then in zip(counted(run), before, strict=True))
    assert large == 50
    assert small < 25


def test_an_output_that_changes_its_size_again_and_again_is_told_the_cameras_rate() -> None:
    run = Run(HALF)
    units = encode("H264", SIZE, 42)
    run.feed(units[:10])
    for number, unit in enumerate(units[10:]):
        if number % 8 == 0:
            run.pipeline.encoding.configure(smaller(HALF, size=(96 + 2 * number, 96)))
        run.one(unit, random_access=False)
        run.now += 0.04
    rates = [form["output"]["frame_rate"] for form in run.formats if form["output_number"] == 1]
    assert len(rates) == 5
    assert set(rates) == {25.0}


# -- an output that sleeps ---------------------------------------------------------------------------------------------

ASLEEP = smaller(HALF, on_demand=True, asleep=True)


def test_an_output_that_sleeps_is_not_drawn_but_its_format_is_known() -> None:
    run = Run(ASLEEP)
    run.feed(encode("H264", SIZE, 10))
    assert counted(run) == [7, 0]
    assert {form["output_number"]: form["output"]["width"] for form in run.formats} == {0: 320, 1: 160}
    assert run.repeat(1) == []
    _, sub = run.pipeline.encoding._chains
    assert (sub._stages, sub._encoder) == (None, None)


def test_it_wakes_up_with_an_idr_of_the_next_picture_and_sleeps_again() -> None:
    run = Run(ASLEEP)
    units = encode("H264", SIZE, 40)
    run.feed(units[:10])
    run.pipeline.encoding.configure(HALF)
    new = run.one(units[10], random_access=False)
    assert [(message.output_number, bool(message.flags & RANDOM_ACCESS)) for message in new] == [(0, False), (1, True)]
    for unit in units[11:20]:
        run.now += 0.04
        run.one(unit, random_access=False)
    [*_, last] = frames_of(run, 1)
    assert np.abs(half_of(frames_of(run, 0)[-1]) - plane(last)).mean() < 3
    run.pipeline.encoding.configure(ASLEEP)
    before = counted(run)
    run.now += 0.04
    run.one(units[20], random_access=False)
    assert [now - then for now, then in zip(counted(run), before, strict=True)] == [1, 0]
    _, sub = run.pipeline.encoding._chains
    assert (sub._stages, sub._encoder) == (None, None)


def test_what_wakes_up_while_the_camera_is_away_shows_the_streams_last_picture() -> None:
    run = Run(ASLEEP)
    run.feed(encode("H264", SIZE, 10))
    run.pipeline.encoding.configure(HALF)
    run.now += 5
    [repeated] = run.repeat(1)
    assert (repeated.output_number, repeated.flags) == (1, REPEATED | RANDOM_ACCESS)
    [picture] = frames_of(run, 1)
    assert np.abs(half_of(frames_of(run, 0)[-1]) - plane(picture)).mean() < 3


def test_a_snapshot_of_what_just_woke_up_is_the_streams_last_picture() -> None:
    run = Run(ASLEEP)
    run.feed(encode("H264", SIZE, 10))
    run.pipeline.encoding.configure(HALF)
    [(body, _)] = messages_of(run.pipeline.encoding.snapshot(1), MessageType.SNAPSHOT_TAKEN)
    [picture] = decode_jpeg(parse_snapshot(body, 2)[1])
    full_range = (half_of(frames_of(run, 0)[-1]) - 16.0) * 255 / 219  # as a JPEG has it
    assert np.abs(full_range - plane(picture)).mean() < 3
    run.pipeline.encoding.configure(ASLEEP)
    [(body, _)] = messages_of(run.pipeline.encoding.snapshot(1), MessageType.SNAPSHOT_TAKEN)
    assert parse_snapshot(body, 2) == (1, b"")


@pytest.mark.parametrize("size", [(160, 96), (480, 360), (96, 160)])
@pytest.mark.parametrize("masks", [(), (Mask(polygon=CORNER, style="solid"),)])
def test_what_has_another_shape_shows_the_streams_last_picture_too(
    size: tuple[int, int], masks: tuple[Mask, ...]
) -> None:
    awake = replace(smaller(HALF, size=size, on_demand=True), masks=masks)
    units = encode("H264", SIZE, 12)
    run, never_slept = Run(smaller(awake, asleep=True)), Run(awake)
    for each in (run, never_slept):
        each.feed(units[:10])
    run.pipeline.encoding.configure(awake)
    [(body, _)] = messages_of(run.pipeline.encoding.snapshot(1), MessageType.SNAPSHOT_TAKEN)
    [jpeg] = decode_jpeg(parse_snapshot(body, 2)[1])
    run.now += 5
    [repeated] = run.repeat(1)
    assert repeated.flags == REPEATED | RANDOM_ACCESS
    wanted = plane(frames_of(never_slept, 1)[-1]).astype(int)
    shown = plane(frames_of(run, 1)[-1]).astype(int)
    assert shown.shape == wanted.shape == size[::-1]
    assert np.abs(shown - wanted).mean() < 4, "bars and masks lie where they lie on pictures of the camera"
    assert np.abs(plane(jpeg) - (wanted - 16.0) * 255 / 219).mean() < 5  # full range, as a JPEG has it
    for each in (run, never_slept):  # the camera is back
        for unit in units[10:]:
            each.now += 0.04
            each.one(unit, random_access=False)
    pair = [plane(frames_of(each, 1)[-1]).astype(int) for each in (run, never_slept)]
    assert np.abs(pair[0] - pair[1]).mean() < 3


def test_bars_of_the_streams_picture_are_not_shown_in_another_shape() -> None:
    boxed = OutputOptions(size=(320, 320), gop_s=100.0)  # bars above and below the camera's 320x240
    plain = replace(HALF.outputs[1], size=(320, 240), on_demand=True)
    run = Run(WorkerOptions(outputs=(boxed, replace(plain, asleep=True))))
    run.feed(encode("H264", SIZE, 10))
    run.pipeline.encoding.configure(WorkerOptions(outputs=(boxed, plain)))
    run.repeat(1)
    boxed_luma, luma = (plane(frames_of(run, number)[-1]).astype(int) for number in (0, 1))
    assert np.abs(boxed_luma[40:280] - luma).mean() < 3


def test_an_output_of_another_shape_wakes_up_too() -> None:
    run = Run(smaller(HALF, size=(160, 96), on_demand=True, asleep=True))
    units = encode("H264", SIZE, 20)
    run.feed(units[:10])
    assert counted(run) == [7, 0]
    run.pipeline.encoding.configure(smaller(HALF, size=(160, 96)))
    for unit in units[10:]:
        run.one(unit, random_access=False)
        run.now += 0.04
    assert counted(run) == [17, 10]
    luma = plane(frames_of(run, 1)[-1])
    assert luma[24, 32] == pytest.approx(60, abs=4)
