"""The public rendering has nothing in it that helps an attacker, and says what was left out.

Columns are left out unless they may be published. Text that people typed can hold anything, such as the address in the
name of a camera: what is confidential of any asset is taken out of it, and so is whatever looks like an address.
"""

import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Final

from transcoder.assets.importing.names import NAMELESS, id_of
from transcoder.assets.inventory import Inventory
from transcoder.report.figures import Cell, Figure, Section

LEFT_OUT: Final = "[…]"
"""What stands where something was taken out of a text."""
_SHORTEST: Final = 4
"""Characters of a value that is looked for inside words; a shorter one is looked for as a word of its own."""
_LOOKS_LIKE_SOMETHING: Final = re.compile(
    r"(?<![0-9])(?:[0-9]{1,3}[._-]){3}[0-9]{1,3}(?![0-9])"  # IPv4, also as it stands in ids
    r"|(?<![0-9A-Fa-f])(?:[0-9A-Fa-f]{2}[:.-]?){5}[0-9A-Fa-f]{2}(?![0-9A-Fa-f])"  # a MAC address
    r"|(?<![0-9A-Fa-f:])[0-9A-Fa-f]{1,4}(?::[0-9A-Fa-f]{1,4}){3,7}(?![0-9A-Fa-f:])"  # IPv6; three parts are a time
    r"|(?<![0-9A-Fa-f:])(?:[0-9A-Fa-f]{1,4}(?::[0-9A-Fa-f]{1,4}){0,6})?::(?:[0-9A-Fa-f]{1,4}(?::[0-9A-Fa-f]{1,4}){0,6})?"
    r"|[A-Za-z][A-Za-z0-9+.-]*://\S+"
    r"|(?<![A-Za-z0-9])[Vv][0-9]{1,3}(?:[.][0-9]{1,6}){1,4}(?:[ _]build[ _][0-9]+)?(?![A-Za-z0-9])"  # firmware
)
_WORD: Final = re.compile(r"\w+")
_TOKEN: Final = re.compile(r"[^\W_]+")
_SHORTEST_JOINED: Final = 5
"""Letters and digits of a value that is also looked for with other signs, or none, between its words."""


class Scrubber:
    """Takes confidential values out of texts.

    Args:
        values: the values.
    """

    def __init__(self, values: Iterable[str]) -> None:
        values = set(values)
        self._by_start: dict[str, list[str]] = defaultdict(list)
        self._words: set[str] = set()
        for value in {each.strip().casefold() for each in values}:
            if len(value) >= _SHORTEST:
                self._by_start[value[:_SHORTEST]].append(value)
            elif value:
                self._words.add(value)
        self._joined = {joined for each in values if len(joined := _joined(each)) >= _SHORTEST_JOINED}
        self._longest = max(map(len, self._joined), default=0)
        for found in self._by_start.values():
            found.sort(key=len, reverse=True)

    def __call__(self, text: str) -> str:
        """Return a text without confidential values."""
        found = _LOOKS_LIKE_SOMETHING.sub(LEFT_OUT, text)
        folded = found.casefold()
        if len(folded) == len(found):
            for start, end in reversed(list(self._spans(folded))):
                found = found[:start] + LEFT_OUT + found[end:]
        elif any(True for _ in self._spans(folded)):  # a letter that becomes two: what is where can't be said
            return LEFT_OUT
        return self._without_joined(found)

    def _without_joined(self, text: str) -> str:
        """Take out what reads as a confidential value where the signs between its words are others."""
        tokens = [(match.start(), match.end(), _joined(match[0])) for match in _TOKEN.finditer(text)]
        kept, copied, index = [], 0, 0
        while index < len(tokens):
            end = self._end_of_joined(tokens, index)
            if end > index:
                kept += [text[copied : tokens[index][0]], LEFT_OUT]
                copied = tokens[end - 1][1]
            index = max(end, index + 1)
        return "".join([*kept, text[copied:]])

    def _end_of_joined(self, tokens: Sequence[tuple[int, int, str]], first: int) -> int:
        """Return the token behind the longest value that begins with a token, or 0."""
        joined, found = "", 0
        for index in range(first, len(tokens)):
            joined += tokens[index][2]
            if len(joined) > self._longest:
                break
            if joined in self._joined:
                found = index + 1
        return found

    def _spans(self, folded: str) -> Iterable[tuple[int, int]]:
        index = 0
        words = {match.start(): match.end() for match in _WORD.finditer(folded) if match[0] in self._words}
        while index < len(folded):
            values = self._by_start.get(folded[index : index + _SHORTEST], ())
            end = next((index + len(value) for value in values if folded.startswith(value, index)), words.get(index, 0))
            if end:
                yield index, end
                index = end
            else:
                index += 1


