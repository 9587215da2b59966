"""Admission says whether this machine has time for one more stream, by the measured use of the running ones."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Literal

import structlog

from transcoder.service.processors import usable_cores
from transcoder.service.settings import StreamSettings
from transcoder.service.status import StreamState, StreamStatus

RESERVE = 0.1
"""The share of the machine that is kept free: for the service, for scenes that begin to move."""
UNKNOWN_SHARE = 0.25
"""The share of a core that a stream is taken to need before it was measured, about 720p at 25 fps."""
MEASURED_PICTURES = 100
"""The number of pictures after which a stream's measured share is believed."""
DEGRADED_DIVISOR = 4
"""The divisor of a stream that is accepted without time for it: it begins with one picture in so many."""

log = structlog.get_logger()


class Admissions:
    """Decides which streams are started where there may be no time for all.

    Attributes:
        refused: the reason of each refusal, by the stream's name; such a stream is known and not pulled.
    """

    def __init__(self) -> None:
        self.refused: dict[str, str] = {}

    def admit(
        self,
        name: str,
        settings: StreamSettings,
        policy: Literal["accept", "degrade", "refuse"],
        streams: Mapping[str, StreamStatus],
    ) -> StreamSettings:
        """Decide with which settings a stream is started; a stream that runs is not asked again.

        Args:
            name: the name of the stream.
            settings: the settings as configured.
            policy: decides where there is no time for the stream.
            streams: the status of all streams, perhaps of this one too.
        """
        self.refused.pop(name, None)
        running = name in streams and streams[name].state is not StreamState.DISABLED
        if policy == "accept" or running or not settings.enabled:
            return settings
        reason = _refusal_of(name, streams)
        if reason is None:
            return settings
        log.warning("no time for a stream", stream=name, admission=policy, reason=reason)
        if policy == "degrade":
            return settings.at_rate_divisor(DEGRADED_DIVISOR)
        self.refused[name] = reason
        return replace(settings, enabled=False)

    def next_admissible(self, streams: Mapping[str, StreamStatus]) -> str | None:
        """Return the first stream that was refused and for which there is time now, if there is any."""
        cores = usable_cores()
        return next((name for name in self.refused if _refusal_of(name, streams, cores) is None), None)


def _refusal_of(name: str, streams: Mapping[str, StreamStatus], cores: float | None = None) -> str | None:
    return refusal((status for other, status in streams.items() if other != name), cores)


def shares(streams: Iterable[StreamStatus]) -> list[float]:
    """Return the shares of a core that streams take or, where that is not known yet, are taken to need."""
    known = [_measured(status) for status in streams if status.state is not StreamState.DISABLED]
    measured = [share for share in known if share is not None]
    typical = sum(measured) / len(measured) if measured else UNKNOWN_SHARE
    return [typical if share is None else share for share in known]


def _measured(status: StreamStatus) -> float | None:
    """Return the share that a stream would take if it shed nothing, None where it was not measured yet."""
    if status.state is not StreamState.PLAYING or status.output.pictures < MEASURED_PICTURES:
        return None
    return status.rates.cpu * status.rate_divisor


def room(streams: Iterable[StreamStatus], cores: float | None = None) -> tuple[float, float]:
    """Return how many cores are free for more streams, and how much one more is taken to need.

    Args:
        streams: all streams that are enabled.
        cores: the cores of the machine; by default the cores that this process may use, by cpuset and quota.
    """
    taken = shares(streams)
    usable = (cores or usable_cores()) * (1 - RESERVE)
    return usable - sum(taken), sum(taken) / len(taken) if taken else UNKNOWN_SHARE


def refusal(streams: Iterable[StreamStatus], cores: float | None = None) -> str | None:
    """Say in one line why one more stream does not fit; None where it does."""
    free, needed = room(streams, cores)
    if free >= needed:
        return None
    return (
        f"no time for this stream: it is taken to need {needed:.2f} of a core and {max(free, 0.0):.2f} are free; "
        "lower fps, size or preset of others, or set admission to accept or degrade"
    )
