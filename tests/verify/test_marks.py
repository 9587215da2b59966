"""The data file of marks: dated, complete, and no mark hides another."""

import pytest

from tests.verify.test_command import CLEAN, run, written
from transcoder.verify.marks import FILE, MARKS, read_marks
from transcoder.verify.search import SHORT_MARKS


def test_every_mark_has_a_source() -> None:
    assert MARKS.date.year >= 2026
    assert all(mark.source and mark.maker and len(mark.data) >= 4 for mark in MARKS.items)
    assert len({mark.name for mark in MARKS.items}) == len(MARKS.items)
    assert all(mark.is_short or len(mark.data) >= 7 for mark in MARKS.items)


@pytest.mark.parametrize("mark", [mark for mark in MARKS.items if mark.is_short], ids=lambda mark: mark.name)
def test_a_short_mark_is_found_outside_slices(tmp_path, mark) -> None:
    sei = b"\x06\x05\x10" + mark.data + b"\x80"
    code, found, _ = run(written(tmp_path / "a.h264", CLEAN + b"\x00\x00\x01" + sei))
    assert code == 1
    assert any(problem.startswith(f"mark {mark.name} in a NAL unit") for problem in found["problems"])
    assert run(written(tmp_path / "b.h264", CLEAN + mark.data))[0] == 0  # at the end of a slice
    assert mark.name in SHORT_MARKS


def test_the_verdict_names_the_list(tmp_path) -> None:
    found = run(written(tmp_path / "a.h264", CLEAN))[1]
    assert found["marks"] == {"date": MARKS.date.isoformat(), "number": FILE.read_text().count("[[mark]]")}


@pytest.mark.parametrize(
    "text",
    [
        'date = "soon"',
        'date = 2026-01-01\n[[mark]]\nname = "a"\nmaker = "b"\nsource = "c"',
        'date = 2026-01-01\n[[mark]]\nname = "a"\nmaker = "b"\nsource = "c"\ntext = "x"\nhex = "78"',
        'date = 2026-01-01\n[[mark]]\nmaker = "b"\nsource = "c"\ntext = "x"',
    ],
)
def test_a_list_that_is_none(text: str) -> None:
    with pytest.raises(ValueError):
        read_marks(text)
