"""The availability of a stream tells whether readers see its camera, and why not."""

from collections.abc import Callable
from typing import Any, Final

import structlog

from transcoder import clock
from transcoder.service.banner import banner
from transcoder.service.camera_log import CameraLog
from transcoder.service.last_seen import LastSeen
from transcoder.service.status import StreamState, StreamStatus
from transcoder.source.problems import Unreadable

MINUTE_S: Final = 60.0
"""Seconds for which a banner holds, as long as nothing happens: it tells whole minutes."""


class Availability:
    """Keeps the state of one stream; the availability alone writes `state` and `problem` of the stream's status.

    Args:
        status: the status of the stream.
        tell: publishes an event: its kind and detail.
        log: a log that is bound to the stream's name.
        last_seen: remembers when readers last saw each camera, over a restart too.
    """

    def __init__(
        self,
        status: StreamStatus,
        tell: Callable[[str, dict[str, Any]], None],
        log: structlog.stdlib.BoundLogger | None = None,
        last_seen: LastSeen | None = None,
    ) -> None:
        self._status = status
        self._tell = tell
        self._log = CameraLog(status, log if log is not None else structlog.get_logger())
        self._was_unreadable = False
        self._last_seen = last_seen if last_seen is not None else LastSeen()
        self._told = ""
        """The text of the banner as it was told last, and the minute and what else it follows from:"""
        self._told_at: tuple[object, ...] = ()

    @property
    def is_playing(self) -> bool:
        """Return whether readers see pictures of the camera."""
        return self._status.state is StreamState.PLAYING

    def start(self) -> None:
        """Note that the camera is connected to from now on."""
        self.note_seen()
        self._status.state = StreamState.CONNECTING
        self._log.begin()
        self.note_problem("")

    def disable(self) -> None:
        """Note that the camera is not pulled."""
        self.note_seen()
        self._status.state = StreamState.DISABLED
        self.note_problem("")

    def note_seen(self) -> None:
        """Note until when readers saw the camera, if they see it: it may be seen no more."""
        if self.is_playing:
            self._last_seen.note(self._status.name, clock.wall_clock())

    def look(self) -> None:
        """Note now and then that readers see the camera, because a service may end without warning."""
        if self.is_playing:
            self._last_seen.note_step(self._status.name, clock.wall_clock())

    def banner(self, title: str | None) -> str:
        """Return the text of a slate's banner, or "" where the camera is shown or no title is given."""
        if title is None or self.is_playing:
            return ""
        now = clock.wall_clock()
        since = self._last_seen.at(self._status.name, now)
        told_at = now // MINUTE_S, title, since, self._status.state, self._status.problem_code
        if told_at != self._told_at:  # each tick asks, for every stream that is away, and writing times takes a while
            self._told, self._told_at = banner(title, self._status, since, now), told_at
        return self._told

    def note_problem(self, problem: str) -> None:
        """Note a problem of the gateway that may keep the stream from playing, or "" for none."""
        self._status.problem, self._status.problem_code = problem, "gateway" if problem else None

    def lose(self, reason: str, was_playing: bool) -> None:
        """Note that a connection ended."""
        self.note_seen()
        advice = self._status.source.advice
        self._status.state, self._status.problem = StreamState.AWAY, f"{advice} ({reason})" if advice else reason
        self._status.problem_code = self._status.source.problem_code
        self._log.lose(reason)
        if was_playing:
            self._tell("source_lost", {"reason": reason})

    def note_key(self, reason: str, fingerprint: str) -> None:
        """Note that the camera showed a TLS key that is not trusted."""
        self._tell("camera_key_changed", {"reason": reason, "fingerprint": fingerprint})

    def note_login(self, reason: str) -> None:
        """Note that the camera asked for the password in clear, and did not get it."""
        self._tell("camera_login_downgraded", {"reason": reason})

    def note_unreadable(self, why: Unreadable) -> None:
        """Note that pictures come and none of them can be shown: the last one before, or a slate, is repeated."""
        self.note_seen()
        self._status.state, self._status.problem = StreamState.AWAY, why.reason
        self._status.problem_code = why.code
        self._was_unreadable = True
        self._log.lose_sight(why)
        self._tell("source_encrypted" if why.code == "encrypted" else "source_unreadable", {"reason": why.reason})

    def note_picture(self, *, is_readable: bool) -> None:
        """Note that readers got a picture of the camera.

        Args:
            is_readable: whether the camera is connected and its pictures can be shown now; the picture may be an
                earlier one that was still in the worker.
        """
        if self._status.state is StreamState.PLAYING or not is_readable:
            return
        self._status.state, self._status.problem = StreamState.PLAYING, ""
        self._status.problem_code = None
        self._log.play()
        was_told, self._was_unreadable = self._was_unreadable, False
        if was_told or self._status.source.losses:
            self._tell("source_recovered", {})
