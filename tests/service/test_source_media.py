"""What a source hands on of the media, with connections that do what a test says."""

import random
import re
from collections.abc import Callable
from dataclasses import replace
from types import SimpleNamespace

import pytest

from tests.support.source_world import (
    IDR,
    PPS,
    SDP,
    SEI,
    SLICE,
    SPROP,
    SPS,
    START,
    Connection,
    World,
    unit,
    world_maker,
)
from transcoder.errors import (
    ResponseError,
    Silent,
    TranscoderError,
    TransportError,
)
from transcoder.ledger import Ledger
from transcoder.rtp.audio import AudioUnit
from transcoder.rtp.reception import RtpReceiver
from transcoder.rtp.rtcp import SenderReport
from transcoder.sdp import parse_sdp, select_audio, select_video
from transcoder.source.events import (
    AudioLeftOut,
    AudioRestarted,
    AudioSetUp,
    Described,
    Playing,
    VideoRestarted,
)
from transcoder.source.intake import ENCRYPTED
from transcoder.worker_options import AudioFormat


@pytest.fixture
def make(monkeypatch: pytest.MonkeyPatch) -> Callable[..., World]:
    return world_maker(monkeypatch)


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
    assert connection.world.descriptions == 1
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


async def sound_asked_for(world: World, play: Callable[[Connection], None]) -> list[bool]:
    """Whether each of four connections asks for sound; a camera describes, plays so, and closes the connection."""
    world.source._options = replace(world.source._options, audio=True)
    asked: list[bool] = []

    def behaviour(connection: Connection) -> TranscoderError:
        asked.append(connection.audio)
        connection.describe()
        play(connection)
        return TransportError("the camera closed the connection")

    world.behaviour = behaviour
    await world.pull(4)
    return asked[:4]


async def test_sound_that_costs_the_picture_is_left_out(make: Callable[..., World]) -> None:
    """The session breaks with the SETUP of the sound (webrtc-streamer#131); without it, pictures come."""

    def play(connection: Connection) -> None:
        if not connection.audio:
            connection.tell(Playing())
            connection.picture()

    assert await sound_asked_for(make("tcp"), play) == [True, False, False, False]


async def test_nobody_waits_for_sound_that_is_left_out(make: Callable[..., World]) -> None:
    world = make("tcp")
    source = world.source
    source._connection = Connection(world, source._options, source._on_event)  # type: ignore[assignment]  # stands for one
    source._on_event(Playing())
    assert source.expects_audio
    source._on_event(AudioLeftOut())
    assert source.is_connected
    assert not source.expects_audio


async def test_sound_is_left_out_though_other_transports_fail_without_it(make: Callable[..., World]) -> None:
    """A session with sound is silent, and the camera speaks TCP alone: TCP comes without sound in the next round."""
    world = make("auto")
    world.source._options = replace(world.source._options, audio=True)
    asked: list[tuple[str, bool]] = []

    def behaviour(connection: Connection) -> TranscoderError:
        asked.append((connection.transport, connection.audio))
        connection.describe()
        if connection.transport != "tcp":
            return ResponseError(461, "SETUP", "Unsupported Transport")
        connection.tell(Playing())
        if not connection.audio:
            connection.picture()
        return Silent("no packet in 20 s")

    world.behaviour = behaviour
    await world.pull(5)
    assert asked[:5] == [("tcp", True), ("udp", False), ("http", False), ("tcp", False), ("tcp", False)]


async def test_sound_is_asked_for_again_where_it_is_not_to_blame(make: Callable[..., World]) -> None:
    assert await sound_asked_for(make("tcp"), lambda _: None) == [True, False, True, False]


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
