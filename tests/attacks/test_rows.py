"""The table of attacks and the tests that it names are the same."""

import ast
from pathlib import Path

import pytest

from tests.attacks.rows import ROWS, outside, row_of

TESTS = Path(__file__).parent.parent


def functions_of(path: Path) -> list[str]:
    tree = ast.parse(path.read_text())
    functions = (node for node in tree.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))
    return [f"{path.relative_to(TESTS)}::{each.name}" for each in functions if each.name.startswith("test_")]


ATTACKS = [test for path in sorted((TESTS / "attacks").glob("test_*.py")) for test in functions_of(path)]


@pytest.mark.parametrize("row", [row for row in ROWS if row.attack not in {"others", "what proves it"}], ids=str)
def test_every_row_has_a_test(row: object) -> None:
    assert any(row_of(test) is row for test in [*ATTACKS, *outside()])


def test_every_test_is_in_a_row() -> None:
    assert [test for test in ATTACKS if row_of(test) is None] == []


def test_the_tests_of_other_folders_are_there() -> None:
    for test in outside():
        assert test in functions_of(TESTS / test.partition("::")[0])
