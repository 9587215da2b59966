"""What is known of a stream at a moment, for tables, APIs and metrics; each part is written by one object."""

from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Literal

from transcoder.output.status import OutputStatus
from transcoder.source.status import SourceStatus
from transcoder.worker_options import MAIN

Condition = Literal["frozen", "dark", "covered", "scene_changed"]


class StreamState(Enum):
    """What readers of a stream see."""

    DISABLED = "disabled"
    STARTING = "starting"
    CONNECTING = "connecting"
    PLAYING = "playing"
    AWAY = "away"


@dataclass(slots=True)
class WorkerStatus:
    """The worker's side since the stream was started; the service's Worker alone writes it.

    Attributes:
        pid: the worker's process, or None.
        source_format: the camera's pictures as they were decoded: codec, width, height, pixel_format.
        report: the counters that the present worker reported last.
        starts: workers that were started.
        deaths: workers that were lost.
        rejected: coded pictures that can't be those of our encoder.
        shed_access_units: access units that a worker was too slow for.
        cpu_s: processor time of the workers before the present one, seconds.
    """

    pid: int | None = None
    source_format: dict[str, Any] = field(default_factory=dict)
    report: dict[str, Any] = field(default_factory=dict)
    starts: int = 0
    deaths: int = 0
    rejected: int = 0
    shed_access_units: int = 0
    cpu_s: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Rates:
    """Averages over the last second: pictures and kbit a second that came and went, and cores that workers took."""

    fps_in: float = 0.0
    fps_out: float = 0.0
    kbps_in: float = 0.0
    kbps_out: float = 0.0
    cpu: float = 0.0


@dataclass(slots=True, kw_only=True)
class StreamStatus:
    """One stream: its Availability writes state and problem, its observer what follows, and each object its part.

    Attributes:
        problem: why it is not playing, one line, or "".
        rates: of the last second.
        overloaded: whether pictures are lost for want of time.
        rate_divisor: one picture in so many is encoded.
        motion: share of the picture that moves, 0..1.
        conditions: of the picture that hold now: frozen, dark, covered, scene_changed.
        source: the camera's side.
        worker: the worker's side.
        outputs: what is served, by the output's name.
    """

    name: str
    state: StreamState = StreamState.STARTING
    problem: str = ""
    rates: Rates = field(default_factory=Rates)
    overloaded: bool = False
    rate_divisor: int = 1
    motion: float = 0.0
    conditions: tuple[Condition, ...] = ()
    source: SourceStatus = field(default_factory=SourceStatus)
    worker: WorkerStatus = field(default_factory=WorkerStatus)
    outputs: dict[str, OutputStatus] = field(default_factory=lambda: {MAIN: OutputStatus()})

    @property
    def output(self) -> OutputStatus:
        """The output that is served under the stream's own name."""
        return self.outputs[MAIN]

    @property
    def readers(self) -> int:
        """How many readers of all outputs play."""
        return sum(output.readers for output in self.outputs.values())

    @property
    def shed_access_units(self) -> int:
        """Access units that were left out before a worker saw them."""
        return self.source.shed_access_units + self.worker.shed_access_units
