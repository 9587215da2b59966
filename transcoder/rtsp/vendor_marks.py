"""The marks of makers are read from the data file `marks.toml`, which names the day when it was looked over last."""

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Final

FILE: Final = Path(__file__).with_name("marks.toml")


@dataclass(frozen=True, slots=True, kw_only=True)
class VendorMark:
    """Holds something that the RTSP software of one family does.

    Attributes:
        family: the family of the software.
        weight: the weight with which the mark speaks for its family.
        where: the kind of text that the mark stands in.
        pattern: matches the mark.
        what: the mark in words.
    """

    family: str
    weight: int
    where: str
    pattern: re.Pattern[str]
    what: str


@dataclass(frozen=True, slots=True, kw_only=True)
class VendorMarks:
    """Holds all marks.

    Attributes:
        date: the day on which the list was looked over last.
        makers: the maker by family, "" for software that tells no maker.
        items: the marks, in the order of the file.
    """

    date: date
    makers: Mapping[str, str]
    items: tuple[VendorMark, ...]


def read_marks(text: str) -> VendorMarks:
    """Read a list of marks.

    Raises:
        ValueError: the list has no date, or a mark is incomplete or of no family.
    """
    data = tomllib.loads(text)
    if not isinstance(data.get("date"), date):
        raise ValueError("a list of marks needs its date")  # noqa: TRY004  # of a file, not of a type
    makers = dict(data["families"])
    return VendorMarks(date=data["date"], makers=makers, items=tuple(_read(item, makers) for item in data["mark"]))


def _read(item: Mapping[str, object], makers: Mapping[str, str]) -> VendorMark:
    family, weight = item.get("family"), item.get("weight")
    if family not in makers or not isinstance(weight, int) or not all(item.get(key) for key in ("where", "what")):
        raise ValueError(f"the mark {item.get('what')} of the family {family} is incomplete")
    return VendorMark(
        family=str(family),
        weight=weight,
        where=str(item["where"]),
        pattern=re.compile(str(item["pattern"]), re.IGNORECASE),
        what=str(item["what"]),
    )


MARKS: Final = read_marks(FILE.read_text(encoding="utf-8"))
