"""The application answers HTTP requests to devices: SOAP by POST, snapshots by GET."""

import asyncio
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import structlog
from starlette.types import Receive, Scope, Send

from transcoder import clock
from transcoder.control import Control, Writer
from transcoder.net.listening import plain_host
from transcoder.onvif.dispatch import needs_login, operation_of
from transcoder.onvif.event_service import pulled
from transcoder.onvif.event_states import StateMessage
from transcoder.onvif.events import Events
from transcoder.onvif.faults import UNAUTHORIZED, Fault, malformed, not_authorized
from transcoder.onvif.gateway_view import GatewayView
from transcoder.onvif.login import TokenLogin, UsernameToken, WrongPassword, username_token
from transcoder.onvif.markup import Markup
from transcoder.onvif.soap import MAX_BODY, SoapRequest, envelope, parse_request
from transcoder.onvif.stream_uris import SNAPSHOTS
from transcoder.onvif.visit import AwaitMessages, ChangeStream, ForceIdr, Outcome, RestartStreams, Visit
from transcoder.rejection import Code, Rejected
from transcoder.rtsp.web_login import WebLogin

log = structlog.get_logger()

SOAP_TYPE: Final = "application/soap+xml; charset=utf-8"
INTERFACE: Final = "onvif"
"""The name of the interface in the audit log."""
LOG_IN: Final = "log in with HTTP Digest, or with a token of WS-Security"


@dataclass(slots=True)
class OnvifCounts:
    """Counts what clients asked of all devices.

    Attributes:
        requests: requests by operation; only operations that there are.
        faults: faults by their last code.
    """

    requests: Counter[str] = field(default_factory=Counter)
    faults: Counter[str] = field(default_factory=Counter)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """Holds a response of HTTP."""

    status: int
    body: bytes
    kind: str = SOAP_TYPE
    headers: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """Holds one request of HTTP.

    Attributes:
        method: its method.
        target: path and query as they were sent.
        path: the path.
        headers: the headers, in lower case; the last one of a name.
        address: the address of the client.
        own_address: the address of this machine that the client is connected to.
        port: the port that it is connected to.
        device: the name of the device on that port.
    """

    method: str
    target: str
    path: str
    headers: Mapping[str, str]
    address: str
    own_address: str
    port: int
    device: str


