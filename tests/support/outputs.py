"""An output's neighbours for tests: a clock that a test moves, and a worker and a stream that note each call."""

import asyncio
from collections.abc import Callable
from typing import Any

from transcoder.codecs.audio_codec import AudioCodec
from transcoder.codecs.nal import Codec, nal_unit_type
from transcoder.formats.served_audio import ServedAudio
from transcoder.ipc.messages import REPEATED, CodedMessage
from transcoder.output.fanout import Outlet, Reader, Track
from transcoder.output.output import Output, OutputOwner, PictureMaker
from transcoder.output.remembered import Remembered
from transcoder.output.timing import Timer, Timing
from transcoder.rtp.sender import PreparedAccessUnit, RtpSender
from transcoder.rtsp.session import EndReason
from transcoder.worker_options import OutputFormat, OutputOptions

SPS = bytes.fromhex("674d400ceca0b0dd08000003000800000300f078a14cb0")
"""The SPS of x264 for 352x208."""
SPS_LEVEL_5 = bytes.fromhex("674d4032eca0b0dd08000003000800000300f078c18cb0")
"""The SPS of x264 for 352x208 at level 5."""
SPS_640 = bytes.fromhex("674d4016eca05017d080000003008000000f078b16cb")
"""The SPS of x264 for 640x368."""
PPS = bytes.fromhex("68ebe3cb20")
IDR_SLICE, OTHER_SLICE = b"\x65\x88\x84", b"\x41\x9a\x02"


class FakeTiming(Timing):
    """Holds a clock that moves when a test moves it, or when somebody waits.

    Attributes:
        at: monotonic seconds.
        waits: the limits of all waits so far, seconds.
        while_waiting: called at the begin of every wait.
    """

    def __init__(self) -> None:
        self.at = 1000.0
        self.waits: list[float] = []
        self.while_waiting: Callable[[], object] = lambda: None
        self._timers: list[tuple[float, FakeTimer]] = []

    def now(self) -> float:
        return self.at

    def call_later(self, delay_s: float, callback: Callable[[], None]) -> Timer:
        timer = FakeTimer(callback)
        self._timers.append((self.at + delay_s, timer))
        return timer

    async def wait(self, event: asyncio.Event, limit_s: float) -> bool:
        self.waits.append(limit_s)
        self.while_waiting()
        if not event.is_set():
            self.advance(limit_s)
        return event.is_set()

    def advance(self, seconds: float) -> None:
        """Let time pass, and call everything that is due in it."""
        end = self.at + seconds
        while due := sorted((entry for entry in self._timers if entry[0] <= end), key=lambda entry: entry[0]):
            entry = due[0]
            self._timers.remove(entry)
            self.at = max(self.at, entry[0])
            entry[1].fire()
        self.at = end


class FakeTimer(Timer):
    def __init__(self, callback: Callable[[], None]) -> None:
        self._callback: Callable[[], None] | None = callback

    def cancel(self) -> None:
        self._callback = None

    def fire(self) -> None:
        if self._callback is not None:
            self._callback()


class NotedMaker(PictureMaker):
    """Stands in for a worker and makes no pictures."""

    def __init__(self) -> None:
        self.forced: list[int] = []
        self.repeats: list[tuple[int, float]] = []
        self.unread: list[int] = []
        self.awake: list[tuple[int, bool]] = []
        self.is_needed = False

    def need(self) -> None:
        self.is_needed = True

    def note_unread(self, number: int) -> None:
        self.unread.append(number)

    def set_awake(self, number: int, *, is_awake: bool) -> None:
        self.awake.append((number, is_awake))

    def force_idr(self, number: int) -> None:
        self.forced.append(number)

    def repeat(self, number: int, shown: float) -> None:
        self.repeats.append((number, shown))


class NotedOwner(OutputOwner):
    """Stands in for a stream that has an output and nothing else."""

    is_enabled = True
    expects_audio = False

    def __init__(self) -> None:
        self.ended: list[tuple[str, EndReason]] = []
        self.resized: list[tuple[str, dict[str, Any]]] = []
        self.remembered: list[Remembered] = []

    def end_readers(self, path: str, reason: EndReason) -> None:
        self.ended.append((path, reason))

    def remember(self, path: str, number: int, told: Remembered) -> None:
        self.remembered.append(told)

    def on_size_changed(self, path: str, made: dict[str, Any]) -> None:
        self.resized.append((path, made))


class NotedOutlet(Outlet):
    """Stands in for a reader's connection, keeps everything that is sent, and may show a backlog.

    Args:
        name: the name under which units are noted in `order`.
        order: is told of each unit and each report, in the order in which they are sent.
    """

    def __init__(self, name: str = "", order: list[str] | None = None) -> None:
        self.name = name
        self.order = order if order is not None else []
        self.units: list[PreparedAccessUnit] = []
        self.reports: list[bytes] = []
        self.waiting = 0

    def backlog(self) -> int:
        return self.waiting

    def send_frames(self, data: bytearray, unit: PreparedAccessUnit) -> None:
        self.units.append(unit)
        self.order.append(self.name)

    def send_rtcp(self, data: bytes) -> None:
        self.reports.append(data)
        self.order.append("report")


def track(sender: RtpSender) -> Track:
    return Track(outlet=NotedOutlet(), sender=sender)


def reader(video: Track, audio: Track | None = None) -> Reader:
    return Reader({0: video} | ({1: audio} if audio is not None else {}), lambda _: None)


def coded(
    *nal_units: bytes,
    at: float,
    number: int = 0,
    codec: Codec = Codec.H264,
    repeated: bool = False,
    delay_s: float = 0.0,
) -> tuple[CodedMessage, list[int]]:
    """Make a worker's coded picture, and return it with the types of its NAL units."""
    message = CodedMessage(
        output_number=number,
        codec=codec,
        flags=REPEATED if repeated else 0,
        pts=round(at * 90_000),
        arrival=at - delay_s,
        decode_s=0.004,
        stages_s=0.002,
        encode_s=0.0045,
        nal_units=list(nal_units),
    )
    return message, [nal_unit_type(codec, unit) for unit in nal_units]


IDR = (SPS, PPS, IDR_SLICE)
FORMAT = OutputFormat(width=352, height=208, frame_rate=12.5, matrix=1)
AUDIO = ServedAudio(clock_rate=16_000, config=b"\x14\x08")
PCMU = ServedAudio(codec=AudioCodec.PCMU, clock_rate=8000)


class Served(Output):
    """An output, and what it asks for."""

    def __init__(self, number: int = 1) -> None:
        self.timing, self.maker, self.owner = FakeTiming(), NotedMaker(), NotedOwner()
        super().__init__("front", number, OutputOptions(), self.maker, self.owner, self.timing, session_id=77)

    def give(self, *nal_units: bytes, repeated: bool = False, delay_s: float = 0.0) -> bool:
        now = self.timing.at
        return self.on_picture(*coded(*nal_units, at=now, repeated=repeated, delay_s=delay_s), now)

    async def sdp(self) -> list[str]:
        return (await self.describe("192.0.2.1")).decode().splitlines()

    def pass_time(self, seconds: float) -> None:
        """Let time pass in the steps of the gateway."""
        for _ in range(round(seconds / 0.25)):
            self.timing.advance(0.25)
            self.tick(self.timing.at)
