"""The source of a stream pulls a camera for ever and hands on dated, allow-listed access units.

The rules are elsewhere and without I/O: `source/session.py` talks to the camera, `source/intake.py` decides which
access units are handed on, `source/reconnection.py` says when to connect again and how. They are tied together here.
"""

import asyncio
from dataclasses import replace
from typing import Any, Protocol

import structlog

from transcoder import clock
from transcoder.codecs.access_unit import AccessUnit
from transcoder.errors import KeyNotTrusted, LoginDowngraded, NotConnected, TranscoderError, TransportError
from transcoder.ledger import Ledger
from transcoder.net.rtsp_source import RtspSource
from transcoder.net.sockets import is_multicast
from transcoder.net.source_options import SourceOptions
from transcoder.rtp.audio import AudioUnit
from transcoder.rtsp.fingerprint import UNKNOWN, CameraMarks, guess_family
from transcoder.service.host_gate import HostGate, Turn
from transcoder.source.addresses import AddressOrder
from transcoder.source.events import (
    AudioLeftOut,
    AudioRestarted,
    AudioSetUp,
    Described,
    Event,
    Playing,
    Reactions,
    VideoRestarted,
    VideoSelected,
)
from transcoder.source.intake import AudioIntake, CodedUnit, VideoIntake
from transcoder.source.pauses import GAPS, MAX_LEARNED_S
from transcoder.source.problems import Unreadable, problem_code
from transcoder.source.reconnection import Reconnection
from transcoder.source.status import SourceStatus
from transcoder.worker_options import AudioFormat

AUDIO_AGAIN_S = 3600.0
"""Seconds after which sound that cost the picture is asked for again: the camera may have been mended."""

CONCEALED_S = 20.0
"""Seconds that an attempt, and the pause behind it, take where no reason is told: how long either took would be one."""


class SourceListener(Protocol):
    """Gets everything that a source pulls."""

    def on_described(self) -> None:
        """Note that the camera has described a video that can be pulled."""

    def on_described_size(self, size: tuple[int, int]) -> None:
        """Note that the session description claims this width and height, which is a hint."""

    def on_coded_unit(self, unit: CodedUnit, arrival: float) -> bool:
        """Take an access unit, whose last packet came at this monotonic second.

        Returns:
            False where the access unit was not taken; then access units that refer to it are not handed on either.
        """

    def on_unreadable(self, why: Unreadable) -> None:
        """Note that pictures come and can't be read."""

    def on_audio_format(self, audio: AudioFormat) -> None:
        """Note that audio was asked for, and comes in this format."""

    def on_audio_unit(self, pts: int, data: bytes) -> None:
        """Take coded audio, whose first sample has this time in 90 kHz ticks."""

    def on_key_changed(self, reason: str, fingerprint: str) -> None:
        """Note that the camera showed a TLS key that is not trusted; the reason says why in one line."""

    def on_login_downgraded(self, reason: str) -> None:
        """Note that the camera asked for the password in clear, and for Digest before; the reason says so in a line."""

    def on_source_lost(self, reason: str, *, was_playing: bool) -> None:
        """Note that a connection ended, and that the next one has to wait."""


