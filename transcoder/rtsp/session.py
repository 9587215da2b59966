"""RTSP sessions of readers have states, methods that each state allows, and reasons for which they end.

Source: RFC 2326 section A.2 (server state machine).
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Final

from transcoder.rtsp.headers import Transport, parse_session
from transcoder.rtsp.messages import TURN_BYTES, TURN_EVENTS


class Method(Enum):
    """Names a method that is served (RFC 2326 section 10)."""

    OPTIONS = "OPTIONS"
    DESCRIBE = "DESCRIBE"
    SETUP = "SETUP"
    PLAY = "PLAY"
    PAUSE = "PAUSE"
    GET_PARAMETER = "GET_PARAMETER"
    SET_PARAMETER = "SET_PARAMETER"
    TEARDOWN = "TEARDOWN"


class SessionState(Enum):
    """Names the state of an RTSP session (RFC 2326 section A.2)."""

    INIT = "init"
    """There is no session yet, or none any more."""
    READY = "ready"
    PLAYING = "playing"


def _row(state: SessionState, **changes: SessionState) -> Mapping[Method, SessionState]:
    always = (Method.OPTIONS, Method.DESCRIBE, Method.GET_PARAMETER, Method.SET_PARAMETER)
    return dict.fromkeys(always, state) | {Method[name]: new for name, new in changes.items()}


TRANSITIONS: Final[Mapping[SessionState, Mapping[Method, SessionState]]] = {
    SessionState.INIT: _row(SessionState.INIT, SETUP=SessionState.READY),
    SessionState.READY: _row(
        SessionState.READY,
        SETUP=SessionState.READY,
        PLAY=SessionState.PLAYING,
        PAUSE=SessionState.READY,
        TEARDOWN=SessionState.INIT,
    ),
    # no SETUP: a transport is not changed under a reader that plays
    SessionState.PLAYING: _row(
        SessionState.PLAYING, PLAY=SessionState.PLAYING, PAUSE=SessionState.READY, TEARDOWN=SessionState.INIT
    ),
}
"""The state after each method that a state allows; a method that is missing is not allowed in that state.

