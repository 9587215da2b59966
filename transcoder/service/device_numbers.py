"""Each stream's own device has a number, from which its port follows.

It keeps the number over restarts, and whatever comes or goes beside it: a VMS knows a camera by its port.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final

MAX_NUMBERS: Final = 4096
"""The largest number of streams, that of `config/overlay.py`; past it, that of a stream that is gone is given again."""
_KEY: Final = "onvif "


class DeviceNumbers:
    """Gives numbers to streams.

    Attributes:
        has_changed: whether a number was given since changes() was called last.
    """

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}
        self.has_changed = False

    def load(self, kept: Mapping[str, Any]) -> None:
        """Take up the numbers that were kept; entries that can't be read are left out."""
        for key, value in kept.items():
            if not key.startswith(_KEY) or not isinstance(value, Mapping) or len(self._numbers) >= MAX_NUMBERS:
                continue
            number = value.get("number")
            if type(number) is int and 0 <= number < MAX_NUMBERS and number not in self._numbers.values():
                self._numbers[key.removeprefix(_KEY)] = number

    def number(self, stream: str, present: Mapping[str, Any], is_free: Callable[[int], bool]) -> int | None:
        """Return the number of a stream; it is given where the stream has none, None where none is left.

        Args:
            stream: the stream's id.
            present: the streams that there are now: only others lose their numbers.
            is_free: says whether nothing else stands in the way of a number.
        """
        known = self._numbers.get(stream)
        if known is not None and is_free(known):
            return known
        taken = set(self._numbers.values())
        number = next((each for each in range(MAX_NUMBERS) if each not in taken and is_free(each)), None)
        if number is None:
            gone = next((name for name, each in self._numbers.items() if name not in present and is_free(each)), None)
            if gone is None:
                return None
            number = self._numbers.pop(gone)
        self._numbers[stream] = number
        self.has_changed = True
        return number

    def changes(self) -> Mapping[str, Any]:
        """Return every number, to be kept."""
        self.has_changed = False
        return {f"{_KEY}{stream}": {"number": number} for stream, number in self._numbers.items()}
