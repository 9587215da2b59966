"""The source, with connections that do what a test says: which transport comes next, and what is handed on."""

import asyncio
import itertools
import random
from collections.abc import Callable
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
import structlog

from transcoder import clock
from transcoder.codecs.access_unit import AccessUnit
from transcoder.codecs.nal import Codec
from transcoder.errors import (
    ResponseError,
    TranscoderError,
    TransportError,
)
from transcoder.ledger import Ledger
from transcoder.net.rtsp_source import SourceHandler, SourceOptions
from transcoder.rtp.audio import AudioUnit
from transcoder.rtp.reception import RtpReceiver
from transcoder.rtp.rtcp import SenderReport
from transcoder.rtsp.urls import parse_url
from transcoder.sdp import parse_sdp, select_audio, select_video
from transcoder.service import source as module
from transcoder.service.host_gate import HostGate
from transcoder.service.source import ENCRYPTED, MAX_PICTURES_PER_S, Source
from transcoder.service.status import SourceStatus
from transcoder.source.reconnection import Reconnection
from transcoder.worker_options import AudioFormat

if TYPE_CHECKING:
    from transcoder.service.gop import CodedUnit

# of x264, told to make 352x208 at 15 fps, Main profile
SPS = bytes.fromhex("674d401fda0586e840000003004000000783c60ca8")
PPS = bytes.fromhex("68ef0f2c80")
IDR, SLICE, SEI = b"\x65\x88\x84\x01", b"\x41\x9a\x02\x01", b"\x06\x05\x01\x41\x80"
"""first_mb_in_slice 0, slice_type 7 (I) and 5 (P), pic_parameter_set_id 0 (H.264 section 7.3.3)."""
START = b"\x00\x00\x00\x01"

SDP = "v=0\r\ns=-\r\nt=0 0\r\nm=video 0 RTP/AVP 96\r\n{connection}a=rtpmap:96 H264/90000\r\n{fmtp}"
SPROP = "a=fmtp:96 packetization-mode=1;sprop-parameter-sets=Z01AH9oFhuhAAAADAEAAAAeDxgyo,aO8PLIA=\r\n"

Behaviour = Callable[["Connection"], TranscoderError]


class Connection:
    """Stands for an RtspSource: its run is described by the test, by the number of the connection."""

    def __init__(self, world: "World", options: SourceOptions, handler: SourceHandler) -> None:
        self.world = world
        self.transport = options.transport
        self.handler = handler
        self.video: Any = None
        self.audio: Any = None
        self.faults = {"b": 2}
        self.received_bytes = 1000

    async def run(self) -> None:
        self.world.tried.append(self.transport)
        await asyncio.sleep(0)
        raise self.world.behaviour(self)

    def describe(self, connection: str = "", fmtp: str = "") -> None:
        description = parse_sdp(SDP.format(connection=connection, fmtp=fmtp).encode())
        self.handler.on_described(description, select_video(description), "a camera")

    def picture(self) -> None:
        self.handler.on_access_unit(unit(SPS, PPS, IDR))


class World:
    """Records what the source does; `behaviour` tells how a connection ends."""

    def __init__(self, transport: str = "auto") -> None:
        self.tried: list[str] = []
        self.waited: list[int] = []
        """After how many connections the source waited."""
        self.units: list[tuple[CodedUnit, float]] = []
        self.problems: list[str] = []
        self.audio: list[tuple[int, bytes]] = []
        self.audio_formats: list[AudioFormat] = []
        self.sizes: list[tuple[int, int]] = []
        self.lost: list[tuple[str, bool]] = []
        self.behaviour: Behaviour = lambda _: TransportError("refused")
        self.status = SourceStatus()
        self.ledger = Ledger()
        self.gate = HostGate()
        options = SourceOptions(
            url=parse_url("rtsp://192.0.2.1/live"), credentials=None, transport=transport, allowed=lambda _: True
        )
        self.source = Source(
            options=options,
            ledger=self.ledger,
            status=self.status,
            log=structlog.get_logger(),
            on_unit=lambda coded, arrival: self.units.append((coded, arrival)),
            on_lost=self._on_lost,
            on_described_size=self.sizes.append,
            on_problem=self.problems.append,
            gate=self.gate,
            on_audio_format=self.audio_formats.append,
            on_audio=lambda pts, data: self.audio.append((pts, data)),
        )

    def _on_lost(self, reason: str, was_playing: bool) -> None:
        self.lost.append((reason, was_playing))
        self.waited.append(len(self.tried))

    async def pull(self, connections: int) -> list[str]:
        """Transports of so many connections."""
        task = asyncio.create_task(self.source.run())
        async with asyncio.timeout(5):
            while len(self.tried) < connections:
                await asyncio.sleep(0.001)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        return self.tried[:connections]


