"""This chain is one output of a worker with its surroundings, and is shown pictures that no decoder made."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import numpy as np

from tests.support.pipeline_run import messages_of
from transcoder.ipc.messages import CodedMessage, MessageType, parse_coded
from transcoder.media.decoded_picture import DecodedPicture
from transcoder.worker.frame_rate import FrameRateEstimate
from transcoder.worker.output_chain import OutputChain
from transcoder.worker_options import Mask, OutputFormat, OutputOptions, WorkerOptions

SIZE = (320, 240)
FORMAT = OutputFormat(width=320, height=240, frame_rate=25.0)


def decoded(index: int, size: tuple[int, int] = SIZE, *, late: float = 0.0, matrix: int = 2) -> DecodedPicture:
    """A bright picture with something in it, made without any decoder."""
    width, height = size
    luma = np.full((height, width + 16), 150, np.uint8)
    luma[20:40, 8 * (index % 20) : 8 * (index % 20) + 16] = 60
    chroma = np.full((height // 2, width // 2), 128, np.uint8)
    now = 100 + index * 0.04
    return DecodedPicture(
        planes=(luma, chroma, chroma),
        width=width,
        height=height,
        matrix=matrix,
        pts=round(now * 90_000),
        arrival=now - late,
    )


class Chain:
    """A chain and its surroundings: pictures at 25 a second."""

    def __init__(self, *, masks: tuple[Mask, ...] = (), number: int = 0, swaps: int = 0, **options: Any) -> None:
        output = OutputOptions(**options)
        self.options = WorkerOptions(masks=masks, swaps=swaps, outputs=(OutputOptions(),) * number + (output,))
        self.counters: Counter[str] = Counter()
        self.number = number
        self.chain = OutputChain(number, self.options, self.counters)
        self.estimate = FrameRateEstimate()
        self.formats: list[dict] = []
        self.index = 0

    def show(self, picture: DecodedPicture | None = None, *, key: bool = False) -> list[CodedMessage]:
        """One picture through all steps."""
        picture = replace(picture or decoded(self.index), random_access=key)
        self.index += 1
        now = 100 + (self.index - 1) * 0.04
        self.chain.observe(picture)
        if self.chain.seeks_format:
            self.estimate.add(picture.pts)
        messages = self.chain.settle_format(picture, self.estimate)
        if messages is None:
            return []
        self.formats += [found for _, found in messages_of(messages, MessageType.FORMAT)]
        if not self.chain.wants(picture, now):
            return []
        drawn = self.chain.draw(picture)
        return self.take(self.chain.encode(drawn, picture.pts, picture.arrival, (0.5, 0.25)))

    def repeat(self) -> list[CodedMessage]:
        self.index += 25
        now = 100 + (self.index - 1) * 0.04
        return self.take(self.chain.repeat(round(now * 90_000), now))

    def take(self, messages: Iterable[bytes]) -> list[CodedMessage]:
        found = list(messages)
        self.formats += [report for _, report in messages_of(found, MessageType.FORMAT)]
        return [parse_coded(body, self.number + 1) for body, _ in messages_of(found, MessageType.CODED)]

    def change(self, **changes: Any) -> None:
        output = replace(self.options.outputs[self.number], **changes)
        self.options = replace(self.options, outputs=(*self.options.outputs[: self.number], output))
        self.chain.configure(self.options)
