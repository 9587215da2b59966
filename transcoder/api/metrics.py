"""Metrics for Prometheus.

No label is chosen by a camera without a bound, and none names a camera's address.
Source: prometheus.io/docs/practices/naming.
"""

from collections.abc import Iterable
from typing import Final

from prometheus_client import CollectorRegistry, GCCollector, PlatformCollector, ProcessCollector
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, InfoMetricFamily, Metric
from prometheus_client.registry import Collector

from transcoder.steering import LedgerEntryDocument, Rejected, Steering, StreamStateDocument

MAX_KINDS: Final = 32
"""Kinds of dropped things of one stream and layer that get a label of their own; the rest is `other`."""

STREAM: Final = ("stream",)

# name, kind, help, value of a stream's state
_FAMILIES: Final = (
    ("stream_up", "gauge", "Whether readers get the camera's pictures", lambda s: s.status in {"online", "degraded"}),
    ("stream_enabled", "gauge", "Whether it is switched on", lambda s: s.status != "disabled"),
    ("source_connected", "gauge", "Whether the camera sends", lambda s: s.source.connected),
    ("source_connects", "counter", "Connections to the camera", lambda s: s.source.connects),
    ("source_losses", "counter", "Connections that were lost while playing", lambda s: s.source.losses),
    ("source_bytes", "counter", "Coded video taken in, bytes", lambda s: s.source.bytes),
    ("source_fps", "gauge", "Pictures a second from the camera", lambda s: s.source.fps),
    ("damaged_access_units", "counter", "Pictures with missing packets", lambda s: s.faults.damaged_access_units),
    ("shed_access_units", "counter", "Pictures dropped for lack of time", lambda s: s.faults.shed_access_units),
    ("worker_starts", "counter", "Workers started", lambda s: s.faults.worker_starts),
    ("worker_deaths", "counter", "Workers lost", lambda s: s.faults.worker_deaths),
    ("worker_cpu_ratio", "gauge", "Share of a core that the worker takes", lambda s: s.cpu),
    ("pictures_encoded", "counter", "Pictures sent to readers", lambda s: s.output.pictures),
    ("pictures_repeated", "counter", "Pictures shown again during an outage", lambda s: s.output.repeated),
    ("idr", "counter", "IDR pictures sent", lambda s: s.output.idr),
    ("output_bytes", "counter", "Coded video made, bytes", lambda s: s.output.bytes),
    ("output_fps", "gauge", "Pictures a second to readers", lambda s: s.output.fps),
    ("output_bitrate_cap_bps", "gauge", "Configured cap, bit/s", lambda s: s.output.bitrate_kbps * 1000),
    ("rtsp_sessions", "gauge", "Readers", lambda s: s.output.readers),
)


class StreamCollector(Collector):
    """Makes the families of all streams when Prometheus asks.

    Args:
        steering: where the numbers come from.
    """

    def __init__(self, steering: Steering) -> None:
        self._steering = steering

    def collect(self) -> Iterable[Metric]:
        """All families, once."""
        states = dict(self._states())
        info = self._steering.info()
        build = InfoMetricFamily("transcoder_build", "The gateway")
        build.add_metric([], {"version": info.version, "node": info.node})
        yield build
        for name, kind, text, value in _FAMILIES:
            family: CounterMetricFamily | GaugeMetricFamily
            if kind == "counter":
                family = CounterMetricFamily(f"transcoder_{name}", text, labels=STREAM)
            else:
                family = GaugeMetricFamily(f"transcoder_{name}", text, labels=STREAM)
            for stream, state in states.items():
                family.add_metric([stream], float(value(state)))
            yield family
        delay = GaugeMetricFamily(
            "transcoder_delay_seconds", "Median from a picture's last packet to the readers", labels=STREAM
        )
        for stream, state in states.items():
            if state.output.delay_s is not None:
                delay.add_metric([stream], state.output.delay_s)
        yield delay
        yield from self._sanitized(states)

    def _states(self) -> Iterable[tuple[str, StreamStateDocument]]:
        for stream in self._steering.ids():
            try:
                yield stream, self._steering.state(stream)
            except Rejected:  # about to be started or ended
                continue

    def _sanitized(self, states: Iterable[str]) -> Iterable[Metric]:
        labels = ("stream", "layer", "kind")
        units = CounterMetricFamily("transcoder_sanitized_units", "Things that were not let through", labels=labels)
        sizes = CounterMetricFamily("transcoder_sanitized_bytes", "Bytes of them", labels=labels)
        for stream in states:
            try:
                entries = self._steering.ledger(stream)
            except Rejected:
                continue
            for (layer, kind), (count, size) in bounded(entries).items():
                units.add_metric([stream, layer, kind], count)
                sizes.add_metric([stream, layer, kind], size)
        yield units
        yield sizes


def bounded(entries: Iterable[LedgerEntryDocument]) -> dict[tuple[str, str], tuple[int, int]]:
    """Counts and bytes by layer and kind, with at most MAX_KINDS kinds and `other` of a layer.

    Kinds keep their label for good: those seen first have one, however many come later.
    """
    result: dict[tuple[str, str], tuple[int, int]] = {}
    taken: dict[str, int] = {}
    for entry in sorted(entries, key=lambda entry: (entry.first_seen, entry.kind)):
        kind = entry.kind
        if (entry.layer, kind) not in result:
            if taken.get(entry.layer, 0) >= MAX_KINDS:
                kind = "other"
            else:
                taken[entry.layer] = taken.get(entry.layer, 0) + 1
        count, size = result.get((entry.layer, kind), (0, 0))
        result[entry.layer, kind] = (count + entry.count, size + entry.bytes)
    return result


def registry(steering: Steering) -> CollectorRegistry:
    """Everything that /metrics shows."""
    found = CollectorRegistry(auto_describe=False)
    found.register(StreamCollector(steering))
    ProcessCollector(registry=found)
    PlatformCollector(registry=found)
    GCCollector(registry=found)
    return found
