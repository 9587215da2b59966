"""Viewers watch outputs in browsers, or wherever HTTP goes: each is a reader's session like those of RTSP.

Their pictures are those of the RTSP readers, as fragmented MP4 (`output/live_track.py`).
"""

import asyncio
import secrets
from typing import Final

from transcoder import clock
from transcoder.login_brake import site_of
from transcoder.net.reader_connection import ServedStream
from transcoder.output.fanout import VIDEO
from transcoder.output.live_track import LiveOutlet, LiveTrack, Piece
from transcoder.output.session import ReaderListener, ReaderSession
from transcoder.rtsp.session import EndReason

MAX_VIEWERS: Final = 128
"""Viewers at a time: a wall of live pictures in a few browsers. Each has a connection of the HTTP server."""
MAX_OF_ADDRESS: Final = 64
"""Viewers of one address at a time, as many as it may have WebSockets: nobody takes the places of all."""
STUCK_S: Final = 20.0
"""Seconds after which a viewer that took nothing counts as stuck when its connection ends."""
_REPORT_S: Final = 5.0


class Ended(Exception):  # noqa: N818  # it is the end, no error
    """A viewer gets nothing any more.

    Args:
        reason: the reason.
    """

    def __init__(self, reason: EndReason) -> None:
        super().__init__(reason.value)
        self.reason = reason


class Viewer:
    """Holds what one viewer is to get, for whoever sends it.

    Args:
        session: the session of the viewer.
        viewers: the place of all viewers.
    """

    def __init__(self, session: ReaderSession, viewers: "Viewers") -> None:
        self.session = session
        self._viewers = viewers
        self._changed = asyncio.Event()
        self._outlet = LiveOutlet(self._changed.set)
        self._taken_at = clock.monotonic()

    def play(self, served: ServedStream) -> None:
        """Begin to take the pictures of an output, with its next IDR picture."""
        sender = served.fanout.new_sender(_REPORT_S)
        self.session.tracks[VIDEO] = LiveTrack(outlet=self._outlet, live=self._outlet, sender=sender)
        self.session.play(lambda _packets: None)

    async def next(self) -> Piece:
        """Return the next piece, when there is one; the one before was sent.

        Raises:
            Ended: no piece comes any more.
        """
        while True:
            self._changed.clear()
            self._taken_at = clock.monotonic()
            if self.session.end_reason is not None:
                raise Ended(self.session.end_reason)
            piece = self._outlet.take()
            if piece is not None:
                return piece
            if self._outlet.is_changed:
                self._viewers.end(self.session, EndReason.FORMAT_CHANGE)
            elif not self._outlet.is_left:
                await self._changed.wait()

    def close(self) -> None:
        """End the session, because the connection ended; a session that ended already stays as it is."""
        is_stuck = self._outlet.backlog() > 0 and clock.monotonic() - self._taken_at > STUCK_S
        self._viewers.end(self.session, EndReason.STUCK if is_stuck else EndReason.PEER_CLOSED)


class Viewers:
    """Holds the sessions of viewers.

    Args:
        listener: is told of viewers that come and go.

    Attributes:
        sessions: the sessions.
    """

    def __init__(self, listener: ReaderListener) -> None:
        self.sessions: list[ReaderSession] = []
        self._listener = listener

    def is_full(self, peer: str) -> bool:
        """Return whether there is no room for another viewer from the address of a connection."""
        of_address = sum(_address(session.peer) == _address(peer) for session in self.sessions)
        return len(self.sessions) >= MAX_VIEWERS or of_address >= MAX_OF_ADDRESS

    def open(self, served: ServedStream, path: str, user: str | None, peer: str) -> Viewer:
        """Return a new viewer of an output, which counts among its readers until it is closed.

        Args:
            served: the output.
            path: the path under which it is served.
            user: the name of the token or user of whoever watches, None where nobody has to log in.
            peer: the address and port of the connection.
        """
        session = ReaderSession(
            id=secrets.token_hex(8),
            path=path,
            user=user,
            peer=peer,
            transport="web",
            since=clock.wall_clock(),
            started=clock.monotonic(),
            fanout=served.fanout,
            listener=self._listener,
        )
        viewer = Viewer(session, self)
        self.sessions.append(session)
        viewer.play(served)
        return viewer

    def end(self, session: ReaderSession, reason: EndReason) -> None:
        """End one session; one that ended already, or is no viewer's, is left alone."""
        if session in self.sessions:
            self.sessions.remove(session)
            session.end(reason)

    def end_readers(self, path: str, reason: EndReason) -> None:
        """End all sessions of a path: what they get is not what is served any more, or nothing is."""
        for session in [each for each in self.sessions if each.path == path]:
            self.end(session, reason)

    def stop(self) -> None:
        """End all sessions, because the gateway stops."""
        for session in list(self.sessions):
            self.end(session, EndReason.SHUTDOWN)


def _address(peer: str) -> str:
    """Return what counts as the address of a connection, which is written with its port."""
    return site_of(peer.rpartition(":")[0].strip("[]"))
