"""This module runs a source over connections that do what a test says, without a network."""

import asyncio
import itertools
from collections.abc import Callable, Sequence
from types import SimpleNamespace
from typing import Any

import pytest
import structlog
from typing_extensions import override

from transcoder import clock
from transcoder.codecs.access_unit import AccessUnit
from transcoder.codecs.nal import Codec
from transcoder.errors import (
    TranscoderError,
    TransportError,
)
from transcoder.ledger import Ledger
from transcoder.net.source_options import SourceOptions
from transcoder.rtsp.urls import parse_url
from transcoder.sdp import parse_sdp, select_video
from transcoder.service import source as module
from transcoder.service.host_gate import HostGate
from transcoder.service.source import Source, SourceListener
from transcoder.source.events import (
    Described,
    Event,
    VideoSelected,
)
from transcoder.source.intake import CodedUnit
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
    """Stands for an RtspSource; the test says how it ends, by the behaviour of its world."""

    def __init__(self, world: "World", options: SourceOptions, on_event: Callable[[Event], None]) -> None:
        self.world = world
        self.transport = options.transport
        self.audio = options.audio
        self.tell = on_event
        self.session: Any = SimpleNamespace(video=None, audio=None, faults={"b": 2}, received_bytes=1000)
        self.addresses: Sequence[str] = ()
        self.address = ""

    async def run(self) -> None:
        self.world.tried.append(self.transport)
        self.address = self.addresses[0] if self.addresses else ""
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
        self.descriptions = 0
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
    def on_described(self) -> None:
        self.descriptions += 1

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
        """Run the source for so many connections, and return their transports."""
        task = asyncio.create_task(self.source.run())
        async with asyncio.timeout(5):
            while len(self.tried) < connections:
                await asyncio.sleep(0.001)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        return self.tried[:connections]


NUMBERS = itertools.count()


def unit(*nal_units: bytes, completed: float | None = None, timestamp: int | None = None) -> AccessUnit:
    """Return an access unit, a picture later than the one before where no timestamp is named."""
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


def world_maker(monkeypatch: pytest.MonkeyPatch) -> Callable[..., World]:
    """Return a maker of worlds, whose sources hardly wait between two connections."""
    monkeypatch.setattr(Reconnection, "_delay", lambda self, error: 0.002)

    def made(transport: str = "auto") -> World:
        world = World(transport)
        monkeypatch.setattr(module, "RtspSource", lambda options, ledger, handler: Connection(world, options, handler))
        return world

    return made
