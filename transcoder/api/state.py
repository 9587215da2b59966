"""All routes of the API share this state: the control, the sender's identity, tokens and readiness."""

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Annotated, cast

from fastapi import Depends, FastAPI, Request
from prometheus_client import CollectorRegistry
from starlette.datastructures import Address
from starlette.requests import HTTPConnection

from transcoder import clock
from transcoder.api import login_cookie
from transcoder.api.access import Access, Caller, Denied, Identity, Role
from transcoder.api.login_cookie import CSRF_HEADER, LoginCookie
from transcoder.api.metrics import registry
from transcoder.api.read_only import ReadOnly
from transcoder.control import Control, Writer
from transcoder.http_server.guard import HttpCounts
from transcoder.login_brake import LoginBrake
from transcoder.net.listening import plain_host
from transcoder.rtsp.server_events import ServerContext
from transcoder.rtsp.web_login import WebLogin, has_users, is_reader_login
from transcoder.worker_options import MAIN, served_path


class ApiState:
    """Holds the state of one API besides the verbs that it carries out.

    Attributes:
        access: decides who may do what; may be replaced while running.
        ready: tells what is still missing until requests of readers can be served; the list is empty when nothing is
            missing.
        open_metrics: whether everybody may read the metrics.
        notes: what the operator should know that keeps no reader from being served.
        brake: makes whoever guesses tokens wait.
        listeners: how many clients of each address hear the events now.
        counts: counts what clients did not get.
        readers: the context of the RTSP server, whose users may fetch snapshots; None where there is none.
    """

    def __init__(
        self,
        access: Access,
        ready: Callable[[], list[str]],
        *,
        open_metrics: bool,
        notes: Sequence[str] = (),
        readers: ServerContext | None = None,
    ) -> None:
        self.access = access
        self.ready = ready
        self.open_metrics = open_metrics
        self.notes = notes
        self.brake = LoginBrake()
        self.readers = readers
        self.listeners = Counter[str]()
        self.counts = HttpCounts()


def install_state(app: FastAPI, control: Control, state: ApiState) -> None:
    """Put the objects into an app that its routes find there."""
    app.state.control = control
    app.state.api = state
    app.state.metrics = registry(control, state.counts)


async def _control(request: HTTPConnection) -> Control:
    """Return the control as the sender sees it: whoever may not change streams is not told where cameras are.

    Whether the sender may ask at all is decided elsewhere.
    """
    control = cast(Control, request.app.state.control)
    state = cast(ApiState, request.app.state.api)
    return control if state.access.has_role(caller_of(request), Role.CONTROL) else ReadOnly(control)


async def _state(request: HTTPConnection) -> ApiState:
    return cast(ApiState, request.app.state.api)


async def _client(request: HTTPConnection) -> Address | None:
    return request.client


async def _metrics(request: HTTPConnection) -> CollectorRegistry:
    return cast(CollectorRegistry, request.app.state.metrics)


async def identify(request: HTTPConnection, role: Role) -> Identity:
    """Return the identity of a request's sender; whoever guesses tokens waits for the answer.

    Raises:
        Denied: the sender does not have that role, or too many logins of its address wait.
    """
    caller = caller_of(request)
    state = cast(ApiState, request.app.state.api)
    if state.access.may_guess(caller):
        await _brake(state, caller)
    return state.access.identify(caller, role)


def identify_again(request: HTTPConnection, who: Identity) -> None:
    """Look whether the login still holds with which somebody opened what lasts, such as a WebSocket.

    Raises:
        Denied: it ended, its token was changed or removed, or has a lower role now.
    """
    cast(ApiState, request.app.state.api).access.identify(caller_of(request), who.role)


async def log_in(request: Request, token: str) -> tuple[LoginCookie, Identity]:
    """Return a cookie for a token, and the identity of whoever sends it; whoever guesses tokens waits for the answer.

    Raises:
        Denied: the token is not known, a page of another site sent it, or too many logins of its address wait.
    """
    caller = replace(caller_of(request), authorization=f"Bearer {token}")
    state = cast(ApiState, request.app.state.api)
    await _brake(state, caller)
    return state.access.log_in(caller)


def caller_of(request: HTTPConnection) -> Caller:
    """Return the facts about a request's sender."""
    header = request.headers.get
    # over TLS the other name proves nothing: whoever answers for this host over plain HTTP can have set it
    names = login_cookie.NAMES[:1] if request.scope.get("scheme") in {"https", "wss"} else login_cookie.NAMES
    cookies = [request.cookies[name] for name in names if name in request.cookies]
    return Caller(
        address=request.client.host if request.client is not None else "",
        authorization=header("authorization"),
        host=header("host"),
        origin=header("origin"),
        fetch_site=header("sec-fetch-site"),
        csrf=header(CSRF_HEADER),
        cookie=cookies[0] if cookies else None,
        method=request.scope.get("method", "GET"),
        is_web_socket=request.scope["type"] == "websocket",
        now=clock.wall_clock(),
    )


