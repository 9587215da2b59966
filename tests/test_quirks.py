"""The table of quirks names files and tests that exist."""

import re
from pathlib import Path

import pytest

TESTS = Path(__file__).parent
TEXT = (TESTS.parent / "docs" / "quirks.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", sorted(set(re.findall(r"`((?:\w+/)*test_\w+\.py)`", TEXT))))
def test_file_exists(name: str) -> None:
    assert (TESTS / name).is_file()


def test_named_tests_exist() -> None:
    written = "\n".join(path.read_text(encoding="utf-8") for path in TESTS.rglob("test_*.py"))
    names = set(re.findall(r"\b(test_\w+)\b(?!\.py)", TEXT))
    assert names
    assert {name for name in names if f"def {name}(" not in written} == set()


@pytest.mark.parametrize("name", sorted(set(re.findall(r"`((?:\w+/)*\w+\.py)`", TEXT))))
def test_module_exists(name: str) -> None:
    package = TESTS.parent / "transcoder"
    assert (TESTS / name).is_file() or (package / name).is_file()
