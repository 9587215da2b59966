"""The RTSP publisher is a sans-IO core: one connection that sends a stream to a server, by ANNOUNCE and RECORD.

OPTIONS goes first, so that a server that is not there, or wants a login, costs no session description. The tracks go
over this connection, interleaved. Nothing that a server answers decides where bytes go: its channels are taken, and a
redirect is followed on the same host alone.

Source: RFC 2326 sections 10.3 (ANNOUNCE), 10.4 (SETUP), 10.11 (RECORD), 12.39 (mode), appendix C.1.
"""

from collections import deque
from dataclasses import dataclass, field
from typing import Final

from transcoder import product
from transcoder.errors import LoginDowngraded, RemoteProtocolError, ResponseError, Unanswered
from transcoder.rtsp.auth import Authenticator, parse_challenges
from transcoder.rtsp.client_requests import RESPONSE_TIMEOUT_S, OpenRequests, PendingRequest, SessionState
from transcoder.rtsp.headers import Transport, agreed_transport, requested_transport
from transcoder.rtsp.keep_alive import KeepAliveMethods
from transcoder.rtsp.messages import (
    EVERYTHING,
    Headers,
    InterleavedFrame,
    InterleavedFrames,
    Request,
    Response,
    RtspParser,
    serialize_request,
)
from transcoder.rtsp.server_requests import ServerRequests
from transcoder.rtsp.states import PUBLISHER_STATES, PublisherState, PublisherStep, next_state
from transcoder.rtsp.statuses import reason_of
from transcoder.rtsp.urls import RtspUrl, join_control, redirect_url

MAX_KEEP_ALIVE_S: Final = 25.0
"""The most seconds between keep-alives, as towards cameras: servers that say nothing of a timeout drop at 30 s."""
MIN_KEEP_ALIVE_S: Final = 1.0
MAX_LOGINS: Final = 2
"""The number of times in a row that a request is repeated with credentials: for a first challenge, and for a nonce that
was too old."""
TEARDOWN_S: Final = 1.0
"""Seconds for which the answer to TEARDOWN is waited for: nothing comes after it."""
SESSION_NOT_FOUND: Final = 454
_KEEP_ALIVE: Final = "keep-alive"


@dataclass(frozen=True, slots=True)
class Ready:
    """The server answers, and let this client in where it asked for a login; the caller calls announce()."""


@dataclass(frozen=True, slots=True)
class Recording:
    """RECORD was answered: packets may be sent.

    Attributes:
        channels: the pair of channels of each track, in the order of the description.
    """

    channels: tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class Redirected:
    """The server wants this client at another port or path of the same host."""

    url: RtspUrl


@dataclass(frozen=True, slots=True)
class Closed:
    """TEARDOWN was answered, or nobody waits for the answer any more."""


Event = Ready | Recording | Redirected | Closed


@dataclass(slots=True)
class _Open(PendingRequest):
    """Holds an open request with its body, which is sent again with credentials."""

    body: bytes = field(default=b"", repr=False)


