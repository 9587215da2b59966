"""What is sent to servers has metrics with the target's name, which the operator gave, a few for each stream."""

from collections.abc import Iterable, Mapping

from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, Metric

from transcoder.control import StreamStateDocument

_LABELS = ("stream", "target")


def push_metrics(states: Mapping[str, StreamStateDocument]) -> Iterable[Metric]:
    """Yield what each target of every stream gets."""
    playing = GaugeMetricFamily("transcoder_push_up", "Whether the stream is sent to its target", labels=_LABELS)
    sent = CounterMetricFamily("transcoder_push_sent_bytes", "Bytes sent to the target", labels=_LABELS)
    starts = CounterMetricFamily(
        "transcoder_push_starts", "Connections over which pictures were sent to the target", labels=_LABELS
    )
    losses = CounterMetricFamily("transcoder_push_losses", "Those that ended with an error", labels=_LABELS)
    drops = CounterMetricFamily("transcoder_push_drops", "Pictures that the target was too slow for", labels=_LABELS)
    for stream, state in states.items():
        for target, push in state.push.items():
            if push.state == "disabled":
                continue
            labels = [stream, target]
            playing.add_metric(labels, push.state == "playing")
            sent.add_metric(labels, push.bytes)
            starts.add_metric(labels, push.starts)
            losses.add_metric(labels, push.losses)
            drops.add_metric(labels, push.dropped)
    yield from (playing, sent, starts, losses, drops)
