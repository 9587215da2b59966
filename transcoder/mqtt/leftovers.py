"""Values that the broker kept of streams and renditions that were removed while the gateway was away are taken back.

One value of each tells that the broker knows it: a stream's status, and one property of a rendition. The broker tells
whoever subscribes what it has kept, so nothing has to be remembered here.
"""

import re
from collections.abc import Iterator
from typing import Final

from transcoder.config.patterns import RENDITION_PATTERN, STREAM_ID_PATTERN
from transcoder.control import Control
from transcoder.mqtt.announcer import Announcer
from transcoder.mqtt.properties import RENDITION_PROPERTIES
from transcoder.mqtt.topics import Topics
from transcoder.rejection import Rejected

MARK: Final = next(iter(RENDITION_PROPERTIES))
"""The property by which a rendition is known: any of them, as all are published together."""
_LEVEL: Final = r"([^/]+)"
_STREAM_ID: Final = re.compile(STREAM_ID_PATTERN)
_RENDITION: Final = re.compile(RENDITION_PATTERN)


class Leftovers:
    """Looks at what the broker kept.

    Args:
        control: knows the streams that there are.
        topics: the topic tree.
        announcer: takes values back.
    """

    def __init__(self, control: Control, topics: Topics, announcer: Announcer) -> None:
        self._control = control
        self._announcer = announcer
        self._status = topics.topic("stream_status", stream="+")
        self._mark = topics.topic("rendition_state", stream="+", rendition="+", rendition_property=MARK)
        self._patterns = [re.compile(re.escape(each).replace(r"\+", _LEVEL)) for each in self.filters()]

    def filters(self) -> Iterator[str]:
        """Yield the topic filters of what is looked at."""
        yield self._status
        yield self._mark

    def take(self, topic: str, payload: bytes, *, retain: bool) -> bool:
        """Return whether a message is one of those that are looked at; take back what the broker kept for nobody.

        Args:
            topic: the topic of the message.
            payload: its payload.
            retain: whether the broker had kept it.
        """
        match = next((found for found in (each.fullmatch(topic) for each in self._patterns) if found), None)
        if match is None:
            return False
        stream, rendition = [*match.groups(), ""][:2]
        # a value of a gateway has a stream's id there; anybody's junk has any length
        if not retain or not payload or not _STREAM_ID.fullmatch(stream):
            return True
        is_gone = stream not in self._control.ids()
        if rendition and _RENDITION.fullmatch(rendition) and (is_gone or self._has_lost(stream, rendition)):
            self._announcer.forget_rendition(stream, rendition)
        elif is_gone and not rendition:
            self._announcer.remove(stream)
        return True

    def _has_lost(self, stream: str, rendition: str) -> bool:
        try:
            return rendition not in self._control.properties(stream)["renditions"]
        except Rejected:  # the stream is about to be started or ended
            return False
