"""A file of comma-separated values becomes rows, whichever program wrote it.

Spreadsheets write what their country uses: a semicolon for the comma, Windows-1252 or UTF-16 for UTF-8.

Source: RFC 4180, which says what the form is where nobody deviates from it.
"""

import csv
import io
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from transcoder.errors import TranscoderError

MAX_BYTES: Final = 16 << 20
"""Bytes of a file, at most: 10,000 rows of 40 cells with 40 characters each."""
MAX_ROWS: Final = 10_000
"""Rows of a file, at most: twice the streams that a gateway may have, and those that are gone."""
MAX_COLUMNS: Final = 200
"""Columns of a file, at most; the largest export that was seen has 60."""
MAX_CELL: Final = 4096
"""Characters of a cell, at most: a URL and a page of notes fit in."""
SEPARATORS: Final = ",;\t"
_MARKS: Final = ((b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"))
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")
"""The characters that make a spreadsheet take a cell for a formula (OWASP, CSV injection)."""


class TableError(TranscoderError):
    """A file holds no table."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """Holds one row of a table.

    Attributes:
        line: the number of the line on which the row begins, counted from 1.
        cells: the cells that are not empty, by their column.
    """

    line: int
    cells: Mapping[str, str] = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """Says why a row is left out."""

    line: int
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """Holds the rows of a file.

    Attributes:
        columns: the names of the columns, as they are written.
        rows: the rows.
        refused: the rows that can't be read.
    """

    columns: tuple[str, ...]
    rows: tuple[Row, ...]
    refused: tuple[Refused, ...] = ()


def read_table(data: bytes) -> Table:
    """Read a file.

    Args:
        data: the content of the file.

    Raises:
        TableError: the file is too large, or has no line with the names of columns.
    """
    if len(data) > MAX_BYTES:
        raise TableError(f"the file has more than {MAX_BYTES >> 20} MiB")
    text, skipped = _without_hint(_decode(data))
    rows, refused = [], []
    columns: tuple[str, ...] = ()
    for line, cells in _records(text, skipped):
        if isinstance(cells, str):
            if not columns:
                raise TableError(f"line {line}, with the names of the columns: {cells}")
            refused.append(Refused(line=line, reason=cells))
        elif not columns:
            columns = _columns(cells)
        elif any(map(str.strip, cells)):
            row = _row(line, columns, cells)
            if isinstance(row, Row):
                rows.append(row)
            else:
                refused.append(row)
        if len(rows) + len(refused) > MAX_ROWS:
            raise TableError(f"the file has more than {MAX_ROWS} rows")
    if not columns:
        raise TableError("the file is empty: its first line has to name the columns")
    return Table(columns=columns, rows=tuple(rows), refused=tuple(refused))


def _decode(data: bytes) -> str:
    encoding = next((name for mark, name in _MARKS if data.startswith(mark)), "")
    if not encoding and len(data) >= 4 and 0 in data[:4]:
        encoding = "utf-16-le" if not data[1] else "utf-16-be"
    try:
        text = data.decode(encoding or "utf-8")
    except UnicodeDecodeError:
        if encoding:
            raise TableError(f"the file begins like {encoding.upper()} and isn't") from None
        try:
            text = data.decode("cp1252")
        except UnicodeDecodeError:
            raise TableError("the file is no text in UTF-8, UTF-16 or Windows-1252") from None
    if "\0" in text:
        raise TableError("the file is no text: it has zero bytes")
    return text


def _without_hint(text: str) -> tuple[str, int]:
    """Return the text without the first line by which Excel is told the separator, and the number of lines cut off."""
    first, _, rest = text.partition("\n")
    return (rest, 1) if first.strip().lower() in {f"sep={each}" for each in SEPARATORS} | {"sep="} else (text, 0)


def _records(text: str, skipped: int) -> Iterator[tuple[int, list[str] | str]]:
    """Yield each record's first line and its cells, or why it can't be read."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=_separator(text), strict=True)
    while True:
        line = skipped + reader.line_num + 1
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            yield line, _fault(str(error))
            continue
        yield line, cells


def _fault(error: str) -> str:
    if "field limit" in error:  # of the module csv, 128 KiB
        return f"a cell has more than {MAX_CELL} characters"
    return "a quotation mark is never closed" if "end of data" in error else "a quotation mark stands where none may"


def _separator(text: str) -> str:
    """Return the character that most often stands between cells in the first line, outside quotation marks."""
    outside = "".join(text.split("\n", 1)[0].split('"')[::2])
    return max(SEPARATORS, key=outside.count)


def _columns(cells: list[str]) -> tuple[str, ...]:
    names = tuple(cell.strip() for cell in cells)
    while names and not names[-1]:  # a separator at the end of each line
        names = names[:-1]
    if not names or not any(names):
        raise TableError("the first line names no columns")
    if len(names) > MAX_COLUMNS:
        raise TableError(f"the file has more than {MAX_COLUMNS} columns")
    twice = sorted({name for name in names if name and names.count(name) > 1})
    if twice:
        raise TableError(f"two columns are called {twice[0]!r}")
    return names


def _row(line: int, columns: tuple[str, ...], cells: list[str]) -> Row | Refused:
    if any(len(cell) > MAX_CELL for cell in cells):
        return Refused(line=line, reason=f"a cell has more than {MAX_CELL} characters")
    if any(cell.strip() for cell in cells[len(columns) :]):
        return Refused(line=line, reason=f"it has {len(cells)} cells, and there are {len(columns)} columns")
    pairs = zip(columns, cells, strict=False)
    kept = {name: restored(cell).strip() for name, cell in pairs if name}
    return Row(line=line, cells={name: cell for name, cell in kept.items() if cell})


# -- formulas ----------------------------------------------------------------------------------------------------------


def neutralized(cell: str) -> str:
    """Return a cell that no spreadsheet takes for a formula; `restored` undoes it."""
    return f"'{cell}" if cell.lstrip("'").startswith(_FORMULA) else cell


def restored(cell: str) -> str:
    """Return the cell of which `neutralized` made this one."""
    return cell[1:] if cell.startswith("'") and cell.lstrip("'").startswith(_FORMULA) else cell
