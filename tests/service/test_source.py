"""The source, with connections that do what a test says: which transport comes next, and what is handed on."""

import asyncio
import itertools
import random
import re
from collections.abc import Callable
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest
import structlog
from typing_extensions import override

from transcoder import clock
from transcoder.codecs.access_unit import AccessUnit
from transcoder.codecs.nal import Codec
from transcoder.errors import (
    KeyNotTrusted,
    LoginDowngraded,
    ResponseError,
    TranscoderError,
    TransportError,
)
from transcoder.ledger import Ledger
from transcoder.net.source_options import SourceOptions
from transcoder.rtp.audio import AudioUnit
from transcoder.rtp.reception import RtpReceiver
from transcoder.rtp.rtcp import SenderReport
from transcoder.rtsp.urls import parse_url
from transcoder.sdp import parse_sdp, select_audio, select_video
from transcoder.service import source as module
from transcoder.service.host_gate import HostGate
from transcoder.service.source import Source, SourceListener
from transcoder.source.events import (
    AudioLeftOut,
    AudioRestarted,
    AudioSetUp,
    Described,
    Event,
    Playing,
    VideoRestarted,
    VideoSelected,
)
from transcoder.source.intake import ENCRYPTED, CodedUnit
from transcoder.source.problems import Unreadable
from transcoder.source.reconnection import Reconnection
from transcoder.source.status import SourceStatus
from transcoder.worker_options import AudioFormat

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

    def __init__(self, world: "World", options: SourceOptions, on_event: Callable[[Event], None]) -> None:
        self.world = world
        self.transport = options.transport
        self.audio = options.audio
        self.tell = on_event
        self.session: Any = SimpleNamespace(video=None, audio=None, faults={"b": 2}, received_bytes=1000)

    async def run(self) -> None:
        self.world.tried.append(self.transport)
        await asyncio.sleep(0)
        raise self.world.behaviour(self)

    def describe(self, connection: str = "", fmtp: str = "") -> None:
        description = parse_sdp(SDP.format(connection=connection, fmtp=fmtp).encode())
        self.tell(Described(description=description, server="a camera", realm="Login to 4X"))
        self.tell(VideoSelected(select_video(description)))

    def picture(self, *nal_units: bytes) -> None:
        self.tell(unit(*(nal_units or (SPS, PPS, IDR))))


class World(SourceListener):
    """Listens to a source; `behaviour` tells how a connection ends."""

    def __init__(self, transport: str = "auto") -> None:
        self.tried: list[str] = []
        self.waited: list[int] = []
        """After how many connections the source waited."""
        self.units: list[tuple[CodedUnit, float]] = []
        self.problems: list[Unreadable] = []
        self.audio: list[tuple[int, bytes]] = []
        self.audio_formats: list[AudioFormat] = []
        self.sizes: list[tuple[int, int]] = []
        self.lost: list[tuple[str, bool]] = []
        self.keys: list[tuple[str, str]] = []
        self.logins: list[str] = []
        self.takes_units = True
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
            listener=self,
            gate=self.gate,
        )

    @override
    def on_described_size(self, size: tuple[int, int]) -> None:
        self.sizes.append(size)

    @override
    def on_coded_unit(self, unit: CodedUnit, arrival: float) -> bool:
        self.units.append((unit, arrival))
        return self.takes_units

    @override
    def on_unreadable(self, why: Unreadable) -> None:
        self.problems.append(why)

    @override
    def on_audio_format(self, audio: AudioFormat) -> None:
        self.audio_formats.append(audio)

    @override
    def on_audio_unit(self, pts: int, data: bytes) -> None:
        self.audio.append((pts, data))

    @override
    def on_key_changed(self, reason: str, fingerprint: str) -> None:
        self.keys.append((reason, fingerprint))

    @override
    def on_login_downgraded(self, reason: str) -> None:
        self.logins.append(reason)

    @override
    def on_source_lost(self, reason: str, *, was_playing: bool) -> None:
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
    connection.tell(Playing())
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
        connection.tell(Playing())
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
        self.tell(Playing())
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


# -- what is handed on; the rules of it are in tests/source/test_intake.py ---------------------------------------------


@pytest.fixture
async def connection(make: Callable[..., World]) -> Connection:
    """A connection of a source to a camera that described H.264 with parameter sets."""
    world = make("tcp")
    made = Connection(world, world.source._options, world.source._on_event)
    world.source._connection = made  # type: ignore[assignment]  # stands for one
    made.describe(fmtp=SPROP)
    return made


