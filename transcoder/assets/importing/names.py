"""The id of an asset or of a stream is made of the name that people gave it."""

import re
import unicodedata
from collections.abc import Container
from typing import Final

MAX_ID: Final = 63
"""Characters of an id, at most, as in STREAM_ID_PATTERN."""
NAMELESS: Final = "camera"
"""The id where a name has no letter that can be written in ASCII."""
_LATIN: Final = "ß ss æ ae œ oe ø o đ d ð d þ th ł l ħ h \u0131 i ĳ ij"  # \u0131 is the Turkish letter without a dot
_CYRILLIC: Final = (
    "а a б b в v г g д d е e ж zh з z и i й j к k л l м m н n о o п p р r с s т t у u ф f х kh ц ts ч ch ш sh щ shch "  # noqa: RUF001  # Cyrillic letters are meant
    "ы y э e ю yu я ya і i ї yi є ye ґ g"  # noqa: RUF001
)
_GREEK: Final = "α a β v γ g δ d ε e ζ z η i θ th ι i κ k λ l μ m ν n ξ x ο o π p ρ r ς s σ s τ t υ y φ f χ ch ψ ps ω o"  # noqa: RUF001  # Greek letters are meant
_WORDS: Final = f"{_LATIN} {_CYRILLIC} {_GREEK}".split()
_LETTERS: Final = dict(zip(_WORDS[::2], _WORDS[1::2], strict=True))
"""What letters that have no accent to lose become."""


def id_of(name: str) -> str:
    """Return the id that a name becomes: `Ingang Noord-Zijde (2)` is `ingang-noord-zijde-2`.

    Args:
        name: the name, in any script; letters that can't be written in ASCII are left out.
    """
    parts = unicodedata.normalize("NFKD", _spelled(unicodedata.normalize("NFC", name.casefold())))
    ascii_only = _spelled("".join(letter for letter in parts if not unicodedata.combining(letter)))
    found = re.sub(r"[^a-z0-9_]+", "-", ascii_only).strip("-_")
    return found[:MAX_ID].rstrip("-_") or NAMELESS


def _spelled(text: str) -> str:
    return "".join(_LETTERS.get(letter, letter) for letter in text)


def free_id(wanted: str, taken: Container[str]) -> str:
    """Return an id that nothing has or ever had: the wanted one, or that with a number behind it.

    Args:
        wanted: the id.
        taken: the ids that can't be given.
    """
    if wanted not in taken:
        return wanted
    low, high = 1, 2  # halved, as thousands may have one name; where a number between was left free it may stay so
    while _numbered(wanted, high) in taken:
        low, high = high, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if _numbered(wanted, middle) in taken else (low, middle)
    return _numbered(wanted, high)


def _numbered(wanted: str, number: int) -> str:
    end = f"-{number}"
    return wanted[: MAX_ID - len(end)].rstrip("-_") + end