OPTIONS, DESCRIBE and the parameter methods are allowed in every state: readers keep their sessions alive with them.
"""

PUBLIC: Final = ", ".join(method.value for method in Method)
"""Every method that some state allows, as the headers Public and Allow list them."""


def allowed(state: SessionState) -> str:
    """Return the methods that a state allows, as the header Allow lists them."""
    return ", ".join(method.value for method in Method if method in TRANSITIONS[state])


class EndReason(Enum):
    """Names the reason for which a reader's session, or a connection without one, ended."""

    PEER_CLOSED = "peer_closed"
    """The reader closed its connection, or the network did."""
    TEARDOWN = "teardown"
    STUCK = "stuck"
    """The reader took none of the bytes that were sent to it."""
    IDLE = "idle"
    """A connection without a session sent nothing."""
    SILENT = "silent"
    """A reader over UDP sent neither a request nor a receiver report."""
    PROTOCOL_ERROR = "protocol_error"
    LOGIN_FAILURES = "login_failures"
    CONNECTION_LIMIT = "connection_limit"
    FORMAT_CHANGE = "format_change"
    """The session description that the reader was given is not true any more."""
    STREAM_GONE = "stream_gone"
    """The stream was disabled or removed."""
    SHUTDOWN = "shutdown"
    OPERATOR = "operator"
    """An operator ended the session."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerOptions:
    """Holds the times and limits of an RTSP server.

    Attributes:
        session_timeout_s: the announced timeout; a session without a sign of life is ended then.
        session_slack_s: how much later the session is ended; readers send reports every five seconds or so.
        idle_s: how long a connection without a session may be silent.
        stuck_s: how long a reader may take nothing before it counts as gone.
        description_limit_s: how long DESCRIBE waits before it is refused; an output gives its description, or up,
            before.
        first_picture_s: how long the answer to PLAY waits for the first picture before it goes without its timestamp.
        report_interval_s: the time between sender reports (RFC 3550 section 6.2).
        tick_s: the time between looks for sessions and connections that are too old.
        max_auth_failures: wrong answers on one connection before it is closed.
        max_pipelined: requests that wait behind one that takes time.
        max_connections: connections at a time.
        reserved_connections: how many of them are kept for addresses that readers logged in from; an eighth at most.
            One such address may have all but twice as many.
        max_arriving: connections at a time of one address that no reader has logged in from.
        max_strangers: connections of one address that may stay without being a reader's.
        arrival_s: how long a connection beyond max_strangers has to become a reader's.
        first_request_s: how long a connection may take to its first whole request.
        max_unsent: bytes of answers that may wait before requests do.
        max_sessions: sessions at a time; sessions over UDP outlive their connections.
        max_address_sessions: sessions at a time of one address, so that others have places left.
        max_own_sessions: sessions at a time that were set up on one connection.
        max_udp_sessions: sessions over UDP at a time of one address and stream; they outlive their connections.
        turn_bytes: bytes of one connection that are looked at in a turn of the event loop.
        turn_events: messages and frames of one connection that are looked at in a turn of the event loop.
    """

    session_timeout_s: float = 60.0
    session_slack_s: float = 0.0
    idle_s: float = 75.0
    stuck_s: float = 30.0
    description_limit_s: float = 10.0
    first_picture_s: float = 3.0
    report_interval_s: float = 5.0
    tick_s: float = 1.0
    max_auth_failures: int = 8
    max_pipelined: int = 64
    max_connections: int = 1024
    reserved_connections: int = 128
    max_arriving: int = 256
    max_strangers: int = 32
    arrival_s: float = 10.0
    first_request_s: float = 10.0
    max_unsent: int = 64 << 10
    max_sessions: int = 4096
    max_address_sessions: int = 1024
    max_own_sessions: int = 16
    max_udp_sessions: int = 32
    turn_bytes: int = TURN_BYTES
    turn_events: int = TURN_EVENTS


@dataclass(slots=True, kw_only=True, eq=False)
class ServerSession:
    """Holds an RTSP session of a reader.

    Attributes:
        id: letters and digits only; a secret, because everybody who knows the id can tear the session down.
        path: the path of the stream, as in its URL.
        uri: the URI of the stream as the reader was told it, without track and trailing slash.
        user: the user who logged in, None where nobody has to log in.
        address: the address that the session was set up from; it answers to no other.
        last_seen: monotonic seconds of the last request or receiver report.
        tracks: the transports as answered, by the number of the track; none before the first SETUP is answered.
        carrier: the connection that interleaved packets go over; None where they go over UDP.
        play: the PLAY that waits for its first picture; another connection may pause the session meanwhile.
    """

    id: str
    path: str
    uri: str
    user: str | None
    last_seen: float
    address: str = ""
    state: SessionState = SessionState.INIT
    tracks: dict[int, Transport] = field(default_factory=dict)
    carrier: object = None
    play: object = None

    @property
    def is_interleaved(self) -> bool:
        """Return whether packets of the session go over the connection that set it up."""
        return any(transport.lower == "TCP" for transport in self.tracks.values())

    def is_carried_beside(self, track: int, connection: object) -> bool:
        """Return whether packets of another track go over another connection: no session has its packets on two."""
        others = [transport for number, transport in self.tracks.items() if number != track]
        return self.carrier not in {None, connection} and any(transport.lower == "TCP" for transport in others)

    def set_up(self, track: int, transport: Transport, connection: object) -> None:
        """Note how a track is sent, for the first time or again; the other track stays as it is.

        Args:
            track: the number of the track.
            transport: the transport as answered.
            connection: the connection that asked; interleaved packets go over it from now on.
        """
        self.tracks[track] = transport
        if transport.lower == "TCP":
            self.carrier = connection
        elif not self.is_interleaved:
            self.carrier = None
        self.move(Method.SETUP)

    def tear_down(self, track: int) -> None:
        """Forget one track of several."""
        del self.tracks[track]
        if not self.is_interleaved:
            self.carrier = None

    def move(self, method: Method) -> None:
        """Go to the state that follows a method which this state allows; a PLAY that waits is given up."""
        self.play = None
        self.state = TRANSITIONS[self.state][method]


class SessionTable:
    """Holds all sessions of a server; a session over UDP may outlive its connection.

    Args:
        options: times and limits.
        new_id: makes a random session id.
    """

    def __init__(self, options: ServerOptions, new_id: Callable[[], str]) -> None:
        self._options = options
        self._new_id = new_id
        self._sessions: dict[str, ServerSession] = {}

    def __len__(self) -> int:
        return len(self._sessions)

    def __iter__(self) -> Iterator[ServerSession]:
        return iter(list(self._sessions.values()))

    def __contains__(self, session: ServerSession) -> bool:
        return self._sessions.get(session.id) is session

    @property
    def is_full(self) -> bool:
        """Return whether there is no room for another session."""
        return len(self._sessions) >= self._options.max_sessions

    def create(self, *, path: str, uri: str, user: str | None, now: float, address: str = "") -> ServerSession:
        """Make a session, which is in the table once its SETUP is answered."""
        return ServerSession(id=self._new_id(), path=path, uri=uri, user=user, last_seen=now, address=address)

    def has_room(self, address: str) -> bool:
        """Return whether an address may have another session."""
        own = sum(item.address == address for item in self._sessions.values())
        return not self.is_full and own < self._options.max_address_sessions

    def has_room_over_udp(self, address: str, path: str) -> bool:
        """Return whether an address may have another session over UDP of one stream."""
        own = sum(item.address == address and item.path == path and not item.is_interleaved for item in self)
        return own < self._options.max_udp_sessions

    def named(self, value: str, address: str) -> ServerSession | None:
        """Return the session of an address that the value of a header Session names, None where there is none."""
        header = parse_session(value)
        found = self._sessions.get(header.id) if header is not None else None
        return found if found is not None and found.address == address else None

    def add(self, session: ServerSession) -> None:
        """Take a session in; a session that is in the table already stays."""
        self._sessions[session.id] = session

    def remove(self, session: ServerSession) -> None:
        """Forget a session; a session that is not in the table is no error."""
        if session in self:
            del self._sessions[session.id]
        session.state = SessionState.INIT

    def silent(self, now: float) -> list[ServerSession]:
        """Return the sessions over UDP whose readers gave no sign of life for too long.

        A session over TCP ends with its connection, whose peer is known to be there.
        """
        limit = self._options.session_timeout_s + self._options.session_slack_s
        return [item for item in self if not item.is_interleaved and now - item.last_seen > limit]