class PublisherProtocol:
    """Holds one connection to a server that a stream is sent to.

    The shell feeds bytes, writes the bytes of data_to_send(), hands on events and calls handle_timeout() at
    next_timeout(). An error raised here ends the connection.

    Args:
        url: the URL that the stream gets, without user info.
        login: answers challenges, where there are credentials.
        now: monotonic seconds.
        reply_s: seconds for which a request may go unanswered.
    """

    def __init__(
        self, url: RtspUrl, login: Authenticator | None, *, now: float, reply_s: float = RESPONSE_TIMEOUT_S
    ) -> None:
        self._url, self._login, self._reply_s = url, login, reply_s
        self.events: deque[Event] = deque()
        self.state = PublisherState.INIT
        self._out: list[bytes] = []
        self._pending = OpenRequests()
        self._cseq = 0
        self._parser = RtspParser()
        self._server_requests = ServerRequests(now)
        self._session = SessionState()
        self._keep_alives = KeepAliveMethods()
        self._waiting: list[str] = []
        """The controls of the tracks that are not set up yet."""
        self._channels: list[tuple[int, int]] = []
        self._step(PublisherStep.OPTIONS)
        self._request("OPTIONS", url.target, now)

    # -- calls of the shell --------------------------------------------------------------------------------------

    def receive_data(self, data: bytes, now: float, limit: int = EVERYTHING) -> bool:
        """Feed received bytes.

        Args:
            data: the bytes.
            now: monotonic seconds.
            limit: the largest number of messages and frames that are looked at; call again with no bytes for the rest.

        Returns:
            Whether more may wait.

        Raises:
            RemoteProtocolError: the bytes can't be read or break the protocol.
            ResponseError: the server refused a request, or has forgotten the session.
        """
        self._parser.receive_data(data)
        for _ in range(limit):
            event = self._parser.next_frames(limit) or self._parser.next_event()
            if event is None:
                return False
            if isinstance(event, Response):
                self._response(event, now)
            elif isinstance(event, Request):
                self._out.append(self._server_requests.answer(event, now))
            else:
                # receiver reports, which nothing here hangs on: whether the server takes bytes tells the connection
                assert isinstance(event, InterleavedFrame | InterleavedFrames)  # noqa: S101  # for the type checker
        return True

    def data_to_send(self) -> bytes:
        """Return the bytes to write; each byte is returned once."""
        out, self._out = self._out, []
        return b"".join(out)

    def next_event(self) -> Event | None:
        """Return the next event, or None."""
        return self.events.popleft() if self.events else None

    def next_timeout(self) -> float | None:
        """Return when handle_timeout() has to be called, monotonic seconds."""
        times = [item.deadline for item in self._pending if item.purpose != _KEEP_ALIVE]
        if self._session.next_keep_alive is not None:
            times.append(self._session.next_keep_alive)
        return min(times, default=None)

    def handle_timeout(self, now: float) -> None:
        """Send a keep-alive that is due, and give up a request that was not answered.

        Raises:
            Unanswered: a request before RECORD was not answered in time.
        """
        for item in self._pending.overdue(now):
            if self.state is PublisherState.CLOSING:
                self._close()
            elif item.purpose != _KEEP_ALIVE:
                raise Unanswered(f"{item.method} was not answered in {item.patience_s:g} s")
        if (due := self._session.next_keep_alive) is not None and due <= now:
            self._pending.give_up(_KEEP_ALIVE)
            self._request(self._keep_alives.take(), self._url.target, now, purpose=_KEEP_ALIVE)
            self._schedule_keep_alive(now)

    def announce(self, description: bytes, controls: list[str], now: float) -> None:
        """Announce the stream after Ready; SETUP of each track and RECORD follow by themselves.

        Args:
            description: the session description, SDP.
            controls: the control attribute of each track that is sent, in the description's order.
            now: monotonic seconds.
        """
        self._step(PublisherStep.ANNOUNCE)
        self._waiting = list(controls)
        self._request("ANNOUNCE", self._url.target, now, (("Content-Type", "application/sdp"),), body=description)

    def teardown(self, now: float) -> None:
        """Leave: send TEARDOWN where there is a session, else tell Closed at once."""
        if self.state in {PublisherState.CLOSING, PublisherState.CLOSED}:
            return
        self._step(PublisherStep.TEARDOWN)
        self._pending.clear()
        self._session.next_keep_alive = None
        if self._session.id is None:
            self._close()
        else:
            self._request("TEARDOWN", self._url.target, now, patience_s=TEARDOWN_S)

    def _step(self, step: PublisherStep) -> None:
        self.state = next_state(PUBLISHER_STATES, self.state, step)

    # -- requests ------------------------------------------------------------------------------------------------

    def _request(
        self,
        method: str,
        target: str,
        now: float,
        extra: tuple[tuple[str, str], ...] = (),
        *,
        body: bytes = b"",
        purpose: str = "",
        patience_s: float = 0.0,
    ) -> None:
        patience_s = patience_s or self._reply_s
        uri = str(self._url.with_target(target))
        self._send(_Open(method, uri, target, extra, now + patience_s, patience_s, purpose=purpose, body=body))

    def _send(self, item: _Open) -> None:
        self._cseq += 1
        headers = Headers([("CSeq", str(self._cseq)), ("User-Agent", product.NAME)])
        if self._session.id is not None:
            headers.add("Session", self._session.id)
        value = self._login.authorization(item.method, item.uri) if self._login is not None else None
        if value is not None:
            headers.add("Authorization", value)
        for name, text in item.extra:
            headers.add(name, text)
        self._pending.add(self._cseq, item)
        self._out.append(serialize_request(Request(method=item.method, uri=item.uri, headers=headers, body=item.body)))

    def _set_up_next(self, now: float) -> None:
        """Set up the next track, or, where all are, ask to record."""
        if not self._waiting:
            self._step(PublisherStep.RECORD)
            self._request("RECORD", self._url.target, now, (("Range", "npt=0.000-"),))
            return
        self._step(PublisherStep.SETUP)
        value = f"{requested_transport(self._asked())};mode=record"
        self._request("SETUP", join_control(self._url.target, self._waiting[0]), now, (("Transport", value),))

    def _asked(self) -> Transport:
        first = 2 * len(self._channels)
        return Transport(lower="TCP", interleaved=(first, first + 1))

    def _schedule_keep_alive(self, now: float) -> None:
        interval_s = min(max(self._session.timeout_s / 2, MIN_KEEP_ALIVE_S), MAX_KEEP_ALIVE_S)
        # where two methods take turns, each of them comes as often as the only one would
        self._session.next_keep_alive = now + max(interval_s / len(self._keep_alives), MIN_KEEP_ALIVE_S)

    # -- responses -----------------------------------------------------------------------------------------------

    def _response(self, response: Response, now: float) -> None:
        if response.status < 200:  # 100 Continue: the answer is still to come
            return
        item = self._pending.take(response)
        if not isinstance(item, _Open):  # an answer to nothing, or one that nobody waits for
            return
        self._session.note(response.headers.get("Session"), begins=self.state is PublisherState.SETTING_UP)
        if response.status == 401 and self._log_in(item, response, now):
            return
        if self.state is PublisherState.CLOSING:
            self._close()
        elif item.purpose == _KEEP_ALIVE:
            self._keep_alives.note_answer(item.method, response.status)
            if response.status == SESSION_NOT_FOUND:
                raise ResponseError(response.status, item.method, reason_of(response.status))
        elif 300 <= response.status < 400:
            self.events.append(Redirected(redirect_url(response.headers.get("Location"), self._url)))
        elif response.status >= 400 and not (item.method == "OPTIONS" and response.status not in {401, 403}):
            raise ResponseError(response.status, item.method, reason_of(response.status))
        else:
            self._advance(item, response, now)

    def _log_in(self, item: _Open, response: Response, now: float) -> bool:
        """Send a request again with credentials; return whether there are any that were not refused.

        Raises:
            LoginDowngraded: the server asks for the password itself, over a connection that others can read.
        """
        if self._login is None or item.retries >= MAX_LOGINS:
            return False
        challenges = parse_challenges(response.headers.get_all("WWW-Authenticate"))
        if not self._url.is_secure and challenges:
            challenges = [challenge for challenge in challenges if challenge.scheme != "Basic"]
            if not challenges:
                raise LoginDowngraded("the server asks for the password in clear (Basic), which is sent over TLS only")
        if not self._login.accept(challenges, refused=item.retries > 0):
            return False
        item.retries += 1
        item.deadline = now + item.patience_s
        self._send(item)
        return True

    def _advance(self, item: _Open, response: Response, now: float) -> None:
        if item.method == "OPTIONS":
            if response.status < 300:
                self._keep_alives.note_public(response.headers)
            self._step(PublisherStep.READY)
            self.events.append(Ready())
        elif item.method == "ANNOUNCE":
            self._set_up_next(now)
        elif item.method == "SETUP":
            self._note_set_up(response)
            self._set_up_next(now)
        elif item.method == "RECORD":
            self._step(PublisherStep.RECORDING)
            self._schedule_keep_alive(now)
            self.events.append(Recording(tuple(self._channels)))

    def _note_set_up(self, response: Response) -> None:
        agreed = agreed_transport(self._asked(), response.headers.get("Transport")).interleaved
        taken = {channel for pair in self._channels for channel in pair}
        if agreed is None or taken & {*agreed}:
            raise RemoteProtocolError("SETUP was answered with the channels of another track")
        self._channels.append(agreed)
        del self._waiting[0]
        self._parser.channels = frozenset({*taken, *agreed})

    def _close(self) -> None:
        self._step(PublisherStep.TORN_DOWN)
        self._pending.clear()
        self.events.append(Closed())
