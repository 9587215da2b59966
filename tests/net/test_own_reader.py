"""The gateway's own reader at a listening server: it needs its login, counts nowhere, and nobody else gets in by it."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from tests.support.rtsp_reader import RtspReader
from tests.support.served import ANYWHERE, Catalogue, Register, Stream
from transcoder.errors import TransportError
from transcoder.net.rtsp_server import RtspServer
from transcoder.rtsp.own_reader import OwnReader
from transcoder.verify.inspector import Inspector
from transcoder.verify.rtsp_reader import Reader
from transcoder.verify.target import parse_target

UNKNOWN = 'Digest realm="transcoder", nonce="none yet"'


@pytest.fixture(params=[{}, {"vms": "secret"}], ids=["without users", "with users"])
def catalogue(request: pytest.FixtureRequest) -> Catalogue:
    catalogue = Catalogue()
    catalogue.users = request.param
    catalogue.may_read = lambda user, stream: user in catalogue.users  # type: ignore[method-assign]
    return catalogue


@pytest.fixture
def register() -> Register:
    return Register()


@pytest.fixture
async def server(catalogue: Catalogue, register: Register) -> AsyncIterator[RtspServer]:
    server = RtspServer(catalogue, [ANYWHERE], (0, 0), reader_listener=register)
    await server.start()
    yield server
    await server.stop()


@pytest.fixture
def stream(catalogue: Catalogue) -> Stream:
    return catalogue.streams["front"]


def own_reader(server: RtspServer, inspector: Inspector, password: str = "") -> Reader:
    own = server.own_reader
    target = parse_target(server.url("127.0.0.1", "front"), own.name, password or own.password)
    return Reader(target, inspector, udp=False, challenge=UNKNOWN)


async def test_it_reads_and_is_counted_nowhere(server: RtspServer, stream: Stream, register: Register) -> None:
    inspector = Inspector([])
    reading = asyncio.create_task(own_reader(server, inspector).read(0.5, lambda _: None))
    await stream.send_for(0.4)
    assert [session.is_own for session in server.sessions.values()] == [True]
    assert stream.fanout.readers == 0
    await stream.send_for(0.4)
    await reading
    inspector.finish(0.5)
    assert inspector.media["video"].packets > 5
    assert not [problem for problem in inspector.problems if problem.startswith("RTSP header")]
    assert (register.played, register.gone, len(server.sessions)) == ([], [], 0)
    assert server.counters.auth_failures == 0


async def test_another_password_reads_nothing(server: RtspServer, stream: Stream) -> None:
    with pytest.raises(TransportError, match="401"):
        await own_reader(server, Inspector([]), "guessed").read(0.2, lambda _: None)
    assert stream.fanout.readers == 0


async def test_from_another_machine_it_reads_nothing(
    server: RtspServer, stream: Stream, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = OwnReader(lambda address: address != "127.0.0.1")  # as if loopback were somewhere else
    monkeypatch.setattr(server, "own_reader", own)
    server.context.own_reader = own
    with pytest.raises(TransportError, match="401"):
        await own_reader(server, Inspector([])).read(0.2, lambda _: None)


async def test_a_reader_without_users_is_still_counted(
    server: RtspServer, stream: Stream, catalogue: Catalogue
) -> None:
    user, password = next(iter(catalogue.users.items()), ("", ""))
    login = {"user": user, "password": password} if user else {}
    async with RtspReader(server.url("127.0.0.1", "front"), **login) as reader:
        assert (await reader.request("DESCRIBE")).status == 200
        assert (await reader.set_up()).status == 200
        playing = asyncio.create_task(reader.request("PLAY"))
        while not playing.done():
            stream.send(idr=True)
            await asyncio.sleep(0.02)
        assert [session.is_own for session in server.sessions.values()] == [False]
        assert stream.fanout.readers == 1
