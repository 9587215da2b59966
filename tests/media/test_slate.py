"""The slate: a banner on a copy of the last picture, and the map of what it covers."""

import numpy as np
import pytest

from transcoder.media.changes import CollectedChanges
from transcoder.media.font import HEIGHT, WIDTH, text_bitmap
from transcoder.media.picture import GREY, OwnPicture
from transcoder.media.slate import Slate, wrapped

TEXT = "Front door\nno signal since 14:05"


def grey(size: tuple[int, int]) -> OwnPicture:
    picture = OwnPicture(*size)
    picture.fill(GREY)
    return picture


def show(slate: Slate, picture: OwnPicture, text: str) -> tuple[OwnPicture, np.ndarray]:
    """The picture that is shown, and the map of what changed."""
    changes = CollectedChanges(picture.width, picture.height)
    changes.clear()
    return slate.show(picture, text, changes), changes.map.copy()


def end(slate: Slate, picture: OwnPicture) -> np.ndarray:
    changes = CollectedChanges(picture.width, picture.height)
    changes.clear()
    slate.end(changes)
    return changes.map


def differing(picture: OwnPicture, other: OwnPicture) -> np.ndarray:
    """The macroblocks in which two pictures differ, by looking at each."""
    rows, columns = -(-picture.height // 16), -(-picture.width // 16)
    found = np.zeros((rows, columns), bool)
    for index, (ours, theirs) in enumerate(zip(picture.planes, other.planes, strict=True)):
        side, width = (16, picture.width) if index == 0 else (8, picture.width // 2)
        for row in range(rows):
            for column in range(columns):
                part = slice(row * side, row * side + side), slice(column * side, min(column * side + side, width))
                found[row, column] |= bool((ours[part] != theirs[part]).any())
    return found


def test_each_character_of_ascii_has_a_glyph_of_its_own() -> None:
    glyphs = {text_bitmap([chr(code)]).tobytes() for code in range(32, 127)}
    assert len(glyphs) == 95
    assert text_bitmap(["ab", "c"]).shape == (2 * HEIGHT, 2 * WIDTH)
    assert (text_bitmap(["é"]) == text_bitmap(["?"])).all()


def test_a_letter_as_it_is_drawn() -> None:
    drawn = ["".join(" #"[bit] for bit in row).rstrip() for row in text_bitmap(["T"])]
    assert drawn == ["", "#####", "  #", "  #", "  #", "  #", "  #", "  #", "", ""]


@pytest.mark.parametrize("size", [(320, 240), (1920, 1080), (3840, 2160), (1080, 1920), (722, 578)])
def test_the_banner_is_white_on_black_and_the_picture_under_it_stays(size: tuple[int, int]) -> None:
    picture = grey(size)
    shown, changed = show(Slate(), picture, TEXT)
    luma = shown.planes[0][:, : size[0]]
    assert set(np.unique(luma)) == {16, 126, 235}
    assert all((plane == 128).all() for plane in shown.planes[1:])
    rows = np.flatnonzero((luma == 235).any(axis=1))
    assert (rows[-1] - rows[0]) > max(2 * 7, min(size) // 22 * 7 // 10)  # two lines, readable
    assert (luma == 235).sum() < luma.size / 10
    assert all((plane == value).all() for plane, value in zip(picture.planes, GREY, strict=True))
    assert not (differing(shown, picture) & (changed == 0)).any()
    assert changed.any()


def test_what_changes_is_told_once_and_when_it_ends() -> None:
    picture, slate = grey((640, 360)), Slate()
    first, changed = show(slate, picture, TEXT)
    again, nothing = show(slate, picture, TEXT)
    assert again is first is slate.picture
    assert not nothing.any()
    other, both = show(slate, picture, "Front door, which leads to the yard\nno picture yet")
    assert (both >= changed).all()
    assert not (differing(other, first) & (both == 0)).any()
    covered = end(slate, picture)
    assert not (differing(other, picture) & (covered == 0)).any()
    assert not end(slate, picture).any()


def test_without_a_text_it_is_the_picture_itself() -> None:
    picture, slate = grey((640, 360)), Slate()
    assert show(slate, picture, "")[0] is picture
    show(slate, picture, TEXT)
    shown, changed = show(slate, picture, "")
    assert shown is picture
    assert changed.any()


@pytest.mark.parametrize("size", [(16, 16), (64, 64), (128, 96), (160, 120), (2048, 16), (16, 2048)])
def test_a_small_picture_has_what_fits(size: tuple[int, int]) -> None:
    picture = grey(size)
    shown, _ = show(Slate(), picture, TEXT)
    assert (shown.width, shown.height) == size
    assert len(wrapped("word " * 200, *size)) <= 6


def test_a_long_text_is_cut_at_its_begin() -> None:
    lines = wrapped("title " * 40 + "\nno signal since 14:05", 640, 360)
    assert lines[-1] == "no signal since 14:05"
    assert len(lines) == 6
