"""A list calls a camera by its brand, its maker or the name of a driver; the tables say what is meant."""

from typing import Final

from transcoder.assets.importing.plan import Recognized
from transcoder.assets.tables import brand_rows, maker_named, maker_of_brand

_MAX_WORDS: Final = 4
"""Words of the longest name in the tables; a driver's name goes on with the models."""


def recognize(text: str) -> Recognized | None:
    """Return what a text is taken for: the longest name in the tables that it begins with; None where it has none.

    Args:
        text: a brand, a maker or the name of a driver, such as `Hikvision DS-2CD2xx Series`.
    """
    words = text.split()
    for length in range(min(len(words), _MAX_WORDS), 0, -1):
        name = " ".join(words[:length])
        if row := maker_of_brand(name):
            return Recognized(brand=name, maker=row.maker)
        if maker := maker_named(name):
            return Recognized(brand=name, maker=maker.name)
        if brand_rows(name):
            return Recognized(brand=name, maker="")
    return None
