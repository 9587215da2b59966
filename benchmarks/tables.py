"""Write the tables of a run into benchmarks/results/, one file for each step."""

import argparse
import json
from pathlib import Path
from typing import Any

TABLES = Path(__file__).parent / "results"


def page(name: str, document: dict[str, Any]) -> str:
    """Return the tables of one result, with the command, the date and the machine that made them.

    Args:
        name: the name of the step.
        document: the result, as `benchmarks.report` writes it.
    """
    machine = ", ".join(f"{part} {value}" for part, value in document["machine"].items())
    made_by = f"`{document['command']}`, {document['date']}. {machine}."
    return "\n\n".join((f"# {name}", *document["tables"], *document["notes"], made_by)) + "\n"


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.tables", description=__doc__)
    parser.add_argument("--results", type=Path, default=Path("build/bench"), help="the folder with a run's JSON files")
    parser.add_argument("--tables", type=Path, default=TABLES, help="the folder that the tables are written to")
    arguments = parser.parse_args()
    arguments.tables.mkdir(parents=True, exist_ok=True)
    for path in sorted(arguments.results.glob("*.json")):
        (arguments.tables / f"{path.stem}.md").write_text(page(path.stem, json.loads(path.read_text())))


if __name__ == "__main__":
    main()
