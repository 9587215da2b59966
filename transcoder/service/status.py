"""The status of a stream holds its facts at a moment, for tables, APIs and metrics; one object writes each part."""

from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Literal

from transcoder.output.status import OutputStatus
from transcoder.service.push_status import PushStatus
from transcoder.source.problems import ProblemCode
from transcoder.source.status import SourceStatus
from transcoder.worker_options import MAIN

Condition = Literal["frozen", "dark", "covered", "scene_changed"]


class StreamState(Enum):
    """Names the state of a stream as its readers see it."""

    DISABLED = "disabled"
    STARTING = "starting"
    CONNECTING = "connecting"
    PLAYING = "playing"
    AWAY = "away"


@dataclass(slots=True)
class WorkerStatus:
    """Counts the worker's side since the stream was started; the service's Worker alone writes it.

    Attributes:
        relays: whether pictures pass undecoded, so that there is no process.
        pid: the process id of the worker, or of its encoding process; or None.
        decoding_pid: the process id of its decoding process where the work is split, or None.
        source_format: the camera's pictures as they were decoded: codec, width, height, pixel_format.
        report: the counters that the present worker reported last.
        starts: workers that were started.
        start_failures: times that no worker could be started.
        deaths: workers that were lost, each process counted.
        decoding_deaths: the decoding processes among them.
        rejected: coded pictures that can't come from our encoder.
        shed_access_units: access units that a worker was too slow for.
        cpu_s: processor time of the workers before the present one, seconds.
    """

    relays: bool = False
    pid: int | None = None
    decoding_pid: int | None = None
    source_format: dict[str, Any] = field(default_factory=dict)
    report: dict[str, Any] = field(default_factory=dict)
    starts: int = 0
    start_failures: int = 0
    deaths: int = 0
    decoding_deaths: int = 0
    rejected: int = 0
    shed_access_units: int = 0
    cpu_s: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Rates:
    """Holds averages over the last second: pictures and kbit a second in and out, and cores that workers took."""

    fps_in: float = 0.0
    fps_out: float = 0.0
    kbps_in: float = 0.0
    kbps_out: float = 0.0
    cpu: float = 0.0


@dataclass(slots=True, kw_only=True)
class StreamStatus:
    """Holds the status of one stream: Availability, observer, source, worker and each output write their parts.

    Availability writes state and problem; the observer writes rates, overload, rate_divisor, motion and conditions.

    Attributes:
        url: the URL of the main output; the gateway writes it.
        problem: the reason why the stream is not playing, one line, or "".
        problem_code: the kind of the problem.
        rates: the rates of the last second.
        overloaded: whether pictures are lost for want of time.
        rate_divisor: one picture in so many is encoded.
        motion: share of the picture that moves, 0..1.
        conditions: the present conditions of the picture: frozen, dark, covered, scene_changed.
        source: the status of the camera's side.
        worker: the status of the worker's side.
        outputs: the status of each output, by its name.
        pushes: the status of each push, by its target's name.
    """

    name: str
    url: str = ""
    state: StreamState = StreamState.STARTING
    problem: str = ""
    problem_code: ProblemCode | None = None
    rates: Rates = field(default_factory=Rates)
    overloaded: bool = False
    rate_divisor: int = 1
    motion: float = 0.0
    conditions: tuple[Condition, ...] = ()
    source: SourceStatus = field(default_factory=SourceStatus)
    worker: WorkerStatus = field(default_factory=WorkerStatus)
    outputs: dict[str, OutputStatus] = field(default_factory=lambda: {MAIN: OutputStatus()})
    pushes: dict[str, PushStatus] = field(default_factory=dict)

    @property
    def output(self) -> OutputStatus:
        """Return the output that is served under the stream's own name."""
        return self.outputs[MAIN]

    @property
    def readers(self) -> int:
        """Return how many readers of all outputs play."""
        return sum(output.readers for output in self.outputs.values())

    @property
    def shed_access_units(self) -> int:
        """Return how many access units were left out before a worker saw them."""
        return self.source.shed_access_units + self.worker.shed_access_units
