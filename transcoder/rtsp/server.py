"""The RTSP server is a sans-IO core: one connection of a reader (RFC 2326).

Readers were measured to need: OPTIONS and the parameter methods answered in every state, CSeq echoed always, 461 and
nothing else for a transport that is not served, control URIs in every form that clients build, an answer to PLAY that
names the first packet really sent.
"""

from collections import deque
from collections.abc import Mapping
from dataclasses import replace

from transcoder import product
from transcoder.errors import LocalProtocolError, RemoteProtocolError
from transcoder.rtsp.connection_sessions import ConnectionSessions
from transcoder.rtsp.headers import serialize_rtp_info, serialize_transport
from transcoder.rtsp.messages import (
    EVERYTHING,
    Headers,
    InterleavedFrame,
    Request,
    Response,
    RtspParser,
    serialize_response,
)
from transcoder.rtsp.methods import DISABLED, METHODS, NOT_SERVED, OF_NO_STREAM, OF_PICTURES, PROTECTED, REASONS
from transcoder.rtsp.reader_login import ReaderLogin
from transcoder.rtsp.server_events import (
    VIDEO,
    DescribeRequested,
    Event,
    PauseRequested,
    PlayRequested,
    ReaderFrame,
    ServerContext,
    SetupRequested,
    TeardownRequested,
)
from transcoder.rtsp.session import PUBLIC, TRANSITIONS, EndReason, Method, ServerSession, SessionState, allowed
from transcoder.rtsp.setup_rules import refusal_of_setup
from transcoder.rtsp.target import Target, base_of, target_of, tracks_of
from transcoder.rtsp.transport_offer import Offer


