"""The encoding half: several outputs of one decoder, and an encoder that is not one of the product's."""

import itertools
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from tests.support.coded_video import decode, decode_jpeg, encode, plane
from tests.support.moving_encoder import MovingEncoder, MovingSettings
from tests.support.pipeline_run import Run, frames_of, messages_of
from transcoder.codecs.nal import Codec
from transcoder.errors import MediaError
from transcoder.ipc.messages import RANDOM_ACCESS, REPEATED, MessageType, parse_coded, parse_snapshot
from transcoder.ipc.thumbnails import Thumbnail, parse_thumbnail
from transcoder.media.changes import PictureComparison
from transcoder.media.decoded_picture import DecodedPicture
from transcoder.media.encoders import PROFILES
from transcoder.media.picture import OwnPicture
from transcoder.media.scene import SceneWatch
from transcoder.worker.encoding import Encoding
from transcoder.worker_options import EncoderSettings, Mask, OutputOptions, WorkerOptions

SIZE = (320, 240)
CORNER = ((0.5, 0.0), (1.0, 0.0), (1.0, 0.5), (0.5, 0.5))
"""The upper right quarter."""
TWO = WorkerOptions(
    outputs=(
        OutputOptions(codec=Codec.H264, gop_s=100.0),
        OutputOptions(codec=Codec.H265, size=(160, 96), gop_s=100.0, fps=12.5),
    )
)


# -- two outputs -----------------------------------------------------------------------------------------------------