@pytest.fixture
def make(monkeypatch: pytest.MonkeyPatch) -> Callable[..., World]:
    monkeypatch.setattr(Reconnection, "_delay", lambda self, error: 0.002)

    def made(transport: str = "auto") -> World:
        world = World(transport)
        monkeypatch.setattr(module, "RtspSource", lambda options, ledger, handler: Connection(world, options, handler))
        return world

    return made


@pytest.fixture
def now(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """A clock that stands still until it is set."""
    at = [5000.0]
    monkeypatch.setattr(clock, "monotonic", lambda: at[0])
    return lambda value: at.__setitem__(0, value)


NUMBERS = itertools.count()


def unit(*nal_units: bytes, completed: float | None = None, timestamp: int | None = None) -> AccessUnit:
    at = clock.monotonic() if completed is None else completed
    return AccessUnit(
        codec=Codec.H264,
        timestamp=next(NUMBERS) * 3600 if timestamp is None else timestamp,
        nal_units=list(nal_units),
        random_access=any(nal_unit[0] & 31 == 5 for nal_unit in nal_units),
        damaged=False,
        arrival=at,
        completed=at,
    )


# -- transports --------------------------------------------------------------------------------------------------------


def refuses(status: int) -> Behaviour:
    return lambda _: ResponseError(status, "SETUP", "no")


def silent(connection: Connection) -> TranscoderError:
    connection.describe()
    connection.handler.on_playing()
    return TransportError("no packet in 5 s")


async def test_a_transport_that_does_not_work_is_followed_by_the_next_at_once(make: Callable[..., World]) -> None:
    world = make()
    world.behaviour = refuses(461)
    assert await world.pull(7) == ["tcp", "udp", "http", "tcp", "udp", "http", "tcp"]
    assert world.waited[:2] == [3, 6]  # only when all were tried


@pytest.mark.parametrize(
    ("address", "is_group"),
    [
        ("IP4 224.2.36.42/127", True),
        ("IP4 228.1.1.1", True),
        ("IP4 239.255.0.1/1/3", True),
        ("IP6 FF15::101", True),
        ("IP4 23.1.2.3", False),
        ("IP4 240.0.0.1", False),
        ("IP4 0.0.0.0", False),
        ("IP4 camera.example", False),
    ],
)
async def test_what_a_multicast_group_is(make: Callable[..., World], address: str, *, is_group: bool) -> None:
    """RFC 5771: 224.0.0.0 to 239.255.255.255; RFC 4291 section 2.7: ff00::/8."""
    world = make()

    def described(connection: Connection) -> TranscoderError:
        connection.describe(connection=f"c=IN {address}\r\n")
        return ResponseError(461, "SETUP", "no")

    world.behaviour = described
    assert ("multicast" in await world.pull(4)) == is_group


@pytest.mark.parametrize("works", ["tcp", "udp", "http"])
async def test_the_one_that_gave_pictures_is_kept(make: Callable[..., World], works: str) -> None:
    world = make()

    def behaviour(connection: Connection) -> TranscoderError:
        if connection.transport != works:
            return silent(connection)
        connection.describe()
        connection.handler.on_playing()
        connection.picture()
        return TransportError("the camera closed the connection")

    world.behaviour = behaviour
    before = ["tcp", "udp", "http"].index(works)
    assert await world.pull(before + 4) == ["tcp", "udp", "http"][:before] + [works] * 4
    assert world.waited[:3] == [before + 1, before + 2, before + 3]
    assert ("the camera closed the connection", True) in world.lost


# -- life --------------------------------------------------------------------------------------------------------------


async def test_what_is_counted_and_told(make: Callable[..., World]) -> None:
    world = make("tcp")
    world.behaviour = silent
    await world.pull(3)
    assert world.lost[:2] == [("no packet in 5 s", True)] * 2
    assert world.status.connects >= 2
    assert world.status.losses >= 2
    assert world.source.received_bytes >= 2000
    assert not world.source.is_connected


async def test_a_puller_that_is_stopped_leaves_nothing_behind(make: Callable[..., World]) -> None:
    world = make()
    started = asyncio.Event()
    left = asyncio.Event()

    async def run(self: Connection) -> None:
        started.set()
        try:
            await asyncio.get_running_loop().create_future()
        finally:
            left.set()

    connecting = type("Connecting", (Connection,), {"run": run})
    module_source: Any = lambda options, ledger, handler: connecting(world, options, handler)  # noqa: E731  # stands for a class
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "RtspSource", module_source)
        task = asyncio.create_task(world.source.run())
        await asyncio.wait_for(started.wait(), 5)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    assert left.is_set()
    await asyncio.sleep(0)
    assert asyncio.all_tasks() == {asyncio.current_task()}
    async with asyncio.timeout(1), world.gate.attempt("192.0.2.1"):  # another stream of the host may try
        pass


