"""The verifier reads each stream of the gateway as a reader would, now and then, and keeps the verdicts.

The reading and everything that is parsed happen in a process of their own; the service's loop starts it and reads one
answer.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, Final, Protocol

import structlog

from transcoder import clock
from transcoder.config.verify import VerifyConfig
from transcoder.net.rtsp_server import RtspServer
from transcoder.rejection import Code, Rejected
from transcoder.service.sandbox import containment_words, missing_measures
from transcoder.service.status import StreamState, StreamStatus
from transcoder.service.store import time_text
from transcoder.service.verdicts import KEPT, Finding, Verdict, read_answer, read_measures
from transcoder.service.verify_process import read_served
from transcoder.service.verify_schedule import Last, VerifySchedule
from transcoder.worker_options import MAIN, served_path

LOOK_S: Final = 5.0
"""Seconds between looks at the schedule."""
ASK_S: Final = 60.0
"""Seconds between two verifications that somebody asks for, at least."""

log = structlog.get_logger()


class VerifiedStream(Protocol):
    """This is the part of a stream that the verifier looks at."""

    @property
    def status(self) -> StreamStatus:
        """Return the stream's status."""


Served = Callable[[], dict[str, Any]]
"""A function that tells which pictures of a stream were its camera's since it was made, as `ServedSpans.told` does."""
Read = Callable[[Mapping[str, Any], Served], Awaitable[dict[str, Any] | None]]
"""A function that has a stream verified: with the request and what was served; it returns the checker's answer."""
OnVerdict = Callable[[Verdict, dict[str, Any]], None]
"""A function that keeps and tells a verdict: with the checker's answer, which is empty where there is none."""


