"""What the README shows of the product's output, to be compared with the output itself."""

import re
from pathlib import Path
from typing import Final

README: Final = Path(__file__).parents[2] / "README.md"


def masked(text: str) -> str:
    """Return a text whose numbers are all alike, as well as its blanks and rules."""
    return " ".join(re.sub(r"\d+(\.\d+)?", "#", text.replace("─", " ")).split())


def shown_by_readme(beginning: str) -> list[str]:
    """Return the paragraphs of the README's block that begins with these words."""
    blocks = re.findall(r"^```text\n(.*?)^```$", README.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    (block,) = [found for found in blocks if found.split()[: len(beginning.split())] == beginning.split()]
    return [masked(found) for found in re.split(r"\n(?! {5})", block) if found.strip()]