async def test_the_gate_is_held_until_it_plays_and_no_longer(make: Callable[..., World]) -> None:
    world = make("tcp")
    described, playing = asyncio.Event(), asyncio.Event()

    async def run(self: Connection) -> None:
        self.world.tried.append(self.transport)
        await described.wait()
        self.describe()
        self.handler.on_playing()
        playing.set()
        await asyncio.get_running_loop().create_future()

    plays = type("Plays", (Connection,), {"run": run})
    module_source: Any = lambda options, ledger, handler: plays(world, options, handler)  # noqa: E731  # stands for a class
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "RtspSource", module_source)
        task = asyncio.create_task(world.source.run())
        while not world.tried:
            await asyncio.sleep(0.001)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.1), world.gate.attempt("192.0.2.1"):
                pass
        described.set()
        await asyncio.wait_for(playing.wait(), 5)
        assert world.source.is_connected
        async with asyncio.timeout(1), world.gate.attempt("192.0.2.1"):
            pass
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


# -- what is handed on -------------------------------------------------------------------------------------------------


@pytest.fixture
async def playing(make: Callable[..., World], now: Callable[[float], None]) -> World:
    """A source whose camera described H.264 with parameter sets."""
    world = make("tcp")
    Connection(world, world.source._options, world.source).describe(fmtp=SPROP)
    return world


def test_only_what_is_allowed_is_handed_on(playing: World) -> None:
    playing.source.on_access_unit(unit(SPS, PPS, SEI, IDR, b"\x1e\x01\x02\x03"))
    playing.source.on_access_unit(unit(b"\x09\xf0", SLICE, b"\x0c\xff\x80"))
    assert [coded.data for coded, _ in playing.units] == [
        START + SPS + START + PPS + START + IDR,
        START + SLICE,
    ]
    assert [coded.random_access for coded, _ in playing.units] == [True, False]
    counted = {kind: entry.count for layer, kind, entry in playing.ledger if layer == "nal_in"}
    assert counted == {"h264 type 6": 1, "h264 type 30": 1, "h264 type 9": 1, "h264 type 12": 1}
    assert playing.status.access_units == 2
    assert playing.status.bytes == sum(len(coded.data) for coded, _ in playing.units)


def test_the_described_size_is_told(playing: World) -> None:
    assert playing.sizes == [(352, 208)]


def test_described_parameter_sets_go_before_an_idr_that_lacks_them(playing: World) -> None:
    playing.source.on_access_unit(unit(IDR))
    assert playing.units[0][0].data == START + SPS + START + PPS + START + IDR


def test_nothing_is_handed_on_before_the_first_idr(playing: World) -> None:
    for nal_unit in (SLICE, SLICE, IDR, SLICE):
        playing.source.on_access_unit(unit(nal_unit))
    assert [coded.random_access for coded, _ in playing.units] == [True, False]
    assert playing.status.skipped_access_units == 2
    playing.source.skip_to_random_access()
    for nal_unit in (SLICE, IDR):
        playing.source.on_access_unit(unit(nal_unit))
    assert [coded.random_access for coded, _ in playing.units] == [True, False, True]


def test_an_access_unit_of_which_nothing_is_allowed(playing: World) -> None:
    playing.source.on_access_unit(unit(SEI))
    assert playing.units == []
    assert playing.status.access_units == 1


def test_pictures_keep_their_distance(playing: World, now: Callable[[float], None]) -> None:
    for index in range(10):
        now(5000 + index * 0.04)
        playing.source.on_access_unit(unit(IDR, timestamp=(0xFFFF_F000 + index * 3600) & 0xFFFF_FFFF))
    times = [coded.pts for coded, _ in playing.units]
    assert {later - earlier for earlier, later in itertools.pairwise(times)} == {3600}
    assert times[0] == 5000 * 90_000


def test_no_camera_sends_pictures_so_fast(playing: World, now: Callable[[float], None]) -> None:
    """A second's worth may come at once, as after a stall; more is shed, and what follows begins at an IDR."""
    for _ in range(1000):
        playing.source.on_access_unit(unit(IDR))
    assert len(playing.units) == MAX_PICTURES_PER_S == 240
    assert playing.status.shed_access_units == 760
    now(5000.1)
    playing.source.on_access_unit(unit(SLICE))
    playing.source.on_access_unit(unit(IDR))
    playing.source.on_access_unit(unit(SLICE))
    assert [coded.random_access for coded, _ in playing.units[240:]] == [True, False]
    now(5010)
    for _ in range(1000):
        playing.source.on_access_unit(unit(IDR))
    assert len(playing.units) == 242 + 240


def test_a_camera_at_sixty_pictures_is_never_slowed(playing: World, now: Callable[[float], None]) -> None:
    for index in range(600):
        now(5000 + index / 60)
        playing.source.on_access_unit(unit(IDR))
    assert playing.status.shed_access_units == 0
    assert len(playing.units) == 600


