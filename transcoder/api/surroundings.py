"""What the routes find in the application: the control, and who asks."""

from collections.abc import Callable
from typing import Annotated, cast

from fastapi import Depends, FastAPI, Request
from prometheus_client import CollectorRegistry

from transcoder.api.access import Access, Caller, Identity, Role
from transcoder.api.metrics import registry
from transcoder.control import Control, Writer


class Surroundings:
    """The app needs this besides the verbs.

    Attributes:
        access: who may do what; may be replaced while running.
        ready: what is still missing until requests of readers can be served, empty when nothing is.
        open_metrics: whether everybody may read the metrics.
        listeners: how many clients hear the events now.
    """

    def __init__(self, access: Access, ready: Callable[[], list[str]], *, open_metrics: bool) -> None:
        self.access = access
        self.ready = ready
        self.open_metrics = open_metrics
        self.listeners = 0


def install(app: FastAPI, control: Control, around: Surroundings) -> None:
    """Put into an app what its routes find there."""
    app.state.control = control
    app.state.around = around
    app.state.metrics = registry(control)


async def _control(request: Request) -> Control:
    return cast(Control, request.app.state.control)


async def _around(request: Request) -> Surroundings:
    return cast(Surroundings, request.app.state.around)


async def _metrics(request: Request) -> CollectorRegistry:
    return cast(CollectorRegistry, request.app.state.metrics)


def identify(request: Request, role: Role) -> Identity:
    """Who sent a request.

    Raises:
        Denied: they don't have that role.
    """
    header = request.headers.get
    caller = Caller(
        address=request.client.host if request.client is not None else "",
        authorization=header("authorization"),
        host=header("host"),
        origin=header("origin"),
        fetch_site=header("sec-fetch-site"),
    )
    return cast(Surroundings, request.app.state.around).access.identify(caller, role)


async def _reading(request: Request) -> Identity:
    return identify(request, Role.READ)


async def _controlling(request: Request) -> Identity:
    return identify(request, Role.CONTROL)


ControlOf = Annotated[Control, Depends(_control)]
AroundOf = Annotated[Surroundings, Depends(_around)]
MetricsOf = Annotated[CollectorRegistry, Depends(_metrics)]

READ = Depends(_reading)
"""For routes that need the role read and not who has it."""
CONTROL = Depends(_controlling)
Reading = Annotated[Identity, READ]
Controlling = Annotated[Identity, CONTROL]


def writer(identity: Identity) -> Writer:
    """Who changes something, as the audit log has it."""
    return Writer(interface="http", name=identity.name)
