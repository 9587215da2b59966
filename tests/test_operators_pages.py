"""The pages for operators name what there is, and all of it."""

import re
from pathlib import Path

from typer.main import get_command

from transcoder.api.metrics_reference import metrics_page
from transcoder.cli.main import command_line

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_the_readme_names_every_command() -> None:
    commands = set(vars(get_command(command_line()))["commands"])
    assert {name for name in commands if not re.search(rf"^\|.*`{name}\b", README, re.MULTILINE)} == set()


def test_every_page_is_for_somebody() -> None:
    named = set(re.findall(r"\]\(([\w./-]+)\)", (DOCS / "README.md").read_text(encoding="utf-8")))
    pages = {page.name for page in DOCS.iterdir() if page.suffix in {".md", ".json", ".yaml"}}
    assert pages - {"README.md", "config.schema.json"} <= named
    assert {name for name in named if not (DOCS / name).exists()} == set()


def test_the_runbook_names_metrics_that_there_are() -> None:
    named = set(re.findall(r"`(?:transcoder_)?([a-z_]+_total)\b", (DOCS / "runbook.md").read_text(encoding="utf-8")))
    assert len(named) > 20
    assert {name for name in named if f"`transcoder_{name}`" not in metrics_page()} == set()
