"""A stream's names as metrics, in Prometheus's own text format."""

from collections.abc import Iterable

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector
from typing_extensions import override

from transcoder.api.name_metrics import name_metrics
from transcoder.control import StreamStateDocument


class _Names(Collector):
    @override
    def collect(self) -> Iterable[Metric]:
        state = StreamStateDocument.model_construct(title='The "old" door', site=None, labels={"floor": "2"})
        return name_metrics({"front": state})


def test_names_can_be_joined_by_stream_and_are_escaped() -> None:
    registry = CollectorRegistry()
    registry.register(_Names())
    lines = [line for line in generate_latest(registry).decode().splitlines() if not line.startswith("#")]
    assert lines == [
        'transcoder_stream_info{site="",stream="front",title="The \\"old\\" door"} 1.0',
        'transcoder_stream_label_info{label="floor",stream="front",value="2"} 1.0',
    ]
