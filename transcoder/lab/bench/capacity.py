"""This module finds how many streams this machine carries: it adds streams until pictures are lost or late."""

import os
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass

from transcoder.lab.bench.load import CameraOptions, Load, Sample, Side

DELIVERED = 0.98
"""Share of the pictures that every reader has to get: the last one may be on its way when counting ends."""
MAX_STREAMS = 512


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """Holds the result for one number of streams.

    Attributes:
        carried: whether every reader got its pictures in time.
        why_not: the reason why not, one line, or "".
    """

    sample: Sample
    carried: bool
    why_not: str = ""


def judge(sample: Sample) -> Step:
    """Return whether a load was carried: no pictures lost, p99 of the delay within one frame interval."""
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
    """Try numbers of streams, guided by the cost of the last number.

    Args:
        new_side: makes the side that is measured, anew for each number.
        cameras: options of the cameras.
        seconds: seconds for which each number is measured.
        first: the first number of streams.
        precise: whether to go on between the last number carried and the first not carried, until they are neighbours.

    Yields:
        Each number tried; the capacity is the largest number carried. If the first number is not carried, it is tried
        again: other work of the machine at that moment would otherwise decide the answer.
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
            # cameras and readers run here too: aim at four fifths of the rest
            room = int((cores - step.sample.cores) / (step.sample.cores / count) * 0.8)
            count = min(max(count + max(room, 1), carried + 1), failed - 1)
        else:
            failed = count
            if not precise and carried:
                return
            count = (carried + failed) // 2
            if count <= carried:
                return
