"""The URLs of a session and of its media are tried in the order of how likely a camera knows them.

The session's control attribute is the URL of PLAY, keep-alives and TEARDOWN, and the base of relative controls (RFC
2326 section C.1.1; Axis Companion knows PLAY nowhere else, mediamtx#683). Other cameras write a control that they do
not know themselves: then the base of the description is tried, and for PLAY the URL of the only media.
"""

from transcoder.rtsp.client_requests import PendingRequest
from transcoder.rtsp.urls import join_control, session_target, target_of

_ELSEWHERE = frozenset({400, 404, 405, 451, 454, 459, 460})
"""Statuses with which a server says that it does not know a URL, or the method for it, and may know another one."""
_NO_AGGREGATE = 459
"""The status with which a server says that a media has to be played at its own URL (RFC 2326 section 11.4.3)."""

Ways = list[tuple[str, str]]
"""Targets, each with the URL of the session that it is made of; the likeliest comes first."""


class SessionTargets:
    """Holds paths and queries of one session.

    Args:
        target: path and query of the configured URL.

    Attributes:
        session: path and query of the session's URL, as far as is known.
    """

    def __init__(self, target: str) -> None:
        self.session = target
        self._others: list[str] = []
        self._media = ""
        self._tracks = 0

    def describe(self, base: str) -> None:
        """Take the base of the description for the session's URL."""
        self.session, self._others = base, []

    def of_media(self, control: str | None, session_control: str | None) -> Ways:
        """Return the targets of a media's SETUP.

        Args:
            control: the media's control attribute.
            session_control: the session's, which counts at the first media.
        """
        if self._tracks == 0:
            self._prefer(session_target(self.session, session_control))
        ways = {join_control(base, control): base for base in (*reversed(self._others), self.session)}
        found = list(reversed(ways.items()))
        if control is not None and control.strip().startswith("/"):  # a path from the root, by the letter of RFC 1808
            found.append((target_of(control), self.session))
        return found

    def of_session(self) -> Ways:
        """Return the targets of PLAY."""
        return [(base, base) for base in (self.session, *self._others)]

    def note_success(self, item: PendingRequest) -> None:
        """Note that SETUP or PLAY succeeded: its URL of the session is right."""
        self._prefer(item.base)
        if item.method == "SETUP":
            self._tracks += 1
            self._media = item.target

    def elsewhere(self, item: PendingRequest, status: int) -> Ways:
        """Return the targets at which a refused request is repeated; none: the refusal is final."""
        if status == _NO_AGGREGATE and self._tracks == 1 and item.target != self._media:
            return [(self._media, self._media)]
        return list(item.elsewhere) if status in _ELSEWHERE else []

    def _prefer(self, base: str) -> None:
        if base != self.session:
            self._others = [self.session, *(other for other in self._others if other != base)]
            self.session = base
