"""The source's shell: simulated cameras over real sockets, and a scripted one that does not do what it should."""

import asyncio
import itertools
import struct
import time
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

import pytest

from tests.support.rtsp_reader import AccessUnit as ReadUnit
from tests.support.rtsp_reader import decode as decode_units
from transcoder.codecs.access_unit import AccessUnit
from transcoder.codecs.nal import Codec
from transcoder.codecs.picture_codec import SourceCodec
from transcoder.errors import ConnectionRefused, NotConnected, ResponseError, Silent, TransportError
from transcoder.lab.cameras.access_units import Content
from transcoder.lab.cameras.behaviour import override
from transcoder.lab.cameras.content import ContentOptions, from_scene
from transcoder.lab.cameras.counter import read_counter
from transcoder.lab.cameras.families import FAMILIES
from transcoder.lab.cameras.scenes import SceneOptions
from transcoder.lab.cameras.server import SimulatedCamera
from transcoder.ledger import Ledger
from transcoder.net import rtsp_source
from transcoder.net.rtsp_source import RtspSource
from transcoder.net.sockets import Binding
from transcoder.net.source_options import SourceOptions
from transcoder.rtp.audio import AudioUnit
from transcoder.rtsp.auth import Credentials
from transcoder.rtsp.quirks import FORCED_QUIRKS
from transcoder.rtsp.urls import parse_url
from transcoder.source.events import AudioSetUp, Event, Playing, VideoRestarted
from transcoder.source.options import Timeouts

if TYPE_CHECKING:
    from pathlib import Path

FPS, LOOP = 20, 20
SDP = (
    "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=Media\r\nt=0 0\r\na=control:*\r\n"
    "m=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\na=control:trackID=1\r\n"
    "m=audio 0 RTP/AVP 8\r\na=control:trackID=2\r\n"
    "m=application 0 RTP/AVP 107\r\na=rtpmap:107 vnd.onvif.metadata/90000\r\na=control:trackID=3\r\n"
)


class Handler:
    """Keeps what comes."""

    def __init__(self) -> None:
        self.units: list[AccessUnit] = []
        self.playing: list[float] = []
        self.restarts = 0

    def on_event(self, event: Event) -> None:
        if isinstance(event, AccessUnit):
            self.units.append(event)
        elif isinstance(event, Playing):
            self.playing.append(time.monotonic())
        elif isinstance(event, VideoRestarted):
            self.restarts += 1
        assert not isinstance(event, AudioSetUp | AudioUnit), "audio was not asked for"


def source(
    url: str, handler: Handler, *, transport: str = "tcp", ledger: Ledger | None = None, **changes
) -> RtspSource:
    options = {
        "url": parse_url(url),
        "credentials": None,
        "transport": transport,
        "allowed": lambda address: address.startswith("127."),
    }
    return RtspSource(SourceOptions(**options | changes), Ledger() if ledger is None else ledger, handler.on_event)


async def until(condition, timeout_s: float = 5.0) -> None:
    async with asyncio.timeout(timeout_s):
        while not condition():
            await asyncio.sleep(0.01)


@pytest.fixture(scope="module")
def contents(tmp_path_factory: pytest.TempPathFactory) -> dict[SourceCodec, Content]:
    cache: Path = tmp_path_factory.mktemp("content")
    scene = SceneOptions(width=320, height=180, fps=FPS, seconds=LOOP / FPS, counter=True)
    return {codec: from_scene(ContentOptions(scene=scene, codec=codec, gop_s=0.5), cache) for codec in Codec}


