"""An output serves one picture size of a stream: description, IDR on request, the repeated picture, readers."""

import asyncio
from dataclasses import asdict
from typing import Any, Final, Protocol

from transcoder.clock import VIDEO_CLOCK_RATE
from transcoder.codecs.nal import is_parameter_set, is_random_access
from transcoder.errors import TransportError
from transcoder.formats.served_audio import ServedAudio
from transcoder.ipc.messages import REPEATED, CodedMessage
from transcoder.output.description import Change, Description
from transcoder.output.fanout import Fanout
from transcoder.output.lateness import Lateness
from transcoder.output.remembered import Remembered
from transcoder.output.repeats import Repeats
from transcoder.output.served_rate import ServedRate
from transcoder.output.silence import SILENCE_AFTER_S, SILENCE_BEHIND_S, silent_frames
from transcoder.output.sleep import Sleep
from transcoder.output.status import OutputStatus
from transcoder.output.timing import Timer, Timing
from transcoder.product import NAME
from transcoder.rtsp.session import EndReason
from transcoder.worker_options import OutputFormat, OutputOptions

IDR_INTERVAL_S: Final = 0.5
"""Seconds between forced IDRs: readers that come together share one."""
QUIET_S: Final = 1.2
"""Seconds without a picture after which the last one is repeated."""
DESCRIPTION_S: Final = 2.0
"""Seconds within which a description is given, whatever is there to describe: recorders that wait for longer, or are
refused, go into a back-off."""
PARAMETER_SETS_WAIT_S: Final = 1.0
"""Seconds for which a description waits for the camera's pictures, which a slate would replace."""
SLATE_WAIT_S: Final = 0.8
"""Seconds for which a description then waits for the slate that was asked for."""
UNREAD_S: Final = 2.0
"""Seconds without a reader, and without a description that one asked for, after which the worker is told, again and
again: a reader sets up its session well within them, and a size that changes then ends nobody's."""
WAKE_WAIT_S: Final = 1.5
"""Seconds for which somebody who woke an output waits for its first picture: cameras send one a second at least."""
AUDIO_WAIT_S: Final = 1.0
"""Seconds after the first picture within which audio that was asked for comes, or else it does not come at all."""


class PictureMaker(Protocol):
    """This is the part of the worker that an output asks for pictures."""

    def need(self) -> None:
        """Be there from now on: somebody waits for a picture."""

    def force_idr(self, number: int) -> None:
        """Make the next picture of an output an IDR."""

    def note_unread(self, number: int) -> None:
        """Note that nobody reads an output: its size may follow larger pictures."""

    def set_awake(self, number: int, *, is_awake: bool) -> None:
        """Make the pictures of an output, or let it sleep."""

    def repeat(self, number: int, shown: float) -> None:
        """Have the last picture of an output, or a slate, encoded again; it is shown at this monotonic second."""


class OutputOwner(Protocol):
    """This is the part of the stream that an output needs of its owner."""

    @property
    def is_enabled(self) -> bool:
        """Return whether the camera is pulled at all."""

    @property
    def expects_audio(self) -> bool:
        """Return whether audio was asked for and may come, because the camera is connected."""

    def end_readers(self, path: str, reason: EndReason) -> None:
        """End the sessions of all readers of an output."""

    def remember(self, path: str, number: int, told: Remembered) -> None:
        """Note what the readers of an output are told from now on."""

    def on_size_changed(self, path: str, made: dict[str, Any]) -> None:
        """Note that pictures come in another size and in this format, and that readers of the old size were ended."""


