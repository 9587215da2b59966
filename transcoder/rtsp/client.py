"""The RTSP client is a sans-IO core: one connection from OPTIONS to TEARDOWN (RFC 2326), with one video media.

Real cameras ask for: one DESCRIBE a connection, no `mode=` in SETUP, keep-alives on the base URL that nobody waits for,
the first session id kept whatever comes later, credentials only in the Authorization field, TEARDOWN on leaving (old
live555 servers keep writing into the next connection otherwise).
"""

from collections import deque

from transcoder import product
from transcoder.errors import LocalProtocolError, RemoteProtocolError, ResponseError, Unanswered
from transcoder.rtsp.auth import Authenticator, Credentials, parse_challenges
from transcoder.rtsp.client_events import Answered, ClientCounters, Closed, Described, Event, Playing, Redirected, SetUp
from transcoder.rtsp.client_requests import OPTIONAL_S, RESPONSE_TIMEOUT_S, PendingRequest, SessionState
from transcoder.rtsp.headers import (
    Transport,
    agreed_transport,
    parse_session,
    requested_transport,
)
from transcoder.rtsp.messages import (
    EVERYTHING,
    Headers,
    InterleavedFrame,
    InterleavedFrames,
    Request,
    Response,
    RtspParser,
    serialize_frame,
    serialize_request,
    serialize_response,
)
from transcoder.rtsp.quirks import FORCED_QUIRKS, ForcedQuirks
from transcoder.rtsp.states import CLIENT_STATES, ClientState, ClientStep, next_state
from transcoder.rtsp.statuses import reason_of
from transcoder.rtsp.urls import RtspUrl, base_target, join_control, redirect_target
from transcoder.text import printable

MAX_REASON = 80
"""Characters of a camera's own words that an error keeps for a probe, at most."""
MAX_KEEP_ALIVE_S = 25.0
"""The most seconds between keep-alives: some cameras drop a session at 30 s whatever they announce."""
MIN_KEEP_ALIVE_S = 1.0
AUTO = FORCED_QUIRKS["auto"]
MAX_AUTH_RETRIES = 2
"""The number of times in a row that a request is repeated with credentials: for a first challenge and for one stale
nonce; a third refusal is final."""
MAX_SERVER_REQUESTS = 100
"""Requests of the server that are answered in SERVER_REQUESTS_S; one keep-alive in seconds is normal."""
SERVER_REQUESTS_S = 60.0
"""Seconds in which MAX_SERVER_REQUESTS requests of the server are answered."""

_KEEP_ALIVE = "keep-alive"
_OPTIONAL = "optional"


