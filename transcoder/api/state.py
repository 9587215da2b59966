"""All routes of the API share this state: the control, the sender's identity, tokens and readiness."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Annotated, cast

from fastapi import Depends, FastAPI, Request
from prometheus_client import CollectorRegistry

from transcoder import clock
from transcoder.api.access import Access, Caller, Denied, Identity, Role
from transcoder.api.metrics import registry
from transcoder.control import Control, Writer
from transcoder.http_server.guard import HttpCounts
from transcoder.login_brake import LoginBrake


class ApiState:
    """Holds the state of one API besides the verbs that it carries out.

    Attributes:
        access: decides who may do what; may be replaced while running.
        ready: tells what is still missing until requests of readers can be served; the list is empty when nothing is
            missing.
        open_metrics: whether everybody may read the metrics.
        notes: what the operator should know that keeps no reader from being served.
        brake: makes whoever guesses tokens wait.
        listeners: how many clients hear the events now.
        counts: counts what clients did not get.
    """

    def __init__(
        self, access: Access, ready: Callable[[], list[str]], *, open_metrics: bool, notes: Sequence[str] = ()
    ) -> None:
        self.access = access
        self.ready = ready
        self.open_metrics = open_metrics
        self.notes = notes
        self.brake = LoginBrake()
        self.listeners = 0
        self.counts = HttpCounts()


def install_state(app: FastAPI, control: Control, state: ApiState) -> None:
    """Put the objects into an app that its routes find there."""
    app.state.control = control
    app.state.api = state
    app.state.metrics = registry(control, state.counts)


async def _control(request: Request) -> Control:
    return cast(Control, request.app.state.control)


async def _state(request: Request) -> ApiState:
    return cast(ApiState, request.app.state.api)


async def _metrics(request: Request) -> CollectorRegistry:
    return cast(CollectorRegistry, request.app.state.metrics)


async def identify(request: Request, role: Role) -> Identity:
    """Return the identity of a request's sender; whoever guesses tokens waits for the answer.

    Raises:
        Denied: the sender does not have that role, or too many logins of its address wait.
    """
    header = request.headers.get
    caller = Caller(
        address=request.client.host if request.client is not None else "",
        authorization=header("authorization"),
        host=header("host"),
        origin=header("origin"),
        fetch_site=header("sec-fetch-site"),
    )
    state = cast(ApiState, request.app.state.api)
    if caller.authorization is not None:
        await _brake(state, caller)
    return state.access.identify(caller, role)


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


ControlOf = Annotated[Control, Depends(_control)]
StateOf = Annotated[ApiState, Depends(_state)]
MetricsOf = Annotated[CollectorRegistry, Depends(_metrics)]

READ = Depends(_reading)
"""The dependency of routes that need the role read and don't ask who has it."""
CONTROL = Depends(_controlling)
Reading = Annotated[Identity, READ]
Controlling = Annotated[Identity, CONTROL]


def writer(identity: Identity) -> Writer:
    """Return the writer who changes something, for the audit log."""
    return Writer(interface="http", name=identity.name)
