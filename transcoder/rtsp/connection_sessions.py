"""The sessions that a reader set up on one connection, and the channels that they have on it."""

from transcoder.rtsp.session import ServerSession, SessionTable


class ConnectionSessions:
    """Holds the sessions of one connection.

    Args:
        table: all sessions of the server.
        connection: the connection; a session that was set up on another one later is that one's.
    """

    def __init__(self, table: SessionTable, connection: object) -> None:
        self._table = table
        self._connection = connection
        self._sessions: list[ServerSession] = []

    def __contains__(self, session: ServerSession) -> bool:
        return session in self._sessions

    def add(self, session: ServerSession) -> None:
        """Take a session in; one that is here already stays."""
        if session not in self._sessions:
            self._sessions.append(session)

    def clear(self) -> None:
        """Forget all sessions."""
        self._sessions.clear()

    def live(self) -> list[ServerSession]:
        """Return the sessions that are still there, and on this connection."""
        mine = {None, self._connection}
        self._sessions = [each for each in self._sessions if each in self._table and each.carrier in mine]
        return self._sessions

    def channels(self, *, but: tuple[ServerSession | None, int] = (None, 0)) -> frozenset[int]:
        """Return the channels of the connection that tracks have.

        Args:
            but: a session and the number of a track of it, which is left out.
        """
        tracks = ((each, number, track) for each in self.live() for number, track in each.tracks.items())
        return frozenset(
            channel
            for session, number, track in tracks
            if (session, number) != but
            for channel in track.interleaved or ()
        )
