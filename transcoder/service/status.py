"""What is known of a stream at a moment, for tables, APIs and metrics."""

from collections import deque
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Literal

Condition = Literal["frozen", "dark", "covered", "scene_changed"]

ENCODE_BOUNDS_S = (0.001, 0.002, 0.003, 0.005, 0.0075, 0.01, 0.015, 0.02, 0.03, 0.04, 0.06, 0.1)
"""Upper bounds of the time that a picture takes to encode: 360p takes one or two milliseconds, 4K some forty."""
DELAY_SPAN_S = 10.0
"""Seconds of pictures that a delay is told of."""
MAX_DELAYS = 600
"""Pictures in that at 60 a second; from a faster camera they are fewer seconds."""


class StreamState(Enum):
    """What readers of a stream see."""

    DISABLED = "disabled"
    STARTING = "starting"
    CONNECTING = "connecting"
    PLAYING = "playing"
    AWAY = "away"


@dataclass(slots=True)
class Rates:
    """Per second, over the last second."""

    fps_in: float = 0.0
    fps_out: float = 0.0
    kbps_in: float = 0.0
    kbps_out: float = 0.0
    cpu: float = 0.0


@dataclass(slots=True)
class StreamTotals:
    """Since the stream was started."""

    access_units_in: int = 0
    bytes_in: int = 0
    damaged_access_units: int = 0
    shed_access_units: int = 0
    pictures_out: int = 0
    repeated_out: int = 0
    bytes_out: int = 0
    idr_out: int = 0
    source_connects: int = 0
    source_losses: int = 0
    source_restarts: int = 0
    audio_units_in: int = 0
    audio_units_out: int = 0
    skipped_access_units: int = 0
    worker_starts: int = 0
    worker_deaths: int = 0
    rejected_from_worker: int = 0
    decode_s: float = 0.0
    stages_s: float = 0.0
    encode_s: float = 0.0
    encode_counts: list[int] = field(default_factory=lambda: [0] * (len(ENCODE_BOUNDS_S) + 1))
    worker_cpu_s: float = 0.0


@dataclass(slots=True, kw_only=True)
class StreamStatus:
    """One stream.

    Attributes:
        problem: why it is not playing, one line, or "".
        source: what the camera sends: codec, width, height, pixel_format.
        output: what is served: codec, width, height, frame_rate.
        overloaded: whether pictures are lost for want of time.
        rate_divisor: one picture in so many is encoded.
        motion: share of the picture that moves, 0..1.
        conditions: of the picture that hold now: frozen, dark, covered, scene_changed.
        delays: of the last pictures: when each left, and how long after its last packet, seconds.
        worker: counters of the current worker.
        worker_pid: its process, or None.
    """

    name: str
    state: StreamState = StreamState.STARTING
    problem: str = ""
    vendor: str = ""
    source: dict[str, Any] = field(default_factory=dict)
    output: dict[str, Any] = field(default_factory=dict)
    rates: Rates = field(default_factory=Rates)
    totals: StreamTotals = field(default_factory=StreamTotals)
    delays: deque[tuple[float, float]] = field(default_factory=lambda: deque(maxlen=MAX_DELAYS))
    overloaded: bool = False
    rate_divisor: int = 1
    motion: float = 0.0
    conditions: tuple[Condition, ...] = ()
    worker: dict[str, Any] = field(default_factory=dict)
    worker_pid: int | None = None
    readers: int = 0

    def note_delay(self, now: float, delay_s: float) -> None:
        """A picture left, so long after its last packet came."""
        self.delays.append((now, delay_s))

    def delay_s(self, share: float = 0.5) -> float | None:
        """Delay that this share of the pictures of the last DELAY_SPAN_S did not exceed, seconds."""
        if not self.delays:
            return None
        since = self.delays[-1][0] - DELAY_SPAN_S
        ordered = sorted(delay for at, delay in self.delays if at >= since)
        return ordered[min(int(share * len(ordered)), len(ordered) - 1)]
