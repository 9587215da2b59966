"""Pictures that are drawn by changed macroblocks, beside the same pictures drawn whole."""

from collections.abc import Sequence
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.coded_video import encode
from tests.support.examples import examples
from transcoder.codecs.nal import Codec
from transcoder.errors import MediaError
from transcoder.media.changes import DecodedComparison
from transcoder.media.decoded_picture import DecodedPicture
from transcoder.media.decoder import Decoder
from transcoder.media.picture import BLACK, U8, OwnPicture
from transcoder.media.stages import Stages
from transcoder.worker_options import Mask
from transcoder_native.reference import mask as mask_twin
from transcoder_native.reference import range as range_twin
from transcoder_native.reference.polygon import polygon_mask

STYLES = ("solid", "pixelate", "blur")
SQUARE = Fraction(1)


def planes_of(picture: OwnPicture) -> list[U8]:
    width = picture.width
    return [picture.planes[0][:, :width].copy(), *(plane[:, : width // 2].copy() for plane in picture.planes[1:])]


def drawn_whole(picture: DecodedPicture, masks: Sequence[Mask]) -> list[U8]:
    """What the stages promise, by NumPy alone: range, then masks by style, each on the whole plane."""
    width, height = picture.width & ~1, picture.height & ~1
    drawn = []
    for index in range(len(picture.planes)):
        plane = picture.planes[index]
        rows, columns = (height >> 1, width >> 1) if index else (height, width)
        out = np.ascontiguousarray(plane[:rows, :columns]).astype(np.uint8)
        if picture.full_range:
            convert = range_twin.full_to_limited_chroma if index else range_twin.full_to_limited_luma
            convert(out.copy(), columns, out)
        for style in STYLES:
            hidden = np.zeros((rows, columns), np.uint8)
            for mask in masks:
                if mask.style == style:
                    polygon_mask(np.array(mask.polygon), columns, hidden)
            if not hidden.any():
                continue
            everything = (0, rows, 0, columns)
            if style == "solid":
                out[hidden != 0] = BLACK[index]
            elif style == "pixelate":
                mask_twin.mask_pixelate(out, columns, hidden, max(columns // 24, 4), *everything)
            else:
                mask_twin.mask_blur(out, columns, hidden, max(columns // 40, 4), *everything)
        drawn.append(out)
    return drawn


def samples(rng: np.random.Generator, width: int, height: int) -> list[U8]:
    chroma = (-(-height // 2), -(-width // 2))
    return [rng.integers(0, 256, shape, np.uint8) for shape in ((height, width), chroma, chroma)]


def touch(rng: np.random.Generator, planes: list[U8]) -> list[U8]:
    """A copy of the planes in which a few rectangles have other samples."""
    planes = [plane.copy() for plane in planes]
    for _ in range(rng.integers(0, 4)):
        plane = planes[rng.integers(3)]
        y, x = rng.integers(plane.shape[0]), rng.integers(plane.shape[1])
        area = plane[y : y + rng.integers(1, 12), x : x + rng.integers(1, 12)]
        area[:] = rng.integers(0, 256, area.shape)
    return planes


def maskings(rng: np.random.Generator) -> tuple[Mask, ...]:
    """Up to three masks, of any style, often one over the other."""
    found = []
    for _ in range(rng.integers(0, 4)):
        x, y = rng.uniform(0, 0.7, 2)
        right, bottom = x + rng.uniform(0.1, 0.6), y + rng.uniform(0.1, 0.6)
        corners = ((x, y), (min(right, 1.0), y), (min(right, 1.0), min(bottom, 1.0)), (x, min(bottom, 1.0)))
        found.append(Mask(polygon=corners[: rng.integers(3, 5)], style=STYLES[rng.integers(3)]))
    return tuple(found)


def changed_between(before: list[U8], after: list[U8]) -> np.ndarray:
    """The map of the macroblocks that differ, by NumPy."""
    rows, columns = -(-before[0].shape[0] // 16), -(-before[0].shape[1] // 16)
    out = np.zeros((rows, columns), np.uint8)
    for index, (one, other) in enumerate(zip(before, after, strict=True)):
        size = 8 if index else 16
        for y, x in np.argwhere(one != other) // size:
            out[y, x] = 1
    return out


@given(
    seed=st.integers(0, 2**32),
    width=st.integers(16, 90),
    height=st.integers(16, 70),
    full_range=st.booleans(),
    shown=st.lists(st.booleans(), min_size=2, max_size=8),
)
@examples(80)
def test_a_picture_drawn_by_macroblocks_is_the_one_drawn_whole(
    seed: int, width: int, height: int, full_range: bool, shown: list[bool]
) -> None:
    """Random changes, masks, sizes and ranges; some pictures are compared and not drawn."""
    rng = np.random.default_rng(seed)
    masks = maskings(rng)
    stages = Stages(width & ~1, height & ~1, masks)
    comparison = DecodedComparison()
    planes = samples(rng, width, height)
    before: list[U8] | None = None
    for is_shown in shown:
        planes = touch(rng, planes)
        picture = DecodedPicture(planes=tuple(planes), width=width, height=height, full_range=full_range, pts=0)
        changed = comparison.compare(picture)
        if not is_shown:
            stages.skip(changed)
            continue
        drawn = planes_of(stages.run(picture, SQUARE, changed))
        for one, other in zip(drawn, drawn_whole(picture, masks), strict=True):
            np.testing.assert_array_equal(one, other)
        assert stages.knows_changes
        if before is None:
            assert stages.changed.all() or masks
        else:
            # no macroblock differs that is not marked
            assert not (changed_between(before, drawn) & (stages.changed == 0)).any()
        before = drawn


@pytest.mark.parametrize(
    ("codec", "pixel_format"),
    [
        ("H264", "yuv420p"), ("H264", "yuvj420p"), ("H264", "yuv422p"), ("H264", "yuv444p"), ("H264", "yuv420p10le"),
        ("H264", "gray"), ("H265", "yuv420p"), ("H265", "yuv422p"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("size", [(320, 180), (322, 182), (160, 120)], ids=str)
def test_a_film_is_the_same_whether_changes_are_known_or_not(
    codec: str, pixel_format: str, size: tuple[int, int]
) -> None:
    """Formats that are drawn by macroblocks and others; a size that is scaled, with bars, too."""
    masks = (
        Mask(polygon=((0.1, 0.1), (0.4, 0.1), (0.4, 0.5)), style="solid"),
        Mask(polygon=((0.3, 0.3), (0.6, 0.3), (0.6, 0.6)), style="blur"),
        Mask(polygon=((0.5, 0.7), (0.9, 0.7), (0.9, 0.9)), style="pixelate"),
    )
    decoder, comparison = Decoder(Codec(codec)), DecodedComparison()
    known = Stages(320, 180, masks, compares=True)
    before: list[U8] | None = None
    for index, unit in enumerate(encode(codec, size, 8, pixel_format=pixel_format)):
        for picture in decoder.decode(unit, 3600 * index):
            drawn = planes_of(known.run(picture, SQUARE, comparison.compare(picture)))
            anew = planes_of(Stages(320, 180, masks).run(picture, SQUARE))
            for one, other in zip(drawn, anew, strict=True):
                np.testing.assert_array_equal(one, other)
            if before is None:
                assert known.changed.sum() > known.changed.size / 2
            else:
                assert not (changed_between(before, drawn) & (known.changed == 0)).any()
                assert not known.changed.all()
            before = drawn
    assert before is not None


def test_a_macroblock_that_a_solid_mask_covers_never_changes() -> None:
    rng = np.random.default_rng(1)
    stages = Stages(96, 64, (Mask(polygon=((0.25, 0.2), (0.75, 0.2), (0.75, 0.8), (0.25, 0.8))),))
    comparison, planes = DecodedComparison(), samples(rng, 96, 64)
    for index in range(3):
        picture = DecodedPicture(planes=tuple(planes), width=96, height=64, pts=0)
        stages.run(picture, SQUARE, comparison.compare(picture))
        if index:
            assert np.argwhere(stages.changed).tolist() == [[3, 5]]
        planes = [plane.copy() for plane in planes]
        planes[0][20:40, 34:60] += 1  # behind the mask
        planes[2][15, 20] += 1
        planes[1][31, 47] += 1  # in the last macroblock


@pytest.mark.parametrize("style", ["pixelate", "blur"])
def test_a_mask_that_blends_is_drawn_again_for_a_change_near_it_alone(style: str) -> None:
    stages = Stages(320, 160, (Mask(polygon=((0.41, 0.41), (0.49, 0.41), (0.49, 0.49), (0.41, 0.49)), style=style),))
    comparison, planes = DecodedComparison(), samples(np.random.default_rng(1), 320, 160)
    marked = []
    for x in (0, 0, 9, 140, 319):  # far to the left, under the mask, far to the right
        planes = [plane.copy() for plane in planes]
        planes[0][70, x] += 1
        picture = DecodedPicture(planes=tuple(planes), width=320, height=160, pts=0)
        drawn = planes_of(stages.run(picture, SQUARE, comparison.compare(picture)))
        for one, other in zip(drawn, drawn_whole(picture, stages._masks), strict=True):
            np.testing.assert_array_equal(one, other)
        marked.append(np.argwhere(stages.changed).tolist())
    assert marked[1] == marked[2] == [[4, 0]]
    assert marked[3] == [[4, 8], [4, 9]]
    assert marked[4] == [[4, 19]]


def test_all_changes_after_other_masks_and_after_a_slate() -> None:
    comparison, planes = DecodedComparison(), samples(np.random.default_rng(1), 96, 64)
    picture = DecodedPicture(planes=tuple(planes), width=96, height=64, pts=0)
    stages = Stages(96, 64, ())
    for change in (
        lambda: None,
        lambda: stages.set_masks((Mask(polygon=((0.1, 0.1), (0.5, 0.1), (0.5, 0.5))),)),
        lambda: stages.set_masks(()),
        lambda: stages.fill((1, 2, 3)),
    ):
        change()
        drawn = planes_of(stages.run(picture, SQUARE, comparison.compare(picture)))
        assert stages.changed.sum() >= 22  # of 24
        for one, other in zip(drawn, drawn_whole(picture, stages._masks), strict=True):
            np.testing.assert_array_equal(one, other)
        stages.run(picture, SQUARE, comparison.compare(picture))
        assert not stages.changed.any()


def test_a_picture_that_failed_is_followed_by_one_that_is_drawn_whole() -> None:
    comparison, planes = DecodedComparison(), samples(np.random.default_rng(1), 96, 64)
    picture = DecodedPicture(planes=tuple(planes), width=96, height=64, pts=0)
    stages = Stages(96, 64, ())
    stages.run(picture, SQUARE, comparison.compare(picture))
    with pytest.raises(MediaError):
        stages.set_masks((Mask(polygon=((0.1, 0.1), (0.5, 0.1), (0.5, 0.5)), style="sepia"),))
    with pytest.raises(MediaError):
        stages.run(picture, SQUARE, comparison.compare(picture))
    stages.set_masks(())
    drawn = planes_of(stages.run(picture, SQUARE, comparison.compare(picture)))
    for one, other in zip(drawn, drawn_whole(picture, ()), strict=True):
        np.testing.assert_array_equal(one, other)
    assert stages.changed.all()


def test_a_scaled_picture_is_compared_only_for_somebody_who_wants_the_map() -> None:
    planes = samples(np.random.default_rng(1), 96, 64)
    picture = DecodedPicture(planes=tuple(planes), width=96, height=64, pts=0)
    stages = Stages(48, 48, ())
    assert not stages.follows(picture, SQUARE)
    for _ in range(2):
        stages.run(picture, SQUARE)
        assert stages.changed.all()
        assert not stages.knows_changes
    stages.compares = True
    for expected in (9, 0):
        stages.run(picture, SQUARE)
        assert stages.knows_changes
        assert stages.changed.sum() == expected