def test_what_is_described_is_told(connection: Connection) -> None:
    assert connection.world.sizes == [(352, 208)]
    assert connection.world.status.vendor == "dahua"  # by its realm


def test_a_camera_without_marks_is_of_no_vendor(make: Callable[..., World]) -> None:
    world = make("tcp")
    world.source._on_event(
        Described(description=parse_sdp(SDP.format(connection="", fmtp="").encode()), server="", realm="")
    )
    assert world.status.vendor == ""


def test_access_units_are_handed_on_with_the_time_of_their_last_packet(connection: Connection) -> None:
    connection.tell(unit(SEI, IDR, completed=5000.5))
    [(coded, arrival)] = connection.world.units
    assert (coded.data, coded.random_access) == (START + SPS + START + PPS + START + IDR, True)
    assert arrival == 5000.5
    assert connection.world.ledger.now > 1.7e9  # dated by the wall clock
    assert connection.world.source.reception == {}


def test_what_refers_to_something_that_was_not_taken_is_not_handed_on(connection: Connection) -> None:
    world = connection.world
    for nal_unit, takes in ((IDR, True), (SLICE, False), (SLICE, True), (IDR, True)):
        world.takes_units = takes
        connection.picture(nal_unit)
    assert [coded.random_access for coded, _ in world.units] == [True, False, True]


def test_the_operator_is_told_of_encryption_once(connection: Connection) -> None:
    rng = random.Random(3)
    for index in range(200):
        connection.picture(SPS, PPS, (b"\x65" if index % 25 == 0 else b"\x41") + rng.randbytes(200))
    assert not connection.world.source.is_readable
    [problem] = connection.world.problems
    assert problem.code == "encrypted"
    assert problem.reason.startswith(ENCRYPTED + " (")
    assert re.search(r"\((\d+) of 24 slices fit none of 1 PPS\)$", problem.reason)
    assert "encryption" in ENCRYPTED


def test_a_camera_that_begins_anew(connection: Connection) -> None:
    connection.tell(unit(IDR, timestamp=1_000_000, completed=5000.0))
    connection.tell(VideoRestarted())
    connection.tell(unit(IDR, timestamp=0, completed=5000.04))
    assert [coded.pts for coded, _ in connection.world.units] == [5000 * 90_000, 5000 * 90_000 + 3600]
    assert connection.world.status.restarts == 1


def test_a_connection_that_was_of_no_use(connection: Connection) -> None:
    reasons: list[str] = []
    connection.give_up = reasons.append  # type: ignore[attr-defined]
    connection.tell(Playing())
    source = connection.world.source
    assert source.is_connected
    source.give_up("nothing could be decoded")
    assert reasons == ["nothing could be decoded"]
    assert (source.played_s() or 0.0) < 1.0


async def test_sound_that_costs_the_picture_is_left_out(make: Callable[..., World]) -> None:
    """The session breaks with the SETUP of the sound (webrtc-streamer#131); without it, pictures come."""
    world = make("tcp")
    world.source._options = replace(world.source._options, audio=True)
    asked: list[bool] = []

    def behaviour(connection: Connection) -> TranscoderError:
        asked.append(connection.audio)
        connection.describe()
        if connection.audio:
            return TransportError("the camera closed the connection")
        connection.tell(Playing())
        connection.picture()
        return TransportError("the camera closed the connection")

    world.behaviour = behaviour
    await world.pull(4)
    assert asked[:4] == [True, False, False, False]


async def test_nobody_waits_for_sound_that_is_left_out(make: Callable[..., World]) -> None:
    world = make("tcp")
    source = world.source
    source._connection = Connection(world, source._options, source._on_event)  # type: ignore[assignment]  # stands for one
    source._on_event(Playing())
    assert source.expects_audio
    source._on_event(AudioLeftOut())
    assert source.is_connected
    assert not source.expects_audio


async def test_sound_is_asked_for_again_where_it_is_not_to_blame(make: Callable[..., World]) -> None:
    world = make("tcp")
    world.source._options = replace(world.source._options, audio=True)
    asked: list[bool] = []

    def behaviour(connection: Connection) -> TranscoderError:
        asked.append(connection.audio)
        connection.describe()
        return TransportError("the camera closed the connection")

    world.behaviour = behaviour
    await world.pull(4)
    assert asked[:4] == [True, False, True, False]


