"""A planned or made swap is shown in a few lines: both cameras side by side, and what readers notice."""

from collections.abc import Mapping
from typing import Any, Final

from transcoder.text import printable

MAX_SHOWN: Final = 300
"""Characters of a line that the gateway wrote, at most."""


def swap_lines(told: Mapping[str, Any]) -> list[str]:
    """Return the lines about a swap.

    Args:
        told: the document of the swap, as the gateway answers it.

    Raises:
        LookupError, TypeError: it is no such document.
    """
    before, after = told["before"], told["after"]
    known = [("asset", _text(before["asset"]), _text(after["asset"]))]
    if any(after["pictures"].values()):
        known += [
            (name, _picture(before["pictures"], name), _picture(after["pictures"], name))
            for name in ("codec", "size", "rate")
        ]
    width = max(len(old) for _, old, _ in known)
    lines = [f"{name:<6} {old:<{width}} -> {new}" for name, old, new in known]
    if told["problem"] is not None:
        return [*lines, f"the new camera would not be shown: {printable(str(told['problem']), MAX_SHOWN)}"]
    served = " ".join(part for part in (_picture(told["served"], "codec"), _picture(told["served"], "size")) if part)
    noticed = [printable(str(line), MAX_SHOWN) for line in told["for_readers"]] or ["a slate for a moment at most"]
    return [*lines, f"readers keep {served}, and notice: {'; '.join(noticed)}"]


def _text(value: object) -> str:
    return printable(str(value), MAX_SHOWN) if value is not None else "none"


def _picture(pictures: Mapping[str, Any], name: str) -> str:
    if name == "codec":
        return _text(pictures["codec"] or "?")
    if name == "size":
        width, height = pictures["width"], pictures["height"]
        return f"{int(width)}x{int(height)}" if width and height else "?"
    return f"{float(pictures['fps']):g} pictures/s" if pictures["fps"] else "?"
