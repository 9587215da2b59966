"""Pictures of the documents are small, and each is shown somewhere."""

from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
IMAGES = sorted((ROOT / "docs" / "images").iterdir())
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
MAX_BYTES = 150_000
"""Bytes of the largest picture: who clones the project fetches all of them."""


@pytest.mark.parametrize("path", IMAGES, ids=lambda path: path.name)
def test_a_picture_is_small_and_shown(path: Path) -> None:
    assert path.stat().st_size <= MAX_BYTES
    assert [page.name for page in PAGES if f"images/{path.name}" in page.read_text(encoding="utf-8")]


def test_there_are_pictures() -> None:
    assert len(IMAGES) > 2
