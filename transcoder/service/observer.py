"""Rates and events of a stream are found by comparing its counters with the counters of a second ago.

Everything here is a function of two samples: nothing looks at a clock, a worker or a camera.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, Final, NamedTuple

import structlog

from transcoder.ledger import Ledger
from transcoder.service.channel_words import channel_words
from transcoder.service.status import Condition, Rates, StreamState, StreamStatus
from transcoder.worker_options import MAX_DIVISOR

MIN_SPAN_S: Final = 0.1
"""Seconds between two samples that a rate is taken from, at least."""
CALM_SAMPLES: Final = 3
"""Seconds without a lost picture after which a stream is not overloaded any more."""
REAL_TIME: Final = 0.9
"""Share of a core that decoding takes when it can't keep up with the camera any more."""
FIRST_S: Final = 10.0
"""Seconds after which a camera's channels are in the log where no picture of it is shown."""
GATHER_S: Final = 60.0
"""Seconds for which channels that are seen later are gathered for one line: a camera that varies them has a line a
minute, up to the kinds that the ledger tells apart."""
SCENE_EVENTS: Final[dict[Condition, str]] = {
    "frozen": "picture_frozen",
    "dark": "picture_dark",
    "covered": "picture_covered",
    "scene_changed": "scene_changed",
}
"""The event of each condition that a worker sees in the picture."""
_CONDITIONS: Final = {kind: name for name, kind in SCENE_EVENTS.items()}


class StreamEvent(NamedTuple):
    """Tells of an event of a stream; its kind is overload, channel_seen or one of SCENE_EVENTS."""

    kind: str
    detail: dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """Holds a stream's counters at one moment, to be compared with the next moment's.

    Attributes:
        at: monotonic seconds.
        is_playing: whether pictures of the camera reach the readers.
        access_units_in: access units that came since the stream was started.
        bytes_in: bytes that came over the network.
        pictures_out: pictures that the main output gave to its readers.
        bytes_out: the bytes of these pictures.
        shed_access_units: access units that were left out before a worker saw them.
        cpu_s: processor time of all workers, seconds.
        report: the counters that the present worker reported last; a worker is not believed everything.
        channels: layer and kind of all things that were ever left out, in the order in which they were first met.
    """

    at: float
    is_playing: bool = False
    access_units_in: int = 0
    bytes_in: int = 0
    pictures_out: int = 0
    bytes_out: int = 0
    shed_access_units: int = 0
    cpu_s: float = 0.0
    report: dict[str, Any] = field(default_factory=dict)
    channels: tuple[tuple[str, str], ...] = ()

    @property
    def counters(self) -> dict[str, Any]:
        """Return the worker's counters."""
        counters = self.report.get("counters", {})
        return counters if isinstance(counters, dict) else {}

    @property
    def rate_divisor(self) -> int:
        """Return the worker's divisor (it encodes one picture in so many), as far as the worker can be believed."""
        divisor = self.report.get("rate_divisor", 1)
        return divisor if isinstance(divisor, int) and 1 <= divisor <= MAX_DIVISOR else 1

    @property
    def motion(self) -> float:
        """Return the share of the picture that moves, as far as the worker can be believed."""
        motion = self.report.get("motion", 0.0)
        return motion if isinstance(motion, float) and 0 <= motion <= 1 else 0.0

    @property
    def conditions(self) -> tuple[Condition, ...]:
        """Return the conditions of the picture that the worker reports and that are known."""
        reported = self.report.get("conditions", [])
        return tuple(name for name in SCENE_EVENTS if isinstance(reported, list) and name in reported)

    @property
    def shed(self) -> int:
        """Return how many pictures were left out for want of time, before the worker and in it."""
        in_worker = (value for name, value in self.counters.items() if name.startswith("shed_"))
        return self.shed_access_units + sum(value for value in in_worker if isinstance(value, int))


@dataclass(frozen=True, slots=True, kw_only=True)
class Observation:
    """Holds the result of comparing two samples, and the memory for the next comparison.

    Attributes:
        sample: the later sample; None before the first one.
        rates: the rates between the two samples.
        is_overloaded: whether pictures are lost for want of time.
        calm: samples without a lost picture since the overload began.
        events: the events that began or ended between the two samples.
    """

    sample: Sample | None = None
    rates: Rates = field(default_factory=Rates)
    is_overloaded: bool = False
    calm: int = 0
    events: tuple[StreamEvent, ...] = ()