def _joined(text: str) -> str:
    """Return the letters and digits of a text, without case, accents and other forms of the same letter."""
    return "".join(each for each in unicodedata.normalize("NFKD", text).casefold() if each.isalnum())


def confidential_values(inventory: Inventory, addresses: Iterable[str]) -> set[str]:
    """Return the values of all assets that must not be published.

    Args:
        inventory: the assets.
        addresses: the hosts of their streams.
    """
    found = set(addresses)
    for asset in inventory.assets:
        config = asset.config
        found |= {config.location_exact or "", config.firmware or "", config.serial or "", asset.firmware.value}
        for mac in (config.mac, *(each.value for each in asset.findings if each.field == "mac")):
            if mac:
                digits = re.sub("[^0-9a-f]", "", mac.casefold())
                found |= {mac, digits, *(sign.join(re.findall("..", digits)) for sign in ":-."), digits[6:]}
        found |= {each.value for each in asset.findings if each.field in {"firmware", "serial", "location"}}
        models = {config.model or "", *(each.value for each in asset.findings if each.field == "model")}
        found |= {each for each in models if len(each) >= _SHORTEST and re.search("[0-9]", each)}  # not "Dome"
    found -= {""}
    # as they stand in an id that was made of a name
    return found | {each for value in found if (each := id_of(value)) != NAMELESS}


def publish(sections: Sequence[Section], scrub: Scrubber) -> tuple[tuple[Section, ...], dict[str, int]]:
    """Return what may be published.

    Args:
        sections: the sections.
        scrub: takes confidential values out of texts.

    Returns:
        The sections, and what was left out: the number of values by figure, or by figure and column; "text" counts
        the cells from which something was taken.
    """
    left_out: dict[str, int] = defaultdict(int)
    published = []
    for section in sections:
        figures = []
        for figure in section.figures:
            if not figure.is_public:
                if figure.rows:
                    left_out[figure.name] += len(figure.rows)
                continue
            figures.append(_figure(figure, scrub, left_out))
        published.append(Section(name=section.name, figures=tuple(figures)))
    return tuple(published), dict(left_out)


def _figure(figure: Figure, scrub: Scrubber, left_out: dict[str, int]) -> Figure:
    if not figure.columns:
        return figure
    kept = [index for index, column in enumerate(figure.columns) if column not in figure.private]
    for index, column in enumerate(figure.columns):
        if column in figure.private:
            number = sum(row[index] is not None for row in figure.rows)
            if number:
                left_out[column] += number
    free = {index for index in kept if figure.columns[index] in figure.free}
    rows = []
    for row in figure.rows:
        cells: list[Cell] = []
        for index in kept:
            cell = row[index]
            if index in free and isinstance(cell, str):
                clean = scrub(cell)
                left_out["text"] += clean != cell
                cell = clean
            cells.append(cell)
        rows.append(tuple(cells))
    return Figure(
        name=figure.name,
        query=figure.query,
        columns=tuple(figure.columns[index] for index in kept),
        rows=tuple(rows),
        free=figure.free,
    )
