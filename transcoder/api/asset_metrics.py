"""How many assets there are is a metric, by state and maker; the number of makers with a label is bounded."""

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Final

from prometheus_client.metrics_core import GaugeMetricFamily, Metric

from transcoder.assets.state import STATES, State

MAX_MAKERS: Final = 64
"""The number of makers that get a label of their own, those with the most assets; the rest is `other`."""


def asset_metrics(counts: Mapping[tuple[State, str], int]) -> Iterable[Metric]:
    """Yield how many assets there are; each maker has a sample for every state, so that a state that empties shows."""
    family = GaugeMetricFamily(
        "transcoder_assets",
        "Assets by state (legacy, cleaned, replaced, retired, exempt) and maker",
        labels=("state", "maker"),
    )
    totals: Counter[str] = Counter()
    for (_, maker), count in counts.items():
        totals[maker] += count
    named = {maker for maker, _ in sorted(totals.items(), key=lambda item: (-item[1], item[0]))[:MAX_MAKERS]}
    bounded: Counter[tuple[State, str]] = Counter()
    for (state, maker), count in counts.items():
        bounded[state, maker if maker in named else "other"] += count
    for maker in sorted({maker for _, maker in bounded}):
        for state in STATES:
            family.add_metric([state, maker], bounded[state, maker])
    yield family
