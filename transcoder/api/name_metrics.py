"""The names that the operator gave a stream are metrics whose value is 1, to be joined with others by `stream`.

The length of each value and the number of labels are bounded by the configuration (`config/stream.py`).
Source: prometheus.io/docs/practices/naming.
"""

from collections.abc import Iterable, Mapping

from prometheus_client.metrics_core import GaugeMetricFamily, Metric

from transcoder.control import StreamStateDocument


def name_metrics(states: Mapping[str, StreamStateDocument]) -> Iterable[Metric]:
    """Yield the titles and sites of all streams, and their labels."""
    names = GaugeMetricFamily(
        "transcoder_stream_info", "Always 1; `title` and `site` as configured", labels=("stream", "title", "site")
    )
    labels = GaugeMetricFamily(
        "transcoder_stream_label_info",
        "Always 1; a label of the stream as configured, 8 a stream at most",
        labels=("stream", "label", "value"),
    )
    for stream, state in states.items():
        names.add_metric([stream, state.title or "", state.site or ""], 1)
        for label, value in state.labels.items():
            labels.add_metric([stream, label, value], 1)
    yield from (names, labels)