class Source:
    """Connects, receives, waits and connects again.

    Args:
        options: the options of the source; transport may be "auto".
        ledger: the ledger of the stream.
        status: the source's part of the stream's status; this source alone writes it.
        log: a log that is bound to the stream's name.
        listener: gets everything that is pulled.
        gate: decides who may try to connect now; all sources share it.
    """

    _gap_s = _last_unit = 0.0
    _expects_audio = True

    def __init__(
        self,
        options: SourceOptions,
        ledger: Ledger,
        status: SourceStatus,
        log: structlog.stdlib.BoundLogger,
        listener: SourceListener,
        gate: HostGate,
    ) -> None:
        self._options = replace(options, keys=gate.memory.keys, logins=gate.memory.logins)
        self._ledger = ledger
        self._status = status
        status.camera = options.url.authority
        self._log = log
        self._listener = listener
        self._gate = gate
        self._reconnection = Reconnection(
            options.transport, learned=gate.memory.recall(options), has_login=options.credentials is not None
        )
        self._addresses = AddressOrder()
        self._address = ""
        """The address of the latest connection, "" where none stood."""
        self._told_key = ""
        self._told_login = False
        self._audio_at = 0.0
        """Monotonic seconds from which sound is asked for."""
        self._audio_transport = ""
        """The transport over which no picture came with sound."""
        self._asks_for_audio = False
        self._intake = VideoIntake(ledger, status)
        self._audio: AudioIntake | None = None
        self._connection: RtspSource | None = None
        self._settled = asyncio.Event()
        """Set as soon as SETUP has been sent: the turn at the gate is over."""
        self._bytes_before = 0
        self._reactions: Reactions = {
            AccessUnit: self._on_access_unit,
            AudioUnit: self._on_audio_unit,
            Described: self._on_described,
            VideoSelected: self._on_video_selected,
            AudioSetUp: self._on_audio_set_up,
            AudioLeftOut: self._on_audio_left_out,
            Playing: self._on_playing,
            VideoRestarted: self._on_video_restarted,
            AudioRestarted: self._on_audio_restarted,
        }

    async def run(self) -> None:
        """Pull the camera for ever."""
        reconnection = self._reconnection
        while True:
            began = clock.monotonic()
            error = await self._pull()
            self._judge_audio()
            had_picture = reconnection.had_picture
            retry = reconnection.lose(error, clock.monotonic())
            self._remember()
            was_playing = retry.played_s is not None
            self._status.losses += was_playing
            if not retry.delay_s:
                self._log.debug("trying another transport", transport=reconnection.transport, reason=str(error))
                continue
            self._addresses.note(self._address, gave_picture=had_picture)
            told, delay_s, status = retry.told, retry.delay_s, self._status
            concealed = "" if reconnection.gave_picture else self._options.conceal()
            if concealed:
                self._log.info("not told elsewhere why it failed", reason=str(told))
                await asyncio.sleep(began + CONCEALED_S - clock.monotonic())
                told, delay_s = NotConnected(concealed), CONCEALED_S
            else:
                self._tell_distrust(error)
            status.advice = "" if concealed else retry.advice
            status.problem_code, status.next_attempt = problem_code(told), clock.wall_clock() + delay_s
            self._listener.on_source_lost(str(told), was_playing=was_playing)
            try:
                await asyncio.sleep(delay_s)
            finally:  # a source that is stopped here leaves no time at which nobody tries again
                status.next_attempt = None

    def _tell_distrust(self, error: TranscoderError) -> None:
        """Tell of a key that is not trusted, once for each, and of a weaker login, once until the camera plays."""
        if isinstance(error, LoginDowngraded) and not self._told_login:
            self._told_login = True
            self._listener.on_login_downgraded(str(error))
        found = error.found if isinstance(error, KeyNotTrusted) else ""
        if found and found != self._told_key:
            self._listener.on_key_changed(str(error), found)
        self._told_key = found or self._told_key

    async def _pull(self) -> TranscoderError:
        """Hold one connection to its end; return the error that ended it."""
        self._reconnection.begin()
        self._asks_for_audio = self._options.audio and clock.monotonic() >= self._audio_at
        self._expects_audio = self._asks_for_audio
        options = replace(self._options, transport=self._reconnection.transport, audio=self._asks_for_audio)
        turn = Turn(is_first=self._reconnection.gave_picture)
        self._status.place = lambda: turn.place
        self._connection = RtspSource(options, self._ledger, self._on_event)
        self._audio = None
        self._settled.clear()
        error: TranscoderError = TransportError("the camera closed the connection")
        loop = asyncio.get_running_loop()
        connection: asyncio.Task[None] | None = None
        settled = loop.create_task(self._settled.wait())
        try:
            self._connection.addresses = self._addresses.arrange(await options.resolve(options.url))
            async with self._gate.attempt(options.url.host, turn):
                connection = loop.create_task(self._connection.run())
                await asyncio.wait({connection, settled}, return_when=asyncio.FIRST_COMPLETED)
            await connection
        except TranscoderError as failure:
            error = failure
        finally:
            settled.cancel()
            try:
                if connection is not None:
                    connection.cancel()  # the session leaves with TEARDOWN
                    await asyncio.gather(connection, return_exceptions=True)
            finally:  # the source may be stopped while it waits here
                self._bytes_before += self._connection.session.received_bytes
                self._address = self._connection.address
                self._connection = None
                self._intake.reset()
        return error

    def give_up(self, reason: str) -> None:
        """End this connection, because nothing that came over it was of any use; the next one follows."""
        if self._connection is not None:
            self._reconnection.note_useless(clock.monotonic())
            self._connection.give_up(reason)

    # -- the state of the source ---------------------------------------------------------------------------------

    def played_s(self) -> float | None:
        """Return for how many seconds the current connection has played, or None."""
        return self._reconnection.played_s(clock.monotonic())

    @property
    def is_connected(self) -> bool:
        """Return whether media may be coming."""
        return self._connection is not None and self.played_s() is not None

    @property
    def expects_audio(self) -> bool:
        """Return whether the camera is connected and its sound may come."""
        return self.is_connected and self._expects_audio

    @property
    def is_readable(self) -> bool:
        """Return whether most pictures can be read: they are not encrypted, and no parameter set is missing."""
        return self._intake.unreadable is None

    @property
    def patience_s(self) -> float:
        """Return for how many seconds the camera may give no picture, by its own rate."""
        usual_s = self._options.pauses.patience_s(clock.monotonic())
        return max(usual_s, min(GAPS * self._gap_s, MAX_LEARNED_S))

    @property
    def received_bytes(self) -> int:
        """Return how many bytes came over all connections."""
        current = self._connection.session.received_bytes if self._connection is not None else 0
        return self._bytes_before + current

    @property
    def reception(self) -> dict[str, Any]:
        """Return the counters of the current connection's reception."""
        session = self._connection.session if self._connection is not None else None
        if session is None or session.video is None:
            return {}
        receiver = session.video.receiver
        audio_faults = session.audio.faults if session.audio is not None else {}
        return {
            "packets": receiver.received,
            "lost": receiver.lost,
            "late": receiver.late,
            "duplicate": receiver.duplicates,
            "malformed": receiver.malformed,
            "jitter_ms": round(receiver.jitter / receiver.clock_rate * 1000, 1),
            "faults": dict(session.video.faults)
            | dict(session.faults)
            | self._intake.faults
            | {f"audio: {kind}": count for kind, count in audio_faults.items()},
            "timestamp_repairs": dict(self._intake.timestamp_repairs),
        }

    # -- events of the session -----------------------------------------------------------------------------------

    def _on_event(self, event: Event) -> None:
        reaction = self._reactions.get(type(event))
        if reaction is not None:
            reaction(event)

    def _on_described(self, event: Described) -> None:
        if event.let_in:
            self._reconnection.note_let_in()
        url = self._options.url.target
        marks = CameraMarks(description=event.description, servers=(event.server,), realms=(event.realm,), url=url)
        self._status.marks = marks
        self._status.address = self._connection.address if self._connection is not None else ""
        family = guess_family(marks).family
        self._status.vendor = "" if family == UNKNOWN else family
        self._log.debug("source described", vendor=family, media=len(event.description.media))

    def _on_video_selected(self, event: VideoSelected) -> None:
        selection = event.selection
        self._reconnection.note_described(multicast=is_multicast(selection.media.connection.partition("/")[0]))
        self._settled.set()
        self._listener.on_described()
        size = self._intake.select(selection)
        if size is not None:
            self._listener.on_described_size(size)

    def _on_audio_set_up(self, event: AudioSetUp) -> None:
        self._audio = AudioIntake(event.selection, self._status)
        self._listener.on_audio_format(self._audio.format)

    def _on_audio_left_out(self, _: AudioLeftOut) -> None:
        self._audio_at = clock.monotonic() + AUDIO_AGAIN_S
        self._expects_audio = False
        self._log.warning("the camera does not set up its sound: picture without sound")

    def _remember(self) -> None:
        """Note what is known of the camera now, for the next start of the gateway too."""
        self._gate.memory.note(self._options, self._reconnection.learned)

    def _judge_audio(self) -> None:
        """Leave the sound out of the next connection where this one asked for it and gave no picture."""
        if self._reconnection.had_picture or not self._options.audio or not self._settled.is_set():
            return
        transport = self._reconnection.transport
        if self._asks_for_audio:
            self._audio_at, self._audio_transport = clock.monotonic() + AUDIO_AGAIN_S, transport
        elif transport == self._audio_transport:  # another transport may have failed for reasons of its own
            self._audio_at = 0.0

    def _on_playing(self, _: Playing) -> None:
        self._reconnection.note_playing(clock.monotonic())
        self._told_login = False
        self._status.connects += 1
        self._log.debug("source connected", transport=self._reconnection.transport)

    def _on_video_restarted(self, _: VideoRestarted) -> None:
        self._intake.restart()
        self._status.restarts += 1

    def _on_audio_restarted(self, _: AudioRestarted) -> None:
        if self._audio is not None:
            self._audio.restart()

    def _on_access_unit(self, access_unit: AccessUnit) -> None:
        intake = self._intake
        if not self._reconnection.had_picture:
            self._reconnection.note_picture()
            self._remember()
        self._ledger.now = clock.wall_clock()
        self._gap_s, self._last_unit = access_unit.completed - self._last_unit, access_unit.completed
        was_readable = intake.unreadable is None
        unit = intake.take(access_unit)
        if was_readable and (why := intake.unreadable) is not None:
            self._listener.on_unreadable(why)
        if unit is None:
            return
        if self._audio is not None:
            self._audio.note_video(access_unit.timestamp, unit.pts, intake.clock_rate)
        if not self._listener.on_coded_unit(unit, access_unit.completed):
            intake.skip_to_random_access()

    def _on_audio_unit(self, unit: AudioUnit) -> None:
        session = self._connection.session if self._connection is not None else None
        if self._audio is None or session is None or session.video is None or session.audio is None:
            return
        pts = self._audio.take(unit, session.video.sender_report, session.audio.sender_report)
        self._listener.on_audio_unit(pts, unit.data)


async def cancel_tasks(tasks: list[asyncio.Task[None]]) -> None:
    """Cancel tasks and wait for their end; a source leaves its camera meanwhile."""
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