def test_encrypted_pictures_are_not_handed_on_and_the_operator_is_told(
    playing: World, now: Callable[[float], None]
) -> None:
    rng = random.Random(3)
    for index in range(100):
        now(5000 + index * 0.04)
        kind = b"\x65" if index % 25 == 0 else b"\x41"
        sets = (SPS, PPS) if index % 25 == 0 else ()
        playing.source.on_access_unit(unit(*sets, kind + rng.randbytes(200)))
    assert playing.source.is_encrypted
    assert playing.problems == [ENCRYPTED]
    assert "encryption" in ENCRYPTED
    handed_on = len(playing.units)
    assert handed_on < 5  # a random slice may look like one, before enough were seen
    for index in range(100):
        now(5010 + index * 0.04)
        playing.source.on_access_unit(unit(SPS, PPS, b"\x65" + rng.randbytes(200)))
    assert len(playing.units) == handed_on
    assert playing.problems == [ENCRYPTED]


def test_encryption_that_is_turned_off_is_noticed(playing: World, now: Callable[[float], None]) -> None:
    rng = random.Random(4)
    for index in range(100):
        now(5000 + index * 0.04)
        playing.source.on_access_unit(unit(SPS, PPS, b"\x65" + rng.randbytes(200)))
    assert playing.source.is_encrypted
    before = len(playing.units)
    for index in range(1000):
        now(5010 + index * 0.04)
        playing.source.on_access_unit(unit(SPS, PPS, IDR))
    assert not playing.source.is_encrypted
    assert len(playing.units) > before + 400


# -- audio -------------------------------------------------------------------------------------------------------------


def audible(world: World) -> Connection:
    """The connection of a camera whose audio was set up: G.711."""
    connection = Connection(world, world.source._options, world.source)
    connection.video, connection.audio = SimpleNamespace(sender_report=None), SimpleNamespace(sender_report=None)
    world.source._connection = connection  # type: ignore[assignment]  # stands for one
    description = parse_sdp((SDP.format(connection="", fmtp="") + "m=audio 0 RTP/AVP 0\r\n").encode())
    selection = select_audio(description, select_video(description))
    assert selection is not None
    world.source.on_audio_set_up(selection)
    return connection


def sound(timestamp: int, arrival: float) -> AudioUnit:
    """20 ms of G.711."""
    return AudioUnit(timestamp=timestamp & 0xFFFF_FFFF, duration=160, data=bytes(160), arrival=arrival)


def test_faults_of_both_media_are_told(playing: World) -> None:
    connection = audible(playing)
    connection.video = SimpleNamespace(
        receiver=RtpReceiver(frozenset(), 90_000, Ledger(), reorder=False), faults={"a": 1}
    )
    connection.audio = SimpleNamespace(faults={"impossible AU size": 3})
    assert playing.source.reception["faults"] == {"a": 1, "b": 2, "audio: impossible AU size": 3}


def test_audio_began_a_packet_before_it_came(playing: World) -> None:
    audible(playing)
    for index in range(5):
        playing.source.on_audio(sound(0xFFFF_FF00 + 160 * index, 5000 + 0.02 * index), restarted=False)
    assert playing.audio_formats == [AudioFormat(encoding="PCMU", clock_rate=8000, channels=1, config=b"")]
    assert [pts for pts, _ in playing.audio] == [5000 * 90_000 - 1800 + 1800 * index for index in range(5)]
    assert playing.status.audio_units == 5


def test_audio_that_begins_anew_follows_its_arrival(playing: World) -> None:
    audible(playing)
    playing.source.on_audio(sound(0, 5000.0), restarted=False)
    playing.source.on_audio(sound(4_000_000, 5001.0), restarted=True)
    assert playing.audio[1][0] == 5001 * 90_000 - 1800


def test_audio_is_put_where_the_sender_reports_say(playing: World) -> None:
    """Its sample 0 was taken a tenth of a second after the picture."""
    connection = audible(playing)
    connection.video.sender_report = SenderReport(ssrc=1, ntp=4_000_000_000 << 32, rtp_timestamp=0)
    connection.audio.sender_report = SenderReport(ssrc=2, ntp=(4_000_000_000 << 32) + (1 << 32) // 10, rtp_timestamp=0)
    playing.source.on_access_unit(unit(IDR, timestamp=0))
    playing.source.on_audio(sound(0, 5000.0), restarted=False)
    assert playing.audio[0][0] == pytest.approx(playing.units[0][0].pts + 9000, abs=1)


def test_audio_that_was_not_set_up_is_nothing(playing: World) -> None:
    playing.source.on_audio(sound(0, 5000.0), restarted=False)
    assert playing.audio == []