# -- simulated cameras -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("transport", ["tcp", "udp"])
@pytest.mark.parametrize("family", ["hikvision", "dahua", "uniview", "h264dvr"])
async def test_every_picture_of_a_camera_comes_in_order(
    family: str, transport: str, contents: dict[SourceCodec, Content]
) -> None:
    behaviour = FAMILIES[family].behaviour
    camera = SimulatedCamera(behaviour, contents[behaviour.codec], password="secret")
    credentials = Credentials(username="admin", password="secret")
    handler, ledger = Handler(), Ledger()
    async with camera:
        url = f"rtsp://127.0.0.1:{camera.port}{camera.path}"
        running = source(url, handler, transport=transport, ledger=ledger, credentials=credentials)
        task = asyncio.create_task(running.run())
        await until(lambda: len(handler.units) > 2 * LOOP)
        assert camera.readers == 1
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await until(lambda: camera.readers == 0, 2)  # it said TEARDOWN
    units = handler.units
    assert not any(unit.damaged for unit in units)
    assert all(unit.arrival <= unit.completed <= time.monotonic() for unit in units)
    name = behaviour.codec.value
    pictures = decode_units(name, [ReadUnit(0.0, 0, unit.nal_units, False) for unit in units])
    counters = [read_counter(picture) for picture in pictures]
    assert counters == [index % LOOP for index in range(len(counters))]
    assert running.session.video is not None
    assert running.session.received_bytes > sum(unit.size for unit in units)


async def test_a_group_that_the_session_alone_names(contents: dict[SourceCodec, Content]) -> None:
    """c=IN IP4 239.255.77.11/16 before the media (RFC 4566 section 5.7), and SETUP answers without a destination."""
    behaviour = override(FAMILIES["longse"].behaviour, ["multicast=239.255.77.11"])
    async with SimulatedCamera(behaviour, contents[Codec.H264]) as camera:
        with pytest.raises(ResponseError) as caught:
            await source(camera.url, Handler()).run()
        assert caught.value.status == 461
        handler, binding = Handler(), Binding(address="127.0.0.1")
        task = asyncio.create_task(source(camera.url, handler, transport="multicast", binding=binding).run())
        await until(lambda: len(handler.units) > LOOP)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    assert not any(unit.damaged for unit in handler.units)


@pytest.mark.parametrize(
    ("settings", "profile"),
    [
        (["digest_algorithm=SHA256"], "auto"),
        (["digest_algorithm=MD5/SHA256"], "auto"),
        (["digest_algorithm=MD5/SHA256", "digest_understood=MD5"], "auto"),
        (["digest_algorithm=MD5,SHA-256", "digest_understood=SHA-256", "digest_qop=true"], "auto"),
        (["authentication=basic", "extra_fields_refused=true"], "bare-requests"),
        (["challenge_options=true", "extra_fields_refused=true"], "bare-requests"),
    ],
    ids=lambda value: value if isinstance(value, str) else ",".join(value),
)
async def test_a_login_of_its_own_kind(settings: list[str], profile: str, contents: dict[SourceCodec, Content]) -> None:
    camera = SimulatedCamera(
        override(FAMILIES["hikvision"].behaviour, settings), contents[Codec.H264], password="secret"
    )
    credentials, handler = Credentials(username="admin", password="secret"), Handler()
    async with camera:
        url = f"rtsp://127.0.0.1:{camera.port}{camera.path}"
        running = source(url, handler, credentials=credentials, quirks=FORCED_QUIRKS[profile])
        task = asyncio.create_task(running.run())
        await until(lambda: len(handler.units) > 3)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


