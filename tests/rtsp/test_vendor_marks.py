"""The list of marks is complete, dated, and refuses what is none."""

from datetime import date

import pytest

from transcoder.rtsp.vendor_marks import MARKS, read_marks

PLACES = {
    "line", "attribute", "kind", "format", "server", "realm", "header", "control", "url", "payload type", "sei",
    "sei type",
}  # fmt: skip


def test_the_list() -> None:
    assert MARKS.date >= date(2026, 11, 28)
    assert {mark.family for mark in MARKS.items} <= set(MARKS.makers)
    assert {mark.where for mark in MARKS.items} <= PLACES
    assert {mark.weight for mark in MARKS.items} <= {1, 2, 3, 4}
    assert MARKS.makers["transcoder"] == ""


def test_a_path_alone_is_never_enough() -> None:
    assert {mark.weight for mark in MARKS.items if mark.where == "url"} == {1}


GOOD = """date = 2026-01-01
[families]
a = "A"
[[mark]]
family = "a"
weight = 1
where = "line"
pattern = "x"
what = "x"
"""


@pytest.mark.parametrize(
    ("line", "instead"),
    [
        ("date = 2026-01-01", ""),
        ('family = "a"', 'family = "b"'),
        ("weight = 1", 'weight = "1"'),
        ('where = "line"', ""),
        ('what = "x"', ""),
    ],
)
def test_what_is_no_list(line: str, instead: str) -> None:
    assert len(read_marks(GOOD).items) == 1
    with pytest.raises(ValueError):
        read_marks(GOOD.replace(line, instead))
