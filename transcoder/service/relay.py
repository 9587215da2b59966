"""A relay stands in the place of a worker where pictures pass undecoded (`video.mode: relay`): it has no process.

Readers get parameter sets of our own writing and the camera's slices, in our own packets and on our own timeline. No
picture is drawn, so there is no slate: while the camera sends nothing, its last IDR is repeated once a second, and a
reader that joins waits for the camera's next IDR.
"""

import asyncio
from collections.abc import Callable
from typing import Final

import structlog
from typing_extensions import override

from transcoder import clock
from transcoder.clock import VIDEO_CLOCK_RATE
from transcoder.codecs.nal import is_parameter_set, is_vcl, nal_unit_type, split_byte_stream
from transcoder.codecs.parameter_sets import picture_size
from transcoder.codecs.relayed_pictures import RelayedPictures
from transcoder.errors import BitstreamError, CommandRejected
from transcoder.ipc.messages import RANDOM_ACCESS, REPEATED, CodedMessage
from transcoder.ipc.thumbnails import Thumbnail
from transcoder.service.forkserver import ForkServer
from transcoder.service.line_limit import LineLimit
from transcoder.service.status import WorkerStatus
from transcoder.service.worker import Worker
from transcoder.service.worker_receiver import DEFAULT_FRAME_RATE, WorkerListener
from transcoder.service.worker_reports import PictureFormat
from transcoder.source.intake import CodedUnit
from transcoder.worker_options import AudioFormat, OutputFormat, WorkerOptions

REPEAT_AFTER_S: Final = 5.0
"""Seconds without a picture after which the last IDR is repeated: the pictures behind it, when they come after all,
refer to others, and are left out up to the next IDR."""


class Relay(Worker):
    """Hands a camera's pictures on.

    Args:
        name: the name of the stream.
        options: the options that a worker would have; the first output's codec alone counts.
        fork_server: is not asked for anything.
        status: the worker's part of the stream's status.
        log: a log that is bound to the stream's name.
        listener: gets the pictures.
    """

    def __init__(
        self,
        name: str,
        options: WorkerOptions,
        fork_server: ForkServer,
        status: WorkerStatus,
        log: structlog.stdlib.BoundLogger,
        listener: WorkerListener,
    ) -> None:
        del fork_server
        status.relays = True
        self._name, self._status, self._log, self._listener = name, status, log, listener
        self._pictures = RelayedPictures(options.outputs[0].codec)
        self._size: tuple[int, int] | None = None
        self._idr: list[bytes] = []
        self._waits = True
        """Whether the pictures up to the next IDR are left out."""
        self._served_at = 0.0
        self._lines = LineLimit[str](1, 60.0)
        self.began = 0.0

    # -- life --------------------------------------------------------------------------------------------------------

    @override
    def need(self) -> None:
        pass

    @override
    async def run(self) -> None:
        self.began = clock.monotonic()
        await asyncio.Event().wait()

    @override
    def stop(self) -> None:
        self._idr, self._waits = [], True

    @override
    def replace(self, reason: str) -> None:
        self._waits = True

    @override
    def configure(self, options: WorkerOptions) -> None:
        codec = options.outputs[0].codec
        if codec is not self._pictures.codec:
            self._pictures, self._size = RelayedPictures(codec), None
            self._idr, self._waits = [], True

    @override
    def set_slate_size(self, size: tuple[int, int]) -> None:
        pass

    @override
    def check(self, now: float) -> None:
        pass

    @property
    @override
    def is_running(self) -> bool:
        return True

    @property
    @override
    def cpu_s(self) -> float:
        return 0.0

    @property
    @override
    def audio_output(self) -> None:
        return None

    @property
    @override
    def last_decoded(self) -> float:
        return self._served_at

    # -- towards readers ---------------------------------------------------------------------------------------------

    @override
    def feed(self, unit: CodedUnit, arrival: float) -> bool:
        codec = self._pictures.codec
        if unit.codec is not codec:
            self._refuse(f"the camera sends {unit.codec.value}, and video.codec is {codec.value}: a relay changes none")
            return True
        if unit.random_access:
            self._waits = False
        elif self._waits:
            return True
        try:
            units = self._pictures.take(list(split_byte_stream(unit.data)))
            self._pass(units, unit, arrival)
        except BitstreamError as error:
            self._waits = True
            self._status.rejected += 1
            self._refuse(f"the camera's pictures can't pass undecoded: {error}")
        return True

    def _pass(self, units: list[bytes], unit: CodedUnit, arrival: float) -> None:
        codec = self._pictures.codec
        kinds = [nal_unit_type(codec, each) for each in units]
        if not kinds or not is_vcl(codec, kinds[-1]):
            return
        if unit.random_access:
            if not any(is_parameter_set(codec, kind) for kind in kinds):
                raise BitstreamError("an IDR without its parameter sets")
            self._idr = units
            self._tell_format(units)
        self._served_at = arrival
        self._send(units, unit.pts, arrival, RANDOM_ACCESS if unit.random_access else 0)

    def _tell_format(self, units: list[bytes]) -> None:
        codec = self._pictures.codec
        size = picture_size(codec, units)
        if size is None or size == self._size:
            return
        self._size = size
        width, height = size
        self._status.source_format = {"codec": codec.value, "width": width, "height": height, "pixel_format": "yuv420p"}
        made = OutputFormat(width=width, height=height, frame_rate=DEFAULT_FRAME_RATE)
        self._listener.on_format(PictureFormat(output_number=0, output=made, is_slate=False))

    def _send(self, units: list[bytes], pts: int, arrival: float, flags: int) -> None:
        codec = self._pictures.codec
        message = CodedMessage(
            output_number=0,
            codec=codec,
            flags=flags,
            pts=pts,
            arrival=arrival,
            decode_s=0.0,
            stages_s=0.0,
            encode_s=0.0,
            nal_units=units,
        )
        self._listener.on_picture(message, [nal_unit_type(codec, each) for each in units])

    def _refuse(self, problem: str) -> None:
        self._listener.on_worker_problem(problem)
        if self._lines.take(problem, clock.monotonic()):
            self._log.warning("pictures not relayed", reason=problem)

    @override
    def repeat(self, number: int, shown: float) -> None:
        now = clock.monotonic()
        if not self._idr or now - self._served_at < REPEAT_AFTER_S:
            return
        self._waits = True
        self._send(self._idr, round(shown * VIDEO_CLOCK_RATE), now, RANDOM_ACCESS | REPEATED)

    @override
    def force_idr(self, number: int) -> None:
        pass  # the camera decides

    @override
    def note_unread(self, number: int) -> None:
        pass

    @override
    def set_awake(self, number: int, *, is_awake: bool) -> None:
        pass

    @override
    def set_banner(self, text: str) -> None:
        pass

    @override
    def set_audio(self, audio: AudioFormat) -> None:
        pass

    @override
    def feed_audio(self, pts: int, data: bytes) -> None:
        pass

    @override
    async def snapshot(self, number: int = 0) -> bytes:
        raise CommandRejected(f"stream {self._name} is relayed: its pictures are not decoded, so there is no snapshot")

    @override
    async def thumbnail(self, number: int, width: int, known: int = 0) -> Thumbnail:
        raise CommandRejected(f"stream {self._name} is relayed: its pictures are not decoded, so there is no snapshot")


def worker_class(options: WorkerOptions, otherwise: Callable[..., Worker]) -> Callable[..., Worker]:
    """Return what makes the worker of a stream: a relay where pictures pass undecoded."""
    return Relay if options.outputs[0].relays else otherwise
