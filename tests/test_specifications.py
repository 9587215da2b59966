"""The table of specifications names modules that exist, and each document's clauses once."""

import re
from collections import Counter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
TEXT = (ROOT / "docs" / "specifications.md").read_text(encoding="utf-8")
ROWS = [[cell.strip() for cell in line.split("|")[1:-1]] for line in TEXT.splitlines() if line.startswith("| ")][1:]


@pytest.mark.parametrize("name", sorted(set(re.findall(r"`([\w/]+(?:\.py|/))`", TEXT))))
def test_module_exists(name: str) -> None:
    assert any((base / name).exists() for base in (ROOT / "transcoder", ROOT / "native"))


def test_each_row_names_modules() -> None:
    assert len(ROWS) > 20
    assert [row for row in ROWS if len(row) != 3 or not re.search(r"`[\w/]+(\.py|/)`", row[2])] == []


def test_no_clause_of_a_document_is_listed_twice() -> None:
    listed = []
    document = ""
    for named, clauses, _ in ROWS:
        document = re.split(r"[(,]", named)[0].strip() or document
        subject = "".join(re.findall(r"\(.*\)", clauses))
        listed += [(document, subject, clause.strip()) for clause in re.split(r"[;,] (?=[\d(])", clauses)]
    assert [entry for entry, times in Counter(listed).items() if times > 1] == []