@pytest.mark.parametrize(("profile", "transport"), [("h264", "tcp"), ("auto", "udp")])
async def test_h264_that_is_called_h265(profile: str, transport: str, contents: dict[SourceCodec, Content]) -> None:
    """EZVIZ C6N, go2rtc#264: told by hand, or known by its parameters after a while without a picture."""
    behaviour = override(FAMILIES["hikvision"].behaviour, ["encoding=H265"])
    async with SimulatedCamera(behaviour, contents[Codec.H264]) as camera:
        handler = Handler()
        running = source(camera.url, handler, transport=transport, quirks=FORCED_QUIRKS[profile])
        task = asyncio.create_task(running.run())
        await until(lambda: len(handler.units) > LOOP and len(whole(handler.units)) > LOOP // 2, 8)
        assert running.session.faults["H265 that is H264"] == (profile == "auto")
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    pictures = decode_units("H264", [ReadUnit(0.0, 0, unit.nal_units, False) for unit in whole(handler.units)])
    counters = [read_counter(picture) for picture in pictures]
    assert counters[0] is not None
    assert counters == [(counters[0] + index) % LOOP for index in range(len(counters))]
    assert len(pictures) > LOOP // 2


def whole(units: list[AccessUnit]) -> list[AccessUnit]:
    """The last ones from a random access point on without damage: a process that is kept waiting loses datagrams."""
    damaged = [index for index, unit in enumerate(units) if unit.damaged]
    behind = units[damaged[-1] + 1 :] if damaged else units
    return list(itertools.dropwhile(lambda unit: not unit.random_access, behind))


async def test_a_login_beside_other_fields_is_refused(contents: dict[SourceCodec, Content]) -> None:
    behaviour = override(FAMILIES["hikvision"].behaviour, ["authentication=basic", "extra_fields_refused=true"])
    async with SimulatedCamera(behaviour, contents[Codec.H264], password="secret") as camera:
        url = f"rtsp://127.0.0.1:{camera.port}{camera.path}"
        with pytest.raises(ResponseError) as caught:
            await source(url, Handler(), credentials=Credentials(username="admin", password="secret")).run()
    assert caught.value.status == 401


async def test_a_wrong_password_is_said_once_and_not_tried_again(contents: dict[SourceCodec, Content]) -> None:
    async with SimulatedCamera(FAMILIES["hikvision"].behaviour, contents[Codec.H264], password="secret") as camera:
        url = f"rtsp://127.0.0.1:{camera.port}{camera.path}"
        for credentials in (Credentials(username="admin", password="wrong"), None):
            with pytest.raises(ResponseError) as caught:
                await source(url, Handler(), credentials=credentials).run()
            assert caught.value.status == 401
            assert "wrong" not in str(caught.value)


async def test_a_camera_that_goes_away_is_noticed(contents: dict[SourceCodec, Content]) -> None:
    async with SimulatedCamera(FAMILIES["hikvision"].behaviour, contents[Codec.H264]) as camera:
        handler = Handler()
        task = asyncio.create_task(source(camera.url, handler).run())
        await until(lambda: handler.units)
        await camera.stop()
        with pytest.raises(TransportError):
            await asyncio.wait_for(task, 3)


# -- a camera that is scripted -----------------------------------------------------------------------------------------


class ScriptedCamera:
    """Answers every request with 200; `after_play` is sent again and again; `answers` replaces answers by method."""

    def __init__(self) -> None:
        self.requests: list[str] = []
        self.answers: dict[str, str] = {}
        self.transport = "RTP/AVP/TCP;unicast;interleaved=0-1"
        self.after_play = b""
        self.sequence = 0

    async def __aenter__(self) -> "ScriptedCamera":
        self.server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self.server.sockets[0].getsockname()[1]
        self.url = f"rtsp://127.0.0.1:{self.port}/live"
        return self

    async def __aexit__(self, *_: object) -> None:
        self.server.close()

    def packet(self, payload: bytes, *, channel: int = 0, payload_type: int = 96) -> bytes:
        self.sequence += 1
        data = (
            struct.pack("!BBHII", 0x80, 0x80 | payload_type, self.sequence & 0xFFFF, self.sequence * 3600, 7) + payload
        )
        return b"$" + bytes([channel]) + len(data).to_bytes(2) + data

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        sending = None
        try:
            while True:
                text = (await reader.readuntil(b"\r\n\r\n")).decode(errors="replace")
                while text.startswith("$"):  # receiver reports come between
                    text = text[text.index("\x00", 4) :] if "\x00" in text[4:] else ""
                method, uri = text.split()[:2]
                self.requests.append(f"{method} {uri}")
                cseq = next(line for line in text.split("\r\n") if line.lower().startswith("cseq"))
                status, _, rest = self.answers.get(method, "200 OK").partition("|")
                head = f"RTSP/1.0 {status}\r\n{cseq}\r\n{rest}"
                if method == "DESCRIBE" and status.startswith("200"):
                    head += f"Content-Type: application/sdp\r\nContent-Length: {len(SDP)}\r\n"
                    writer.write(f"{head}\r\n{SDP}".encode())
                    continue
                if method == "SETUP":
                    head += f"Transport: {self.transport}\r\n"
                writer.write(f"{head}Session: 4711\r\n\r\n".encode())
                if method == "PLAY":
                    sending = asyncio.create_task(self._send(writer))
        except (asyncio.IncompleteReadError, ConnectionError, ValueError):
            pass
        finally:
            if sending:
                sending.cancel()
            writer.close()

    async def _send(self, writer: asyncio.StreamWriter) -> None:
        while True:
            if self.after_play:
                writer.write(self.packet(self.after_play))
            await asyncio.sleep(0.04)


@pytest.fixture
async def camera() -> AsyncIterator[ScriptedCamera]:
    async with ScriptedCamera() as made:
        yield made


async def test_only_the_video_is_set_up_and_the_session_is_torn_down(camera: ScriptedCamera) -> None:
    camera.after_play = b"\x65\x88\x80\x10\x00"
    handler = Handler()
    task = asyncio.create_task(source(camera.url, handler).run())
    await until(lambda: len(handler.units) > 3)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    methods = [line.split()[0] for line in camera.requests]
    assert [method for method in methods if method != "OPTIONS"] == ["DESCRIBE", "SETUP", "PLAY", "TEARDOWN"]
    [setup] = [line for line in camera.requests if line.startswith("SETUP")]
    assert setup.endswith("/live/trackID=1")


async def test_what_the_session_refuses_ends_the_connection(camera: ScriptedCamera) -> None:
    """The rules are in tests/source/test_session.py; here: an error of the session is what run() raises."""
    camera.answers["SETUP"] = "453 Not Enough Bandwidth"
    with pytest.raises(ResponseError) as caught:
        await asyncio.wait_for(source(camera.url, Handler()).run(), 10)
    assert caught.value.status == 453


async def test_a_silent_camera_is_given_up_by_the_clock(camera: ScriptedCamera) -> None:
    started = time.monotonic()
    with pytest.raises(Silent):
        await asyncio.wait_for(source(camera.url, Handler(), timeouts=Timeouts(first_packet_s=0.5)).run(), 10)
    assert 0.5 < time.monotonic() - started < 5
    assert camera.requests[-1].startswith("TEARDOWN")


async def test_a_group_that_can_not_be_joined_ends_the_connection(camera: ScriptedCamera) -> None:
    camera.transport = "RTP/AVP;multicast;destination=192.0.2.1;port=5004-5005"
    with pytest.raises(TransportError, match="no multicast group"):
        await asyncio.wait_for(source(camera.url, Handler(), transport="multicast").run(), 10)


async def test_a_redirect_on_the_host_is_followed(camera: ScriptedCamera) -> None:
    async with ScriptedCamera() as other:
        other.after_play = b"\x65\x88\x80\x10\x00"
        camera.answers["DESCRIBE"] = f"302 Moved|Location: {other.url}\r\n"
        handler = Handler()
        task = asyncio.create_task(source(camera.url, handler, redirect_ports=(parse_url(other.url).port,)).run())
        await until(lambda: len(handler.units) > 3)
        assert any(line.startswith("PLAY") for line in other.requests)
        assert not any(line.startswith("SETUP") for line in camera.requests)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        assert other.requests[-1].startswith("TEARDOWN")


async def test_an_address_that_is_not_allowed_is_not_connected_to(camera: ScriptedCamera) -> None:
    with pytest.raises(NotConnected, match=r"sources\.allow"):
        await source(camera.url, Handler(), allowed=lambda address: False).run()
    assert camera.requests == []


async def test_a_refused_connection_is_called_that(camera: ScriptedCamera) -> None:
    """The back-off goes by it."""
    camera.server.close()
    await camera.server.wait_closed()
    with pytest.raises(ConnectionRefused):
        await source(camera.url, Handler()).run()


async def test_a_host_that_does_not_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    blackhole = asyncio.get_running_loop().create_future()

    async def never(*_: object, **__: object) -> None:
        await blackhole

    monkeypatch.setattr(rtsp_source, "connect_any", never)
    with pytest.raises(NotConnected, match="no connection"):
        await source("rtsp://127.0.0.1:554/live", Handler(), timeouts=Timeouts(connect_s=0.3)).run()


async def test_a_name_that_is_not_known() -> None:
    with pytest.raises(NotConnected, match="not known"):
        await source("rtsp://camera.invalid/live", Handler()).run()
