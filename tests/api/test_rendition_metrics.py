"""A rendition's metrics, in Prometheus's own text format."""

from collections.abc import Iterable

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector
from typing_extensions import override

from transcoder.api.rendition_metrics import rendition_metrics
from transcoder.control import RenditionDocument, StreamStateDocument


class _Renditions(Collector):
    @override
    def collect(self) -> Iterable[Metric]:
        sub = RenditionDocument(readers=2, fps=6.5, pictures=70, idr=10, bytes=1234, asleep=False)
        renditions = {"sub": sub, "tiny": RenditionDocument(asleep=True)}
        return rendition_metrics({"front": StreamStateDocument.model_construct(renditions=renditions)})


def test_each_rendition_has_its_own_numbers() -> None:
    registry = CollectorRegistry()
    registry.register(_Renditions())
    lines = {line for line in generate_latest(registry).decode().splitlines() if not line.startswith("#")}
    sub = {
        f'transcoder_rendition_{name}{{rendition="sub",stream="front"}} {value}'
        for name, value in (
            ("awake", "1.0"),
            ("readers", "2.0"),
            ("fps", "6.5"),
            ("frames_encoded_total", "70.0"),
            ("keyframes_total", "10.0"),
            ("bytes_total", "1234.0"),
        )
    }
    assert sub <= lines
    assert 'transcoder_rendition_awake{rendition="tiny",stream="front"} 0.0' in lines
