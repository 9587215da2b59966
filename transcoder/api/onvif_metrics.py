"""What ONVIF clients asked of all devices has metrics: operations and codes are ours, and few."""

from collections.abc import Iterable

from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, Metric

from transcoder.control import OnvifNumbers


def onvif_metrics(numbers: OnvifNumbers) -> Iterable[Metric]:
    """Yield what the devices were asked since the start."""
    for name, label, text, counts in (
        ("requests", "operation", "Requests to ONVIF devices", numbers.requests),
        ("faults", "code", "Requests that were refused", numbers.faults),
        ("refused_logins", "reason", "Logins by WS-Security that were refused", numbers.refused_logins),
    ):
        family = CounterMetricFamily(f"transcoder_onvif_{name}", text, labels=(label,))
        for value, count in counts.items():
            family.add_metric([value], count)
        yield family
    yield GaugeMetricFamily("transcoder_onvif_subscriptions", "Subscriptions to events now", numbers.subscriptions)
    for name, text, count in (
        ("dropped_messages", "Messages that a client was too slow for", numbers.dropped_messages),
        ("aborted_connections", "Connections that were too slow, or too many", numbers.aborted),
        ("questions", "Questions of WS-Discovery that were answered", numbers.questions),
        ("refused_questions", "Questions that were repeated, too many, or none", numbers.refused_questions),
    ):
        yield CounterMetricFamily(f"transcoder_onvif_{name}", text, value=count)
