"""Who sends fast holds the loop: an attack that has to cost others nothing, for readers and cameras."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from tests.support.aftermath import nothing_is_left
from tests.support.flood import send_all, turns
from tests.support.flooding_camera import FloodingCamera
from tests.support.served import ANYWHERE, Catalogue, Register
from tests.support.session_transcript import frame, rtp
from transcoder.errors import TransportError
from transcoder.ledger import Ledger
from transcoder.net.rtsp_server import RtspServer
from transcoder.net.rtsp_source import RtspSource
from transcoder.net.source_options import SourceOptions
from transcoder.rtsp.session import EndReason, ServerOptions
from transcoder.rtsp.urls import parse_url
from transcoder.source.rate_limit import RateOptions

UNBOUNDED = 1 << 30
EMPTY_FRAMES = b"$\x00\x00\x00" * (1 << 18)
SET_UP = b"SETUP rtsp://127.0.0.1/front/trackID=0 RTSP/1.0\r\nCSeq: 1\r\nTransport: RTP/AVP/TCP;interleaved=0-1\r\n\r\n"


@pytest.fixture
def register() -> Register:
    return Register()


@pytest.fixture
async def server(request: pytest.FixtureRequest, register: Register) -> AsyncIterator[RtspServer]:
    options = ServerOptions(tick_s=0.05, **getattr(request, "param", {}))
    made = RtspServer(Catalogue(), [ANYWHERE], (0, 0), options=options, reader_listener=register)
    await made.start()
    yield made
    await made.stop()


async def flood(server: RtspServer, first: bytes) -> tuple[int, float]:
    async with nothing_is_left(server), turns() as seen:
        sent = await asyncio.to_thread(send_all, "127.0.0.1", server.port, EMPTY_FRAMES, first)
    return sent, seen.longest_s


async def test_frames_of_a_stranger_end_its_connection(server: RtspServer, register: Register) -> None:
    sent, _ = await flood(server, b"")
    assert register.connections == [EndReason.PROTOCOL_ERROR]
    assert sent <= len(EMPTY_FRAMES)
    assert server.counters.connections == 1


async def flood_of_a_reader(**options: int) -> float:
    made = RtspServer(Catalogue(), [ANYWHERE], (0, 0), options=ServerOptions(tick_s=0.05, **options))
    await made.start()
    try:
        sent, longest_s = await flood(made, SET_UP)
    finally:
        await made.stop()
    assert sent == len(EMPTY_FRAMES)  # they are its own, and cost it alone
    return longest_s


async def test_frames_of_a_reader_leave_others_their_turn() -> None:
    with_portions = await flood_of_a_reader()
    without = await flood_of_a_reader(turn_bytes=UNBOUNDED, turn_events=UNBOUNDED)
    assert with_portions * 3 < without, "the control: a read is taken in one turn"


# -- cameras -----------------------------------------------------------------------------------------------------------

SMALL_PACKETS = b"".join(frame(0, rtp(number, number * 3600, b"\x41" + bytes(27))) for number in range(24_000))
NO_LIMIT = RateOptions(packets=1e9, bytes=1e12)


async def pull(camera: FloodingCamera, ledger: Ledger, **options: object) -> RtspSource:
    made = SourceOptions(
        url=parse_url(camera.url),
        credentials=None,
        transport="tcp",
        allowed=lambda _: True,
        **options,  # type: ignore[arg-type]
    )
    return RtspSource(made, ledger, lambda event: None)


async def longest_turn(camera: FloodingCamera, ledger: Ledger, **options: object) -> float:
    source = await pull(camera, ledger, rate=NO_LIMIT, **options)
    task = asyncio.create_task(source.run())
    async with turns() as seen:
        async with asyncio.timeout(20):
            while source.session.received_bytes < 600_000:  # two reads of the largest size
                await asyncio.sleep(0)
        task.cancel()
        for _ in range(50):  # who leaves takes what still comes in turns, too
            await asyncio.sleep(0)
        await camera.hang_up()
        await asyncio.gather(task, return_exceptions=True)
    return seen.longest_s


async def test_a_camera_of_small_packets_leaves_others_their_turn() -> None:
    async with nothing_is_left(), FloodingCamera(SMALL_PACKETS[: 1 << 20]) as camera:
        # whatever else the machine does makes a turn longer only: the shortest of three shows the product
        with_portions = min([await longest_turn(camera, Ledger()) for _ in range(3)])
        unbounded = {"turn_bytes": UNBOUNDED, "turn_events": UNBOUNDED}
        without = min([await longest_turn(camera, Ledger(), **unbounded) for _ in range(3)])
    assert with_portions * 3 < without, "the control: a read is taken in one turn"


async def test_a_camera_that_sends_too_much_is_left() -> None:
    ledger = Ledger()
    async with nothing_is_left(), FloodingCamera(SMALL_PACKETS[: 1 << 20]) as camera:
        source = await pull(camera, ledger, rate=RateOptions(packets=10_000, window_s=0.5))
        with pytest.raises(TransportError, match="more than 10000 packets a second"):
            await asyncio.wait_for(source.run(), 20)
    assert ledger.totals()["rate_limit"] >= 5_000


async def test_a_camera_within_its_limit_stays() -> None:
    async with nothing_is_left(), FloodingCamera(SMALL_PACKETS[: 48 * 1000]) as camera:
        source = await pull(camera, Ledger(), rate=NO_LIMIT)
        task = asyncio.create_task(source.run())
        async with asyncio.timeout(20):
            while source.session.received_bytes < 1_500_000:  # three times what ends the one above
                await asyncio.sleep(0.01)
        assert not task.done(), "the control: the same flood, and no limit"
        task.cancel()
        await camera.hang_up()
        await asyncio.gather(task, return_exceptions=True)
