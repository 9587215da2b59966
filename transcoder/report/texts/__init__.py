"""The words of a report stand in a catalogue for each language, side by side."""

import tomllib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any, Final, Literal, get_args

from transcoder.config.asset import last_day

Language = Literal["en", "nl"]
LANGUAGES: Final = get_args(Language)


class Texts:
    """Holds the words of one language.

    Args:
        language: the language.
    """

    def __init__(self, language: Language) -> None:
        self.language = language
        self._words = catalogue(language)

    def __call__(self, key: str, **values: object) -> str:
        """Return a text with values in it.

        Args:
            key: the key, such as `section.totals`.
            values: the values, by their names in the text.

        Raises:
            KeyError: there is no such text.
        """
        found = self._at(key)
        if not isinstance(found, str):
            raise KeyError(key)
        return found.format_map(values) if values else found

    def items(self, key: str) -> list[str]:
        """Return a list of texts."""
        return list(self._at(key))

    def word(self, group: str, value: str) -> str:
        """Return the word for a value, such as a state; a value that has none stands for itself."""
        found = self._words.get(group, {}).get(value, value)
        return str(found)

    def group(self, group: str) -> dict[str, str]:
        """Return all texts of a group by key."""
        return dict(self._words[group])

    def counted(self, key: str, number: int) -> str:
        """Return a text about a number, in the singular or the plural."""
        return self(f"{key}_{'one' if number == 1 else 'other'}", n=self.number(number))

    def number(self, number: int) -> str:
        """Return a number as it is written."""
        return f"{number:,}".replace(",", self("thousands"))

    def plan(self, planned: str) -> str:
        """Return a planned day or quarter in words, such as "in the second quarter of 2027"."""
        end = last_day(planned)
        if "Q" in planned:
            return self("in_quarter", quarter=self.items("quarters")[(end.month - 1) // 3], year=end.year)
        day = self("day", day=end.day, month=self.items("months")[end.month - 1], year=end.year)
        return self("on_day", day=day)

    def _at(self, key: str) -> Any:
        found: Any = self._words
        for part in key.split("."):
            found = found[part]
        return found


@cache
def catalogue(language: Language) -> Mapping[str, Any]:
    """Return all words of a language.

    Args:
        language: the language.
    """
    return tomllib.loads(files("transcoder.report.texts").joinpath(f"{language}.toml").read_text("utf-8"))
