"""The methods that keep a session with a camera alive take turns where a camera offers two of them.

RFC 2326 leaves the sign of life to the implementations: OPTIONS is none to some servers and GET_PARAMETER alone counts
(go2rtc#2409), others answer GET_PARAMETER with an error (GW4089IP). So both are sent where `Public` offers both, twice
as often, and a method that is not known to the camera after all is left out. So is GET_PARAMETER where a camera offers
it and closes connection after connection instead of an answer.

Source: RFC 2326 sections 10.1, 10.8, 12.28; RFC 7826 section 10.5.
"""

import re

from transcoder.rtsp.messages import Headers

_OPTIONS = "OPTIONS"
_GET_PARAMETER = "GET_PARAMETER"
_UNKNOWN = frozenset({400, 405, 451, 501})
"""Statuses with which a camera says that it does not know the method, or not without a body."""
_MAX_PUBLIC = 1024
"""Characters of a list of methods that are read; all methods of RFC 2326 are 110."""


MAX_DEADLY = 2
"""The number of connections in a row that may end while GET_PARAMETER is not answered: one can be chance."""


class KeepAliveMethods:
    """Says which method is the next sign of life. One object serves all connections with a camera."""

    def __init__(self) -> None:
        self._methods = [_OPTIONS]
        self._is_refused = False
        self._turn = 0
        self._unanswered = ""
        """The method of the latest sign of life, until it is answered."""
        self._deadly = 0

    def begin(self) -> None:
        """Note that a connection begins."""
        self._methods, self._turn, self._unanswered = [_OPTIONS], 0, ""

    def note_end(self) -> None:
        """Note that the camera ended the connection."""
        self._deadly = self._deadly + 1 if self._unanswered == _GET_PARAMETER else 0
        self._is_refused = self._is_refused or self._deadly >= MAX_DEADLY

    def __len__(self) -> int:
        return len(self._methods)

    def note_public(self, headers: Headers) -> None:
        """Read the methods that a response to OPTIONS offers; some cameras call the field Allow, or send several."""
        values = [*headers.get_all("Public"), *headers.get_all("Allow")]
        offered = {name.upper() for value in values for name in re.split(r"[\s,;]+", value[:_MAX_PUBLIC])}
        if _GET_PARAMETER in offered and not self._is_refused:
            self._methods = [_GET_PARAMETER, _OPTIONS]

    def note_answer(self, method: str, status: int) -> None:
        """Note that a sign of life was answered, or refused."""
        if method == self._unanswered:
            self._unanswered = ""
        if method == _GET_PARAMETER and status in _UNKNOWN:
            self._methods, self._is_refused = [_OPTIONS], True

    def take(self) -> str:
        """Return the method whose turn it is."""
        method = self._methods[self._turn % len(self._methods)]
        self._turn += 1
        self._unanswered = method
        return method