async def test_what_the_documents_tell_of_the_next_attempt(make: Callable[..., World]) -> None:
    world = make("tcp")
    world.behaviour = lambda _: ResponseError(401, "DESCRIBE", "Unauthorized")
    task = asyncio.create_task(world.source.run())
    async with asyncio.timeout(5):
        while not world.lost:
            await asyncio.sleep(0.001)
    status = world.status
    assert status.problem_code == "login"
    assert status.next_attempt is None or abs(status.next_attempt - clock.wall_clock()) < 5
    assert status.place() == 0
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


# -- audio -------------------------------------------------------------------------------------------------------------


@pytest.fixture
def audible(connection: Connection) -> Connection:
    """The connection of a camera whose audio was set up: G.711."""
    connection.session.video = SimpleNamespace(sender_report=None)
    connection.session.audio = SimpleNamespace(sender_report=None)
    description = parse_sdp((SDP.format(connection="", fmtp="") + "m=audio 0 RTP/AVP 0\r\n").encode())
    selection = select_audio(description, select_video(description))
    assert selection is not None
    connection.tell(AudioSetUp(selection))
    return connection


def sound(timestamp: int, arrival: float) -> AudioUnit:
    """20 ms of G.711."""
    return AudioUnit(timestamp=timestamp & 0xFFFF_FFFF, duration=160, data=bytes(160), arrival=arrival)


def test_faults_of_both_media_are_told(audible: Connection) -> None:
    receiver = RtpReceiver(frozenset(), 90_000, Ledger(), reorder=False)
    audible.session.video = SimpleNamespace(receiver=receiver, faults={"a": 1})
    audible.session.audio = SimpleNamespace(faults={"impossible AU size": 3})
    assert audible.world.source.reception["faults"] == {"a": 1, "b": 2, "audio: impossible AU size": 3}


def test_audio_is_told_and_handed_on(audible: Connection) -> None:
    audible.tell(sound(0, 5000.0))
    audible.tell(AudioRestarted())
    audible.tell(sound(4_000_000, 5001.0))
    world = audible.world
    assert world.audio_formats == [AudioFormat(encoding="PCMU", clock_rate=8000, channels=1, config=b"")]
    assert world.audio == [(5000 * 90_000 - 1800, bytes(160)), (5001 * 90_000 - 1800, bytes(160))]


def test_audio_is_put_where_the_sender_reports_say(audible: Connection) -> None:
    """Its sample 0 was taken a tenth of a second after the picture."""
    audible.session.video.sender_report = SenderReport(ssrc=1, ntp=4_000_000_000 << 32, rtp_timestamp=0)
    audible.session.audio.sender_report = SenderReport(
        ssrc=2, ntp=(4_000_000_000 << 32) + (1 << 32) // 10, rtp_timestamp=0
    )
    audible.tell(unit(IDR, timestamp=0, completed=5000.0))
    audible.tell(sound(0, 5000.0))
    assert audible.world.audio[0][0] == pytest.approx(audible.world.units[0][0].pts + 9000, abs=1)


def test_audio_that_was_not_set_up_is_nothing(connection: Connection) -> None:
    connection.tell(sound(0, 5000.0))
    assert connection.world.audio == []


async def test_a_key_that_is_not_trusted_is_told_once(make: Callable[..., World]) -> None:
    world = make("tcp")
    keys = iter(["a1", "a1", "b2", "b2", "b2", "b2", "b2"])
    world.behaviour = lambda _: KeyNotTrusted("another key", next(keys))
    await world.pull(5)
    assert world.keys == [("another key", "a1"), ("another key", "b2")]
    assert world.status.problem_code == "refused"


async def test_a_login_in_clear_is_told_once_until_the_camera_plays(make: Callable[..., World]) -> None:
    world = make("tcp")
    numbers = itertools.count(1)

    def behave(connection: Connection) -> TranscoderError:
        if next(numbers) == 3:
            connection.tell(Playing())
        return LoginDowngraded("in clear")

    world.behaviour = behave
    await world.pull(2)
    assert world.logins == ["in clear"]
    assert world.status.problem_code == "login"
    await world.pull(5)
    assert world.logins == ["in clear", "in clear"]
