"""Tables of any program become rows: separators, encodings, quotation marks, limits, formulas."""

import csv
import io

import pytest

from transcoder.assets.importing import table
from transcoder.assets.importing.table import TableError, neutralized, read_table, restored

TEXT = 'HardwareName,Notes\r\n"Ingang ""Noord"", café","line 1\r\nline 2"\r\nBrug,€ 5\r\n'
ROWS = [
    (2, {"HardwareName": 'Ingang "Noord", café', "Notes": "line 1\r\nline 2"}),
    (4, {"HardwareName": "Brug", "Notes": "€ 5"}),
]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "cp1252"])
@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_a_table_is_read_in_every_encoding_with_every_separator(encoding, separator):
    out = io.StringIO(newline="")
    csv.writer(out, delimiter=separator).writerows(csv.reader(io.StringIO(TEXT, newline="")))
    found = read_table(out.getvalue().encode(encoding))
    assert [(row.line, dict(row.cells)) for row in found.rows] == ROWS


def test_utf_16_with_the_other_mark_is_read():
    found = read_table(b"\xfe\xff" + TEXT.encode("utf-16-be"))
    assert [(row.line, dict(row.cells)) for row in found.rows] == ROWS


def test_the_line_of_excel_that_names_the_separator_is_no_row():
    found = read_table(b"sep=;\r\nname;address\r\na;10.0.0.1\r\n")
    assert [(row.line, dict(row.cells)) for row in found.rows] == [(3, {"name": "a", "address": "10.0.0.1"})]


def test_empty_rows_and_empty_cells_are_left_out_and_a_separator_at_the_end_is_no_column():
    found = read_table(b"name;address;\na;;\n;;\n\nb;10.0.0.1;\n")
    assert found.columns == ("name", "address")
    assert [dict(row.cells) for row in found.rows] == [{"name": "a"}, {"name": "b", "address": "10.0.0.1"}]


def test_a_row_that_cannot_be_read_is_refused_with_its_line_and_the_others_are_read():
    found = read_table(b'name,address\n"a" x,1\nb,2\nc,3,4\n"d,5\ne,6\n')
    assert [row.cells["name"] for row in found.rows] == ["b"]
    assert [(each.line, each.reason) for each in found.refused] == [
        (2, "a quotation mark stands where none may"),
        (4, "it has 3 cells, and there are 2 columns"),
        (5, "a quotation mark is never closed"),
    ]


def test_a_cell_that_is_too_long_is_refused():
    for size in (table.MAX_CELL + 1, 1 << 20):
        found = read_table(b"name\n" + b"x" * size + b"\nb\n")
        assert [row.cells["name"] for row in found.rows] == ["b"]
        assert [(each.line, each.reason) for each in found.refused] == [(2, "a cell has more than 4096 characters")]


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "empty"),
        (b"\n\n", "names no columns"),
        (b"a,a\n1,2\n", "two columns are called 'a'"),
        (b"abcd\0e\n1\n", "zero bytes"),
        (b"\xff\xfea", "UTF-16"),
        (b"\x81\x8d\n", "no text in UTF-8"),
        (b"a\n" * (table.MAX_ROWS + 3), "more than 10000 rows"),
        (b",".join(b"%d" % number for number in range(201)), "more than 200 columns"),
        (b"a" * (table.MAX_BYTES + 1), "16 MiB"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_is_no_table_is_refused(data, words):
    with pytest.raises(TableError, match=words):
        read_table(data)


@pytest.mark.parametrize("cell", ["=1+1", "+31 20 123", "-5", "@x", "'=1", "''+x", "\tx", "plain", "'quoted'", ""])
def test_a_formula_is_neutralized_and_comes_back_as_it_was(cell):
    written = neutralized(cell)
    assert not written.startswith(("=", "+", "-", "@", "\t", "\r"))
    assert restored(written) == cell


def test_rows_say_nothing_of_their_cells_in_a_log():
    assert "hunter2" not in repr(read_table(b"password\nhunter2\n"))
