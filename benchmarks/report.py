"""Every benchmark reports by this module: JSON for programs, a table for people, a file for benchmarks/results."""

import argparse
import json
import shlex
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks import machine


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that all programs have."""
    parser.add_argument("--json", action="store_true", help="print JSON instead of tables")
    parser.add_argument("--output", type=Path, metavar="FILE", help="write the JSON there too")


def finish(
    arguments: argparse.Namespace,
    program: str,
    result: dict[str, Any],
    tables: Sequence["Table"],
    notes: Sequence[str] = (),
) -> None:
    """Print and store the result.

    Args:
        arguments: the parsed arguments, with those of add_options.
        program: the name of the benchmark.
        result: all measurements, for JSON.
        tables: the same for people.
        notes: the lines below the tables.
    """
    document = {
        "program": program,
        "command": shlex.join(["python", "-m", f"benchmarks.{program}", *_without_output(sys.argv[1:])]),
        "date": datetime.now(UTC).date().isoformat(),
        "machine": machine.describe(),
        "result": result,
        "tables": [table.markdown() for table in tables],
        "notes": list(notes),
    }
    if arguments.output is not None:
        arguments.output.parent.mkdir(parents=True, exist_ok=True)
        arguments.output.write_text(json.dumps(document, indent=2) + "\n")
    if arguments.json:
        print(json.dumps(document, indent=2))
        return
    for name, value in machine.describe().items():
        print(f"{name:>8}: {value}")
    for table in tables:
        print(f"\n{table.text()}")
    for note in notes:
        print(note)


def _without_output(words: Sequence[str]) -> list[str]:
    """Return the command line without the path of its result; other paths lose their folders, which are private."""
    kept, skip = [], False
    for word in words:
        if skip or word == "--json" or word.startswith("--output"):
            skip = not skip and word == "--output"
            continue
        kept.append(Path(word).name if word.startswith("/") else word)
    return kept


def progress(text: str) -> None:
    """Print a line for the person who waits."""
    print(text, file=sys.stderr, flush=True)


class Table:
    """Holds rows under headings.

    Args:
        title: the line above the table.
        headings: the headings of the columns; the first column holds names, the others hold numbers.
    """

    def __init__(self, title: str, *headings: str) -> None:
        self.title = title
        self._rows: list[tuple[str, ...]] = [headings]

    def add(self, *cells: object) -> None:
        """Append a row; floats get three significant digits, None a dash."""
        self._rows.append(tuple(map(_cell, cells)))

    def text(self) -> str:
        """Return the table for a terminal."""
        widths = [max(map(len, column)) for column in zip(*self._rows, strict=True)]
        lines = [self.title]
        for row in self._rows:
            first, *others = (
                cell.ljust(width) if index == 0 else cell.rjust(width)
                for index, (cell, width) in enumerate(zip(row, widths, strict=True))
            )
            lines.append("  ".join((first, *others)))
        return "\n".join(lines)

    def markdown(self) -> str:
        """Return the table for a page."""
        headings, *rows = ("| " + " | ".join(row) + " |" for row in self._rows)
        line = "|---|" + "---:|" * (len(self._rows[0]) - 1)
        return "\n".join((f"**{self.title}**", "", headings, line, *rows))


def _cell(value: object) -> str:
    if value is None:
        return "-"
    if isinstance(value, float):
        return f"{value:.0f}" if abs(value) >= 100 else f"{value:.3g}"
    return str(value)