class Verifier:
    """Verifies the streams of one gateway.

    Args:
        server: the server that the streams are served by.
        streams: the streams by name.
        config: tells the configuration in force.
        key: the file of the key that signs, None where nothing is signed.
        on_verdict: keeps and tells each verdict.
        kept: the verdicts of earlier lives.
        read: has a stream verified and returns the checker's answer.

    Attributes:
        measures: every measure of the latest checker's sandbox: "" or the reason why it is missing.
    """

    def __init__(
        self,
        server: RtspServer,
        streams: Mapping[str, VerifiedStream],
        config: Callable[[], VerifyConfig],
        key: Path | None,
        on_verdict: OnVerdict,
        kept: Iterable[Verdict] = (),
        *,
        read: Read = read_served,
    ) -> None:
        self._server = server
        self._streams = streams
        self._config = config
        self._key = key
        self._on_verdict = on_verdict
        self._read = read
        self._schedule = VerifySchedule(clock.monotonic())
        self._verdicts: dict[str, deque[Verdict]] = {}
        self._last: dict[str, Last] = {}
        self._number = 0
        self._asked: tuple[str, str, str] | None = None
        self._wanted = asyncio.Event()
        self._next_ask = 0.0
        self._running = ""
        self.measures: dict[str, str] = {}
        for verdict in kept:
            self._remember(verdict, datetime.fromisoformat(verdict.at).timestamp())

    def verdicts(self, stream: str) -> list[Verdict]:
        """Return the verdicts on a stream, the newest first."""
        return list(reversed(self._verdicts.get(stream, ())))

    def latest(self, stream: str) -> Verdict | None:
        """Return the latest verdict on a stream, None where there is none."""
        found = self._verdicts.get(stream)
        return found[-1] if found else None

    def ask(self, stream: str, by: str, now: float, output: str = MAIN) -> None:
        """Have an output of a stream verified as soon as may be.

        Args:
            stream: the name of a stream.
            by: who asks.
            now: monotonic seconds.
            output: the name of the output.

        Raises:
            Rejected: there is no such output, the stream shows no pictures of its camera, or too many verifications
                are asked for.
        """
        if output not in self._streams[stream].status.outputs:
            raise Rejected(Code.INVALID, f"stream {stream} has no rendition {output[:40]!r}")
        state = self._streams[stream].status.state
        if state is not StreamState.PLAYING:
            raise Rejected(Code.UNAVAILABLE, f"stream {stream} is {state.value}: there is nothing to judge")
        if self._running or self._asked is not None:
            raise Rejected(Code.BUSY, "another stream is being verified; one is verified at a time")
        if now < self._next_ask:
            raise Rejected(Code.BUSY, f"one verification may be asked for in {ASK_S:g} s")
        self._next_ask = now + ASK_S
        self._asked = (stream, by, output)
        self._wanted.set()

    async def run(self) -> None:
        """Verify streams for ever."""
        while True:
            try:
                async with asyncio.timeout(LOOK_S):
                    await self._wanted.wait()
            except TimeoutError:
                pass
            self._wanted.clear()
            try:
                await self.look(clock.monotonic(), clock.wall_clock())
            except Exception as error:  # a fault in looking at one stream must not end all looking
                log.error("a stream could not be verified", exc_info=error)

    async def look(self, now: float, wall: float) -> None:
        """Verify the stream that was asked for, or the one that is due.

        Args:
            now: monotonic seconds.
            wall: UTC seconds.
        """
        for name in self._verdicts.keys() - self._streams.keys():
            del self._verdicts[name]
            self._last.pop(name, None)
        asked, self._asked = self._asked, None
        if asked is not None:
            await self._verify(*asked)
            return
        config = self._config()
        if config.every_h is None:
            return
        every_s = config.every_h * 3600
        playing = {name: self._state(name) is StreamState.PLAYING for name in self._streams}
        due = self._schedule.due(now, wall, playing, self._last, every_s)
        if due is None:
            return
        if playing[due]:
            self._schedule.note_start(now, len(playing), every_s, config.seconds)
        await self._verify(due, "schedule")

    def _state(self, name: str) -> StreamState | None:
        stream = self._streams.get(name)
        return None if stream is None else stream.status.state

    async def _verify(self, name: str, by: str, output: str = MAIN) -> None:
        state = self._state(name)
        if state is not StreamState.PLAYING:
            reason = f"not read: the stream is {state.value}" if state is not None else "not read: the stream is gone"
            self._note((name, output), by, Finding(kind="nothing to judge", reason=reason), {}, was_read=False)
            return
        self._running = name
        try:
            served = self._served(name, output)
            answer = await self._read(self._request(served_path(name, output)), served)
        finally:
            self._running = ""
        self._note_measures(answer)
        found = read_answer(answer).without_camera(**_seconds(served()))
        self._note((name, output), by, found, answer or {}, was_read=True)

    def _served(self, name: str, output: str) -> Served:
        began = clock.monotonic()

        def told() -> dict[str, Any]:
            stream = self._streams.get(name)
            found = stream.status.outputs.get(output) if stream is not None else None
            if found is None:
                return {}
            return found.spans.told(began, clock.monotonic(), clock.wall_clock())

        return told

    def _note_measures(self, answer: dict[str, Any] | None) -> None:
        """Take the measures of the checker's sandbox out of its answer, and tell of them where they are others."""
        measures = read_measures((answer or {}).pop("measures", None))
        if measures and measures != self.measures:
            self.measures = measures
            missing = missing_measures(measures)
            in_force = [name for name in measures if name not in missing]
            words = f"the checker is {containment_words(measures)}"
            log.info("sandbox of the checker", words=words, in_force=in_force, missing=missing)

    def _request(self, path: str) -> dict[str, Any]:
        own, host = self._server.own_reader, self._server.listeners[0].host
        host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)
        return {
            "url": self._server.url(host, path),
            "username": own.name,
            "password": own.password,
            "seconds": self._config().seconds,
            "key": str(self._key or ""),
        }

    def _note(self, read: tuple[str, str], by: str, found: Finding, answer: dict[str, Any], *, was_read: bool) -> None:
        name, output = read
        if name not in self._streams:  # it was removed meanwhile
            return
        if self._streams[name].status.worker.relays:
            found = found.of_relay()
        wall = clock.wall_clock()
        verdict = Verdict(
            number=self._number + 1,
            stream=name,
            rendition=output,
            at=time_text(wall),
            kind=found.kind,
            reason=found.reason,
            pictures=found.pictures,
            seconds=found.seconds,
            by=by,
            was_read=was_read,
            is_signed=found.is_signed,
        )
        self._remember(verdict, wall)
        say = log.error if verdict.kind == "unclean" else log.info
        text = "stream verified" if was_read else "stream not verified"
        say(
            text,
            stream=name,
            path=served_path(name, output),
            verdict=verdict.kind,
            reason=verdict.reason or None,
            by=by,
        )
        self._on_verdict(verdict, answer)

    def _remember(self, verdict: Verdict, at: float) -> None:
        self._number = max(self._number, verdict.number)
        self._verdicts.setdefault(verdict.stream, deque(maxlen=KEPT)).append(verdict)
        if verdict.rendition == MAIN:  # the schedule reads each stream's own picture
            self._last[verdict.stream] = Last(at=at, was_read=verdict.was_read)


def _seconds(told: Mapping[str, Any]) -> dict[str, float]:
    return {name: told.get(name, 0.0) for name in ("camera_s", "slate_s")}