class Application:
    """Answers requests to any device of one gateway.

    Args:
        control: carries out changes.
        view: describes the devices.
        device_at: the name of the device on each port.

    Attributes:
        counts: counts requests and faults.
        tokens: checks the tokens of WS-Security.
        events: the states of streams, and who hears of them.
    """

    def __init__(self, control: Control, view: GatewayView, device_at: Mapping[int, str]) -> None:
        self._control = control
        self._view = view
        self._device_at = device_at
        self.counts = OnvifCounts()
        self.tokens = TokenLogin()
        self.events = Events()
        self._news: dict[str, set[asyncio.Event]] = {}
        self._reading = asyncio.Lock()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request of HTTP."""
        if scope["type"] != "http":
            return
        call = self._call(scope)
        if call is None:  # the device went while the request came
            answer = _plain(404, "there is no device at this port")
        elif call.method == "POST":
            answer = await self._soap(call, receive)
        elif call.method == "GET" and call.path.startswith(SNAPSHOTS):
            answer = await self._snapshot(call)
        else:
            answer = _plain(405, "requests of SOAP are sent by POST", (("allow", "POST"),))
        headers = [("content-type", answer.kind), ("content-length", str(len(answer.body))), *answer.headers]
        raw = [(name.encode(), value.encode("latin-1", "replace")) for name, value in headers]
        await send({"type": "http.response.start", "status": answer.status, "headers": raw})
        await send({"type": "http.response.body", "body": answer.body})

    def _call(self, scope: Scope) -> Call | None:
        address, port = scope["server"]
        device = self._device_at.get(port)
        if device is None:
            return None
        query = scope["query_string"].decode("latin-1")
        target = scope.get("raw_path", scope["path"].encode()).decode("latin-1")
        return Call(
            method=scope["method"],
            target=f"{target}?{query}" if query else target,
            path=scope["path"],
            headers={name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]},
            address=plain_host(scope["client"][0]) if scope["client"] is not None else "",
            own_address=plain_host(address),
            port=port,
            device=device,
        )

    # -- SOAP ----------------------------------------------------------------------------------------------------

    async def _soap(self, call: Call, receive: Receive) -> Answer:
        request: SoapRequest | None = None
        headers: tuple[tuple[str, str], ...] = ()
        try:
            request = await self._parsed(await self._content(call, receive))
            operation = operation_of(request)
            self.counts.requests[request.name] += 1
            user = await self._user(call, request) if needs_login(request) else None
            visit = self._visit(call, request, user)
            body, status = await self._carry_out(operation(visit), visit, receive), 200
        except Fault as fault:
            self.counts.faults[(fault.subcodes or ("s:Sender",))[-1]] += 1
            body, status = fault.body(), fault.status
            if status == UNAUTHORIZED:
                headers = self._challenges(call)
        return Answer(status=status, body=envelope(body, request), headers=headers)

    async def _content(self, call: Call, receive: Receive) -> bytes:
        """Return the body of a request.

        Raises:
            Fault: the body is too large, or empty until the client has a challenge (curl with Digest sends it then).
        """
        headers = call.headers
        if headers.get("content-length") == "0" and "authorization" not in headers and self._view.passwords():
            raise not_authorized(LOG_IN, UNAUTHORIZED)
        return await _body(receive)

    async def _parsed(self, body: bytes) -> SoapRequest:
        """Read a request, one in a turn of the event loop: many may come at once, before any login.

        Raises:
            Fault: it is no SOAP.
        """
        async with self._reading:
            try:
                return parse_request(body)
            finally:
                await asyncio.sleep(0)

    def _visit(self, call: Call, request: SoapRequest, user: str | None) -> Visit:
        return Visit(
            request=request,
            device=self._view.device(call.device, user),
            place=self._view.place(call.headers.get("host", ""), call.own_address, call.port),
            name=call.device,
            path=call.path,
            user=user,
            may_control=self._view.may_control(user),
            wall=clock.wall_clock(),
            now=clock.monotonic(),
            events=self.events,
        )

    async def _carry_out(self, outcome: Outcome, visit: Visit, receive: Receive) -> Markup:
        """Do what an operation asks for, and return the answer.

        Raises:
            Fault: it can't be done.
        """
        by = Writer(interface=INTERFACE, name=visit.user or "")
        try:
            if isinstance(outcome, ForceIdr):
                self._control.keyframe(outcome.stream)
            elif isinstance(outcome, RestartStreams):
                for stream in outcome.streams:
                    await self._control.restart(stream, by)
            elif isinstance(outcome, ChangeStream):
                if outcome.keys:
                    await self._control.update(outcome.stream, dict(outcome.keys), by)
            elif isinstance(outcome, AwaitMessages):
                await self._messages(outcome, receive)
                return pulled(outcome.subscription, outcome.limit, clock.monotonic(), clock.wall_clock())
            else:
                return outcome
        except Rejected as error:
            if error.code == Code.UNAVAILABLE:
                raise Fault(str(error), "ter:Action", is_ours=True) from None
            raise Fault("; ".join(error.problems) or str(error), "ter:InvalidArgVal", "ter:ConfigModify") from None
        return outcome.answer

    async def _messages(self, awaited: AwaitMessages, receive: Receive) -> None:
        """Wait until a subscription has messages, or its client waits no longer.

        Raises:
            Fault: the client is gone.
        """
        if awaited.subscription.waiting:
            return
        news = asyncio.Event()
        waiting = self._news.setdefault(awaited.subscription.id, set())
        waiting.add(news)
        woken, gone = asyncio.ensure_future(news.wait()), asyncio.ensure_future(receive())
        try:
            timeout_s = awaited.until - clock.monotonic()
            done, _ = await asyncio.wait({woken, gone}, timeout=timeout_s, return_when=asyncio.FIRST_COMPLETED)
        finally:
            woken.cancel()
            gone.cancel()
            waiting.discard(news)
            if not waiting:
                self._news.pop(awaited.subscription.id, None)
        if gone in done:  # its messages wait for the next time
            raise malformed("the client is gone")

    def publish(self, messages: Iterable[StateMessage]) -> None:
        """Give messages to the clients that hear of them; those that wait are answered."""
        for subscription in self.events.subscriptions.publish(messages):
            for news in self._news.get(subscription, ()):
                news.set()

    def end_waits(self) -> None:
        """Answer every client that waits, because the server is about to end."""
        for waiting in self._news.values():
            for news in waiting:
                news.set()

    # -- who asks ------------------------------------------------------------------------------------------------

    def _web_login(self, call: Call) -> WebLogin:
        return WebLogin(
            self._view.context,
            method=call.method,
            target=call.target,
            authorization=call.headers.get("authorization"),
            address=call.address,
            is_secure=False,
            now=clock.monotonic(),
            must_count=call.method == "POST",
        )

    def _challenges(self, call: Call) -> tuple[tuple[str, str], ...]:
        """Return the headers that ask for a login."""
        return tuple(("www-authenticate", value) for value in self._web_login(call).challenges())

    async def _user(self, call: Call, request: SoapRequest | None) -> str | None:
        """Return the user who sends a request, None where nobody has to log in.

        Raises:
            Fault: nobody is proved to send it, or a user who may not see this device.
        """
        if not self._view.passwords():
            return None
        token = username_token(request.security) if request is not None else None
        if "authorization" not in call.headers and token is not None:
            user = await self._token_user(call, token)
        else:
            user = await self._web_user(call)
        if call.device and not self._view.device(call.device, user).channels:
            raise not_authorized("this user may not read this stream")
        return user

    async def _web_user(self, call: Call) -> str:
        login = self._web_login(call)
        await _wait(login.due(clock.monotonic()))
        user = login.user(clock.monotonic())
        if user is None:
            self.tokens.counts.replayed += login.is_replayed
            raise not_authorized(LOG_IN, UNAUTHORIZED)
        return user

    async def _token_user(self, call: Call, token: UsernameToken) -> str:
        context = self._view.context
        await _wait(context.brake.due(call.address, token.username, clock.monotonic()))
        takes_text = context.login_ways.takes_basic(is_secure=False)
        try:
            user = self.tokens.user(token, self._view.passwords(), clock.wall_clock(), takes_text=takes_text)
        except WrongPassword:
            context.counters.auth_failures += 1
            context.brake.failed(call.address, token.username, clock.monotonic())
            raise
        context.brake.succeeded(call.address, user)
        return user

    # -- pictures ------------------------------------------------------------------------------------------------

    async def _snapshot(self, call: Call) -> Answer:
        path = call.path.removeprefix(SNAPSHOTS).removesuffix(".jpg")
        try:
            user = await self._user(call, None)
        except Fault as fault:
            is_asked = fault.status == UNAUTHORIZED
            return _plain(fault.status if is_asked else 403, fault.reason, self._challenges(call) if is_asked else ())
        for channel, profile in self._view.device(call.device, user).profiles():
            if profile.path == path:
                try:
                    picture = await self._control.snapshot(channel.stream, profile.output)
                except Rejected as error:
                    return _plain(503, str(error))
                return Answer(status=200, body=picture, kind="image/jpeg", headers=(("cache-control", "no-store"),))
        return _plain(404, "there is no such stream")


def _plain(status: int, text: str, headers: tuple[tuple[str, str], ...] = ()) -> Answer:
    return Answer(status=status, body=f"{text}\n".encode(), kind="text/plain; charset=utf-8", headers=headers)


async def _wait(due: float | None) -> None:
    if due is None:
        raise not_authorized("too many logins of this address wait: try again later", 429)
    await asyncio.sleep(max(due - clock.monotonic(), 0.0))


async def _body(receive: Receive) -> bytes:
    """Return the body of a request, which the connection bounds in time.

    Raises:
        Fault: the body is too large, or broke off.
    """
    body = bytearray()
    while True:
        message: Mapping[str, Any] = await receive()
        if message["type"] == "http.disconnect":
            raise malformed("the request broke off")
        body += message.get("body", b"")
        if len(body) > MAX_BODY:
            raise malformed(f"the request has more than {MAX_BODY} bytes")
        if not message.get("more_body", False):
            return bytes(body)