class ClientProtocol:
    """Holds one RTSP connection to a camera.

    The shell feeds bytes, writes the bytes of data_to_send(), hands on events and calls handle_timeout() at
    next_timeout(). An error raised here ends the connection.

    Args:
        url: the configured URL, without user info.
        credentials: the answer to a challenge, if there is one.
        cnonce: a random token for Digest with qop.
        now: monotonic seconds.
        quirks: quirks forced by hand.
        keep_everything: whether every response and every frame is told, for a caller that examines the camera.
        reply_s: seconds for which a request before PLAY may go unanswered.
    """

    def __init__(
        self,
        url: RtspUrl,
        credentials: Credentials | None,
        *,
        cnonce: str,
        now: float,
        quirks: ForcedQuirks = AUTO,
        keep_everything: bool = False,
        reply_s: float = RESPONSE_TIMEOUT_S,
    ) -> None:
        self._url = url
        self._reply_s = reply_s
        self._auth = Authenticator(credentials, cnonce) if credentials else None
        self._parser = RtspParser()
        self.events: deque[Event] = deque()  # public for callers in a hurry, who take them off the left end
        self._out: list[bytes] = []
        self._pending: dict[int, PendingRequest] = {}
        self._cseq = 0
        self._base = url.target
        self._session = SessionState()
        self._requested: Transport | None = None
        self._more = False
        self._server_requests = 0
        self._server_requests_since = now
        self.state = ClientState.INIT
        self.counters = ClientCounters()
        self._quirks = quirks
        self._keep_everything = keep_everything
        if quirks.options_first:
            self._request("OPTIONS", url.target, now)
        else:
            self._describe(now)

    # -- calls of the shell --------------------------------------------------------------------------------------

    def receive_data(self, data: bytes | memoryview, now: float, limit: int = EVERYTHING) -> int:
        """Feed received bytes.

        Args:
            data: the bytes.
            now: monotonic seconds.
            limit: the largest number of messages and frames that are looked at; call again with no bytes for the rest.

        Returns:
            The number of messages and frames that were looked at; where it is the limit, more may wait.

        Raises:
            RemoteProtocolError: the bytes can't be read or break the protocol.
            ResponseError: the server refused a request that the session needs.
        """
        parser = self._parser
        parser.receive_data(data)
        count = 0
        while count < limit and (event := parser.next_frames(limit - count) or parser.next_event()) is not None:
            if type(event) is InterleavedFrames:
                count += len(event.spans)
                self.events.append(event)
                continue
            count += 1
            if type(event) is InterleavedFrame:
                if parser.channels is not None and event.channel in parser.channels:  # behind a stray line end
                    frame = bytes(event.data)
                    self.events.append(InterleavedFrames(event.channel, frame, [(0, len(frame))]))
                else:
                    self.counters.unassigned_channel += 1
                    self.counters.unassigned_bytes += len(event.data)
                    if self._keep_everything:
                        self.events.append(event)
            elif type(event) is Response:
                self._response(event, now)
            elif type(event) is Request:
                self._answer(event, now)
        return count

    def next_event(self) -> Event | None:
        """Return the next event, or None."""
        return self.events.popleft() if self.events else None

    def data_to_send(self) -> list[bytes]:
        """Return the bytes to write, in order; each byte is returned once."""
        out, self._out = self._out, []
        return out

    def next_timeout(self) -> float | None:
        """Return when handle_timeout() has to be called, monotonic seconds."""
        times = [item.deadline for item in self._pending.values() if item.purpose != _KEEP_ALIVE]
        if self._session.next_keep_alive is not None:
            times.append(self._session.next_keep_alive)
        return min(times, default=None)

    def handle_timeout(self, now: float) -> None:
        """Send a keep-alive that is due, and give up a request that was not answered.

        Raises:
            Unanswered: a request before PLAY was not answered in time.
        """
        for cseq, item in list(self._pending.items()):
            if item.deadline > now:
                continue
            del self._pending[cseq]
            if self.state is ClientState.CLOSING:
                self._close()
            elif item.purpose == _OPTIONAL:
                self._set_up(None, now)
            elif item.purpose != _KEEP_ALIVE:
                raise Unanswered(f"{item.method} was not answered in {item.patience_s:g} s")
        due = self._session.next_keep_alive
        if due is not None and due <= now:
            self._keep_alive(now)

    def setup(
        self, control: str | None, transport: Transport, now: float, *, more: bool = False, optional: bool = False
    ) -> None:
        """Set up one media after Described.

        Args:
            control: the media's control attribute.
            transport: TCP with the channels to ask for, or UDP with our ports.
            now: monotonic seconds.
            more: whether another media follows: setup() is called again after SetUp, and PLAY waits for it.
            optional: whether a refusal is no error; SetUp tells the refusal.
        """
        value = requested_transport(transport)
        self._step(ClientStep.SETUP)
        self._requested = transport
        self._more = more
        purpose = _OPTIONAL if optional else ""
        self._request("SETUP", join_control(self._base, control), now, (("Transport", value),), purpose)

    def teardown(self, now: float) -> None:
        """Leave: send TEARDOWN where there is a session, else tell Closed at once."""
        if self.state in {ClientState.CLOSING, ClientState.CLOSED}:
            return
        has_session = self._session.id is not None
        self._step(ClientStep.TEARDOWN)
        self._pending.clear()
        self._session.next_keep_alive = None
        if has_session:
            self._request("TEARDOWN", self._base, now)
        else:
            self._close()

    def send_frame(self, channel: int, data: bytes) -> None:
        """Queue an interleaved frame, which is one of our receiver reports."""
        self._out.append(serialize_frame(channel, data))

    @property
    def faults(self) -> dict[str, int]:
        """Return how often each kind of fault was tolerated on this connection."""
        counters = self.counters
        found = {
            "requests of the camera": counters.requests_from_server,
            "another session id": counters.session_changes,
            "responses to nothing": counters.unmatched_responses,
            "keep-alives refused": counters.keep_alive_refused,
            "stray bytes": self._parser.skipped,
            "runs of stray bytes": self._parser.resyncs,
        }
        return {kind: count for kind, count in found.items() if count}

    def _step(self, step: ClientStep) -> None:
        self.state = next_state(CLIENT_STATES, self.state, step)

    # -- requests ------------------------------------------------------------------------------------------------

    def _request(
        self, method: str, target: str, now: float, extra: tuple[tuple[str, str], ...] = (), purpose: str = ""
    ) -> None:
        patience_s = min(self._reply_s, OPTIONAL_S) if purpose == _OPTIONAL else self._reply_s
        uri = str(self._url.with_target(target))
        self._send(PendingRequest(method, uri, extra, now + patience_s, patience_s, purpose=purpose))

    def _send(self, item: PendingRequest) -> None:
        self._cseq += 1
        headers = Headers([("CSeq", str(self._cseq))])
        if not self._quirks.bare_requests:
            headers.add("User-Agent", product.NAME)  # some cameras answer 401 without it (go2rtc#235)
        if self._session.id is not None and item.method != "DESCRIBE":
            headers.add("Session", self._session.id)
        if self._auth is not None:
            value = self._auth.authorization(item.method, item.uri)
            if value is not None:
                headers.add("Authorization", value)
        for name, value in item.extra:
            headers.add(name, value)
        self._pending[self._cseq] = item
        self._out.append(serialize_request(Request(method=item.method, uri=item.uri, headers=headers)))

    def _keep_alive(self, now: float) -> None:
        for cseq, item in list(self._pending.items()):
            if item.purpose == _KEEP_ALIVE:
                del self._pending[cseq]  # never answered (Hipcam); nobody waits for it
        self._request("OPTIONS", self._base, now, purpose=_KEEP_ALIVE)
        self._schedule_keep_alive(now)

    def _describe(self, now: float) -> None:
        self._step(ClientStep.DESCRIBE)
        accept = () if self._quirks.bare_requests else (("Accept", "application/sdp"),)
        self._request("DESCRIBE", self._url.target, now, accept)

    def _schedule_keep_alive(self, now: float) -> None:
        interval = min(max(self._session.timeout_s / 2, MIN_KEEP_ALIVE_S), MAX_KEEP_ALIVE_S)
        interval = min(interval, self._quirks.keep_alive_s or interval)
        self._session.next_keep_alive = now + interval

    def _answer(self, request: Request, now: float) -> None:
        """Answer a request of the server; no such request changes anything here."""
        self.counters.requests_from_server += 1
        if now - self._server_requests_since > SERVER_REQUESTS_S:
            self._server_requests_since, self._server_requests = now, 0
        self._server_requests += 1
        if self._server_requests > MAX_SERVER_REQUESTS:
            raise RemoteProtocolError("the camera sends request after request")
        known = request.method in {"OPTIONS", "GET_PARAMETER", "SET_PARAMETER"}
        headers = Headers([("CSeq", request.cseq or "0")])
        status, reason = (200, "OK") if known else (501, "Not Implemented")
        self._out.append(serialize_response(Response(status=status, reason=reason, headers=headers)))

    # -- responses -----------------------------------------------------------------------------------------------

    def _response(self, response: Response, now: float) -> None:
        if response.status < 200:  # 100 Continue: the answer is still to come
            return
        cseq = response.cseq
        if cseq is None and len(self._pending) == 1:
            cseq = next(iter(self._pending))
        item = self._pending.pop(cseq, None) if cseq is not None else None
        if self._keep_everything:
            self.events.append(Answered(item.method if item is not None else "", response))
        if item is None:
            self.counters.unmatched_responses += 1
            return
        self._note_session(response)
        if response.status == 401 and self._retry(item, response, now):
            return
        if item.purpose == _KEEP_ALIVE:
            self.counters.keep_alive_refused += response.status >= 300
            return
        if self.state is ClientState.CLOSING:
            self._close()
            return
        if 300 <= response.status < 400:
            self.events.append(Redirected(redirect_target(response.headers.get("Location"), self._url.host)))
            return
        done_without = item.purpose == _OPTIONAL or (item.method == "OPTIONS" and response.status not in {401, 403})
        if response.status >= 400 and not done_without:
            own_words = printable(response.reason, MAX_REASON)
            raise ResponseError(response.status, item.method, reason_of(response.status), own_words)
        self._advance(item, response, now)

    def _retry(self, item: PendingRequest, response: Response, now: float) -> bool:
        if self._auth is None or item.retries >= MAX_AUTH_RETRIES:
            return False
        challenges = parse_challenges(response.headers.get_all("WWW-Authenticate"))
        if not self._auth.accept(challenges, refused=item.retries > 0):
            return False
        item.retries += 1
        item.deadline = now + item.patience_s
        self._send(item)
        return True

    def _note_session(self, response: Response) -> None:
        value = response.headers.get("Session")
        session = parse_session(value) if value is not None else None
        if session is None:
            return
        if self._session.id is None:
            # OPTIONS and DESCRIBE of some cameras carry one already (Dahua); the one of SETUP is the session
            if self.state is ClientState.SETTING_UP:
                self._session.id = session.id
        elif session.id != self._session.id:
            self.counters.session_changes += 1  # H264DVR: the first one stays valid
        # GW Security says 60 s in SETUP and 120 s in PLAY, others name it once: the shortest is safe
        self._session.timeout_s = min(self._session.timeout_s, session.timeout_s)

    def _advance(self, item: PendingRequest, response: Response, now: float) -> None:
        headers = response.headers
        if item.method == "OPTIONS":
            self._describe(now)
        elif item.method == "DESCRIBE":
            self._base = base_target(headers.get("Content-Base"), headers.get("Content-Location"), self._url.target)
            self._step(ClientStep.DESCRIBED)
            realm = self._auth.realm if self._auth is not None else ""
            self.events.append(Described(body=response.body, server=headers.get("Server") or "", realm=realm))
        elif item.method == "SETUP":
            self._set_up(response, now)
        elif item.method == "PLAY":
            self._step(ClientStep.PLAYING)
            self._schedule_keep_alive(now)
            self.events.append(Playing())

    def _set_up(self, response: Response | None, now: float) -> None:
        """Go on after a SETUP, which may have been refused or not answered (None) where its media is optional."""
        transport = None
        if response is not None and response.status < 300:
            if self._requested is None:
                raise LocalProtocolError("a SETUP response without a SETUP")
            transport = agreed_transport(self._requested, response.headers.get("Transport"))
            if transport.lower == "TCP":
                channels = frozenset(transport.interleaved or ())
                self._parser.channels = channels | (self._parser.channels or frozenset())
        self.events.append(SetUp(transport=transport))
        if self._more:
            self._step(ClientStep.SET_UP)
            return
        self._step(ClientStep.PLAY)
        play_range = () if self._quirks.bare_requests else (("Range", "npt=0.000-"),)
        self._request("PLAY", self._base, now, play_range)

    def _close(self) -> None:
        self._step(ClientStep.TORN_DOWN)
        self._pending.clear()
        self._session.next_keep_alive = None
        self.events.append(Closed())
