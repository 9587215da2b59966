"""How many streams this machine carries: more and more of them, until pictures are lost or late."""

import os
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass

from transcoder.lab.bench.load import CameraOptions, Load, Sample, Side

DELIVERED = 0.98
"""Share of the pictures that every reader has to get: the last one may be on its way when counting ends."""
MAX_STREAMS = 512


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One number of streams that was tried.

    Attributes:
        carried: whether every reader got its pictures in time.
        why_not: one line, or "".
    """

    sample: Sample
    carried: bool
    why_not: str = ""


def judge(sample: Sample) -> Step:
    """Whether a load was carried: no pictures lost, p99 of the delay within one frame interval."""
    p99 = sample.delay_s(0.99)
    why_not = ""
    if sample.delivered < DELIVERED:
        why_not = f"a reader got {sample.delivered:.0%} of the pictures"
    elif p99 is not None and p99 > 1 / sample.fps:
        why_not = f"p99 of the delay is {p99 * 1000:.0f} ms"
    return Step(sample=sample, carried=not why_not, why_not=why_not)


async def grow(
    new_side: Callable[[], Side], cameras: CameraOptions, *, seconds: float, first: int = 1, precise: bool = True
) -> AsyncIterator[Step]:
    """Try numbers of streams, guided by what the last one cost.

    Args:
        new_side: makes what is measured, anew for each number.
        cameras: what they show.
        seconds: to measure each number.
        first: number of streams.
        precise: go on between the last number carried and the first one that was not, until they are neighbours.

    Yields:
        Each number tried; the capacity is the largest one carried. The first is tried again when it is not carried:
        whatever the machine did at that moment would otherwise be the whole answer.
    """
    cores = os.cpu_count() or 1
    carried, failed = 0, MAX_STREAMS + 1
    count = first
    again = False
    while carried + 1 < failed:
        async with Load(new_side(), cameras, count) as load:
            step = judge(await load.measure(seconds))
        yield step
        if not (step.carried or carried or again):
            again = True
            continue
        if step.carried:
            carried = count
            # cameras and readers run here too: aim at four fifths of what is left
            room = int((cores - step.sample.cores) / (step.sample.cores / count) * 0.8)
            count = min(max(count + max(room, 1), carried + 1), failed - 1)
        else:
            failed = count
            if not precise and carried:
                return
            count = (carried + failed) // 2
            if count <= carried:
                return
