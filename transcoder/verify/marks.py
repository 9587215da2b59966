"""The marks of vendors are read from the data file `marks.toml`, which names the day when it was looked over last."""

import tomllib
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, Final

FILE: Final = Path(__file__).with_name("marks.toml")


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """Describes bytes that tell where a stream comes from.

    Attributes:
        name: the name of the mark in a verdict.
        maker: whose mark it is.
        data: the bytes; letters are found in either case.
        is_short: True where chance could write the mark into slices.
        source: where the mark was seen.
    """

    name: str
    maker: str
    data: bytes
    is_short: bool
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Marks:
    """Holds all marks.

    Attributes:
        date: the day on which the list was looked over last.
        items: the marks, in the order of the file.
    """

    date: date
    items: tuple[Mark, ...]


def read_marks(text: str) -> Marks:
    """Read a list of marks.

    Raises:
        ValueError: the text is no such list.
    """
    data = tomllib.loads(text)
    if not isinstance(data.get("date"), date):
        raise ValueError("a list of marks needs its date")  # noqa: TRY004  # of a file, not of a type
    return Marks(date=data["date"], items=tuple(_mark(entry) for entry in data.get("mark", ())))


def _mark(entry: dict[str, Any]) -> Mark:
    name = str(entry.get("name", ""))
    if not name or ("text" in entry) == ("hex" in entry):
        raise ValueError(f"mark {name!r} needs a name, and either text or hex")
    return Mark(
        name=name,
        maker=str(entry["maker"]),
        data=entry["text"].encode() if "text" in entry else bytes.fromhex(entry["hex"]),
        is_short=bool(entry.get("short")),
        source=str(entry["source"]),
    )


MARKS: Final = read_marks(FILE.read_text(encoding="utf-8"))
