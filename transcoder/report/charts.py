"""Charts are SVG within the page: black and white by themselves, with a title, a description and numbers as text."""

from collections.abc import Iterable, Sequence
from html import escape
from typing import Final

WIDTH: Final = 320
"""Units of a chart's width: a page of 320 CSS pixels shows it as it is."""
MAX_BARS: Final = 40
"""Bars of a chart, at most; what is beyond stands in the table alone."""
_LABEL: Final = 84
_NUMBER: Final = 44
_LINE: Final = 14
_GAP: Final = 10
FILLS: Final = ("#1a1a1a", "url(#{name}-hatch)", "url(#{name}-dots)", "#ffffff")
"""The fills of the parts of a bar, told apart without colour."""
_PATTERNS: Final = (
    '<defs><pattern id="{name}-hatch" width="4" height="4" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">'
    '<rect width="4" height="4" fill="#fff"/><rect width="1.6" height="4" fill="#1a1a1a"/></pattern>'
    '<pattern id="{name}-dots" width="4" height="4" patternUnits="userSpaceOnUse">'
    '<rect width="4" height="4" fill="#fff"/><circle cx="2" cy="2" r="0.9" fill="#1a1a1a"/></pattern></defs>'
)


def bars(
    name: str, title: str, description: str, legend: Sequence[str], rows: Iterable[tuple[str, Sequence[int]]]
) -> str:
    """Return a chart with a bar for each number: several rows of bars, each with its label.

    Args:
        name: a name for the chart, unlike that of others on the page.
        title: the title.
        description: what can be seen, in a sentence.
        legend: the words for the numbers of a row, two at most.
        rows: the label of each row, and its numbers.
    """
    shown = list(rows)[: MAX_BARS // len(legend)]
    largest = max((number for _, numbers in shown for number in numbers), default=0) or 1
    parts, y = [_legend(legend)], 24
    for label, numbers in shown:
        parts.append(_label(label, y + _LINE * len(numbers) / 2 + 4))
        for fill, number in zip(FILLS, numbers, strict=False):
            length = _length(number, largest)
            parts.append(_bar(_LABEL, y, length, fill) + _number(_LABEL + length + 4, y, number))
            y += _LINE
        y += _GAP
    return _chart(name, title, description, y, parts)


def stacked(
    name: str, title: str, description: str, legend: Sequence[str], rows: Iterable[tuple[str, Sequence[int]]]
) -> str:
    """Return a chart with one bar in parts for each row; the arguments are those of `bars`, with four parts at most."""
    shown = list(rows)[:MAX_BARS]
    largest = max((sum(numbers) for _, numbers in shown), default=0) or 1
    height = 12 * len(legend) + 12
    parts, y = [_legend(legend)], height
    for label, numbers in shown:
        parts.append(_label(label, y + 11))
        x = float(_LABEL)
        for fill, number in zip(FILLS, numbers, strict=False):
            length = _length(number, largest)
            if number:
                parts.append(_bar(x, y, length, fill))
            x += length
        parts.append(_number(x + 4, y, sum(numbers)))
        y += _LINE + _GAP
    return _chart(name, title, description, y, parts)


def _chart(name: str, title: str, description: str, height: int, parts: Iterable[str]) -> str:
    return (
        f'<svg role="img" aria-labelledby="{name}-title {name}-desc" viewBox="0 0 {WIDTH} {height}" '
        f'xmlns="http://www.w3.org/2000/svg" font-size="11"><title id="{name}-title">{escape(title)}</title>'
        f'<desc id="{name}-desc">{escape(description)}</desc>{_named(_PATTERNS + "".join(parts), name)}</svg>\n'
    )


def _named(drawn: str, name: str) -> str:
    """Return parts with the names of their patterns, which have to be unlike those of other charts of the page."""
    return drawn.replace("{name}", name)


def _legend(words: Sequence[str]) -> str:
    parts = []
    across = WIDTH / 2 if len(words) == 2 else 0
    for index, (fill, word) in enumerate(zip(FILLS, words, strict=False)):
        x, y = (across * index, 2) if across else (0, 2 + 12 * index)
        parts.append(_bar(x + 0.5, y, 10, fill, height=9) + f'<text x="{x + 16:g}" y="{y + 9}">{_text(word)}</text>')
    return "".join(parts)


def _label(text: str, y: float) -> str:
    short = text if len(text) <= 14 else text[:13] + "…"
    return f'<text x="0" y="{y:g}">{_text(short)}</text>'


def _bar(x: float, y: float, length: float, fill: str, height: int = 12) -> str:
    shape = f'x="{x:g}" y="{y:g}" width="{max(length, 0.5):.1f}" height="{height}"'
    return f'<rect {shape} fill="{fill}" stroke="#1a1a1a"/>'


def _number(x: float, y: float, number: int) -> str:
    return f'<text x="{x:.1f}" y="{y + 10:g}">{number}</text>'


def _length(number: int, largest: int) -> float:
    return number * (WIDTH - _LABEL - _NUMBER) / largest


def _text(text: str) -> str:
    return escape(text).replace("{", "&#123;")
