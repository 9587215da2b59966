"""The page of metrics."""

from transcoder.api.metrics_reference import metrics_page


def test_a_counter_has_the_name_that_prometheus_shows() -> None:
    assert "| `transcoder_source_reconnects_total` | counter | `stream` |" in metrics_page()


def test_labels_stand_in_their_order() -> None:
    assert "| `transcoder_sanitized_units_total` | counter | `stream`, `layer`, `kind` |" in metrics_page()


def test_every_metric_is_explained_once() -> None:
    rows = [line.split("|") for line in metrics_page().splitlines() if line.startswith("| `")]
    assert len({row[1] for row in rows}) == len(rows)
    assert all(row[4].strip() for row in rows)