class ServerProtocol:
    """Holds one connection of a reader.

    Args:
        context: the context that connections share.
        base: scheme, host and port under which the reader reached the server, such as `rtsp://192.0.2.1:8554`.
        nonce: the nonce that this connection gives to its reader.
        now: monotonic seconds.
        address: the address that the reader connects from.
        is_secure: whether the connection is encrypted, so that no packets go over UDP, in the clear.

    Attributes:
        end_reason: the reason to close the connection once the waiting bytes were sent; None while it goes on.
        is_held: whether a request waits because of wrong logins before it; check() looks whether it is due.
    """

    def __init__(
        self, context: ServerContext, *, base: str, nonce: str, now: float, address: str = "", is_secure: bool = False
    ) -> None:
        self._context = context
        self._sessions = context.sessions
        self._base = base
        self._address = address
        self._offer = Offer(context, address, is_secure=is_secure)
        self._login = ReaderLogin(context, nonce, address, is_secure=is_secure)
        self._parser = RtspParser(is_server=True)
        self._events: deque[Event] = deque()
        self._out: list[bytes] = []
        self._queue: deque[Request] = deque()
        self._waiting: Request | None = None
        self._session: ServerSession | None = None
        self._own = ConnectionSessions(context.sessions, self)
        self._has_request = False
        self._idle_at = now + context.options.first_request_s
        self._last_progress = now
        self._backlog = 0
        self.end_reason: EndReason | None = None
        self.is_held = False

    # -- calls of the shell --------------------------------------------------------------------------------------

    def receive_data(self, data: bytes | memoryview, now: float, limit: int = EVERYTHING) -> bool:
        """Feed received bytes.

        Args:
            data: the bytes.
            now: monotonic seconds.
            limit: the largest number of messages and frames that are looked at.

        Returns:
            Whether more of them may wait; call again with no bytes.

        Raises:
            RemoteProtocolError: the reader's bytes can't be read; the connection is at its end.
        """
        if self._has_request:
            self._idle_at = now + self._context.options.idle_s
        try:
            self._parser.receive_data(data)
            has_more = self._take_messages(now, limit)
        except RemoteProtocolError:
            self._proceed(now)
            self.end_reason = EndReason.PROTOCOL_ERROR
            self._waiting = Request(method="", uri="")  # stands in for what nobody can read
            self._respond(400)
            raise
        self._proceed(now)
        return has_more

    def next_event(self) -> Event | None:
        """Return the next event, or None."""
        return self._events.popleft() if self._events else None

    def data_to_send(self) -> list[bytes]:
        """Return the bytes to write, in order; each byte is returned once."""
        out, self._out = self._out, []
        return out

    @property
    def session(self) -> ServerSession | None:
        """Return the session that was last used on this connection, if it is still there."""
        session = self._session
        return session if session is not None and session in self._sessions else None

    def serves_only(self, session: ServerSession) -> bool:
        """Return whether a session is the only one that is used on this connection."""
        return self.session is session and all(own is session for own in self._own.live())

    @property
    def user(self) -> str | None:
        """Return the user who logged in on this connection."""
        return self._login.user

    @property
    def is_readers(self) -> bool:
        """Return whether a reader logged in on this connection, or sent a request where nobody has to log in."""
        if self._context.directory.passwords():
            return self._login.user is not None
        return self._has_request

    def respond_description(self, event: DescribeRequested, body: bytes, now: float) -> None:
        """Answer DESCRIBE.

        Args:
            event: the request that is answered.
            body: the session description.
            now: monotonic seconds.
        """
        named = ("Content-Base", f"{event.base}/{event.path}/")
        self._respond(200, [named, ("Content-Type", "application/sdp")], body)
        self._proceed(now)

    def accept_setup(self, event: SetupRequested, ssrc: int, now: float) -> None:
        """Answer SETUP; a new session is in the table from now on.

        Args:
            event: the request that is answered.
            ssrc: the SSRC of the track's packets.
            now: monotonic seconds.
        """
        session, transport = event.session, replace(event.transport, ssrc=ssrc)
        session.set_up(event.track, transport, self)
        self._sessions.add(session)
        self._session = session
        self._own.add(session)
        self._parser.channels = self._own.channels() or None
        timeout_s = self._context.options.session_timeout_s
        named = ("Session", f"{session.id};timeout={timeout_s:g}")
        self._respond(200, [("Transport", serialize_transport(transport)), named])
        self._proceed(now)

    def respond_play(self, event: PlayRequested, tracks: Mapping[int, tuple[int, int | None]], now: float) -> None:
        """Answer PLAY.

        Args:
            event: the request that is answered, with an error where its session was ended or paused meanwhile.
            tracks: by the number of the track, the sequence number of the first packet that will be sent, and the
                timestamp of the moment at which all tracks begin, None where none came in time.
            now: monotonic seconds.
        """
        session = event.session
        if session not in self._sessions:
            self._respond(454)
        elif session.play is not event and session.state is not SessionState.PLAYING:
            self._respond(455, [("Allow", allowed(session.state))])
        else:
            session.move(Method.PLAY)
            info = serialize_rtp_info(session.uri, tracks)
            self._respond(200, [("Range", "npt=now-"), ("RTP-Info", info), ("Session", session.id)])
        self._proceed(now)

    def reject(self, status: int, now: float) -> None:
        """Answer the request that is waiting with an error."""
        self._respond(status)
        self._proceed(now)

    def check(self, backlog: int, now: float) -> None:
        """Set `end_reason` where the connection is dead: silent without a session, or taking nothing; once a `tick_s`.

        Args:
            backlog: bytes that wait to be sent; a reader that takes nothing gets no more, so they stand still.
            now: monotonic seconds.
        """
        if backlog == 0 or backlog != self._backlog:
            self._last_progress = now
        self._backlog = backlog
        if now - self._last_progress > self._context.options.stuck_s:
            self.end_reason = EndReason.STUCK
        elif self.session is None and now > self._idle_at:
            self.end_reason = EndReason.IDLE
        elif self.is_held:
            self._proceed(now)

    def receive_eof(self) -> list[ServerSession]:
        """End the connection: take the sessions that end with it out of the table, and return them.

        A session over UDP lives on: its reader may come back on another connection.
        """
        ended = [session for session in self._own.live() if session.is_interleaved]
        for session in ended:
            self._sessions.remove(session)
        self._own.clear()
        self._queue.clear()
        return ended

    # -- requests ------------------------------------------------------------------------------------------------

    def _take_messages(self, now: float, limit: int) -> bool:
        """Take messages and frames up to a limit; return whether it was reached."""
        for _ in range(limit):
            event = self._parser.next_event()
            if event is None:
                return False
            if type(event) is InterleavedFrame:
                if self._session is not None:
                    self._session.last_seen = now
                elif not any(item.method == "SETUP" for item in (*self._queue, self._waiting) if item is not None):
                    raise RemoteProtocolError("a frame of a reader that has set up nothing")
                self._events.append(ReaderFrame(event.channel, event.data))
            elif type(event) is Request:
                if len(self._queue) >= self._context.options.max_pipelined:
                    raise RemoteProtocolError("too many requests at once")
                self._has_request, self._idle_at = True, now + self._context.options.idle_s
                self._queue.append(event)
            # a response that answers no request is ignored
        return True

    def _proceed(self, now: float) -> None:
        self.is_held = False
        while self._waiting is None and self._queue and self.end_reason is None:
            due = self._login.due(self._queue[0], now)
            self.is_held = due is not None and due > now
            if self.is_held:  # whoever guesses waits; check() comes back to it
                return
            self._waiting = self._queue.popleft()
            self._handle(self._waiting, now) if due is not None else self._refuse_login(503)

    def _handle(self, request: Request, now: float) -> None:
        if request.cseq is None:
            self._respond(400)
            return
        if not request.version.startswith("RTSP/1."):
            self._respond(505)
            return
        session = self._named_session(request)
        seen = session or self._session
        if seen is not None:
            seen.last_seen = now
        method = METHODS.get(request.method)
        if method is None:
            not_served = request.method in NOT_SERVED
            self._respond(405 if not_served else 501, [("Allow", PUBLIC)] if not_served else None)
        elif method in OF_NO_STREAM:
            named = [("Session", session.id)] if session is not None else []
            self._respond(200, [("Public", PUBLIC)] if method is Method.OPTIONS else named)
        elif request.headers.get("Require") is not None:
            self._respond(551, [("Unsupported", (request.headers.get("Require") or "")[:200])])
        else:
            self._handle_stream(method, request, session, now)

    def _handle_stream(self, method: Method, request: Request, session: ServerSession | None, now: float) -> None:
        target = target_of(request.uri, self._context.directory)
        path = target.path if target is not None else session.path if session is not None else None
        is_elsewhere = method is Method.TEARDOWN and session is not None and session not in self._own
        if (method in PROTECTED or is_elsewhere) and not self._is_authorized(request, path, now):
            return
        if session is not None and not self._login.owns(session):
            self._respond(454)
            return
        if method in OF_PICTURES and path is not None and self._context.directory.is_disabled(path):
            self._respond(503, reason=DISABLED)
        elif method in {Method.DESCRIBE, Method.SETUP}:
            tracks = tracks_of(target, self._context.directory)
            if target is None or not tracks:
                self._respond(404)
            elif method is Method.DESCRIBE:
                base = base_of(request.uri, self._base)
                self._events.append(self._offer.description(request, target, base))
            else:
                self._setup(request, target, tracks, session, now)
        elif session is None:
            self._respond(454)
        elif target is not None and target.path != session.path:
            self._respond(404)
        elif method not in TRANSITIONS[session.state]:
            self._respond(455, [("Allow", allowed(session.state))])
        else:
            self._steer(method, session, target.track if target is not None else None)

    def _steer(self, method: Method, session: ServerSession, track: int | None) -> None:
        """Do PLAY, PAUSE or TEARDOWN of a session whose state allows it."""
        if method is Method.PLAY:
            self._session = session
            if session.state is SessionState.PLAYING:  # PLAY while playing is a keep-alive of some clients
                self._respond(200, [("Range", "npt=now-"), ("Session", session.id)])
            else:
                session.play = PlayRequested(session=session)
                self._events.append(session.play)
            return
        if method is Method.TEARDOWN and track is not None and len(session.tracks) > 1:
            self._tear_down(session, track)
            return
        session.move(method)
        self._respond(200, [("Session", session.id)])
        if method is Method.PAUSE:
            self._events.append(PauseRequested(session=session))
        else:
            self._sessions.remove(session)
            self._events.append(TeardownRequested(session=session))

    def _tear_down(self, session: ServerSession, track: int) -> None:
        """End one track of several; the others go on."""
        if track not in session.tracks:
            self._respond(404)
            return
        session.tear_down(track)
        self._parser.channels = self._own.channels() or None
        self._respond(200, [("Session", session.id)])
        self._events.append(TeardownRequested(session=session, track=track))

    def _setup(self, request: Request, target: Target, tracks: int, session: ServerSession | None, now: float) -> None:
        has_room = (
            self._sessions.has_room(self._address) and len(self._own.live()) < self._context.options.max_own_sessions
        )
        status = refusal_of_setup(request, target, tracks, session, has_room=has_room, connection=self)
        if status:
            state = session.state if session is not None else SessionState.INIT
            self._respond(status, [("Allow", allowed(state))] if status == 455 else None)
            return
        track = target.track or VIDEO
        taken = self._own.channels(but=(session, track))
        transport = self._offer.transport(request, target.path, track, session, taken)
        if isinstance(transport, int):
            self._respond(transport)
            return
        if session is None:
            uri = f"{base_of(request.uri, self._base)}/{target.path}"
            session = self._sessions.create(
                path=target.path, uri=uri, user=self._login.user, now=now, address=self._address
            )
        self._events.append(SetupRequested(session=session, track=track, transport=transport))

    def _named_session(self, request: Request) -> ServerSession | None:
        value = request.headers.get("Session")
        if value is None:  # on the connection that set a session up, that session is meant
            return self.session if request.method not in {"SETUP", "DESCRIBE"} else None
        return self._sessions.named(value, self._address)

    def _refuse_login(self, status: int, headers: list[tuple[str, str]] | None = None) -> None:
        if self._login.failures > self._context.options.max_auth_failures:
            self.end_reason = EndReason.LOGIN_FAILURES
        self._respond(status, headers)

    def _is_authorized(self, request: Request, path: str | None, now: float) -> bool:
        if not self._login.admits(request, now):
            self._refuse_login(401, self._login.challenges(request))
            return False
        user = self._login.user
        if path is not None and user is not None and not self._context.directory.may_read(user, path):
            self._respond(403)
            return False
        return True

    def _respond(
        self, status: int, headers: list[tuple[str, str]] | None = None, body: bytes = b"", reason: str = ""
    ) -> None:
        request = self._waiting
        if request is None:
            raise LocalProtocolError("a response without a request")
        self._waiting = None
        if status >= 400:
            rejected = self._context.counters.rejected
            rejected[status] = rejected.get(status, 0) + 1
        fields = [("CSeq", (request.cseq or "0")[:64]), ("Server", product.NAME), *(headers or [])]
        response = Response(status=status, reason=reason or REASONS[status], headers=Headers(fields), body=body)
        self._out.append(serialize_response(response))
