"""The RTSP server as a sans-IO core: one connection of a reader (RFC 2326).

What readers were measured to need: OPTIONS and the parameter methods answered in every state, CSeq echoed always, 461
and nothing else for a transport that is not served, control URIs in every form that clients build, an answer to PLAY
that names the first packet really sent.
"""

import re
from collections import deque
from dataclasses import dataclass, field
from enum import Enum
from typing import Protocol

from transcoder import product
from transcoder.errors import LocalProtocolError, RemoteProtocolError
from transcoder.rtsp.auth import authorized_user, challenge_value, parse_parameters
from transcoder.rtsp.headers import Transport, parse_session, parse_transports, serialize_transport
from transcoder.rtsp.messages import Headers, InterleavedFrame, Request, Response, RtspParser, serialize_response

SESSION_TIMEOUT_S = 60.0
"""Announced; a session without a sign of life is ended a little later."""
SESSION_SLACK_S = 10.0
MAX_AUTH_FAILURES = 8
"""Wrong answers on one connection before it is closed."""
MAX_PIPELINED = 64
"""Requests waiting behind one that takes time."""

PUBLIC = "OPTIONS, DESCRIBE, SETUP, PLAY, PAUSE, GET_PARAMETER, SET_PARAMETER, TEARDOWN"

_REASONS = {
    200: "OK", 400: "Bad Request", 401: "Unauthorized", 403: "Forbidden", 404: "Not Found", 405: "Method Not Allowed",
    454: "Session Not Found", 455: "Method Not Valid in This State", 459: "Aggregate Operation Not Allowed",
    461: "Unsupported Transport", 500: "Internal Server Error", 501: "Not Implemented", 503: "Service Unavailable",
    505: "RTSP Version Not Supported", 551: "Option not supported",
}  # fmt: skip
_PROTECTED = frozenset({"DESCRIBE", "SETUP", "PLAY", "PAUSE"})
_SEGMENT = "[a-z0-9][a-z0-9_-]{0,62}"
_STREAM = re.compile(f"{_SEGMENT}(/{_SEGMENT})?")
"""The path of a served stream: the stream's id, or that and the name of one of its outputs."""
_TRACK = re.compile(r"/?trackID=(\d{1,3})/?$", re.IGNORECASE)


class SessionState(Enum):
    """Of an RTSP session (RFC 2326 section A.2)."""

    READY = "ready"
    PLAYING = "playing"


@dataclass(slots=True, kw_only=True)
class ServerSession:
    """An RTSP session of a reader.

    Attributes:
        id: letters and digits only.
        stream: the name in its URL.
        uri: of the stream as the reader wrote it, without track and trailing slash.
        transport: as answered, of the video.
        audio: as answered, of the audio, if it was set up.
        last_seen: monotonic seconds of the last request or receiver report.
        owner: whatever the shell ties to it.
    """

    id: str
    stream: str
    uri: str
    transport: Transport
    user: str | None
    last_seen: float
    state: SessionState = SessionState.READY
    owner: object = None
    audio: Transport | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DescribeRequested:
    """Answer with respond_description() or reject()."""

    stream: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SetupRequested:
    """Answer with accept_setup() or reject().

    Attributes:
        transport: the first one offered that is served; its ports or channels are the reader's.
        session: of an earlier SETUP that is changed or gets another track, or None.
        track: 0 for video, 1 for audio; audio comes second.
    """

    stream: str
    transport: Transport
    session: ServerSession | None
    track: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class PlayRequested:
    """Answer with respond_play() once the first packet is known, or reject()."""

    session: ServerSession


@dataclass(frozen=True, slots=True, kw_only=True)
class PauseRequested:
    """Was answered; stop sending."""

    session: ServerSession


@dataclass(frozen=True, slots=True, kw_only=True)
class TeardownRequested:
    """Was answered; the session is gone."""

    session: ServerSession


@dataclass(frozen=True, slots=True)
class ReaderFrame:
    """An interleaved frame of the reader: RTCP."""

    channel: int
    data: memoryview


Event = DescribeRequested | SetupRequested | PlayRequested | PauseRequested | TeardownRequested | ReaderFrame


class Directory(Protocol):
    """What the core asks of its surroundings."""

    def passwords(self) -> dict[str, str]:
        """Readers' passwords by user name; empty: nobody has to log in."""

    def may_read(self, user: str, stream: str) -> bool:
        """Whether a user may read a stream."""


@dataclass(slots=True)
class ServerCounters:
    """Of one connection."""

    requests: int = 0
    auth_failures: int = 0
    rejected: dict[int, int] = field(default_factory=dict)


