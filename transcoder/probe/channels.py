"""Which other streams a device offers is found out by asking for the paths that its maker is known to use. Sans-IO.

A camera describes the stream that it is asked for and no other, so that its smaller streams, and the channels of a
recorder, are known only to whoever asks for each of them.
"""

import re
from collections import deque
from dataclasses import dataclass
from typing import Final

from transcoder.assets.tables import StreamName, stream_templates

MAX_ASKED: Final = 40
"""The largest number of paths that are asked for: 16 channels with two streams each, and some that are not there."""
MAX_REFUSED: Final = 2
"""Channels in a row that are not described before the search ends: a recorder may have one that is not connected."""
_NO_CHANNEL: Final = 99
"""The number of a channel that nobody has: a device that describes it does not tell channels apart."""
_MAX_DIGITS: Final = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Says which stream of which channel a path means.

    Attributes:
        channel: the number of the channel, from 1.
        stream: "main", "sub" or "third".
        target: the path and the query of the stream's URL.
    """

    channel: int
    stream: StreamName
    target: str


def place_of(maker: str, target: str) -> Place | None:
    """Return the place that a path of a maker's device means; None for a path that is in no row of the table."""
    for stream, template in stream_templates().get(maker, {}).items():
        if (found := _pattern(template).fullmatch(target)) is not None:
            channel = found.groupdict().get("channel")
            return Place(channel=int(channel or 1), stream=stream, target=target)
    return None


class ChannelSearch:
    """Names the paths to ask a device for, one after another.

    Args:
        maker: the maker of the device's software, by its name in the tables.
        target: the path and the query that the device has described already; "" where it has described none.
    """

    def __init__(self, maker: str, target: str = "") -> None:
        self._templates = stream_templates().get(maker, {})
        self.known = place_of(maker, target) if target else None
        """The place of the path that was described already, None where the table does not have it."""
        self._own = self.known.channel if self.known is not None else 1
        known = self.known.stream if self.known is not None else None
        self._waiting = deque(place for place in self._of_channel(self._own) if place.stream != known)
        self._asked = self._refused = 0
        self._channel = 0
        self._tells_apart: bool | None = None if "{channel" in self._templates.get("main", "") else False
        self._streams = {self.known.stream} if self.known is not None else set()

    def next_place(self) -> Place | None:
        """Return the next place to ask for; None when the search is over."""
        if self._asked >= MAX_ASKED:
            return None
        if not self._waiting:
            self._plan()
        if not self._waiting:
            return None
        self._asked += 1
        return self._waiting[0]

    def note(self, *, is_described: bool) -> bool:
        """Take the answer to the latest place.

        Returns:
            Whether the place is one that the device offers.
        """
        place = self._waiting.popleft()
        if place.channel == _NO_CHANNEL:
            self._tells_apart = not is_described
            return False
        if place.channel == self._own:
            self._streams |= {place.stream} if is_described else set()
        elif place.stream == "main":
            self._refused = 0 if is_described else self._refused + 1
            if is_described and "sub" in self._streams:
                self._waiting.append(self._of_channel(place.channel)[1])
        return is_described

    def _plan(self) -> None:
        """Go on with the main stream of the next channel, once it is known that channels are told apart."""
        if self._tells_apart is None:
            self._waiting.append(self._of_channel(_NO_CHANNEL)[0])
            return
        self._channel += 2 if self._channel + 1 == self._own else 1
        if self._tells_apart and self._refused < MAX_REFUSED and self._channel < _NO_CHANNEL:
            self._waiting.append(self._of_channel(self._channel)[0])

    def _of_channel(self, channel: int) -> list[Place]:
        return [
            Place(channel=channel, stream=stream, target=template.format(channel=channel))
            for stream, template in self._templates.items()
        ]


def _pattern(template: str) -> re.Pattern[str]:
    """Return the pattern of a maker's paths, whatever their case, and whatever follows in the query."""
    before, mark, after = re.sub(r"\{channel[^}]*\}", "\0", template).partition("\0")
    number = rf"(?P<channel>\d{{1,{_MAX_DIGITS}}})" if mark else ""
    rest = "(?:&.*)?" if "?" in template else r"(?:\?.*)?"
    return re.compile(f"{re.escape(before)}{number}{re.escape(after)}{rest}", re.IGNORECASE)
