"""Put the tables of a run into docs/performance.md, between its markers."""

import argparse
import json
import re
from pathlib import Path
from typing import Any

PAGE = Path(__file__).parents[1] / "docs" / "performance.md"
BEGIN, END = "<!-- tables of {name}: begin -->", "<!-- tables of {name}: end -->"


def section(document: dict[str, Any]) -> str:
    """The tables of one result, with what made them."""
    machine = ", ".join(f"{name} {value}" for name, value in document["machine"].items())
    parts = [*document["tables"], *document["notes"], f"`{document['command']}`, {document['date']}. {machine}."]
    return "\n\n".join(parts)


def put(page: str, name: str, text: str) -> str:
    """The page with a result's section replaced.

    Raises:
        ValueError: the page has no place for it.
    """
    begin, end = BEGIN.format(name=name), END.format(name=name)
    pattern = re.compile(re.escape(begin) + ".*?" + re.escape(end), re.DOTALL)
    if not pattern.search(page):
        raise ValueError(f"the page has no markers for {name}")
    return pattern.sub(lambda _: f"{begin}\n\n{text}\n\n{end}", page)


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.page", description=__doc__)
    parser.add_argument("--results", type=Path, default=Path("build/bench"))
    parser.add_argument("--page", type=Path, default=PAGE)
    arguments = parser.parse_args()
    page = arguments.page.read_text()
    for path in sorted(arguments.results.glob("*.json")):
        page = put(page, path.stem, section(json.loads(path.read_text())))
    arguments.page.write_text(page)


if __name__ == "__main__":
    main()
