"""A push sends one output of a stream to one target, for as long as both are configured."""

import asyncio
from collections.abc import Callable
from typing import Any, Final, Protocol

import structlog

from transcoder import clock
from transcoder.errors import TranscoderError, TransportError
from transcoder.net.push_options import PushOptions
from transcoder.net.reader_connection import ServedStream
from transcoder.service.outage import Outage
from transcoder.service.push_backoff import PushBackoff
from transcoder.service.push_status import PushState, PushStatus
from transcoder.service.push_ways import make_way as make_way_of_scheme
from transcoder.service.source import cancel_tasks
from transcoder.text import span_text

AGAIN_S: Final = 0.2
"""Seconds until an output whose description changed is announced anew: its other pictures are under way."""

log = structlog.get_logger()


class PushWay(Protocol):
    """This is one connection to a target, over which one output is sent."""

    @property
    def sent_bytes(self) -> int:
        """Return how many bytes were sent."""

    @property
    def dropped(self) -> int:
        """Return how many pictures the target was too slow for."""

    async def run(self) -> None:
        """Send until end() is called.

        Raises:
            TranscoderError: nothing can be sent, or the connection was lost.
        """

    def end(self) -> None:
        """End the connection, because what the target was told of the output is not true any more."""


MakeWay = Callable[[PushOptions, ServedStream, Callable[[], None]], PushWay]
"""A function that makes a way of the options, the output, and what is called when the first picture leaves."""
OnEvent = Callable[[str, dict[str, Any]], None]
"""A function that is called with the kind and the detail of an event."""


class Push:
    """Keeps one target supplied.

    Args:
        stream: the stream's name.
        name: the target's name.
        options: the options of the push.
        find: returns the output that is sent, None while there is none.
        on_event: hears the events of the push.
        make_way: makes a connection.

    Attributes:
        options: the options of the push.
        status: the status of the push.
    """

    def __init__(
        self,
        stream: str,
        name: str,
        options: PushOptions,
        find: Callable[[], ServedStream | None],
        on_event: OnEvent,
        make_way: MakeWay = make_way_of_scheme,
    ) -> None:
        self.options = options
        self.status = PushStatus(target=options.shown, rendition=options.rendition, since=clock.wall_clock())
        self._stream, self._name = stream, name
        self._find = find
        self._on_event = on_event
        self._make_way = make_way
        self._backoff = PushBackoff()
        self._outage = Outage()
        self._way: PushWay | None = None
        self._counted = (0, 0)
        """Bytes and dropped pictures of the connections before this one."""
        self._playing_since: float | None = None
        self._task: asyncio.Task[None] | None = None
        if not options.enabled:
            self._become("disabled")

    def start(self) -> None:
        """Begin to send, where the push is enabled."""
        if self.options.enabled:
            self._task = asyncio.get_running_loop().create_task(self._run())

    async def stop(self) -> None:
        """Leave the target."""
        if self._task is not None:
            await cancel_tasks([self._task])

    async def restart(self) -> None:
        """Connect to the target anew, with a fresh back-off."""
        await self.stop()
        self._backoff = PushBackoff()
        self._become("connecting")
        self.start()

    def end(self) -> None:
        """Begin anew, because the output's description is another one."""
        if self._way is not None:
            self._way.end()

    def sample(self) -> None:
        """Take the counts of the present connection into the status; to be called about once a second."""
        sent_bytes, dropped = self._counted
        if self._way is not None:
            sent_bytes, dropped = sent_bytes + self._way.sent_bytes, dropped + self._way.dropped
        self.status.sent_bytes, self.status.dropped = sent_bytes, dropped

    async def _run(self) -> None:
        while True:
            error = await self._connect()
            if error is None:
                self._become("connecting")
                await asyncio.sleep(AGAIN_S)
                continue
            played_s = clock.monotonic() - self._playing_since if self._playing_since is not None else 0.0
            delay_s = self._backoff.fail(error, played_s)
            self._lose(words_of(error), delay_s)
            await asyncio.sleep(delay_s)
            self._become("connecting")

    async def _connect(self) -> TranscoderError | None:
        """Send over one connection; return why it ended, None where the output is another one now."""
        self._playing_since = None
        served = self._find()
        if served is None:
            return TransportError(f"there is no output {self.options.rendition}")
        self._way = self._make_way(self.options, served, self._play)
        try:
            await self._way.run()
        except TranscoderError as error:
            return error
        except OSError as error:
            return TransportError(f"connection lost: {error.strerror or error}")
        except Exception as error:
            log.exception("a push failed", stream=self._stream, target=self._name)
            return TransportError(f"it failed by a fault of the gateway: {type(error).__name__}")
        finally:
            self.sample()
            self._way, self._counted = None, (self.status.sent_bytes, self.status.dropped)
        return None

    def _become(self, state: PushState) -> None:
        if state != self.status.state:
            self.status.state, self.status.since = state, clock.wall_clock()

    def _play(self) -> None:
        self._playing_since = clock.monotonic()
        status = self.status
        status.problem, status.next_attempt, status.starts = "", None, status.starts + 1
        self._become("playing")
        found = self._outage.play(self._playing_since)
        if found is None:
            return
        was = f" (was away for {span_text(found.away_s)})" if found.away_s is not None else ""
        words = f"{self._stream} is sent to {self._name} at {status.target}{was}"
        log.info("push started", words=words, stream=self._stream, target=self._name, to=status.target)
        self._on_event("push_started", {"target": self._name, "rendition": status.rendition})

    def _lose(self, reason: str, delay_s: float) -> None:
        status = self.status
        status.losses += self._playing_since is not None
        status.problem, status.next_attempt = reason, clock.wall_clock() + delay_s
        self._become("waiting")
        loss = self._outage.lose(reason, clock.monotonic())
        if loss is None:
            return
        still = "" if loss.is_first else f" still, after {span_text(loss.since_s)} and {loss.tries} tries"
        words = f"{self._stream} is not sent to {self._name} at {status.target}{still}: {reason}"
        words += f"; next try in {span_text(delay_s)}"
        log.warning("push lost", words=words, stream=self._stream, target=self._name, to=status.target, reason=reason)
        self._on_event("push_lost", {"target": self._name, "rendition": status.rendition, "reason": reason})


def words_of(error: TranscoderError) -> str:
    """Return the words of an error that ended a push: what a camera and a target share is worded for cameras."""
    return str(error).replace("the camera", "the target").replace("source.tls", "tls")
