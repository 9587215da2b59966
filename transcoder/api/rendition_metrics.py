"""Each rendition of a stream has metrics of its own, with its name as a label; a stream has seven renditions at most.

The metrics of a stream without the label `rendition` are those of its own picture, as they are without renditions.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Final

from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, Metric

from transcoder.control import RenditionDocument, StreamStateDocument

_LABELS: Final = ("stream", "rendition")
_GAUGES: Final[tuple[tuple[str, str, Callable[[RenditionDocument], float]], ...]] = (
    ("awake", "Whether the rendition is made now; one on demand sleeps while nobody reads it", lambda r: not r.asleep),
    ("readers", "Readers that play the rendition", lambda r: r.readers),
    ("fps", "Pictures a second of the rendition to readers", lambda r: r.fps),
)
_COUNTERS: Final[tuple[tuple[str, str, Callable[[RenditionDocument], float]], ...]] = (
    ("frames_encoded", "Pictures of the rendition to readers, repeated ones too", lambda r: r.pictures),
    ("keyframes", "IDR pictures of the rendition to readers", lambda r: r.idr),
    ("bytes", "Coded video of the rendition, bytes", lambda r: r.bytes),
)


def rendition_metrics(states: Mapping[str, StreamStateDocument]) -> Iterable[Metric]:
    """Yield the metrics of the renditions of all streams."""
    each = [(stream, name, found) for stream, state in states.items() for name, found in state.renditions.items()]
    for name, text, value in _GAUGES:
        gauge = GaugeMetricFamily(f"transcoder_rendition_{name}", text, labels=_LABELS)
        for stream, rendition, found in each:
            gauge.add_metric([stream, rendition], float(value(found)))
        yield gauge
    for name, text, value in _COUNTERS:
        counter = CounterMetricFamily(f"transcoder_rendition_{name}", text, labels=_LABELS)
        for stream, rendition, found in each:
            counter.add_metric([stream, rendition], float(value(found)))
        yield counter
