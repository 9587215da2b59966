"""Fixtures: an RTSP server with its streams, in the test's own process."""

from collections.abc import AsyncIterator

import pytest

from tests.support.served import ANYWHERE, Catalogue, Register, Stream
from transcoder.net.rtsp_server import RtspServer
from transcoder.rtsp.session import ServerOptions


@pytest.fixture
def options(request: pytest.FixtureRequest) -> ServerOptions:
    """Those of the product, but for what a test gives as its parameter."""
    return ServerOptions(**getattr(request, "param", {}))


@pytest.fixture
def catalogue() -> Catalogue:
    return Catalogue()


@pytest.fixture
def register() -> Register:
    return Register()


@pytest.fixture
async def server(catalogue: Catalogue, options: ServerOptions, register: Register) -> AsyncIterator[RtspServer]:
    made = RtspServer(catalogue, [ANYWHERE], (0, 0), options=options, reader_listener=register)
    await made.start()
    yield made
    await made.stop()


@pytest.fixture
def stream(catalogue: Catalogue) -> Stream:
    return catalogue.streams["front"]
