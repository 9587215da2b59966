"""CONTRIBUTING.md names files and verbs that exist."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
TEXT = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
PATHS = sorted(set(re.findall(r"[`(]((?:[\w.]+/)+[\w.]*|[\w-]+\.(?:md|toml|lock))[`)]", TEXT)))
VERBS = sorted(set(re.findall(r"\bmake ([a-z][a-z-]+)", TEXT)))


@pytest.mark.parametrize("path", PATHS)
def test_a_path_exists(path: str) -> None:
    assert (ROOT / path).exists() or path.startswith(".venv/")


@pytest.mark.parametrize("verb", VERBS)
def test_a_verb_exists(verb: str) -> None:
    assert re.search(rf"^{verb}:.*## ", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)


def test_all_verbs_are_described_here_or_in_the_readme() -> None:
    described = TEXT + (ROOT / "README.md").read_text(encoding="utf-8")
    verbs = re.findall(r"^([a-z-]+):.*## ", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    assert [verb for verb in verbs if f"make {verb}" not in described] == []


def test_the_lists_are_found() -> None:
    assert len(PATHS) > 30
    assert len(VERBS) > 8