class ServerProtocol:
    """One connection of a reader.

    Args:
        directory: users and their rights.
        sessions: all sessions of the server by id; a UDP session may outlive its connection.
        nonce: random, for this connection.
    """

    def __init__(self, directory: Directory, sessions: dict[str, ServerSession], nonce: str) -> None:
        self._directory = directory
        self._sessions = sessions
        self._nonce = nonce
        self._parser = RtspParser()
        self._events: deque[Event] = deque()
        self._out: list[bytes] = []
        self._queue: deque[Request] = deque()
        self._waiting: Request | None = None
        self._session: ServerSession | None = None
        self._user: str | None = None
        self.counters = ServerCounters()
        self.closing = False

    # -- what the shell calls ------------------------------------------------------------------------------------

    def receive_data(self, data: bytes | memoryview, now: float) -> None:
        """Feed received bytes.

        Raises:
            RemoteProtocolError: the reader sent what can't be read; the connection is at its end.
        """
        self._parser.receive_data(data)
        while (event := self._parser.next_event()) is not None:
            if type(event) is InterleavedFrame:
                if self._session is not None:
                    self._session.last_seen = now
                self._events.append(ReaderFrame(event.channel, event.data))
            elif type(event) is Request:
                if len(self._queue) >= MAX_PIPELINED:
                    raise RemoteProtocolError("too many requests at once")
                self._queue.append(event)
            # a response to nothing is no concern of ours
        self._proceed(now)

    def next_event(self) -> Event | None:
        """The next event, or None."""
        return self._events.popleft() if self._events else None

    def data_to_send(self) -> list[bytes]:
        """Bytes to write, in order; each is returned once."""
        out, self._out = self._out, []
        return out

    @property
    def session(self) -> ServerSession | None:
        """The session set up on this connection, if any."""
        return self._session

    def respond_description(self, body: bytes, base: str, now: float) -> None:
        """Answer DESCRIBE.

        Args:
            body: the session description.
            base: URL of the stream with a trailing slash, on the host that the reader used.
            now: monotonic seconds.
        """
        self._respond(200, [("Content-Base", base), ("Content-Type", "application/sdp")], body)
        self._proceed(now)

    def accept_setup(self, session: ServerSession, now: float, *, track: int = 0) -> None:
        """Answer SETUP with a session that is in the table of sessions."""
        self._session = session
        channels = [item.interleaved for item in (session.transport, session.audio) if item is not None]
        if any(channels):
            self._parser.channels = frozenset(number for pair in channels for number in pair or ())
        transport = session.audio if track == 1 and session.audio is not None else session.transport
        self._respond(
            200,
            [
                ("Transport", serialize_transport(transport)),
                ("Session", f"{session.id};timeout={SESSION_TIMEOUT_S:g}"),
            ],
        )
        self._proceed(now)

    def respond_play(
        self, sequence_number: int, rtp_timestamp: int | None, now: float, audio: tuple[int, int] | None = None
    ) -> None:
        """Answer PLAY.

        Args:
            sequence_number: of the first video packet that will be sent.
            rtp_timestamp: of the same packet, or None where no picture came in time.
            now: monotonic seconds.
            audio: both of the first audio packet, if audio was set up and is there.
        """
        session = self._session
        if session is None:
            raise LocalProtocolError("respond_play() without a session")
        session.state = SessionState.PLAYING
        info = f"url={session.uri}/trackID=0;seq={sequence_number}"
        if rtp_timestamp is not None:
            info += f";rtptime={rtp_timestamp}"
        if audio is not None:
            info += f",url={session.uri}/trackID=1;seq={audio[0]};rtptime={audio[1]}"
        self._respond(200, [("Range", "npt=now-"), ("RTP-Info", info), ("Session", session.id)])
        self._proceed(now)

    def reject(self, status: int, now: float) -> None:
        """Answer the request that is waiting with an error."""
        self._respond(status)
        self._proceed(now)

    # -- requests ------------------------------------------------------------------------------------------------

    def _proceed(self, now: float) -> None:
        while self._waiting is None and self._queue and not self.closing:
            self._waiting = self._queue.popleft()
            self.counters.requests += 1
            self._handle(self._waiting, now)

    def _handle(self, request: Request, now: float) -> None:
        if request.cseq is None:
            self._respond(400)
            return
        if not request.version.startswith("RTSP/1."):
            self._respond(505)
            return
        session = self._named_session(request)
        if session is not None:
            session.last_seen = now
        elif self._session is not None:
            self._session.last_seen = now
        method = request.method
        if method == "OPTIONS":
            self._respond(200, [("Public", PUBLIC)])
        elif method in {"GET_PARAMETER", "SET_PARAMETER"}:
            self._respond(200, [("Session", session.id)] if session is not None else [])
        elif method in {"ANNOUNCE", "RECORD", "REDIRECT"}:
            self._respond(405, [("Allow", PUBLIC)])
        elif method not in {"DESCRIBE", "SETUP", "PLAY", "PAUSE", "TEARDOWN"}:
            self._respond(501)
        elif request.headers.get("Require") is not None:
            self._respond(551, [("Unsupported", (request.headers.get("Require") or "")[:200])])
        else:
            self._handle_stream(request, session)

    def _handle_stream(self, request: Request, session: ServerSession | None) -> None:
        method = request.method
        target = parse_target(request.uri)
        if method in _PROTECTED and not self._is_authorized(request, target):
            return
        if method in {"DESCRIBE", "SETUP"}:
            if target is None:
                self._respond(404)
            elif method == "DESCRIBE":
                self._events.append(DescribeRequested(stream=target.stream))
            else:
                self._setup(request, target, session)
            return
        if session is None:
            self._respond(454)
            return
        if target is not None and target.stream != session.stream:
            self._respond(404)
        elif method == "PLAY":
            self._session = session
            if session.state is SessionState.PLAYING:  # PLAY while playing is a keep-alive of some clients
                self._respond(200, [("Range", "npt=now-"), ("Session", session.id)])
            else:
                self._events.append(PlayRequested(session=session))
        elif method == "PAUSE":
            session.state = SessionState.READY
            self._respond(200, [("Session", session.id)])
            self._events.append(PauseRequested(session=session))
        else:
            self._sessions.pop(session.id, None)
            if self._session is session:
                self._session = None
            self._respond(200, [("Session", session.id)])
            self._events.append(TeardownRequested(session=session))

    def _setup(self, request: Request, target: "Target", session: ServerSession | None) -> None:
        if target.track not in {None, 0, 1}:
            self._respond(404)
            return
        if target.track == 1 and session is None and request.headers.get("Session") is None:
            self._respond(455)  # the session description lists video first, and so does every client
            return
        if session is None and request.headers.get("Session") is not None:
            self._respond(454)
            return
        if session is not None and (session.state is SessionState.PLAYING or session.stream != target.stream):
            self._respond(455)
            return
        for offered in parse_transports(request.headers.get("Transport") or ""):
            if offered.secure or not offered.unicast:
                continue
            if offered.lower == "TCP":
                channels = offered.interleaved or ((2, 3) if target.track == 1 else (0, 1))
                chosen = Transport(lower="TCP", interleaved=channels)
            elif offered.client_port is not None and min(offered.client_port) > 0:
                chosen = Transport(lower="UDP", client_port=offered.client_port)
            else:
                continue
            self._events.append(
                SetupRequested(stream=target.stream, transport=chosen, session=session, track=target.track or 0)
            )
            return
        self._respond(461)

    def _named_session(self, request: Request) -> ServerSession | None:
        value = request.headers.get("Session")
        named = parse_session(value) if value is not None else None
        if named is None:
            # a request without Session on the connection that set one up means that one
            return self._session if value is None and request.method not in {"SETUP", "DESCRIBE"} else None
        return self._sessions.get(named.id)

    def _is_authorized(self, request: Request, target: "Target | None") -> bool:
        passwords = self._directory.passwords()
        if not passwords:
            return True
        value = request.headers.get("Authorization")
        user = authorized_user(
            value,
            method=request.method,
            uri=request.uri,
            realm=product.NAME,
            nonce=self._nonce,
            passwords=passwords,
        )
        if user is None:
            stale = False
            if value is not None:
                self.counters.auth_failures += 1
                stale = parse_parameters(value).get("nonce", self._nonce) != self._nonce
            if self.counters.auth_failures > MAX_AUTH_FAILURES:
                self.closing = True
            challenge = challenge_value(product.NAME, self._nonce) + (", stale=true" if stale else "")
            self._respond(401, [("WWW-Authenticate", challenge)])
            return False
        self._user = user
        if target is not None and not self._directory.may_read(user, target.stream):
            self._respond(403)
            return False
        return True

    @property
    def user(self) -> str | None:
        """Who logged in on this connection."""
        return self._user

    def _respond(self, status: int, headers: list[tuple[str, str]] | None = None, body: bytes = b"") -> None:
        request = self._waiting
        if request is None:
            raise LocalProtocolError("a response without a request")
        self._waiting = None
        if status >= 400:
            self.counters.rejected[status] = self.counters.rejected.get(status, 0) + 1
        fields = [("CSeq", (request.cseq or "0")[:64]), ("Server", product.NAME), *(headers or [])]
        response = Response(status=status, reason=_REASONS[status], headers=Headers(fields), body=body)
        self._out.append(serialize_response(response))


@dataclass(frozen=True, slots=True)
class Target:
    """What a request URI names: a stream and, in SETUP, one of its tracks."""

    stream: str
    track: int | None


def parse_target(uri: str) -> Target | None:
    """Stream and track of a request URI, or None where it can't name a stream.

    A stream is named by one segment or two: `/front`, `/front/sub`.

    Accepted: `/front`, `/front/`, `/front/trackID=0`, `/front/trackID=0?query` (GStreamer) and `/front?query/trackID=0`
    (ffmpeg), absolute or as a bare path.
    """
    rest = re.sub(r"^rtspu?://[^/?]*", "", uri[:2048], flags=re.IGNORECASE)
    path, _, query = rest.partition("?")
    track = None
    for part in (path, query):
        match = _TRACK.search(part)
        if match is not None:
            track = int(match.group(1))
            break
    name = _TRACK.sub("", path).strip("/")
    return Target(name, track) if _STREAM.fullmatch(name) else None
