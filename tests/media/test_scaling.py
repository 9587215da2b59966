"""Pictures that are scaled from the main output's by what changed, beside the same pictures scaled whole."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.examples import examples
from transcoder.media.decoded_picture import DecodedPicture
from transcoder.media.picture import U8, OwnPicture
from transcoder.media.scaling import Scaling, is_scalable
from transcoder.media.stages import Stages
from transcoder.worker_options import Mask
from transcoder_native.reference.scale import scale_area

SIZES = [((160, 96), (80, 48)), ((160, 96), (120, 72)), ((176, 144), (88, 72)), ((160, 90), (32, 18))]
STYLES = ("solid", "pixelate", "blur")


def planes_of(picture: OwnPicture) -> list[U8]:
    width = picture.width
    return [plane[:, : width >> (index > 0)].copy() for index, plane in enumerate(picture.planes)]


def scaled_whole(source: OwnPicture, size: tuple[int, int]) -> list[U8]:
    """What scaling promises, by NumPy alone."""
    out = OwnPicture(*size)
    for index, plane in enumerate(source.planes):
        shift = int(index > 0)
        scale_area(plane, source.width >> shift, out.planes[index], 0, 0, size[0] >> shift, size[1] >> shift)
    return planes_of(out)


def differing(before: list[U8], after: list[U8], shape: tuple[int, int]) -> U8:
    """The macroblocks in which two pictures differ, counted sample by sample."""
    found = np.zeros(shape, np.uint8)
    for index, (one, other) in enumerate(zip(before, after, strict=True)):
        rows, columns = np.nonzero(one != other)
        found[rows // (16 >> (index > 0)), columns // (16 >> (index > 0))] = 1
    return found


def change(picture: OwnPicture, random: np.random.Generator, marked: U8) -> None:
    """Draw other samples in the marked macroblocks, sometimes in one plane alone."""
    only = random.integers(0, 4)
    for index, plane in enumerate(picture.planes):
        side, width = 16 >> (index > 0), picture.width >> (index > 0)
        if only == index + 1:
            continue
        for row, column in zip(*np.nonzero(marked), strict=True):
            part = plane[row * side : row * side + side, column * side : min(column * side + side, width)]
            part[:] = random.integers(16, 236, part.shape, dtype=np.uint8)


@examples(6)
@given(sizes=st.sampled_from(SIZES), seed=st.integers(0, 10_000))
def test_what_changed_is_scaled_and_nothing_else_changes(
    sizes: tuple[tuple[int, int], tuple[int, int]], seed: int
) -> None:
    size, into = sizes
    random = np.random.default_rng(seed)
    source, out = OwnPicture(*size), OwnPicture(*into)
    everything = np.ones((-(-size[1] // 16), -(-size[0] // 16)), np.uint8)
    change(source, random, everything)
    scaling = Scaling(source, out)
    assert scaling.draw() is None
    assert all(map(np.array_equal, planes_of(out), scaled_whole(source, into)))
    for _ in range(3):
        before = planes_of(out)
        for _ in range(random.integers(1, 3)):  # one or two pictures of the source
            marked = (random.random(everything.shape) < random.choice([0, 0.02, 0.3])).astype(np.uint8)
            change(source, random, marked)
            scaling.note(marked)
        drawn = scaling.draw()
        assert drawn is not None
        after = planes_of(out)
        assert all(map(np.array_equal, after, scaled_whole(source, into)))
        assert not (differing(before, after, (-(-into[1] // 16), -(-into[0] // 16))) & ~(drawn != 0)).any()


def test_a_quarter_of_a_macroblock_is_one_macroblock_and_its_neighbours_stay() -> None:
    source, out = OwnPicture(640, 384), OwnPicture(320, 192)
    scaling = Scaling(source, out)
    scaling.draw()
    marked = np.zeros((24, 40), np.uint8)
    marked[10, 21] = marked[11, 20] = 1
    scaling.note(marked)
    drawn = scaling.draw()
    assert drawn is not None
    assert [tuple(map(int, at)) for at in np.argwhere(drawn)] == [(5, 10)]
    none = scaling.draw()
    assert none is not None
    assert not none.any()
    scaling.note(None)
    assert scaling.draw() is None


@pytest.mark.parametrize(
    ("size", "into", "expected"),
    [
        ((1920, 1080), (640, 360), True),
        ((1280, 720), (1280, 720), True),
        ((640, 360), (1280, 720), False),
        ((1920, 1080), (640, 480), False),
        ((1280, 960), (640, 360), False),
    ],
)
def test_the_shapes_that_are_scaled(size: tuple[int, int], into: tuple[int, int], expected: bool) -> None:
    assert is_scalable(size, into) is expected


# -- masks -------------------------------------------------------------------------------------------------------------


def decoded(random: np.random.Generator, hidden: tuple[slice, slice] | None = None, seed: int = 0) -> DecodedPicture:
    """A picture of noise; the part that is hidden comes from another seed."""
    other = np.random.default_rng(seed)
    planes = []
    for shift in (0, 1, 1):
        plane = random.integers(0, 256, (192 >> shift, 320 >> shift), dtype=np.uint8)
        if hidden is not None:
            part = plane[tuple(slice(each.start >> shift, each.stop >> shift) for each in hidden)]
            part[:] = other.integers(0, 256, part.shape, dtype=np.uint8)
        planes.append(plane)
    return DecodedPicture(planes=tuple(planes), width=320, height=192, full_range=True, pts=0)


QUARTER = ((0.5, 0.0), (1.0, 0.0), (1.0, 0.5), (0.5, 0.5))


@pytest.mark.parametrize("style", STYLES)
def test_a_scaled_picture_holds_nothing_but_what_the_masked_one_shows(style: str) -> None:
    masks = (Mask(polygon=QUARTER, style=style),)
    main, sub = Stages(320, 192, masks), Stages(160, 96, masks)
    random = np.random.default_rng(3)
    for _ in range(3):
        main.run(decoded(random), Fraction(1))
        sub.scale(main)
        assert all(map(np.array_equal, planes_of(sub.picture), scaled_whole(main.picture, (160, 96))))


def test_no_sample_of_a_scaled_picture_depends_on_what_a_solid_mask_hides() -> None:
    masks = (Mask(polygon=QUARTER),)
    made = []
    for seed in (1, 2):
        main, sub = Stages(320, 192, masks), Stages(160, 96, masks)
        main.run(decoded(np.random.default_rng(3), (slice(0, 96), slice(160, 320)), seed), Fraction(1))
        made.append(planes_of(sub.scale(main)))
    assert all(map(np.array_equal, *made))
    assert (made[0][0][:48, 80:] == 16).all()


@pytest.mark.parametrize("style", STYLES)
def test_new_masks_lie_on_the_scaled_picture_at_once_and_on_the_next(style: str) -> None:
    main, sub = Stages(320, 192, ()), Stages(160, 96, ())
    shown = decoded(np.random.default_rng(3))
    main.run(shown, Fraction(1))
    bare = planes_of(sub.scale(main))
    masks = (Mask(polygon=QUARTER, style=style),)
    for stages in (main, sub):
        stages.set_masks(masks)
    for _ in range(2):
        hidden = planes_of(sub.picture)[0][:48, 80:]
        assert (hidden != bare[0][:48, 80:]).mean() > 0.9
        main.run(shown, Fraction(1))
        sub.scale(main)
    assert all(map(np.array_equal, planes_of(sub.picture), scaled_whole(main.picture, (160, 96))))


def test_a_picture_that_is_drawn_otherwise_in_between_is_scaled_whole_again() -> None:
    random = np.random.default_rng(3)
    main, sub = Stages(320, 192, ()), Stages(160, 96, (), compares=True)
    one, other = decoded(random), decoded(random)
    main.run(one, Fraction(1))
    sub.scale(main)
    sub.run(other, Fraction(1))
    main.run(one, Fraction(1), np.zeros((12, 20), np.uint8))  # nothing changed in it
    sub.scale(main)
    assert all(map(np.array_equal, planes_of(sub.picture), scaled_whole(main.picture, (160, 96))))
    assert sub.changed.all()


@pytest.mark.parametrize("style", STYLES)
def test_a_mask_that_is_smaller_than_a_sample_hides_what_it_touches(style: str) -> None:
    """It lies on the camera's picture, and beside a larger one of the same style nobody would miss it."""
    tiny = Mask(polygon=((0.251, 0.751), (0.253, 0.751), (0.253, 0.753)), style=style)
    shown = decoded(np.random.default_rng(3))
    drawn = []
    for masks in ((Mask(polygon=QUARTER, style=style),), (Mask(polygon=QUARTER, style=style), tiny), (tiny,)):
        stages = Stages(160, 100, masks)  # another shape, so that masks are drawn anew
        drawn.append(planes_of(stages.run(shown, Fraction(1))))
    bare, beside, alone = drawn
    y, x = 2 + int(0.752 * 96), int(0.252 * 160)
    assert beside[0][y, x] == alone[0][y, x] != bare[0][y, x]
