"""docs/threat-model.md is true: every threat has a module and a test, and both are there."""

import ast
import re
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pytest

from transcoder.config.remote import MAX_BYTES, MAX_NODES
from transcoder.service.verify_process import MAX_ANSWER

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "threat-model.md").read_text(encoding="utf-8")
NAME = re.compile(r"([CWRSMNP][0-9]+) .")


class Threat(NamedTuple):
    """A row of the tables of threats."""

    name: str
    measure: str
    modules: list[str]
    tests: list[str]
    left_over: str


def quoted(cell: str) -> list[str]:
    return re.findall(r"`([^`]+)`", cell)


ROWS = [[cell.strip() for cell in line.strip("|").split("|")] for line in PAGE.splitlines() if line.startswith("|")]
THREATS = [
    Threat(found[1], row[1], quoted(row[2]), quoted(row[3]), row[4])
    for row in ROWS
    if len(row) == 5 and (found := NAME.match(row[0]))
]
ASSETS = {row[0].split()[0] for row in ROWS if re.match(r"A[0-9] ", row[0])}
ADVERSARIES = {row[0][0] for row in ROWS if re.match(r"[A-Z], ", row[0])}


@cache
def functions(path: Path) -> frozenset[str]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return frozenset(node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))


def test_the_tables_are_read() -> None:
    assert len(THREATS) >= 30
    assert len({threat.name for threat in THREATS}) == len(THREATS)
    assert sorted(ADVERSARIES) == list("CMNRSW")
    assert len(ASSETS) == 7


@pytest.mark.parametrize("threat", THREATS, ids=lambda threat: threat.name)
def test_a_threat_has_a_measure_a_module_and_a_test_that_are_there(threat: Threat) -> None:
    assert threat.measure
    assert threat.left_over
    assert threat.modules
    assert [name for name in threat.modules if not (ROOT / "transcoder" / name).is_file()] == []
    assert threat.tests
    for test in threat.tests:
        file, _, name = test.partition("::")
        assert (ROOT / file).is_file(), test
        assert name in functions(ROOT / file), test


def test_every_adversary_and_every_asset_has_a_threat() -> None:
    assert {threat.name[0] for threat in THREATS} == ADVERSARIES | {"P"}
    told = set(re.findall(r"\b(A[0-9])\b", "".join(row[0] for row in ROWS if NAME.match(row[0]))))
    assert told == ASSETS


def test_the_files_that_the_pages_name_are_there() -> None:
    for page in ("SECURITY.md", "docs/threat-model.md", "docs/verify.md"):
        text = (ROOT / page).read_text(encoding="utf-8")
        links = [link for link in re.findall(r"\]\(([^)#]+)\)", text) if "://" not in link]
        assert [link for link in links if not (ROOT / page).parent.joinpath(link).is_file()] == [], page


def test_the_figures_on_the_page_are_those_of_the_code() -> None:
    assert f"at most {MAX_BYTES >> 10} KiB and {MAX_NODES:,} values" in PAGE
    assert f"at most {MAX_ANSWER >> 20} MiB" in PAGE