async def _brake(state: ApiState, caller: Caller) -> None:
    """Have a token wait that could be a guess: one that is wrong, or that its address has not used before."""
    brake, name = state.brake, state.access.name_of(caller)
    if name is not None and brake.is_known(caller.address, name):
        return
    due = brake.due(caller.address, "", clock.monotonic())
    if due is None:
        raise Denied(429, "too many wrong tokens came from this address")
    await asyncio.sleep(max(due - clock.monotonic(), 0.0))
    if name is None:
        brake.failed(caller.address, "", clock.monotonic())
    else:
        brake.succeeded(caller.address, name)


async def _reading(request: Request) -> Identity:
    return await identify(request, Role.READ)


async def _controlling(request: Request) -> Identity:
    return await identify(request, Role.CONTROL)


async def _watching(request: Request) -> str:
    """Return the name of a sender who has the role read, or may read the stream or rendition of the path over RTSP.

    Raises:
        Denied: the sender is neither.
    """
    state = cast(ApiState, request.app.state.api)
    if state.readers is None or not has_users(state.readers):
        return (await identify(request, Role.READ)).name
    if is_reader_login(request.headers.get("authorization")):
        return await _log_in(request, state.readers, _watched(request))
    try:
        return (await identify(request, Role.READ)).name
    except Denied as error:
        if caller_of(request).fetch_site == "same-origin":  # browsers would ask the page's user in a window of theirs
            raise
        login = _web_login(request, state.readers)
        raise Denied(error.status, error.reason, login.challenges()) from None


def watch_again(request: Request, user: str) -> None:
    """Look whether a sender may still see the pictures of the path that `_watching` let the sender see.

    Raises:
        Denied: the user or the token is gone, or has fewer rights now.
    """
    state = cast(ApiState, request.app.state.api)
    readers, authorization = state.readers, request.headers.get("authorization")
    if readers is None or not has_users(readers) or not is_reader_login(authorization):
        state.access.identify(caller_of(request), Role.READ)
    elif not readers.directory.may_read(user, _watched(request)):
        raise Denied(403, f"user {user} may not read this any more")


def _watched(request: Request) -> str:
    """Return the path that a stream or rendition is served under, whose pictures a request asks for."""
    parameters = request.path_params
    return served_path(str(parameters["stream"]), str(parameters.get("rendition", MAIN)))


def _web_login(request: Request, readers: ServerContext) -> WebLogin:
    caller, query = caller_of(request), request.scope["query_string"].decode("latin-1")
    path = request.scope.get("raw_path", request.url.path.encode()).decode("latin-1")
    return WebLogin(
        readers,
        method=request.method,
        target=f"{path}?{query}" if query else path,
        authorization=caller.authorization,
        address=plain_host(caller.address),
        is_secure=request.url.scheme == "https",
        now=clock.monotonic(),
    )


async def _log_in(request: Request, readers: ServerContext, path: str) -> str:
    login = _web_login(request, readers)
    due = login.due(clock.monotonic())
    if due is None:
        raise Denied(429, "too many wrong logins came from this address")
    await asyncio.sleep(max(due - clock.monotonic(), 0.0))
    user = login.user(clock.monotonic())
    if user is None:
        raise Denied(401, "this login is not right", login.challenges())
    if not readers.directory.may_read(user, path):
        raise Denied(403, f"user {user} may not read stream {path}")
    return user


ControlOf = Annotated[Control, Depends(_control)]
ClientOf = Annotated[Address | None, Depends(_client)]
StateOf = Annotated[ApiState, Depends(_state)]
MetricsOf = Annotated[CollectorRegistry, Depends(_metrics)]

READ = Depends(_reading)
"""The dependency of routes that need the role read and don't ask who has it."""
CONTROL = Depends(_controlling)
WATCH = Depends(_watching)
"""The dependency of pictures of the stream in the path, which the users of RTSP may see who may read it."""
Watching = Annotated[str, WATCH]
"""The name of whoever may see pictures of the stream in the path."""
Reading = Annotated[Identity, READ]
Controlling = Annotated[Identity, CONTROL]


def writer(identity: Identity) -> Writer:
    """Return the writer who changes something, for the audit log."""
    return Writer(interface="http", name=identity.name)
