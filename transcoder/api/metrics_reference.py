"""This module makes the page docs/metrics.md: every metric of /metrics, its type, its labels and its meaning."""

from collections.abc import Callable
from typing import Final, Never, Protocol, cast

from transcoder.api.metrics import StreamCollector
from transcoder.control import Control, GatewayNumbers, InfoDocument, StatsDocument
from transcoder.http_server.guard import HttpCounts
from transcoder.rejection import unknown_stream

_HEAD: Final = """# Metrics

`GET /metrics` is for Prometheus. `stream` is a stream's id; no label names a camera's address, and the labels that a
camera can cause are bounded. Besides these there are the usual metrics of the process (`process_...`, `python_...`).

A counter goes back to 0 when what it counts begins anew, as its meaning says; `rate()` and `increase()` know that.

This page is made from the code (`python -m transcoder.cli.generated docs`).

| metric | type | labels | meaning |
|---|---|---|---|
"""


class _Labelled(Protocol):
    """Describes the part of a metric family that the Prometheus client keeps for itself."""

    _labelnames: tuple[str, ...]


class _NoStreams:
    """Stands for a gateway without streams, so that every metric is there without samples."""

    def info(self) -> InfoDocument:
        return InfoDocument(version="", node="", rtsp_port=0, started="")

    def stats(self) -> StatsDocument:
        return StatsDocument(
            uptime_s=0,
            streams=0,
            online=0,
            readers=0,
            fps_in=0,
            fps_out=0,
            kbps_in=0,
            kbps_out=0,
            cpu=0,
            sanitized=0,
            mqtt_connected=False,
        )

    def gateway_numbers(self) -> GatewayNumbers:
        return GatewayNumbers()

    def ids(self) -> list[str]:
        return []

    def __getattr__(self, verb: str) -> Callable[[str], Never]:
        return self._of_stream

    def _of_stream(self, stream: str) -> Never:
        raise unknown_stream(stream)


def metrics_page() -> str:
    """Return the text of docs/metrics.md."""
    rows = []
    for family in StreamCollector(cast(Control, _NoStreams()), HttpCounts()).collect():
        end = {"counter": "_total", "info": "_info"}.get(family.type, "")
        labels = ", ".join(f"`{label}`" for label in cast(_Labelled, family)._labelnames)  # noqa: SLF001  # no other way
        rows.append(f"| `{family.name}{end}` | {family.type} | {labels} | {family.documentation} |\n")
    return _HEAD + "".join(rows)