def test_two_sizes_and_codecs_of_one_decoder() -> None:
    run = Run(TWO)
    run.feed(encode("H264", SIZE, 30))
    assert run.pipeline.counters["decoded_pictures"] == 30
    assert {form["output_number"]: form["output"]["width"] for form in run.formats} == {0: 320, 1: 160}
    assert {form["output_number"]: form["output"]["frame_rate"] for form in run.formats} == {0: 25.0, 1: 12.5}
    large, small = frames_of(run, 0), frames_of(run, 1)
    assert (len(large), len(small)) == (27, pytest.approx(14, abs=1))
    assert {(frame.width, frame.height) for frame in large} == {SIZE}
    assert {(frame.width, frame.height) for frame in small} == {(160, 96)}
    for frame, bars in ((large[-1], 0), (small[-1], 16)):  # 4:3 in 160x96 is 128 wide, with bars
        luma = plane(frame)
        height, width = luma.shape
        assert luma[height // 4, bars + width // 8] == pytest.approx(60, abs=4)
        assert luma[height // 4, width - bars - width // 8] == pytest.approx(180, abs=4)


def test_processor_time_of_decoding_is_counted_once() -> None:
    run = Run(replace(TWO, outputs=(TWO.outputs[0], replace(TWO.outputs[1], fps=None))))
    run.feed(encode("H264", SIZE, 10))
    assert all((message.decode_s > 0) is (message.output_number == 0) for message in run.coded)


def test_an_idr_is_made_for_the_output_that_it_was_asked_for() -> None:
    run = Run(TWO)
    units = encode("H264", SIZE, 30)
    run.feed(units[:10])
    for number in (0, 1):
        before = len(run.coded)
        run.pipeline.encoding.force_idr(number)
        for unit in units[10 + number * 10 : 20 + number * 10]:
            run.one(unit, random_access=False)
            run.now += 0.04
        idrs = [message.output_number for message in run.coded[before:] if message.flags & RANDOM_ACCESS]
        assert idrs == [number]


def test_a_repeat_and_a_snapshot_are_of_the_output_that_they_were_asked_for() -> None:
    run = Run(TWO)
    run.feed(encode("H264", SIZE, 10))
    sizes = []
    for number in (1, 0):
        run.now += 1
        [repeated] = run.repeat(number)
        assert (repeated.output_number, repeated.flags & REPEATED) == (number, REPEATED)
        [(body, _)] = messages_of(run.pipeline.encoding.snapshot(number), MessageType.SNAPSHOT_TAKEN)
        answered, jpeg = parse_snapshot(body, 2)
        assert answered == number
        [picture] = decode_jpeg(jpeg)
        sizes.append((picture.width, picture.height))
    assert sizes == [(160, 96), SIZE]


def test_a_thumbnail_is_of_the_output_that_it_was_asked_for_and_is_not_coded_again_where_it_is_the_same() -> None:
    run = Run(TWO)

    def ask(number: int, width: int, known: int = 0) -> Thumbnail:
        [(body, _)] = messages_of(run.pipeline.encoding.thumbnail(number, width, known), MessageType.THUMBNAIL_TAKEN)
        return parse_thumbnail(body, 2)

    assert ask(0, 64) == Thumbnail(output_number=0, width=64, version=0, jpeg=b"")  # nothing was shown yet
    units = encode("H264", SIZE, 20)
    run.feed(units[:10])
    for number, width, size in ((0, 64, (64, 64 * SIZE[1] // SIZE[0])), (1, 640, (160, 96))):
        found = ask(number, width)
        assert (found.output_number, found.width) == (number, width)
        [picture] = decode_jpeg(found.jpeg)
        assert (picture.width, picture.height) == size
        assert ask(number, width, found.version) == replace(found, jpeg=b"")
        assert ask(number, width, found.version + 1) == found
    before = ask(0, 64)
    run.feed(units[10:])
    after = ask(0, 64, before.version)
    assert after.version != before.version
    assert after.jpeg not in {b"", before.jpeg}


def test_a_thumbnail_has_the_masks_on_it() -> None:
    everything = Mask(polygon=((0, 0), (1, 0), (1, 1), (0, 1)), style="solid")
    run = Run(replace(TWO, masks=(everything,)))
    run.feed(encode("H264", SIZE, 10))
    [(body, _)] = messages_of(run.pipeline.encoding.thumbnail(0, 64, 0), MessageType.THUMBNAIL_TAKEN)
    [picture] = decode_jpeg(parse_thumbnail(body, 2).jpeg)
    assert plane(picture).max() <= 2


def test_a_message_about_an_output_that_is_gone_is_nothing() -> None:
    run = Run(TWO)
    run.feed(encode("H264", SIZE, 6))
    before = len(run.coded)
    run.pipeline.encoding.force_idr(7)
    assert run.repeat(7) == []
    assert list(run.pipeline.encoding.snapshot(7)) == []
    assert list(run.pipeline.encoding.thumbnail(7, 64, 0)) == []
    assert len(run.coded) == before


def test_masks_lie_on_every_output() -> None:
    run = Run(replace(TWO, masks=(Mask(polygon=CORNER),)))
    run.feed(encode("H264", SIZE, 10))
    for number, corner in ((0, (slice(4, 116), slice(168, 316))), (1, (slice(4, 44), slice(86, 140)))):
        luma = plane(frames_of(run, number)[-1])
        assert luma[corner].max() <= 24
        assert luma[luma.shape[0] * 3 // 4, luma.shape[1] * 2 // 3] > 150


def test_new_masks_lie_on_every_output() -> None:
    run = Run(TWO)
    run.feed(encode("H264", SIZE, 10))
    run.pipeline.encoding.configure(replace(TWO, masks=(Mask(polygon=CORNER),)))
    run.now += 2
    for number, corner in ((0, (slice(4, 116), slice(168, 316))), (1, (slice(4, 44), slice(86, 140)))):
        run.repeat(number)
        assert plane(frames_of(run, number)[-1])[corner].max() <= 28


def test_a_bad_mask_takes_every_output_away() -> None:
    run = Run(TWO)
    units = encode("H264", SIZE, 12)
    run.feed(units[:6])
    before = len(run.coded)
    with pytest.raises(MediaError):
        run.pipeline.encoding.configure(replace(TWO, masks=(Mask(polygon=CORNER, style="sepia"),)))
    for unit in units[6:]:
        with pytest.raises(MediaError):
            run.one(unit, random_access=False)
        run.now += 0.04
    assert len(run.coded) == before


@pytest.mark.parametrize("bad", [0, 1])
def test_an_output_that_fails_costs_the_other_nothing(bad: int) -> None:
    outputs = [OutputOptions(), OutputOptions(size=(160, 120))]
    outputs[bad] = replace(outputs[bad], encoder=EncoderSettings(profile="fastest"))
    run = Run(WorkerOptions(outputs=tuple(outputs)))
    units = encode("H264", SIZE, 10)
    run.feed(units[:3])
    for unit in units[3:]:
        with pytest.raises(MediaError, match="fastest"):
            run.one(unit, random_access=False)
        run.now += 0.04
    run.take([])  # what came out before an error
    assert [message.output_number for message in run.coded] == [1 - bad] * 7
    assert len(frames_of(run, 1 - bad)) == 7


def test_outputs_come_and_go() -> None:
    run = Run(TWO)
    units = encode("H264", SIZE, 30)
    run.feed(units[:8])
    run.pipeline.encoding.configure(replace(TWO, outputs=TWO.outputs[:1]))
    before = len(run.coded)
    for unit in units[8:16]:
        run.one(unit, random_access=False)
        run.now += 0.04
    assert {message.output_number for message in run.coded[before:]} == {0}
    assert not any(message.flags & RANDOM_ACCESS for message in run.coded[before:])
    run.pipeline.encoding.configure(TWO)
    before = len(run.coded)
    for unit in units[16:]:
        run.one(unit, random_access=False)
        run.now += 0.04
    assert {message.output_number for message in run.coded[before:]} == {0, 1}
    first = next(message for message in run.coded[before:] if message.output_number == 1)
    assert first.flags & RANDOM_ACCESS
    assert not any(message.flags & RANDOM_ACCESS for message in run.coded[before:] if message.output_number == 0)


def test_reports_are_of_all_outputs_together() -> None:
    run = Run(replace(TWO, outputs=(TWO.outputs[0], replace(TWO.outputs[1], rate_divisor=4, fps=None))))
    run.feed(encode("H264", SIZE, 23))
    report = run.pipeline.stats()
    assert report["rate_divisor"] == 4
    assert report["counters"]["encoded_pictures"] == len(run.coded) > 20


# -- an encoder that asks for the map --------------------------------------------------------------------------------


@pytest.fixture
def moving(monkeypatch: pytest.MonkeyPatch) -> Iterator[WorkerOptions]:
    """A third encoder: its own file, and one line in the table."""
    monkeypatch.setitem(PROFILES[Codec.H264], "moving", MovingSettings())
    MovingEncoder.maps.clear()
    yield WorkerOptions(outputs=(OutputOptions(encoder=EncoderSettings(profile="moving", crf=25.0)),))
    MovingEncoder.maps.clear()


def decoded_luma(units: list[bytes]) -> list[np.ndarray]:
    """What an independent decoder makes of the camera's units."""
    return [plane(frame) for frame in decode("H264", units)]


def differing(before: np.ndarray, after: np.ndarray) -> list[list[int]]:
    """The macroblocks of luma that differ, by NumPy."""
    rows, columns = after.shape[0] // 16, after.shape[1] // 16
    return np.argwhere((before != after).reshape(rows, 16, columns, 16).any(axis=(1, 3))).tolist()


def test_it_is_given_the_macroblocks_that_changed_since_the_picture_before(moving: WorkerOptions) -> None:
    units = encode("H264", SIZE, 13)
    run = Run(moving)
    run.feed(units)
    assert len(run.frames()) == 10
    first, *maps = MovingEncoder.maps
    assert first is not None
    assert first.shape == (15, 20)
    assert first.all()
    luma = decoded_luma(units)[3:]
    # an 8x8 square that moves by a block each picture: gone from one, come to the next
    for index, changed in enumerate(maps, start=4):
        assert changed is not None
        assert changed.shape == (15, 20)
        moved = {(7, (index - 1) // 2), (7, index // 2)}
        marked = np.argwhere(changed).tolist()
        assert moved <= {(row, column) for row, column in marked}
        assert marked == differing(luma[index - 4], luma[index - 3])
        assert len(marked) < 30


@pytest.mark.parametrize("size", [None, (160, 120)], ids=["as it comes", "scaled"])
def test_its_map_is_of_all_pictures_since_the_one_that_it_was_given(
    moving: WorkerOptions, size: tuple[int, int] | None
) -> None:
    """Beside an output with every picture, one at a third of the rate."""
    slow = replace(moving.outputs[0], fps=25 / 3, size=size)
    run = Run(WorkerOptions(outputs=(OutputOptions(), slow)))
    units = encode("H264", SIZE, 30)
    run.feed(units)
    luma = decoded_luma(units)
    shown = [
        round((message.pts - 9_000_000) / 3600)
        for message in run.coded
        if message.output_number == 1 and not message.flags & REPEATED
    ]
    assert len(shown) == len(MovingEncoder.maps) > 6
    for before, after, changed in zip(shown, shown[1:], MovingEncoder.maps[1:], strict=False):
        assert after - before == 3
        assert changed is not None
        marked = {(row, column) for row, column in np.argwhere(changed).tolist()}
        if size is None:
            assert {(row, column) for row, column in differing(luma[before], luma[after])} <= marked
        else:  # the square is one of 4x4 in a picture of half the size
            assert {(3, before // 4), (3, after // 4)} <= marked
        assert len(marked) < 0.3 * changed.size


def test_its_map_is_whole_for_a_new_encoder_and_after_other_masks(moving: WorkerOptions) -> None:
    run = Run(moving)
    units = encode("H264", SIZE, 16)
    run.feed(units[:8])
    mask = replace(moving, masks=(Mask(polygon=CORNER),))
    others = (
        mask,
        replace(mask, outputs=(replace(moving.outputs[0], encoder=EncoderSettings(profile="moving", crf=31.0)),)),
    )
    for options, part in zip(others, (units[8:12], units[12:]), strict=True):
        run.pipeline.encoding.configure(options)
        MovingEncoder.maps.clear()
        for unit in part:
            run.one(unit, random_access=False)
            run.now += 0.04
        first, *rest = MovingEncoder.maps
        assert first is not None
        assert first.all()
        assert all(changed is not None and not changed.all() for changed in rest)


def test_the_scene_watch_judges_the_same_whether_an_encoder_takes_maps_or_not(moving: WorkerOptions) -> None:
    units = encode("H264", SIZE, 40)
    for options in (moving, WorkerOptions()):
        run = Run(options)
        run.feed(units)
        # five steps of the square between two looks: the block where it was, and the one where it is
        assert run.pipeline.stats()["motion"] == pytest.approx(2 / 1200, abs=1e-4)


@pytest.mark.parametrize("size", [None, (160, 120)], ids=["as it comes", "scaled"])
def test_the_scene_watch_judges_as_it_would_of_whole_pictures(
    size: tuple[int, int] | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At each look the same differences as NumPy finds between the pictures of two looks."""
    looks = []
    observe = SceneWatch.observe

    def noted(self: SceneWatch, picture: OwnPicture, differences: Any, pts: int) -> None:
        luma = picture.planes[0][:, : picture.width].astype(np.int32)
        looks.append((luma, None if differences is None else differences.copy()))
        observe(self, picture, differences, pts)

    monkeypatch.setattr(SceneWatch, "observe", noted)
    masks = (Mask(polygon=CORNER), Mask(polygon=((0.1, 0.5), (0.3, 0.5), (0.3, 0.7)), style="blur"))
    run = Run(WorkerOptions(masks=masks, outputs=(OutputOptions(size=size),)))
    run.feed(encode("H264", SIZE, 40))
    assert len(looks) == 8
    for (before, _), (after, differences) in itertools.pairwise(looks):
        rows, columns = after.shape[0] // 8, after.shape[1] // 8
        expected = np.abs(after - before).reshape(rows, 8, columns, 8).sum(axis=(1, 3))
        np.testing.assert_array_equal(differences, expected)
        assert expected.any()


def test_our_pictures_are_compared_for_the_looks_of_the_scene_watch_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    compared = []
    before = PictureComparison.compare

    def compare(self: PictureComparison, picture: OwnPicture) -> Any:
        compared.append(1)
        return before(self, picture)

    monkeypatch.setattr(PictureComparison, "compare", compare)
    run = Run(TWO)
    run.feed(encode("H264", SIZE, 53))
    assert len(compared) == 10  # 2 s of the first output's pictures, one look every 0.2 s


def test_a_repeat_has_a_map_without_changes(moving: WorkerOptions) -> None:
    run = Run(moving)
    run.feed(encode("H264", SIZE, 8))
    run.now += 1
    run.repeat()
    last = MovingEncoder.maps[-1]
    assert last is not None
    assert not last.any()


def test_the_report_tells_the_share_of_macroblocks_that_changed_since_the_report_before() -> None:
    run = Run(WorkerOptions())
    units = encode("H264", SIZE, 30)
    assert run.pipeline.stats()["changed_macroblocks"] is None
    run.feed(units[:10])
    run.pipeline.stats()
    for unit in units[10:]:
        run.one(unit, random_access=False)
        run.now += 0.04
    luma = decoded_luma(units)[9:]
    expected = np.mean([len(differing(before, after)) / 300 for before, after in itertools.pairwise(luma)])
    assert 0 < expected < 0.2
    for _ in range(2):  # there was no picture in between
        assert run.pipeline.stats()["changed_macroblocks"] == pytest.approx(expected, abs=0.01)


def test_what_it_does_not_know_can_not_be_overridden(moving: WorkerOptions) -> None:
    output = replace(moving.outputs[0], encoder=EncoderSettings(profile="moving", aq_mode=1, subme=3))
    run = Run(WorkerOptions(outputs=(output,)))
    units = encode("H264", SIZE, 5)
    run.feed(units[:3])
    with pytest.raises(MediaError, match="aq_mode, subme"):
        run.one(units[3], random_access=False)


# -- IDRs of a camera that marks none --------------------------------------------------------------------------------


def refreshing(index: int, gop: int) -> DecodedPicture:
    """A picture of a smart codec's stream: all of it changes every `gop` pictures, and a corner in the others."""
    luma = np.full((240, 320), 120 + index // gop % 2, np.uint8)
    luma[:32, :32] = index % 100
    chroma = np.full((120, 160), 128, np.uint8)
    return DecodedPicture(
        planes=(luma, chroma, chroma), width=320, height=240, pts=3600 * index, random_access=index == 0
    )


@pytest.mark.parametrize(("gop", "expected"), [(30, [90, 120]), (1, [100, 125])], ids=["refreshed", "always changing"])
def test_idrs_follow_the_refreshes_of_a_smart_codec(gop: int, expected: list[int]) -> None:
    encoding = Encoding(WorkerOptions())
    found = []
    for index in range(130):
        messages = encoding.picture(refreshing(index, gop), 0.0)
        coded = [parse_coded(body, 1) for body, _ in messages_of(messages, MessageType.CODED)]
        found += [index for picture in coded if picture.flags & RANDOM_ACCESS]
    assert [later - earlier for earlier, later in itertools.pairwise(found)][-1] == expected[1] - expected[0]
    assert gop == 1 or found[-2:] == expected


def test_the_picture_that_stands_for_a_capped_refresh_inherits_it() -> None:
    encoding = Encoding(WorkerOptions(outputs=(OutputOptions(fps=10.0), OutputOptions())))
    found = []
    for index in range(200):
        messages = encoding.picture(refreshing(index, 31), 0.0)
        coded = [parse_coded(body, 2) for body, _ in messages_of(messages, MessageType.CODED)]
        found += [index for picture in coded if picture.flags & RANDOM_ACCESS and picture.output_number == 0]
    assert [index // 31 for index in found[-3:]] == [4, 5, 6]
    assert max(index % 31 for index in found[-3:]) <= 2