class Output:
    """An output serves pictures under one path.

    Args:
        path: the path under which the output is served: the stream's name, or the stream's name and the output's own.
        number: the output's place in the worker's options.
        options: the options of this output.
        maker: makes the output's pictures.
        owner: the stream that the output belongs to.
        timing: clock, timers and waiting.
        session_id: the id from which the session descriptions of this output are numbered.

    Attributes:
        status: the status of the output.
        fanout: the readers of the output.
    """

    def __init__(
        self,
        path: str,
        number: int,
        options: OutputOptions,
        maker: PictureMaker,
        owner: OutputOwner,
        timing: Timing,
        session_id: int,
    ) -> None:
        self.path = path
        self.number = number
        self.status = OutputStatus()
        self.fanout = Fanout(NAME, self.request_idr)
        self.fanout.set_cap(options.bitrate_kbps)
        self._options = options
        self._maker = maker
        self._owner = owner
        self._timing = timing
        self._description = Description(session_id)
        self._described = asyncio.Event()
        self._audible = asyncio.Event()
        self._rate = ServedRate()
        self._lateness = Lateness()
        self._audio: ServedAudio | None = None
        self._made: OutputFormat | None = None
        self._owes_slate = self._owes_burst = False
        """Whether a reader was given a description without parameter sets, as there was nobody to make a picture."""
        self._audio_at = 0.0
        self._audio_until = 0
        self._last_picture = 0.0
        self._repeats = Repeats(timing, lambda shown: maker.repeat(self.number, shown), self._lateness.seconds)
        self._sleep = Sleep(self._set_awake)
        self._woken = asyncio.Event()
        self._woken.set()
        self._last_read, self._asked_at = timing.now(), -UNREAD_S
        self._last_idr_request = 0.0
        self._idr_timer: Timer | None = None

    # -- settings ------------------------------------------------------------------------------------------------

    def configure(self, number: int, options: OutputOptions) -> None:
        """Take another place and other settings; another codec or size means other readers."""
        changed_shape, changed_audio = options.shape != self._options.shape, options.audio != self._options.audio
        self.number, self._options = number, options
        self.fanout.set_cap(options.bitrate_kbps)
        self._sleep.forget()
        if changed_shape:
            self.forget_format()
        if changed_audio:
            self.forget_audio()

    def forget_format(self) -> None:
        """End the sessions of all readers, because the next IDR is of another format."""
        self._rate.begin(None)
        self._forget_description()

    def forget_audio(self) -> None:
        """End the sessions of all readers, because audio comes or goes from now on."""
        self._audio = None
        self.fanout.set_audio(None)
        self._audible.clear()
        self._forget_description()

    def _forget_description(self) -> None:
        if self._description.forget():
            self._owner.end_readers(self.path, EndReason.FORMAT_CHANGE)
        self._described.clear()

    def recall(self, told: Remembered) -> None:
        """Tell readers what those before this start were told, as long as nothing else is known of the output."""
        if self._description.is_known or self.status.format:
            return
        self.on_format(told.format, is_slate=True)
        self._take_audio(told.audio)
        if self._description.take(self._options.codec, told.parameter_sets) is not Change.NONE:
            self._described.set()

    def _remember(self) -> None:
        if self._made is not None and self._description.is_known:
            told = Remembered(format=self._made, parameter_sets=self._description.parameter_sets, audio=self._audio)
            self._owner.remember(self.path, self.number, told)

    def stop(self) -> None:
        """Ask the worker for nothing any more."""
        if self._idr_timer is not None:
            self._idr_timer.cancel()
            self._idr_timer = None
        self._repeats.end_burst()

    # -- from the worker -----------------------------------------------------------------------------------------

    def on_format(self, made: OutputFormat, *, is_slate: bool = False) -> None:
        """Note the format in which the worker makes this output from now on, or a slate as long as there is no other.

        Args:
            made: the format.
            is_slate: whether it is a slate's.
        """
        self._rate.begin(made.frame_rate)
        self._made = None if is_slate else made
        self._remember()
        self.status.format = {"codec": self._options.codec.value, **asdict(made), "frame_rate": self._rate.told}

    def on_picture(self, message: CodedMessage, types: list[int], now: float) -> bool:
        """Give a coded picture to the readers.

        Args:
            message: a picture of this output.
            types: the types of the picture's NAL units.
            now: monotonic seconds.

        Returns:
            Whether readers get a picture of the camera, and not one that was repeated.
        """
        codec, status = message.codec, self.status
        random_access = is_random_access(codec, types[-1])  # the slice is the last one
        if random_access:
            status.idr += 1
            units = zip(message.nal_units, types, strict=True)
            self._take(message, tuple(unit for unit, kind in units if is_parameter_set(codec, kind)))
        if not self._description.is_known:
            return False
        is_repeated = bool(message.flags & REPEATED)
        if is_repeated:
            status.repeated += 1
            if self._owes_burst and random_access and self._rate.told is not None:
                self._repeats.burst(self._rate.told)
                self._owes_burst = False
        else:
            self._owes_burst = False
            self._last_picture = now
            self._woken.set()
            self._repeats.end_burst()
            status.note_delay(now, now - message.arrival)
            self._lateness.note(message.arrival - message.pts / VIDEO_CLOCK_RATE, now)
            # by its presentation, which follows the camera: a worker that catches up is no faster camera; readers that
            # are here keep what they were told
            if self._rate.note(message.pts / VIDEO_CLOCK_RATE):
                self._description.renumber()
                status.format = status.format | {"frame_rate": self._rate.told}
        status.count(message)
        status.spans.note(now, is_camera=not is_repeated)
        self.fanout.send(codec, message.nal_units, message.pts, random_access=random_access)
        return not is_repeated

    def _take(self, message: CodedMessage, parameter_sets: tuple[bytes, ...]) -> None:
        change = self._description.take(message.codec, parameter_sets)
        if change is Change.SIZE:
            self._owner.end_readers(self.path, EndReason.FORMAT_CHANGE)
            self._owner.on_size_changed(self.path, dict(self.status.format))
        if change is not Change.NONE:
            self._described.set()
            self._remember()

    def on_audio(self, pts: int, unit: bytes, audio: ServedAudio) -> None:
        """Give a frame of sound to the readers, unless the output is served without sound.

        Args:
            pts: 90 kHz ticks.
            unit: the frame.
            audio: the format of the frame.
        """
        if not self._options.audio:
            return
        if self._audio is not None and audio != self._audio:
            self.forget_audio()  # readers were told of another format
        now = self._timing.now()
        if self._audio is None:
            self._take_audio(audio)
            self._remember()
        elif now - self._audio_at >= SILENCE_AFTER_S:  # players take a hole at the end of the silence for a mistake
            self._send_silence(pts - audio.frame_ticks + 1)
        self.status.audio_units += 1
        self._audio_at, self._audio_until = now, pts + audio.frame_ticks
        self.fanout.send_audio(pts, unit)

    def _take_audio(self, audio: ServedAudio | None) -> None:
        if audio is not None and self._options.audio:
            self._audio = audio
            self.fanout.set_audio(audio)
            self._audible.set()

    def _fill_with_silence(self, now: float) -> None:
        """Send silence on the audio's clock while no sound comes, as long as somebody reads."""
        if now - self._audio_at >= SILENCE_AFTER_S:
            self._send_silence(round((now - SILENCE_BEHIND_S) * VIDEO_CLOCK_RATE))

    def _send_silence(self, end: int) -> None:
        """Send frames of silence that begin before a time, 90 kHz ticks, behind the sound so far."""
        audio = self._audio
        if audio is None or not self.fanout.readers:
            return
        for pts in silent_frames(audio, self._audio_until, end):
            self.status.silent_audio_units += 1
            self.fanout.send_audio(pts, audio.codec.silent_frame)
            self._audio_until = pts + audio.frame_ticks

    # -- readers -------------------------------------------------------------------------------------------------

    @property
    def is_enabled(self) -> bool:
        """Return whether the stream's camera is pulled, so that pictures may come."""
        return self._owner.is_enabled

    @property
    def is_awaited(self) -> bool:
        """Return whether somebody reads the output, or has just asked for its description."""
        return self.fanout.readers > 0 or self._timing.now() - self._asked_at < UNREAD_S

    async def describe(self, address: str, *, audio: bool = True) -> bytes:
        """Return the session description; wait for the camera's parameter sets, then for a slate's.

        Args:
            address: the address of ours on which the reader asked.
            audio: whether sound is described, if there is any.

        Raises:
            TransportError: the stream is disabled.
        """
        if not self._owner.is_enabled:  # it may remember its description from before
            raise TransportError(f"stream {self.path} is disabled")
        began = self._last_read = self._asked_at = self._timing.now()
        if not self._described.is_set():
            self._wake(self._last_read)
            await self._wait_for_parameter_sets()
        if audio and self._owner.expects_audio and self._options.audio:
            left_s = began + DESCRIPTION_S - self._timing.now()
            await self._timing.wait(self._audible, min(AUDIO_WAIT_S, max(left_s, 0.0)))
        return self._description.serialize(self._options, self._rate.told, self._audio if audio else None, address)

    async def _wait_for_parameter_sets(self) -> None:
        self._maker.need()  # it has the time of this waiting to come up
        if await self._timing.wait(self._described, PARAMETER_SETS_WAIT_S):
            return
        self._repeats.repeat()
        self._owes_slate = not await self._timing.wait(self._described, SLATE_WAIT_S)

    def request_idr(self) -> None:
        """Have an IDR soon: at once, or when the last one is IDR_INTERVAL_S old."""
        if self.fanout.is_read:
            self._wake(self._timing.now())
        if self._idr_timer is not None:
            return
        wait_s = self._last_idr_request + IDR_INTERVAL_S - self._timing.now()
        if wait_s <= 0:
            self._force_idr()
        else:
            self._idr_timer = self._timing.call_later(wait_s, self._force_idr)

    def _force_idr(self) -> None:
        self._idr_timer = None
        self._last_idr_request = self._timing.now()
        self._maker.force_idr(self.number)
        if self._described.is_set() and self._last_idr_request - self._last_picture > QUIET_S / 2:
            self._repeat(is_burst=True)

    def _repeat(self, *, is_burst: bool) -> None:
        self._repeats.repeat()
        if is_burst and self.fanout.readers:
            self._owes_burst = True  # when the first picture comes: there may be no worker yet

    async def wake(self) -> None:
        """Have pictures made for a while; wait for the first one where the output slept."""
        if self._wake(self._timing.now()):
            await self._timing.wait(self._woken, WAKE_WAIT_S)

    def _wake(self, now: float) -> bool:
        self._sleep.want(now)
        return self._look(now)

    def _look(self, now: float) -> bool:
        if self.fanout.is_read:
            self._sleep.want(now)
        wakes = self._sleep.look(now, on_demand=self._options.on_demand)
        if wakes:  # the camera's next picture comes before one is repeated
            self._woken.clear()
            self._last_picture = max(self._last_picture, now - QUIET_S / 2)
        return wakes

    def _set_awake(self, is_awake: bool) -> None:  # Sleep has one thing to tell
        self.status.is_awake = is_awake
        self._maker.set_awake(self.number, is_awake=is_awake)

    def tick(self, now: float) -> None:
        """Repeat the last picture while the camera sends none; to be called several times a second."""
        self.status.readers = self.fanout.readers
        self._look(now)
        if self.fanout.readers:
            self._last_read = now
        elif now - self._last_read >= UNREAD_S:
            self._last_read = now
            self._maker.note_unread(self.number)
        self._fill_with_silence(now)
        is_quiet = now - self._last_picture > QUIET_S + self._lateness.seconds(now) and self._repeats.is_due(now)
        if is_quiet and self.fanout.readers and (self._described.is_set() or self._owes_slate):
            self._repeat(is_burst=not self._woken.is_set())
            self._woken.set()
