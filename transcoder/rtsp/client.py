"""The RTSP client is a sans-IO core: one connection from OPTIONS to TEARDOWN (RFC 2326), with one video media.

Real cameras ask for: one DESCRIBE a connection, no `mode=` in SETUP, keep-alives on the base URL that nobody waits for,
the first session id kept whatever comes later, credentials only in the Authorization field, TEARDOWN on leaving (old
live555 servers keep writing into the next connection otherwise).
"""

from collections import deque

from transcoder import product
from transcoder.errors import LocalProtocolError, ResponseError, Unanswered
from transcoder.rtsp.auth import Authenticator, Credentials, parse_challenges
from transcoder.rtsp.client_events import Answered, ClientCounters, Closed, Described, Event, Playing, Redirected, SetUp
from transcoder.rtsp.client_parser import ClientParser
from transcoder.rtsp.client_requests import OPTIONAL_S, RESPONSE_TIMEOUT_S, OpenRequests, PendingRequest, SessionState
from transcoder.rtsp.headers import Transport, agreed_transport, requested_transport
from transcoder.rtsp.keep_alive import KeepAliveMethods
from transcoder.rtsp.messages import (
    EVERYTHING,
    Headers,
    InterleavedFrame,
    InterleavedFrames,
    Request,
    Response,
    serialize_frame,
    serialize_request,
)
from transcoder.rtsp.quirks import FORCED_QUIRKS, ForcedQuirks
from transcoder.rtsp.server_requests import ServerRequests
from transcoder.rtsp.session_targets import SessionTargets, Ways
from transcoder.rtsp.states import CLIENT_STATES, ClientState, ClientStep, next_state
from transcoder.rtsp.statuses import reason_of
from transcoder.rtsp.urls import RtspUrl, base_target, redirect_url
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
        login: answers the challenge of an earlier connection, which the camera closed with its challenge.
        keep_alives: the signs of life, and what earlier connections taught of them.

    Attributes:
        login: answers the challenges of the camera, where there are credentials.
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
        login: Authenticator | None = None,
        keep_alives: KeepAliveMethods | None = None,
    ) -> None:
        self._url, self._reply_s = url, reply_s
        self.login = login or (Authenticator(credentials, cnonce) if credentials else None)
        self.events: deque[Event] = deque()  # public for callers in a hurry, who take them off the left end
        self.out: list[bytes] = []
        self._pending = OpenRequests()
        self._cseq = 0
        self._targets = SessionTargets(url.target)
        self._keep_alives = keep_alives or KeepAliveMethods()
        self._session = SessionState()
        self._leaves = self._let_in = self._more = self._has_data = False
        self._requested: Transport | None = None
        self._server_requests = ServerRequests(now)
        self.state = ClientState.INIT
        self.counters = ClientCounters()
        self._parser = ClientParser(self.counters)
        self._quirks, self._keep_everything = quirks, keep_everything
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
                self._has_data = True  # which counts for an answer to PLAY, where none comes
                count += len(event.spans)
                self.events.append(event)
                if event.spans[-1][1] == len(event.buffer):
                    break  # as in most reads: nothing is left behind the frames
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
                self.counters.requests_from_server += 1
                self.out.append(self._server_requests.answer(event, now))
        return count

    def next_event(self) -> Event | None:
        """Return the next event, or None."""
        return self.events.popleft() if self.events else None

    def data_to_send(self) -> list[bytes]:
        """Return the bytes to write, in order; each byte is returned once."""
        out, self.out = self.out, []
        return out

    def next_timeout(self) -> float | None:
        """Return when handle_timeout() has to be called, monotonic seconds."""
        times = [item.deadline for item in self._pending if item.purpose != _KEEP_ALIVE]
        if self._session.next_keep_alive is not None:
            times.append(self._session.next_keep_alive)
        return min(times, default=None)

    def handle_timeout(self, now: float) -> None:
        """Send a keep-alive that is due, and give up a request that was not answered, or a description's missing rest.

        Raises:
            Unanswered: a request before PLAY was not answered in time.
        """
        for item in self._pending.overdue(now):
            if self.state is ClientState.CLOSING:
                self._close()
            elif item.purpose == _OPTIONAL:
                self._set_up(None, now)
            elif item.method == "PLAY" and self._has_data:
                self._begin_playing(item, now)
            elif item.purpose != _KEEP_ALIVE:
                raise Unanswered(f"{item.method} was not answered in {item.patience_s:g} s")
        if self._parser.note_time(now):
            self.receive_data(b"", now)
        if (due := self._session.next_keep_alive) is not None and due <= now:
            self._keep_alive(now)

    def setup(
        self,
        control: str | None,
        transport: Transport,
        now: float,
        *,
        session_control: str | None = None,
        more: bool = False,
        optional: bool = False,
    ) -> None:
        """Set up one media after Described.

        Args:
            control: the media's control attribute.
            transport: TCP with the channels to ask for, or UDP with our ports.
            now: monotonic seconds.
            session_control: the session's control attribute, at the first media: the URL of the session, and the base
                of relative controls (RFC 2326 section C.1.1). Where the camera does not know it, the base of the
                description is tried.
            more: whether another media follows: setup() is called again after SetUp, and PLAY waits for it.
            optional: whether a refusal is no error; SetUp tells the refusal.
        """
        value = requested_transport(transport)
        self._step(ClientStep.SETUP)
        self._requested = transport
        self._more = more
        purpose = _OPTIONAL if optional else ""
        self._request("SETUP", self._targets.of_media(control, session_control), now, (("Transport", value),), purpose)

    def teardown(self, now: float) -> None:
        """Leave: send TEARDOWN where there is a session, or as soon as SETUP names it, else tell Closed at once."""
        if self.state in {ClientState.CLOSING, ClientState.CLOSED}:
            return
        if self.state is ClientState.SETTING_UP and self._session.id is None and not self._leaves:
            self._leaves = True
            return
        has_session = self._session.id is not None
        self._step(ClientStep.TEARDOWN)
        self._pending.clear()
        self._session.next_keep_alive = None
        if has_session:
            self._request("TEARDOWN", self._targets.session, now)
        else:
            self._close()

    def send_frame(self, channel: int, data: bytes) -> None:
        """Queue an interleaved frame, which is one of our receiver reports."""
        self.out.append(serialize_frame(channel, data))

    @property
    def challenged_method(self) -> str:
        """Return the method of the open request that was repeated with credentials, or "" where there is none."""
        return next((item.method for item in self._pending if item.retries and item.purpose != _KEEP_ALIVE), "")

    @property
    def faults(self) -> dict[str, int]:
        """Return how often each kind of fault was tolerated on this connection."""
        found = self.counters.faults() | {
            "responses of another number": self._pending.misnumbered,
            "stray bytes": self._parser.skipped,
            "runs of stray bytes": self._parser.resyncs,
        }
        return {kind: count for kind, count in found.items() if count}

    def _step(self, step: ClientStep) -> None:
        self.state = next_state(CLIENT_STATES, self.state, step)

    # -- requests ------------------------------------------------------------------------------------------------

    def _request(
        self,
        method: str,
        target: str | Ways,
        now: float,
        extra: tuple[tuple[str, str], ...] = (),
        purpose: str = "",
    ) -> None:
        patience_s = min(self._reply_s, OPTIONAL_S) if purpose == _OPTIONAL else self._reply_s
        (first, base), *others = [(target, target)] if isinstance(target, str) else target
        uri = str(self._url.with_target(first))
        item = PendingRequest(method, uri, first, extra, now + patience_s, patience_s, purpose=purpose)
        item.base, item.elsewhere = base, tuple(others)
        self._send(item)

    def _send(self, item: PendingRequest) -> None:
        self._cseq += 1
        headers = Headers([("CSeq", str(self._cseq))])
        if not self._quirks.bare_requests:
            headers.add("User-Agent", product.NAME)  # some cameras answer 401 without it (go2rtc#235)
        if self._session.id is not None and item.method != "DESCRIBE":
            headers.add("Session", self._session.id)
        if self.login is not None:
            value = self.login.authorization(item.method, item.uri)
            if value is not None:
                headers.add("Authorization", value)
        for name, value in item.extra:
            headers.add(name, value)
        self._pending.add(self._cseq, item)
        self.out.append(serialize_request(Request(method=item.method, uri=item.uri, headers=headers)))

    def _keep_alive(self, now: float) -> None:
        self._pending.give_up(_KEEP_ALIVE)  # never answered (Hipcam); nobody waits for it
        self._request(self._keep_alives.take(), self._targets.session, now, purpose=_KEEP_ALIVE)
        self._schedule_keep_alive(now)

    def _describe(self, now: float) -> None:
        self._step(ClientStep.DESCRIBE)
        accept = () if self._quirks.bare_requests else (("Accept", "application/sdp"),)
        self._request("DESCRIBE", self._url.target, now, accept)

    def _schedule_keep_alive(self, now: float) -> None:
        interval = min(max(self._session.timeout_s / 2, MIN_KEEP_ALIVE_S), MAX_KEEP_ALIVE_S)
        interval = min(interval, self._quirks.keep_alive_s or interval)
        # where two methods take turns, each of them comes as often as the only one would
        self._session.next_keep_alive = now + max(interval / len(self._keep_alives), MIN_KEEP_ALIVE_S)

    # -- responses -----------------------------------------------------------------------------------------------

    def _response(self, response: Response, now: float) -> None:
        if response.status < 200:  # 100 Continue: the answer is still to come
            return
        item = self._pending.take(response)
        if self._keep_everything:
            self.events.append(Answered(item.method if item is not None else "", response))
        if item is None:
            self.counters.unmatched_responses += 1
            return
        begins = self.state is ClientState.SETTING_UP
        self.counters.session_changes += self._session.note(response.headers.get("Session"), begins=begins)
        if self._leaves and self.state is ClientState.SETTING_UP:
            self.teardown(now)
            return
        if response.status == 401 and self._retry(item, response, now):
            return
        if item.method == "OPTIONS" and response.status < 300:
            self._keep_alives.note_public(response.headers)
        if item.purpose == _KEEP_ALIVE:
            self.counters.keep_alive_refused += response.status >= 300
            self._keep_alives.note_answer(item.method, response.status)
            return
        if self.state is ClientState.CLOSING:
            self._close()
            return
        if 300 <= response.status < 400:
            self.events.append(Redirected(redirect_url(response.headers.get("Location"), self._url)))
            return
        if response.status >= 400 and (ways := self._targets.elsewhere(item, response.status)):
            self.counters.wrong_targets += 1
            self._request(item.method, ways, now, item.extra, item.purpose)
            return
        done_without = item.purpose == _OPTIONAL or (item.method == "OPTIONS" and response.status != 401)
        if response.status >= 400 and not done_without:
            own_words = printable(response.reason, MAX_REASON)
            raise ResponseError(response.status, item.method, reason_of(response.status), own_words)
        self._advance(item, response, now)

    def _retry(self, item: PendingRequest, response: Response, now: float) -> bool:
        if self.login is None or item.retries >= MAX_AUTH_RETRIES:
            return False
        challenges = parse_challenges(response.headers.get_all("WWW-Authenticate"))
        if not self.login.accept(challenges, refused=item.retries > 0):
            return False
        item.retries += 1
        item.deadline = now + item.patience_s
        self._send(item)
        return True

    def _advance(self, item: PendingRequest, response: Response, now: float) -> None:
        headers = response.headers
        self._let_in = self._let_in or (item.retries > 0 and response.status < 300)
        if item.method == "OPTIONS":
            self._describe(now)
        elif item.method == "DESCRIBE":
            base = base_target(headers.get("Content-Base"), headers.get("Content-Location"), self._url.target)
            self._targets.describe(base)
            self._step(ClientStep.DESCRIBED)
            realm = self.login.realm if self.login is not None else ""
            server = headers.get("Server") or ""
            self.events.append(Described(body=response.body, server=server, realm=realm, let_in=self._let_in))
        elif item.method == "SETUP":
            if response.status < 300:
                self._targets.note_success(item)
            self._set_up(response, now)
        elif item.method == "PLAY":
            self._begin_playing(item, now)

    def _begin_playing(self, item: PendingRequest, now: float) -> None:
        self._targets.note_success(item)
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
        self._request("PLAY", self._targets.of_session(), now, play_range)

    def _close(self) -> None:
        self._step(ClientStep.TORN_DOWN)
        self._pending.clear()
        self._session.next_keep_alive = None
        self.events.append(Closed())