class StreamObserver:
    """Samples one stream, writes the results into the stream's status, and tells of every event.

    Args:
        status: the status of the stream; the observer alone writes rates, overload, motion and conditions there.
        ledger: the ledger of the stream.
        log: a log that is bound to the stream's name.
        tell: publishes an event: its kind and detail.
    """

    def __init__(
        self,
        status: StreamStatus,
        ledger: Ledger,
        log: structlog.stdlib.BoundLogger,
        tell: Callable[[str, dict[str, Any]], None],
    ) -> None:
        self._status = status
        self._ledger = ledger
        self._log = log
        self._tell = tell
        self._last = Observation()
        self._channels: list[tuple[str, str]] = []
        """Layer and kind of the things that were seen and are not in the log yet."""
        self._told_channels = False
        self._channels_at = 0.0
        """Monotonic seconds from which they are written."""

    def look(self, now: float, *, bytes_in: int, cpu_s: float) -> None:
        """Compare the stream with its last sample, which was taken about a second ago.

        Args:
            now: monotonic seconds.
            bytes_in: bytes that came over the network since the stream was started.
            cpu_s: processor time of all workers of the stream, seconds.
        """
        status = self._status
        sample = Sample(
            at=now,
            is_playing=status.state is StreamState.PLAYING,
            access_units_in=status.source.access_units,
            bytes_in=bytes_in,
            pictures_out=status.output.pictures,
            bytes_out=sum(output.bytes for output in status.outputs.values()),
            shed_access_units=status.shed_access_units,
            cpu_s=cpu_s,
            report=status.worker.report,
            channels=tuple((layer, kind) for layer, kind, _ in self._ledger),
        )
        found = self._last = observe(self._last, sample)
        status.rates, status.overloaded = found.rates, found.is_overloaded
        status.rate_divisor, status.motion, status.conditions = sample.rate_divisor, sample.motion, sample.conditions
        for event in found.events:
            if event.kind == "channel_seen":
                self._hold_channel(event, now)
        self._write_channels(now, is_playing=sample.is_playing)
        for event in found.events:
            if event.kind != "channel_seen":
                self._write(event)
            self._tell(event.kind, event.detail)

    def _hold_channel(self, event: StreamEvent, now: float) -> None:
        """Hold a channel back for a line that tells of several."""
        if not self._channels:
            self._channels_at = now + (GATHER_S if self._told_channels else FIRST_S)
        self._channels.append((event.detail["layer"], event.detail["kind"]))

    def _write_channels(self, now: float, *, is_playing: bool) -> None:
        """Write the channels that are held back in one line: at the first picture, and later once in a while."""
        is_first_picture = is_playing and not self._told_channels
        if not self._channels or not (is_first_picture or now >= self._channels_at):
            return
        words = f"{self._status.name}: not let through{' either' if self._told_channels else ''}: "
        channels = [{"layer": layer, "kind": kind} for layer, kind in self._channels]
        self._log.info("channel not let through", words=words + channel_words(self._channels), channels=channels)
        self._channels, self._told_channels = [], True

    def _write(self, event: StreamEvent) -> None:
        """Write an event to the log."""
        detail = dict(event.detail)
        if event.kind != "overload":
            self._log.info("picture", condition=_CONDITIONS[event.kind], **detail)
        elif detail.pop("active"):
            self._log.warning("overloaded: some pictures are left out", **detail)
        else:
            self._log.info("no longer overloaded")


def observe(before: Observation, sample: Sample) -> Observation:
    """Compare a sample with the observation up to the sample before."""
    previous = before.sample if before.sample is not None else Sample(at=sample.at)
    found = replace(before, sample=sample, events=())
    channels = [
        StreamEvent("channel_seen", {"layer": layer, "kind": kind})
        for layer, kind in sample.channels[len(previous.channels) :]
    ]
    found = _with_overload(found, previous, sample)
    if before.sample is not None and sample.at - previous.at >= MIN_SPAN_S:
        found = replace(found, rates=_rates(previous, sample))
    return replace(found, events=(*channels, *_scene_events(previous, sample), *found.events))


def _rates(previous: Sample, sample: Sample) -> Rates:
    span = sample.at - previous.at
    return Rates(
        fps_in=(sample.access_units_in - previous.access_units_in) / span,
        fps_out=(sample.pictures_out - previous.pictures_out) / span,
        kbps_in=max(sample.bytes_in - previous.bytes_in, 0) / span / 125,
        kbps_out=(sample.bytes_out - previous.bytes_out) / span / 125,
        cpu=max(sample.cpu_s - previous.cpu_s, 0.0) / span,
    )


def _scene_events(previous: Sample, sample: Sample) -> list[StreamEvent]:
    """Return the conditions of the picture that began or ended, as events."""
    return [
        StreamEvent(kind, {"active": name in sample.conditions})
        for name, kind in SCENE_EVENTS.items()
        if (name in sample.conditions) != (name in previous.conditions)
    ]


def _with_overload(observation: Observation, previous: Sample, sample: Sample) -> Observation:
    """Tell when a stream begins to lose pictures for want of time, and when it has its full rate again."""
    if sample.is_playing and (sample.rate_divisor > 1 or sample.shed > previous.shed):
        if observation.is_overloaded:
            return replace(observation, calm=0)
        detail = {"active": True, "rate_divisor": sample.rate_divisor}
        detail |= _slow_decoding(previous, sample, observation.rates.fps_in)
        return replace(observation, calm=0, is_overloaded=True, events=(StreamEvent("overload", detail),))
    if not observation.is_overloaded:
        return observation
    if observation.calm + 1 < CALM_SAMPLES:
        return replace(observation, calm=observation.calm + 1)
    end = StreamEvent("overload", {"active": False, "rate_divisor": 1})
    return replace(observation, calm=0, is_overloaded=False, events=(end,))


def _slow_decoding(previous: Sample, sample: Sample, fps_in: float) -> dict[str, Any]:
    """Return how long a picture takes to decode, milliseconds, where that exceeds the time between two pictures.

    Then no shedding helps: the camera has to send fewer or smaller pictures.
    """
    took_us, pictures = (
        sample.counters.get(name, 0) - previous.counters.get(name, 0) for name in ("decode_us", "decoded_pictures")
    )
    if pictures <= 0 or took_us / pictures / 1e6 * fps_in < REAL_TIME:
        return {}
    return {"slow_decoding_ms": round(took_us / pictures / 1e3, 1)}
